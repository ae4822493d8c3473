//! The organization's phone numbers, and who may call from them.

use crate::StoreError;
use crate::database::Database;
use crate::leads::read_number;
use crate::organizations::all_members;
use crate::sql::{Order, Tx, sql, to_text};
use wire::{
    List, ListQuery, OrganizationId, PhoneNumber, PhoneNumberId, PhoneNumberRequest, UserId,
};

/// Phone numbers of an organization at most.
pub const NUMBERS_MAX: i64 = 1_000;

/// What became of a number that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberAdded {
    /// It is the organization's now.
    Done(PhoneNumber),
    /// It is not assigned to the organization.
    NotAssigned,
    /// A person is none of the organization's.
    NoSuchPerson,
}

impl Database {
    /// Adds one that was assigned to the organization (O5). [`StoreError::Conflict`] when it is in use
    /// already, or there are too many.
    pub async fn create_number(
        &self,
        organization: &OrganizationId,
        id: PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<NumberAdded, StoreError> {
        let mut tx = self.write_across(organization.as_str()).await?;
        let assigned =
            sql("SELECT 1 FROM assigned_number WHERE number = $1 AND organization_id = $2")
                .bind(&request.number)
                .bind(organization.as_str())
                .exists(&mut tx)
                .await?;
        if !assigned {
            // Whose it is, is nobody's business: it may be another organization's (A3).
            return Ok(NumberAdded::NotAssigned);
        }
        let count = sql("SELECT count(*) AS count FROM phone_number WHERE organization_id = $1")
            .bind(organization.as_str())
            .count(&mut tx)
            .await?;
        if count >= NUMBERS_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {NUMBERS_MAX} phone numbers. Delete one first."
            )));
        }
        let taken = sql("SELECT 1 FROM phone_number WHERE number = $1")
            .bind(&request.number)
            .exists(&mut tx)
            .await?;
        if taken {
            return Err(StoreError::Conflict(
                "This number is already in use. Enter another one.".into(),
            ));
        }
        sql(
            "INSERT INTO phone_number (id, organization_id, number, label, kind)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .bind(&request.number)
        .bind(&request.label)
        .bind(to_text(&request.kind)?)
        .execute(&mut tx)
        .await?;
        let Some(number) = set(&mut tx, organization, &id, request).await? else {
            return Ok(NumberAdded::NoSuchPerson);
        };
        tx.commit().await?;
        Ok(NumberAdded::Done(number))
    }

    /// Changes all but the number itself, which the caller has compared; none as above, and when there
    /// is no such number.
    pub async fn change_number(
        &self,
        organization: &OrganizationId,
        id: &PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let Some(number) = set(&mut tx, organization, id, request).await? else {
            return Ok(None);
        };
        tx.commit().await?;
        Ok(Some(number))
    }

    /// Takes one out; whether there was one.
    pub async fn delete_number(
        &self,
        organization: &OrganizationId,
        id: &PhoneNumberId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let deleted = sql("DELETE FROM phone_number WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(deleted > 0)
    }

    /// The organization's numbers that this person may call from.
    pub async fn numbers_of(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        page: &ListQuery,
    ) -> Result<List<PhoneNumber>, StoreError> {
        sql("SELECT id, number, label, kind, account_id,
                    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number WHERE organization_id = $1 AND (
                 NOT EXISTS (SELECT 1 FROM phone_number_user
                             WHERE phone_number_id = phone_number.id)
                 OR EXISTS (SELECT 1 FROM phone_number_user
                            WHERE phone_number_id = phone_number.id AND account_id = $2))")
        .bind(organization.as_str())
        .bind(user.as_str())
        .page(&self.reader, Order::ByName(&["number"]), page, read_number)
        .await
    }
}

/// Gives a number all but the number itself; how it is then. None when there is no such number, or a
/// person is not the organization's.
async fn set(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &PhoneNumberId,
    request: &PhoneNumberRequest,
) -> Result<Option<PhoneNumber>, StoreError> {
    let mut people = request.user_ids.clone();
    people.extend(request.user_id.clone());
    if !all_members(tx, organization, &people).await? {
        return Ok(None);
    }
    let changed = sql(
        "UPDATE phone_number SET label = $1, kind = $2, account_id = $3
         WHERE id = $4 AND organization_id = $5",
    )
    .bind(&request.label)
    .bind(to_text(&request.kind)?)
    .bind(request.user_id.as_ref().map(UserId::as_str))
    .bind(id.as_str())
    .bind(organization.as_str())
    .execute(&mut *tx)
    .await?;
    if changed == 0 {
        return Ok(None);
    }
    sql("DELETE FROM phone_number_user WHERE phone_number_id = $1")
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    for user in &request.user_ids {
        sql(
            "INSERT INTO phone_number_user (phone_number_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(&mut *tx).await?;
    }
    let row = sql("SELECT id, number, label, kind, account_id,
                (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM phone_number_user
                 WHERE phone_number_id = phone_number.id) AS users
         FROM phone_number WHERE id = $1")
    .bind(id.as_str())
    .one(tx)
    .await?;
    read_number(&row).map(Some)
}
