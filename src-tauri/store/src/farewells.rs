//! What is owed to phones if the service dies.

use crate::StoreError;
use crate::database::Database;
use crate::sql::sql;
use wire::CallId;

/// The request that ends a call with a phone, kept while the call is up.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptFarewell {
    pub call: CallId,
    /// The trunk's name in the settings.
    pub trunk: String,
    /// The request, which names both phones.
    pub bye: String,
}

impl Database {
    /// Keeps one, in place of an earlier one of the same call.
    pub async fn save_farewell(&self, farewell: &KeptFarewell) -> Result<(), StoreError> {
        let call = farewell.call.as_str();
        let mut tx = self.write(call).await?;
        sql(
            "INSERT INTO farewell (call_id, trunk, bye) VALUES ($1, $2, $3)
             ON CONFLICT (call_id) DO UPDATE SET trunk = excluded.trunk, bye = excluded.bye",
        )
        .bind(call)
        .bind(farewell.trunk.as_str())
        .bind(farewell.bye.as_str())
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// The call is over, and its phone knows.
    pub async fn forget_farewell(&self, call: &CallId) -> Result<(), StoreError> {
        let mut tx = self.write(call.as_str()).await?;
        sql("DELETE FROM farewell WHERE call_id = $1")
            .bind(call.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// All that are kept: at a start, what a service left behind when it died.
    pub async fn farewells(&self) -> Result<Vec<KeptFarewell>, StoreError> {
        sql("SELECT call_id, trunk, bye FROM farewell ORDER BY call_id")
            .all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(KeptFarewell {
                    call: row.named("call_id")?,
                    trunk: row.text("trunk")?,
                    bye: row.text("bye")?,
                })
            })
            .collect()
    }
}
