//! The organization's phone numbers, and who may call from them.

use super::check::{fresh, invalid, name, people};
use super::error::Refused;
use super::extract::{Caller, Id, JsonBody};
use crate::app::App;
use crate::audit::Note;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use wire::{PhoneNumber, PhoneNumberId, PhoneNumberRequest};

/// Adds a phone number.
///
/// It takes the permission `manage_organization`. A number that is in use, by whomever, is a
/// `conflict`. A person who is no member of the organization is `not_found`.
#[utoipa::path(
    post, path = "/api/v1/phone_number/", tag = "administration", request_body = PhoneNumberRequest,
    responses((status = 201, description = "The new number.", body = PhoneNumber))
)]
pub async fn create_phone_number(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    note: Note,
    JsonBody(request): JsonBody<PhoneNumberRequest>,
) -> Result<(StatusCode, Json<PhoneNumber>), Refused> {
    let request = checked(request)?;
    note.detail(&request.number);
    let id = fresh(PhoneNumberId::from_suffix)?;
    let number = app
        .store
        .create_number(&who.organization_id, id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("user"))?;
    note.target(&number.id);
    tracing::info!(by = %who.user_id, phone_number_id = %number.id, "a phone number was added");
    app.directory_changed(&who.organization_id);
    Ok((StatusCode::CREATED, Json(number)))
}

/// Changes a phone number's label, kind, owner, and who may call from it.
///
/// It takes the permission `manage_organization`. The number itself stays: another one is an
/// `invalid_request`. Calls in progress stay as they are.
#[utoipa::path(
    put, path = "/api/v1/phone_number/{id}/", tag = "administration",
    params(("id" = PhoneNumberId, Path)), request_body = PhoneNumberRequest,
    responses((status = 200, description = "The number, as it is now.", body = PhoneNumber))
)]
pub async fn change_phone_number(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<PhoneNumberId>,
    note: Note,
    JsonBody(request): JsonBody<PhoneNumberRequest>,
) -> Result<Json<PhoneNumber>, Refused> {
    let known = app
        .store
        .phone_number(&who.organization_id, &id)
        .await?
        .ok_or_else(|| Refused::not_found("phone number"))?;
    let request = checked(request)?;
    note.detail(&known.number);
    if request.number != known.number {
        return Err(invalid(
            "The number itself cannot be changed. Add the other one, and remove this one.",
        ));
    }
    let number = app
        .store
        .change_number(&who.organization_id, &id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("phone number or user"))?;
    tracing::info!(by = %who.user_id, phone_number_id = %id, "a phone number was changed");
    app.directory_changed(&who.organization_id);
    Ok(Json(number))
}

/// Removes a phone number. Calls in progress and past ones stay as they are.
///
/// It takes the permission `manage_organization`.
#[utoipa::path(
    delete, path = "/api/v1/phone_number/{id}/", tag = "administration",
    params(("id" = PhoneNumberId, Path)),
    responses((status = 204, description = "It is removed."))
)]
pub async fn delete_phone_number(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<PhoneNumberId>,
) -> Result<StatusCode, Refused> {
    if !app.store.delete_number(&who.organization_id, &id).await? {
        return Err(Refused::not_found("phone number"));
    }
    tracing::info!(by = %who.user_id, phone_number_id = %id, "a phone number was removed");
    app.directory_changed(&who.organization_id);
    Ok(StatusCode::NO_CONTENT)
}

fn checked(request: PhoneNumberRequest) -> Result<PhoneNumberRequest, Refused> {
    let digits = request.number.strip_prefix('+').unwrap_or_default();
    if !(3..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(invalid("`number` takes `+` and 3 to 15 digits (E.164)."));
    }
    people("user_ids", &request.user_ids)?;
    Ok(PhoneNumberRequest {
        label: name("label", &request.label)?,
        ..request
    })
}
