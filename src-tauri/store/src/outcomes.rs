//! What a call can come to (L5): a list of each organization's own.

use crate::StoreError;
use crate::database::Database;
use crate::random::id_suffix;
use crate::sql::{Order, Row, Tx, sql};
use wire::{List, ListQuery, OrganizationId, Outcome, OutcomeId, OutcomeRequest, Timestamp};

/// Outcomes of an organization at most.
pub const OUTCOMES_MAX: i64 = 50;
/// What every organization begins with.
pub const FIRST_OUTCOMES: [&str; 5] = [
    "Connected",
    "Left voicemail",
    "No answer",
    "Wrong number",
    "Not interested",
];

impl Database {
    /// The organization's outcomes, in the order in which they were added.
    pub async fn outcomes(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<Outcome>, StoreError> {
        sql("SELECT id, name, position FROM outcome WHERE organization_id = $1")
            .bind(organization.as_str())
            .page(
                &self.reader,
                Order::ByPosition(&["position", "id"]),
                page,
                read,
            )
            .await
    }

    /// One of them.
    pub async fn outcome(
        &self,
        organization: &OrganizationId,
        id: &OutcomeId,
    ) -> Result<Option<Outcome>, StoreError> {
        let row = sql("SELECT id, name FROM outcome WHERE organization_id = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(id.as_str())
            .optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Makes one, after the others. [`StoreError::Conflict`] when the name is taken or there are too
    /// many.
    pub async fn create_outcome(
        &self,
        organization: &OrganizationId,
        id: OutcomeId,
        request: &OutcomeRequest,
    ) -> Result<Outcome, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let count = sql("SELECT count(*) AS count FROM outcome WHERE organization_id = $1")
            .bind(organization.as_str())
            .count(&mut tx)
            .await?;
        if count >= OUTCOMES_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {OUTCOMES_MAX} outcomes. Delete one first."
            )));
        }
        name_is_free(&mut tx, organization, None, &request.name).await?;
        sql("INSERT INTO outcome (id, organization_id, position, name)
             SELECT $1, $2, coalesce(max(position), -1) + 1, $3
             FROM outcome WHERE organization_id = $2")
        .bind(id.as_str())
        .bind(organization.as_str())
        .bind(&request.name)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        let name = request.name.clone();
        Ok(Outcome { id, name })
    }

    /// Renames one; none when there is no such outcome. [`StoreError::Conflict`] when the name is taken.
    pub async fn change_outcome(
        &self,
        organization: &OrganizationId,
        id: &OutcomeId,
        request: &OutcomeRequest,
    ) -> Result<Option<Outcome>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let known = sql("SELECT 1 FROM outcome WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .exists(&mut tx)
            .await?;
        if !known {
            return Ok(None);
        }
        name_is_free(&mut tx, organization, Some(id), &request.name).await?;
        sql("UPDATE outcome SET name = $1 WHERE id = $2 AND organization_id = $3")
            .bind(&request.name)
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        let (id, name) = (id.clone(), request.name.clone());
        Ok(Some(Outcome { id, name }))
    }

    /// Deletes one; whether there was one. Calls keep what they have of it.
    pub async fn delete_outcome(
        &self,
        organization: &OrganizationId,
        id: &OutcomeId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let deleted = sql("DELETE FROM outcome WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(deleted > 0)
    }
}

