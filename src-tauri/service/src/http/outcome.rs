//! Outcomes: what a call can come to (L5).

use super::check::{fresh, name};
use super::error::Refused;
use super::routes::{Ask, Routes};
use wire::{List, ListQuery, Outcome, OutcomeId, OutcomeRequest, route};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_OUTCOMES, list)
        .on(route::CREATE_OUTCOME, create)
        .on(route::CHANGE_OUTCOME, change)
        .on(route::DELETE_OUTCOME, delete)
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), ListQuery>,
) -> Result<List<Outcome>, Refused> {
    let outcomes = app.store.outcomes(&who.organization_id, &input);
    Ok(outcomes.await?)
}

async fn create(ask: Ask<(), OutcomeRequest>) -> Result<Outcome, Refused> {
    let Ask { app, who, note, .. } = ask;
    let request = checked(ask.input)?;
    note.detail(&request.name);
    let id = fresh(OutcomeId::from_suffix)?;
    let created = app.store.create_outcome(&who.organization_id, id, &request);
    let outcome = created.await?;
    note.target(&outcome.id);
    tracing::info!(by = %who.user_id, outcome_id = %outcome.id, "created an outcome");
    app.directory_changed(&who.organization_id);
    Ok(outcome)
}

async fn change(ask: Ask<OutcomeId, OutcomeRequest>) -> Result<Outcome, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let request = checked(ask.input)?;
    note.detail(&request.name);
    let changed = app
        .store
        .change_outcome(&who.organization_id, &id, &request);
    let changed = changed.await?;
    let outcome = changed.ok_or_else(|| Refused::not_found("outcome"))?;
    tracing::info!(by = %who.user_id, outcome_id = %id, "changed an outcome");
    app.directory_changed(&who.organization_id);
    Ok(outcome)
}

async fn delete(Ask { app, who, id, .. }: Ask<OutcomeId, ()>) -> Result<(), Refused> {
    if !app.store.delete_outcome(&who.organization_id, &id).await? {
        return Err(Refused::not_found("outcome"));
    }
    tracing::info!(by = %who.user_id, outcome_id = %id, "deleted an outcome");
    app.directory_changed(&who.organization_id);
    Ok(())
}

fn checked(request: OutcomeRequest) -> Result<OutcomeRequest, Refused> {
    Ok(OutcomeRequest {
        name: name(&request.name)?,
    })
}
