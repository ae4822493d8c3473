//! Who is called, and from which numbers.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Order, Row, sql};
use wire::{Contact, Lead, LeadId, List, ListQuery, OrganizationId, PhoneNumber, PhoneNumberId};

impl Database {
    /// Leads by name, those whose name holds `query` when it is given.
    pub async fn leads(
        &self,
        organization: &OrganizationId,
        query: Option<&str>,
        page: &ListQuery,
    ) -> Result<List<Lead>, StoreError> {
        let found = sql("SELECT id, display_name FROM lead
             WHERE organization_id = $1
                 AND ($2 IS NULL OR lower(display_name) LIKE lower($2) ESCAPE '\\')")
        .bind(organization.as_str())
        .bind(query.map(holding))
        .page(
            &self.reader,
            Order::ByName(&["display_name", "id"]),
            page,
            |row| Ok((row.named("id")?, row.text("display_name")?)),
        )
        .await?;
        let mut leads = Vec::with_capacity(found.data.len());
        for (id, display_name) in found.data {
            leads.push(self.whole(id, display_name).await?);
        }
        Ok(List {
            data: leads,
            has_more: found.has_more,
            cursor: found.cursor,
        })
    }

    /// One lead.
    pub async fn lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Option<Lead>, StoreError> {
        let row = sql("SELECT display_name FROM lead WHERE organization_id = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .optional(&self.reader)
            .await?;
        match row {
            Some(row) => {
                let whole = self.whole(lead.clone(), row.text("display_name")?);
                Ok(Some(whole.await?))
            }
            None => Ok(None),
        }
    }

    /// Contacts by name, those of one lead when it is given.
    pub async fn contacts(
        &self,
        organization: &OrganizationId,
        lead: Option<&LeadId>,
        page: &ListQuery,
    ) -> Result<List<Contact>, StoreError> {
        sql("SELECT id, lead_id, display_name, (
                 SELECT string_agg(number, ',' ORDER BY position) FROM contact_phone
                 WHERE contact_id = contact.id) AS phones
             FROM contact WHERE organization_id = $1 AND ($2 IS NULL OR lead_id = $2)")
        .bind(organization.as_str())
        .bind(lead.map(LeadId::as_str))
        .page(
            &self.reader,
            Order::ByName(&["display_name", "id"]),
            page,
            read_contact,
        )
        .await
    }

    /// The organization's numbers.
    pub async fn phone_numbers(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<PhoneNumber>, StoreError> {
        sql("SELECT id, number, label, kind, account_id,
                    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number WHERE organization_id = $1")
        .bind(organization.as_str())
        .page(&self.reader, Order::ByName(&["number"]), page, read_number)
        .await
    }

    /// One number.
    pub async fn phone_number(
        &self,
        organization: &OrganizationId,
        number: &PhoneNumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        sql("SELECT id, number, label, kind, account_id,
                    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number
             WHERE organization_id = $1 AND id = $2")
        .bind(organization.as_str())
        .bind(number.as_str())
        .optional(&self.reader)
        .await?
        .as_ref()
        .map(read_number)
        .transpose()
    }

    /// A lead with its contacts, in the order they were entered.
    async fn whole(&self, id: LeadId, display_name: String) -> Result<Lead, StoreError> {
        let contacts = sql("SELECT id, lead_id, display_name, (
                 SELECT string_agg(number, ',' ORDER BY position) FROM contact_phone
                 WHERE contact_id = contact.id) AS phones
             FROM contact WHERE lead_id = $1 ORDER BY position LIMIT 200")
        .bind(id.as_str())
        .all(&self.reader)
        .await?
        .iter()
        .map(read_contact)
        .collect::<Result<_, _>>()?;
        Ok(Lead {
            id,
            display_name,
            contacts,
        })
    }
}

/// The pattern of what holds this text.
fn holding(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

fn read_contact(row: &Row) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: row.named("id")?,
        lead_id: row.named("lead_id")?,
        display_name: row.text("display_name")?,
        phones: row.list("phones")?,
    })
}

pub(crate) fn read_number(row: &Row) -> Result<PhoneNumber, StoreError> {
    Ok(PhoneNumber {
        user_id: row.optional_named("account_id")?,
        user_ids: row.list("users")?,
        id: row.named("id")?,
        number: row.text("number")?,
        label: row.text("label")?,
        kind: row.named("kind")?,
    })
}
