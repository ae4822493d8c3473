//! Leads and the people there: who is called.

use super::check::to_its_end;
use super::error::Refused;
use super::lead_form;
use super::routes::{Ask, Routes};
use crate::app::App;
use recordings::DeleteError;
use store::Missing;
use store::clock::now;
use wire::{
    Code, Contact, ContactQuery, Lead, LeadId, LeadMergeRequest, LeadQuery, LeadRequest, List,
    OrganizationId, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_LEADS, list)
        .on(route::GET_LEAD, lead)
        .on(route::CREATE_LEAD, create)
        .on(route::CHANGE_LEAD, change)
        .on(route::MERGE_LEADS, merge)
        .on(route::DELETE_LEAD, delete)
        .on(route::LIST_CONTACTS, contacts)
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), LeadQuery>,
) -> Result<List<Lead>, Refused> {
    Ok(app.store.leads(&who.organization_id, &input).await?)
}

async fn lead(Ask { app, who, id, .. }: Ask<LeadId, ()>) -> Result<Lead, Refused> {
    found(&app, &who.organization_id, &id).await
}

async fn found(app: &App, organization: &OrganizationId, id: &LeadId) -> Result<Lead, Refused> {
    let lead = app.store.lead(organization, id).await?;
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

async fn create(ask: Ask<(), LeadRequest>) -> Result<Lead, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let country = app.store.country(&who.organization_id).await?;
    let fields = lead_form::checked(&input, &country, None)?;
    let lead = app
        .store
        .create_lead(&who.organization_id, &fields, now())
        .await?
        .map_err(missing)?;
    tracing::info!(by = %who.user_id, lead_id = %lead.id, "created a lead");
    Ok(lead)
}

async fn change(ask: Ask<LeadId, LeadRequest>) -> Result<Lead, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    let organization = &who.organization_id;
    let known = found(&app, organization, &id).await?;
    let country = app.store.country(organization).await?;
    let fields = lead_form::checked(&input, &country, Some(&known))?;
    let lead = app
        .store
        .change_lead(organization, &id, &fields, input.date_updated, now())
        .await?
        .map_err(missing)?;
    tracing::info!(by = %who.user_id, lead_id = %id, "changed a lead");
    Ok(lead)
}

fn missing(missing: Missing) -> Refused {
    let (what, field) = match missing {
        Missing::Lead => return Refused::not_found("lead"),
        Missing::Contact => ("contact", "contacts"),
        Missing::Status => ("status", "status_id"),
        Missing::Owner => ("member", "owner_id"),
    };
    Refused(Refused::not_found(what).0.at(field))
}

async fn merge(ask: Ask<(), LeadMergeRequest>) -> Result<Lead, Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    let LeadMergeRequest {
        source,
        destination,
    } = input;
    let organization = who.organization_id.clone();
    note.target(&destination);
    let goes = found(&app, &organization, &source).await?;
    found(&app, &organization, &destination).await?;
    note.detail(&goes.display_name);
    to_its_end(async move {
        // What is still to be kept of its calls is kept under it, and not written afterwards.
        app.calls.forget_lead(&organization, &source).await?;
        let lead = app
            .store
            .merge_leads(&organization, &source, &destination, now())
            .await?
            .ok_or_else(|| Refused::not_found("lead"))?;
        // Nobody is told of a call with a lead that is gone.
        app.calls.forget_lead(&organization, &source).await?;
        tracing::info!(
            by = %who.user_id, lead_id = %destination, merged = %source, "merged two leads"
        );
        Ok(lead)
    })
    .await
}

async fn delete(ask: Ask<LeadId, ()>) -> Result<(), Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let organization = who.organization_id.clone();
    let lead = found(&app, &organization, &id).await?;
    note.detail(&lead.display_name);
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
