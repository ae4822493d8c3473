//! Where leads can stand: a list that those who manage the organization edit.

use super::check::{fresh, name};
use super::error::Refused;
use super::routes::{Ask, Routes};
use wire::{
    LeadStatus, LeadStatusDeletion, LeadStatusId, LeadStatusRequest, List, ListQuery, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_LEAD_STATUSES, list)
        .on(route::CREATE_LEAD_STATUS, create)
        .on(route::CHANGE_LEAD_STATUS, change)
        .on(route::DELETE_LEAD_STATUS, delete)
}

async fn list(ask: Ask<(), ListQuery>) -> Result<List<LeadStatus>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let statuses = app.store.lead_statuses(&who.organization_id, &input);
    Ok(statuses.await?)
}

async fn create(ask: Ask<(), LeadStatusRequest>) -> Result<LeadStatus, Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    let label = name(&input.label)?;
    note.detail(&label);
    let id = fresh(LeadStatusId::from_suffix)?;
    let status = app
        .store
        .create_lead_status(&who.organization_id, id, &label)
        .await?;
    note.target(&status.id);
    tracing::info!(by = %who.user_id, status_id = %status.id, "created a lead status");
    app.directory_changed(&who.organization_id);
    Ok(status)
}

async fn change(ask: Ask<LeadStatusId, LeadStatusRequest>) -> Result<LeadStatus, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        ..
    } = ask;
    let label = name(&input.label)?;
    note.detail(&label);
    let status = app
        .store
        .change_lead_status(&who.organization_id, &id, &label)
        .await?
        .ok_or_else(|| Refused::not_found("status"))?;
    tracing::info!(by = %who.user_id, status_id = %id, "changed a lead status");
    app.directory_changed(&who.organization_id);
    Ok(status)
}

async fn delete(ask: Ask<LeadStatusId, LeadStatusDeletion>) -> Result<(), Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        ..
    } = ask;
    let label = app
        .store
        .delete_lead_status(&who.organization_id, &id, input.replacement_id.as_ref())
        .await?
        .ok_or_else(|| Refused::not_found("status"))?;
    note.detail(&label);
    tracing::info!(by = %who.user_id, status_id = %id, "deleted a lead status");
    app.directory_changed(&who.organization_id);
    Ok(())
}
