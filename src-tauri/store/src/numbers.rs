//! The organization's phone numbers, and who may call from them.

use crate::StoreError;
use crate::database::{Database, all_members, bounds, failed, to_text};
use crate::leads::read_number;
use sqlx::SqliteConnection;
use wire::{ListQuery, OrganizationId, PhoneNumber, PhoneNumberId, PhoneNumberRequest, UserId};

/// Phone numbers of an organization at most.
pub const NUMBERS_MAX: i64 = 1_000;

impl Database {
    /// Adds one; none when a person is none of the organization's. [`StoreError::Conflict`] when the
    /// number is taken, by whomever, or there are too many.
    pub async fn create_number(
        &self,
        organization: &OrganizationId,
        id: PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let mut tx = self.write().await?;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM phone_number WHERE organization_id = ?")
                .bind(organization.as_str())
                .fetch_one(&mut *tx)
                .await
                .map_err(failed)?;
        if count >= NUMBERS_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization has at most {NUMBERS_MAX} numbers. Remove one first."
            )));
        }
        let taken: Option<i64> = sqlx::query_scalar("SELECT 1 FROM phone_number WHERE number = ?")
            .bind(&request.number)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        if taken.is_some() {
            // Whose it is, is nobody's business: it may be another organization's (A3).
            return Err(StoreError::Conflict(
                "This number is in use already. Enter another one.".into(),
            ));
        }
        sqlx::query(
            "INSERT INTO phone_number (id, organization_id, number, label, kind)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .bind(&request.number)
        .bind(&request.label)
        .bind(to_text(&request.kind)?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        let Some(number) = set(&mut tx, organization, &id, request).await? else {
            return Ok(None);
        };
        tx.commit().await.map_err(failed)?;
        Ok(Some(number))
    }

    /// Changes all but the number itself, which the caller has compared; none as above, and when there
    /// is no such number.
    pub async fn change_number(
        &self,
        organization: &OrganizationId,
        id: &PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let mut tx = self.write().await?;
        let Some(number) = set(&mut tx, organization, id, request).await? else {
            return Ok(None);
        };
        tx.commit().await.map_err(failed)?;
        Ok(Some(number))
    }

    /// Takes one out; whether there was one.
    pub async fn delete_number(
        &self,
        organization: &OrganizationId,
        id: &PhoneNumberId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let deleted = sqlx::query("DELETE FROM phone_number WHERE id = ? AND organization_id = ?")
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(deleted.rows_affected() > 0)
    }

    /// The organization's numbers that this person may call from.
    pub async fn numbers_of(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        page: &ListQuery,
    ) -> Result<Vec<PhoneNumber>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT id, number, label, kind, account_id,
                    (SELECT group_concat(account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number WHERE organization_id = ? AND (
                 NOT EXISTS (SELECT 1 FROM phone_number_user
                             WHERE phone_number_id = phone_number.id)
                 OR EXISTS (SELECT 1 FROM phone_number_user
                            WHERE phone_number_id = phone_number.id AND account_id = ?))
             ORDER BY number LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_number)
        .collect()
    }
}

/// Gives a number all but the number itself; how it is then. None when there is no such number, or a
/// person is not the organization's.
async fn set(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    id: &PhoneNumberId,
    request: &PhoneNumberRequest,
) -> Result<Option<PhoneNumber>, StoreError> {
    let mut people = request.user_ids.clone();
    people.extend(request.user_id.clone());
    if !all_members(connection, organization, &people).await? {
        return Ok(None);
    }
    let changed = sqlx::query(
        "UPDATE phone_number SET label = ?, kind = ?, account_id = ?
         WHERE id = ? AND organization_id = ?",
    )
    .bind(&request.label)
    .bind(to_text(&request.kind)?)
    .bind(request.user_id.as_ref().map(UserId::as_str))
    .bind(id.as_str())
    .bind(organization.as_str())
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    if changed.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query("DELETE FROM phone_number_user WHERE phone_number_id = ?")
        .bind(id.as_str())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    for user in &request.user_ids {
        sqlx::query(
            "INSERT OR IGNORE INTO phone_number_user (phone_number_id, account_id) VALUES (?, ?)",
        )
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    }
    let row = sqlx::query(
        "SELECT id, number, label, kind, account_id,
                (SELECT group_concat(account_id) FROM phone_number_user
                 WHERE phone_number_id = phone_number.id) AS users
         FROM phone_number WHERE id = ?",
    )
    .bind(id.as_str())
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    read_number(&row).map(Some)
}
