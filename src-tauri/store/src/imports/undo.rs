//! An import, taken back: a step of leads at a time, each in one transaction.

use super::{KeptImport, save};
use crate::StoreError;
use crate::database::Database;
use crate::lead_search::place;
use crate::lead_writes::{ContactFields, PhoneFields, remove, set_contacts};
use crate::sql::{Row, Tx, sql};
use wire::{ImportId, ImportState, Lead, LeadId, OrganizationId, Timestamp};

impl Database {
    /// Takes back what an import did to some leads; how many were looked at. Those that someone changed or
    /// called since stay as they are, and are counted.
    pub async fn undo_some_of_import(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
        limit: u32,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("SELECT body FROM import WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .optional(&mut tx)
            .await?;
        let Some(mut kept) = row.as_ref().map(Row::body::<KeptImport>).transpose()? else {
            return Ok(0);
        };
        if kept.import.state != ImportState::Undoing {
            return Ok(0);
        }
        let rows = sql("SELECT import_lead.lead_id, before, version, date_updated,
                 EXISTS (SELECT 1 FROM call
                         WHERE call.organization_id = $2 AND call.lead_id = lead.id
                           AND call.date_created >= import_lead.version) AS was_called
             FROM import_lead
             LEFT JOIN lead ON lead.id = import_lead.lead_id AND lead.organization_id = $2
             WHERE import_id = $1 ORDER BY import_lead.lead_id LIMIT $3")
        .bind(id.as_str())
        .bind(organization.as_str())
        .bind(limit)
        .all(&mut tx)
        .await?;
        let mut last = None;
        for row in &rows {
            let lead: LeadId = row.named("lead_id")?;
            // One that's gone needs nothing.
            if let Some(date_updated) = row.optional_int("date_updated")? {
                let before = row.optional_text("before")?;
                let is_touched = date_updated != row.int("version")?;
                match before {
                    _ if is_touched || row.truth("was_called")? => kept.import.kept += 1,
                    None => {
                        remove(&mut tx, organization, &lead).await?;
                    }
                    Some(before) => {
                        let before: Lead = serde_json::from_str(&before).map_err(|error| {
                            StoreError::Fault(format!("a stored lead is not readable: {error}"))
                        })?;
                        restore(&mut tx, organization, &before, now).await?;
                    }
                }
            }
            last = Some(lead);
        }
        if let Some(last) = last {
            sql("DELETE FROM import_lead WHERE import_id = $1 AND lead_id <= $2")
                .bind(id.as_str())
                .bind(last.as_str())
                .execute(&mut tx)
                .await?;
        }
        save(&mut tx, &kept, now).await?;
        tx.commit().await?;
        Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
    }
}

/// Makes a lead what it was. A status that was deleted since can't come back.
async fn restore(
    tx: &mut Tx,
    organization: &OrganizationId,
    before: &Lead,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "UPDATE lead SET description = $1, owner_id = $2, date_updated = $3,
             status_id = CASE WHEN $4 IS NULL THEN NULL ELSE coalesce(
                 (SELECT id FROM lead_status WHERE id = $4 AND organization_id = $5), status_id) END
         WHERE id = $6",
    )
    .bind(&before.description)
    .bind(before.owner_id.as_ref().map(|id| id.as_str()))
    .bind(now.0.max(before.date_updated.0 + 1))
    .bind(before.status_id.as_ref().map(|id| id.as_str()))
    .bind(organization.as_str())
    .bind(before.id.as_str())
    .execute(&mut *tx)
    .await?;
    let contacts = before.contacts.iter().map(|contact| ContactFields {
        id: Some(contact.id.clone()),
        name: contact.name.clone(),
        phones: contact
            .phones
            .iter()
            .map(|phone| PhoneFields {
                number: phone.phone.clone(),
                extension: phone.extension.clone(),
                label: phone.label,
            })
            .collect(),
        emails: contact.emails.clone(),
    });
    let contacts: Vec<ContactFields> = contacts.collect();
    if !set_contacts(tx, organization, &before.id, &contacts, now).await? {
        return Err(StoreError::Fault(
            "an import's contacts are another lead's".into(),
        ));
    }
    place(tx, &before.id).await
}