/// Gives a new organization the outcomes that every one begins with.
pub(crate) async fn add_first_outcomes(
    tx: &mut Tx,
    organization: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (position, name) in (0_i64..).zip(FIRST_OUTCOMES) {
        sql("INSERT INTO outcome (id, organization_id, position, name) VALUES ($1, $2, $3, $4)")
            .bind(format!("{}{}", OutcomeId::PREFIX, id_suffix(now)))
            .bind(organization)
            .bind(position)
            .bind(name)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Two outcomes whose names differ only in the case of letters could not be told apart by people.
async fn name_is_free(
    tx: &mut Tx,
    organization: &OrganizationId,
    of: Option<&OutcomeId>,
    name: &str,
) -> Result<(), StoreError> {
    let wanted = name.to_lowercase();
    let rows = sql("SELECT id, name FROM outcome WHERE organization_id = $1")
        .bind(organization.as_str())
        .all(tx)
        .await?;
    for row in &rows {
        let other = read(row)?;
        if Some(&other.id) != of && other.name.to_lowercase() == wanted {
            return Err(StoreError::Conflict(
                "There's already an outcome with this name. Choose another name.".into(),
            ));
        }
    }
    Ok(())
}

fn read(row: &Row) -> Result<Outcome, StoreError> {
    Ok(Outcome {
        id: row.named("id")?,
        name: row.text("name")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::new_store;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn request(name: &str) -> OutcomeRequest {
        OutcomeRequest { name: name.into() }
    }

    async fn opened() -> (tempfile::TempDir, Database, OrganizationId) {
        let (folder, database) = new_store().await;
        let acme = OrganizationId::from_suffix("acme").unwrap();
        database.add_organization(&acme).await.unwrap();
        (folder, database, acme)
    }

    async fn names(database: &Database, of: &OrganizationId) -> Vec<String> {
        let all = database.outcomes(of, &ListQuery::default()).await.unwrap();
        all.data.into_iter().map(|outcome| outcome.name).collect()
    }

    #[tokio::test]
    async fn l5_an_organization_begins_with_outcomes_and_edits_them() {
        let (_folder, database, acme) = opened().await;
        let mut tx = database.write(acme.as_str()).await.unwrap();
        add_first_outcomes(&mut tx, acme.as_str(), NOW)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(names(&database, &acme).await, FIRST_OUTCOMES);

        let id = OutcomeId::from_suffix("demo").unwrap();
        let made = database
            .create_outcome(&acme, id.clone(), &request("Demo booked"))
            .await;
        assert_eq!(made.unwrap().name, "Demo booked");
        for taken in ["demo BOOKED", "connected"] {
            let other = OutcomeId::from_suffix("other").unwrap();
            let refused = database.create_outcome(&acme, other, &request(taken)).await;
            assert!(matches!(refused, Err(StoreError::Conflict(_))), "{taken}");
        }
        let refused = database
            .change_outcome(&acme, &id, &request("No Answer"))
            .await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))));
        // Its own name, written otherwise.
        let renamed = database
            .change_outcome(&acme, &id, &request("Demo Booked"))
            .await;
        assert_eq!(renamed.unwrap().unwrap().name, "Demo Booked");
        assert_eq!(names(&database, &acme).await[5], "Demo Booked");
        assert!(database.delete_outcome(&acme, &id).await.unwrap());
        assert!(!database.delete_outcome(&acme, &id).await.unwrap());
        assert_eq!(names(&database, &acme).await, FIRST_OUTCOMES);
    }

    #[tokio::test]
    async fn l5_outcomes_are_read_page_by_page_and_no_more_than_fifty_are_kept() {
        let (_folder, database, acme) = opened().await;
        for number in 0..OUTCOMES_MAX {
            // Names and ids sort otherwise than they were added.
            let id = OutcomeId::from_suffix(&format!("{}", 99 - number)).unwrap();
            let name = format!("{}", 99 - number);
            let made = database.create_outcome(&acme, id, &request(&name)).await;
            made.unwrap();
        }
        let id = OutcomeId::from_suffix("more").unwrap();
        let refused = database.create_outcome(&acme, id, &request("More")).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))));
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = ListQuery {
                limit: Some(7),
                skip: None,
                cursor,
            };
            let list = database.outcomes(&acme, &page).await.unwrap();
            all.extend(list.data.into_iter().map(|outcome| outcome.name));
            cursor = list.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let added: Vec<String> = (0..OUTCOMES_MAX)
            .map(|number| format!("{}", 99 - number))
            .collect();
        assert_eq!(all, added);
    }

    #[tokio::test]
    async fn a3_outcomes_are_not_there_for_another_organization() {
        let (_folder, database, acme) = opened().await;
        let elsewhere = OrganizationId::from_suffix("elsewhere").unwrap();
        database.add_organization(&elsewhere).await.unwrap();
        let id = OutcomeId::from_suffix("ours").unwrap();
        let made = database
            .create_outcome(&acme, id.clone(), &request("Ours"))
            .await;
        made.unwrap();
        assert_eq!(database.outcome(&elsewhere, &id).await.unwrap(), None);
        let renamed = database
            .change_outcome(&elsewhere, &id, &request("Theirs"))
            .await;
        assert_eq!(renamed.unwrap(), None);
        assert!(!database.delete_outcome(&elsewhere, &id).await.unwrap());
        assert_eq!(names(&database, &acme).await, ["Ours"]);
        // A name that another organization has is free here.
        let own = OutcomeId::from_suffix("own").unwrap();
        let made = database
            .create_outcome(&elsewhere, own, &request("Ours"))
            .await;
        made.unwrap();
    }
}
