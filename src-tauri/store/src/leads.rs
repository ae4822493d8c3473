//! Who is called, and from which numbers.

use crate::StoreError;
use crate::database::{Database, bounds, column, failed, from_text, text};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use wire::{Contact, Lead, LeadId, ListQuery, OrganizationId, PhoneNumber, PhoneNumberId};

impl Database {
    /// Leads by name, those whose name holds `query` when it is given.
    pub async fn leads(
        &self,
        organization: &OrganizationId,
        query: Option<&str>,
        page: &ListQuery,
    ) -> Result<Vec<Lead>, StoreError> {
        let (limit, skip) = bounds(page);
        let rows = sqlx::query(
            "SELECT id, display_name FROM lead
             WHERE organization_id = ?1 AND (?2 IS NULL OR instr(lower(display_name), lower(?2)) > 0)
             ORDER BY display_name, id LIMIT ?3 OFFSET ?4",
        )
        .bind(organization.as_str())
        .bind(query)
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?;
        let mut leads = Vec::with_capacity(rows.len());
        for row in &rows {
            leads.push(self.whole(row).await?);
        }
        Ok(leads)
    }

    /// One lead.
    pub async fn lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Option<Lead>, StoreError> {
        let row =
            sqlx::query("SELECT id, display_name FROM lead WHERE organization_id = ? AND id = ?")
                .bind(organization.as_str())
                .bind(lead.as_str())
                .fetch_optional(&self.reader)
                .await
                .map_err(failed)?;
        match row {
            Some(row) => Ok(Some(self.whole(&row).await?)),
            None => Ok(None),
        }
    }

    /// Contacts by name, those of one lead when it is given.
    pub async fn contacts(
        &self,
        organization: &OrganizationId,
        lead: Option<&LeadId>,
        page: &ListQuery,
    ) -> Result<Vec<Contact>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT id, lead_id, display_name, (
                 SELECT group_concat(number ORDER BY position) FROM contact_phone
                 WHERE contact_id = contact.id) AS phones
             FROM contact WHERE organization_id = ?1 AND (?2 IS NULL OR lead_id = ?2)
             ORDER BY display_name, id LIMIT ?3 OFFSET ?4",
        )
        .bind(organization.as_str())
        .bind(lead.map(LeadId::as_str))
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_contact)
        .collect()
    }

    /// The organization's numbers.
    pub async fn phone_numbers(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<PhoneNumber>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT id, number, label, kind, account_id,
                    (SELECT group_concat(account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number WHERE organization_id = ?
             ORDER BY number LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_number)
        .collect()
    }

    /// One number.
    pub async fn phone_number(
        &self,
        organization: &OrganizationId,
        number: &PhoneNumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        sqlx::query(
            "SELECT id, number, label, kind, account_id,
                    (SELECT group_concat(account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number
             WHERE organization_id = ? AND id = ?",
        )
        .bind(organization.as_str())
        .bind(number.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?
        .as_ref()
        .map(read_number)
        .transpose()
    }
}

impl Database {
    /// A lead with its contacts, in the order they were entered.
    async fn whole(&self, row: &SqliteRow) -> Result<Lead, StoreError> {
        let id: LeadId = column(row, "id")?;
        let contacts = sqlx::query(
            "SELECT id, lead_id, display_name, (
                 SELECT group_concat(number ORDER BY position) FROM contact_phone
                 WHERE contact_id = contact.id) AS phones
             FROM contact WHERE lead_id = ? ORDER BY position LIMIT 200",
        )
        .bind(id.as_str())
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_contact)
        .collect::<Result<_, _>>()?;
        Ok(Lead {
            id,
            display_name: text(row, "display_name")?,
            contacts,
        })
    }
}

fn read_contact(row: &SqliteRow) -> Result<Contact, StoreError> {
    let phones: Option<String> = row.try_get("phones").map_err(failed)?;
    Ok(Contact {
        id: column(row, "id")?,
        lead_id: column(row, "lead_id")?,
        display_name: text(row, "display_name")?,
        phones: phones
            .iter()
            .flat_map(|list| list.split(','))
            .map(str::to_owned)
            .collect(),
    })
}

pub(crate) fn read_number(row: &SqliteRow) -> Result<PhoneNumber, StoreError> {
    let owner: Option<String> = row.try_get("account_id").map_err(failed)?;
    let users: Option<String> = row.try_get("users").map_err(failed)?;
    Ok(PhoneNumber {
        user_id: owner.map(from_text).transpose()?,
        user_ids: users
            .iter()
            .flat_map(|list| list.split(','))
            .map(|id| from_text(id.to_owned()))
            .collect::<Result<_, _>>()?,
        id: column(row, "id")?,
        number: text(row, "number")?,
        label: text(row, "label")?,
        kind: column(row, "kind")?,
    })
}
