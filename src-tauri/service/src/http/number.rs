//! The organization's phone numbers, and who may call from them.

use super::check::{fresh, invalid, name, people};
use super::error::Refused;
use super::routes::{Ask, Routes};
use store::NumberAdded;
use wire::{
    Code, List, ListQuery, Permission, PhoneNumber, PhoneNumberId, PhoneNumberRequest, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_PHONE_NUMBERS, list)
        .on(route::CREATE_PHONE_NUMBER, create)
        .on(route::CHANGE_PHONE_NUMBER, change)
        .on(route::DELETE_PHONE_NUMBER, delete)
}

async fn list(ask: Ask<(), ListQuery>) -> Result<List<PhoneNumber>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let numbers = if who.permissions.contains(&Permission::ManageOrganization) {
        app.store
            .phone_numbers(&who.organization_id, &input)
            .await?
    } else {
        app.store
            .numbers_of(&who.organization_id, &who.user_id, &input)
            .await?
    };
    Ok(numbers)
}

async fn create(ask: Ask<(), PhoneNumberRequest>) -> Result<PhoneNumber, Refused> {
    let Ask { app, who, note, .. } = ask;
    let request = checked(ask.input)?;
    note.detail(&request.number);
    let id = fresh(PhoneNumberId::from_suffix)?;
    let number = app
        .store
        .create_number(&who.organization_id, id, &request)
        .await?;
    let number = match number {
        NumberAdded::Done(number) => number,
        NumberAdded::NoSuchPerson => return Err(Refused::not_found("user")),
        NumberAdded::NotAssigned => {
            return Err(Refused::new(
                Code::PermissionRequired,
                "This number isn't assigned to your organization. Ask whoever runs the service.",
            ));
        }
    };
    note.target(&number.id);
    tracing::info!(by = %who.user_id, phone_number_id = %number.id, "added a phone number");
    app.directory_changed(&who.organization_id);
    Ok(number)
}

async fn change(ask: Ask<PhoneNumberId, PhoneNumberRequest>) -> Result<PhoneNumber, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let known = app
        .store
        .phone_number(&who.organization_id, &id)
        .await?
        .ok_or_else(|| Refused::not_found("phone number"))?;
    let request = checked(ask.input)?;
    note.detail(&known.number);
    if request.number != known.number {
        return Err(invalid(
            "You can't change a number. Add the new one and delete this one.",
        ));
    }
    let number = app
        .store
        .change_number(&who.organization_id, &id, &request)
        .await?
        .ok_or_else(|| Refused::not_found("phone number or user"))?;
    tracing::info!(by = %who.user_id, phone_number_id = %id, "changed a phone number");
    app.directory_changed(&who.organization_id);
    Ok(number)
}

async fn delete(Ask { app, who, id, .. }: Ask<PhoneNumberId, ()>) -> Result<(), Refused> {
    if !app.store.delete_number(&who.organization_id, &id).await? {
        return Err(Refused::not_found("phone number"));
    }
    tracing::info!(by = %who.user_id, phone_number_id = %id, "deleted a phone number");
    app.directory_changed(&who.organization_id);
    Ok(())
}

fn checked(request: PhoneNumberRequest) -> Result<PhoneNumberRequest, Refused> {
    let digits = request.number.strip_prefix('+').unwrap_or_default();
    if !(3..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(invalid("`number` must be `+` and 3 to 15 digits (E.164)."));
    }
    people("user_ids", &request.user_ids)?;
    Ok(PhoneNumberRequest {
        label: name(&request.label)?,
        ..request
    })
}
