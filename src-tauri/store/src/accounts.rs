//! Who can sign in.

use super::{Database, column, failed, text};
use crate::store::{Accounts, Credentials, StoreError};
use async_trait::async_trait;
use sqlx::Row;

#[async_trait]
impl Accounts for Database {
    async fn credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(
            "SELECT account.id, password_hash, active FROM account
             JOIN membership ON membership.account_id = account.id WHERE email = ?",
        )
        .bind(email)
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?;
        row.map(|row| {
            Ok(Credentials {
                user_id: column(&row, "id")?,
                password_hash: text(&row, "password_hash")?,
                active: row.try_get("active").map_err(failed)?,
            })
        })
        .transpose()
    }
}
