//! Who is called, and from which numbers.

use super::error::Refused;
use super::extract::{Caller, Id, Params};
use crate::app::App;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use std::sync::Arc;
use wire::{Contact, Lead, LeadId, List, ListQuery, Permission, PhoneNumber};

/// Which leads are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LeadQuery {
    /// Part of the lead's name, in any case of letters.
    #[param(max_length = 200)]
    pub query: Option<String>,
    /// How many items at most: 1 to 200, 100 when not given.
    #[serde(rename = "_limit")]
    #[param(rename = "_limit", minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// How many items to pass over: 0 when not given.
    #[serde(rename = "_skip")]
    #[param(rename = "_skip")]
    pub skip: Option<u32>,
    /// The `cursor` of the page before.
    #[serde(rename = "_cursor")]
    #[param(rename = "_cursor")]
    pub cursor: Option<String>,
}

/// Which contacts are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContactQuery {
    /// Those of this lead only.
    pub lead_id: Option<LeadId>,
    /// How many items at most: 1 to 200, 100 when not given.
    #[serde(rename = "_limit")]
    #[param(rename = "_limit", minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// How many items to pass over: 0 when not given.
    #[serde(rename = "_skip")]
    #[param(rename = "_skip")]
    pub skip: Option<u32>,
    /// The `cursor` of the page before.
    #[serde(rename = "_cursor")]
    #[param(rename = "_cursor")]
    pub cursor: Option<String>,
}

/// The organization's leads with their contacts, by name.
#[utoipa::path(
    get, path = "/api/v1/lead/", tag = "directory", params(LeadQuery),
    responses((status = 200, description = "One page.", body = List<Lead>))
)]
pub async fn leads(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<LeadQuery>,
) -> Result<Json<List<Lead>>, Refused> {
    let bounds = ListQuery {
        limit: query.limit,
        skip: query.skip,
        cursor: query.cursor.clone(),
    };
    let search = query.query.as_deref().filter(|text| !text.is_empty());
    let leads = app
        .store
        .leads(&who.organization_id, search, &bounds)
        .await?;
    Ok(Json(leads))
}

/// One lead, with its contacts and their numbers.
#[utoipa::path(
    get, path = "/api/v1/lead/{id}/", tag = "directory", params(("id" = LeadId, Path)),
    responses((status = 200, description = "The lead.", body = Lead))
)]
pub async fn lead(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<LeadId>,
) -> Result<Json<Lead>, Refused> {
    let lead = app.store.lead(&who.organization_id, &id).await?;
    lead.map(Json).ok_or_else(|| Refused::not_found("lead"))
}

/// The people at the organization's leads, by name.
#[utoipa::path(
    get, path = "/api/v1/contact/", tag = "directory", params(ContactQuery),
    responses((status = 200, description = "One page.", body = List<Contact>))
)]
pub async fn contacts(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ContactQuery>,
) -> Result<Json<List<Contact>>, Refused> {
    let bounds = ListQuery {
        limit: query.limit,
        skip: query.skip,
        cursor: query.cursor.clone(),
    };
    let contacts = app
        .store
        .contacts(&who.organization_id, query.lead_id.as_ref(), &bounds)
        .await?;
    Ok(Json(contacts))
}

/// The organization's phone numbers. Calls from `internal` ones can be coached.
///
/// Who manages the organization sees all of them, others those that they may call from.
#[utoipa::path(
    get, path = "/api/v1/phone_number/", tag = "directory", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<PhoneNumber>))
)]
pub async fn phone_numbers(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<PhoneNumber>>, Refused> {
    let numbers = if who.permissions.contains(&Permission::ManageOrganization) {
        let leads = &app.store;
        leads.phone_numbers(&who.organization_id, &query).await?
    } else {
        let numbers = &app.store;
        numbers
            .numbers_of(&who.organization_id, &who.user_id, &query)
            .await?
    };
    Ok(Json(numbers))
}
