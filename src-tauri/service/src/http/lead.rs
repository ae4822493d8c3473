//! Leads and the people there: who is called.

use super::check::to_its_end;
use super::error::Refused;
use super::routes::{Ask, Routes};
use recordings::DeleteError;
use wire::{Code, Contact, ContactQuery, Lead, LeadId, LeadQuery, List, route};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_LEADS, list)
        .on(route::GET_LEAD, lead)
        .on(route::DELETE_LEAD, delete)
        .on(route::LIST_CONTACTS, contacts)
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), LeadQuery>,
) -> Result<List<Lead>, Refused> {
    let search = input.query.as_deref().filter(|text| !text.is_empty());
    let wanted = input.page();
    let leads = app
        .store
        .leads(&who.organization_id, search, &wanted)
        .await?;
    Ok(leads)
}

async fn lead(Ask { app, who, id, .. }: Ask<LeadId, ()>) -> Result<Lead, Refused> {
    let lead = app.store.lead(&who.organization_id, &id).await?;
    lead.ok_or_else(|| Refused::not_found("lead"))
}

async fn contacts(ask: Ask<(), ContactQuery>) -> Result<List<Contact>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let wanted = input.page();
    let contacts = app
        .store
        .contacts(&who.organization_id, input.lead_id.as_ref(), &wanted)
        .await?;
    Ok(contacts)
}

async fn delete(Ask { app, who, id, .. }: Ask<LeadId, ()>) -> Result<(), Refused> {
    let organization = who.organization_id.clone();
    if app.store.lead(&organization, &id).await?.is_none() {
        return Err(Refused::not_found("lead"));
    }
    to_its_end(async move {
        app.calls.forget_lead(&organization, &id).await?;
        let calls = app.store.calls_with_lead(&organization, &id).await?;
        if let Some(recordings) = &app.recordings {
            for call in &calls {
                match recordings.delete_of_call(&organization, call).await {
                    Ok(()) | Err(DeleteError::NotFound) => {}
                    Err(DeleteError::Running) => {
                        return Err(Refused::new(
                            Code::Conflict,
                            "A call with this lead is still being recorded. Try again shortly.",
                        ));
                    }
                    Err(DeleteError::Store(error)) => return Err(error.into()),
                    Err(DeleteError::Storage(error)) => {
                        tracing::error!(call_id = %call, %error, "could not delete a recording");
                        return Err(Refused::new(
                            Code::Unavailable,
                            "Recordings aren't available right now. Try again shortly.",
                        ));
                    }
                }
            }
        }
        // Once more: what was said of the recordings is kept by now, and is not written afterwards.
        app.calls.forget_lead(&organization, &id).await?;
        app.store.delete_lead(&organization, &id).await?;
        tracing::info!(by = %who.user_id, lead_id = %id, calls = calls.len(), "deleted a lead");
        Ok(())
    })
    .await
}
