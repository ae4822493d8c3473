//! Leads that are entered, changed, merged and deleted.

use crate::StoreError;
use crate::database::Database;
use crate::lead_search::{NEW_PLACE, forget, insert, place, random_place, remember};
use crate::leads::lead_in;
use crate::organizations::all_members;
use crate::random::id_suffix;
use crate::sql::{Tx, Value, sql, sql_of, to_body, to_text};
use crate::words::Document;
use std::collections::HashSet;
use wire::{
    Call, CallId, ContactEmail, ContactId, ContactLabel, IdError, Invitation, InvitationId, Lead,
    LeadBrief, LeadId, LeadStatusId, OrganizationId, Timestamp, UserId,
};

/// Contacts of one lead at most.
pub const CONTACTS_MAX: usize = 100;
/// The longest description of a lead, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Calls that are rewritten at once.
const CALLS_AT_ONCE: u32 = 500;

/// All that a lead is given, checked beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeadFields {
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub description: String,
    /// Where it stands; the first of the list for a new lead without.
    pub status_id: Option<LeadStatusId>,
    /// Who looks after it.
    pub owner_id: Option<UserId>,
    /// Its contacts, in their order.
    pub contacts: Vec<ContactFields>,
}

/// All that a contact is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactFields {
    /// Which one it is; none for a new one.
    pub id: Option<ContactId>,
    /// Their name; empty when it is not known.
    pub name: String,
    /// Their numbers.
    pub phones: Vec<PhoneFields>,
    /// Their email addresses.
    pub emails: Vec<ContactEmail>,
}

/// A contact's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneFields {
    /// E.164.
    pub number: String,
    /// Its extension.
    pub extension: Option<String>,
    /// Where it reaches them.
    pub label: ContactLabel,
}

/// How a lead was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// There is no such lead.
    Lead,
    /// The status is none of the organization's.
    Status,
    /// The owner is none of its members.
    Owner,
    /// A contact is none of the lead's.
    Contact,
}

impl Database {
    /// Enters a lead.
    pub async fn create_lead(
        &self,
        organization: &OrganizationId,
        fields: &LeadFields,
        now: Timestamp,
    ) -> Result<Result<Lead, Missing>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        if let Some(missing) = missing(&mut tx, organization, fields).await? {
            return Ok(Err(missing));
        }
        if fields.contacts.iter().any(|contact| contact.id.is_some()) {
            return Ok(Err(Missing::Contact));
        }
        let lead = enter(&mut tx, organization, fields, false, now).await?;
        let whole = lead_in(&mut tx, organization, &lead).await?;
        tx.commit().await?;
        whole.map(Ok).ok_or_else(gone)
    }

    /// Changes a lead to what it is given. [`StoreError::Conflict`] when it was changed since `read`.
    pub async fn change_lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
        fields: &LeadFields,
        read: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Result<Lead, Missing>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("SELECT date_updated FROM lead WHERE organization_id = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(Err(Missing::Lead));
        };
        let updated = row.moment("date_updated")?;
        if read.is_some_and(|read| read != updated) {
            return Err(StoreError::Conflict(
                "Someone else changed this lead in the meantime. Reload it, then make your changes \
                 again."
                    .into(),
            ));
        }
        if let Some(missing) = missing(&mut tx, organization, fields).await? {
            return Ok(Err(missing));
        }
        // Two changes at one moment are two.
        let now = now.max(updated.plus_millis(1));
        sql("UPDATE lead SET display_name = $1, description = $2, status_id = coalesce($3, status_id),
                 owner_id = $4, date_updated = $5 WHERE id = $6")
        .bind(&fields.name)
        .bind(&fields.description)
        .bind(fields.status_id.as_ref().map(LeadStatusId::as_str))
        .bind(fields.owner_id.as_ref().map(UserId::as_str))
        .bind(now.0)
        .bind(lead.as_str())
        .execute(&mut tx)
        .await?;
        if !set_contacts(&mut tx, organization, lead, &fields.contacts, now).await? {
            return Ok(Err(Missing::Contact));
        }
        place(&mut tx, lead).await?;
        let whole = lead_in(&mut tx, organization, lead).await?;
        tx.commit().await?;
        whole.map(Ok).ok_or_else(gone)
    }

    /// Gives a lead's contacts and calls to another one, and deletes it; none when one of the two is not
    /// there. No call with it may be in progress.
    pub async fn merge_leads(
        &self,
        organization: &OrganizationId,
        source: &LeadId,
        destination: &LeadId,
        now: Timestamp,
    ) -> Result<Option<Lead>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let from = lead_in(&mut tx, organization, source).await?;
        let to = lead_in(&mut tx, organization, destination).await?;
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(None);
        };
        let conflict = |why: String| Err(StoreError::Conflict(why));
        if source == destination {
            return conflict("A lead can't be merged into itself. Choose another one.".into());
        }
        if from.contacts.len() + to.contacts.len() > CONTACTS_MAX {
            return conflict(format!(
                "Together, the two leads have more than {CONTACTS_MAX} contacts. Delete some first."
            ));
        }
        let description = together(&to.description, &from.description);
        if description.chars().count() > DESCRIPTION_CHARS_MAX {
            return conflict(
                "The two descriptions are too long to be put together. Shorten one first.".into(),
            );
        }
        sql("UPDATE contact SET lead_id = $1, position = position + $2 WHERE lead_id = $3")
            .bind(destination.as_str())
            .bind(next_position(&mut tx, destination).await?)
            .bind(source.as_str())
            .execute(&mut tx)
            .await?;
        let status = to.status_id.or(from.status_id);
        let owner = to.owner_id.or(from.owner_id);
        sql(
            "UPDATE lead SET description = $1, status_id = $2, owner_id = $3, date_updated = $4
             WHERE id = $5",
        )
        .bind(&description)
        .bind(status.as_ref().map(LeadStatusId::as_str))
        .bind(owner.as_ref().map(UserId::as_str))
        .bind(now.max(to.date_updated.plus_millis(1)).0)
        .bind(destination.as_str())
        .execute(&mut tx)
        .await?;
        let brief = LeadBrief {
            id: destination.clone(),
            display_name: to.display_name,
        };
        give_calls(&mut tx, organization, source, &brief).await?;
        remove(&mut tx, organization, source).await?;
        place(&mut tx, destination).await?;
        let whole = lead_in(&mut tx, organization, destination).await?;
        tx.commit().await?;
        Ok(whole)
    }

    /// Deletes a lead with its contacts, calls, coaches' legs, invitations, and what is known of its
    /// recordings; whether there was one. Ledger and audit log stay.
    pub async fn delete_lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        sql("DELETE FROM call WHERE organization_id = $1 AND lead_id = $2")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .execute(&mut tx)
            .await?;
        let deleted = remove(&mut tx, organization, lead).await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

/// Enters a new lead with its contacts, whose ids are not looked at. Status and owner are the
/// organization's, which the caller has seen to ([`missing`]).
pub(crate) async fn enter(
    tx: &mut Tx,
    organization: &OrganizationId,
    fields: &LeadFields,
    withheld: bool,
    now: Timestamp,
) -> Result<LeadId, StoreError> {
    let lead = LeadId::from_suffix(&id_suffix(now)).map_err(no_id)?;
    let mut document = Document::new(&fields.name);
    for contact in &fields.contacts {
        document.contact(&contact.name);
        for phone in &contact.phones {
            document.phone(&phone.number);
        }
        for email in &contact.emails {
            document.email(&email.email);
        }
    }
    let document = document.done();
    let row = sql_of(format!(
        "INSERT INTO lead (place, id, organization_id, display_name, sort_name, description, status_id,
                           owner_id, date_created, date_updated, withheld)
         VALUES ({NEW_PLACE}, $2, $3, $4, $5, $6, coalesce($7, (
             SELECT id FROM lead_status WHERE organization_id = $3 ORDER BY position, id LIMIT 1)),
             $8, $9, $9, $10)
         RETURNING place"
    ))
    .bind(random_place(tx))
    .bind(lead.as_str())
    .bind(organization.as_str())
    .bind(&fields.name)
    .bind(&document.sort_name)
    .bind(&fields.description)
    .bind(fields.status_id.as_ref().map(LeadStatusId::as_str))
    .bind(fields.owner_id.as_ref().map(UserId::as_str))
    .bind(now.0)
    .bind(withheld)
    .one(&mut *tx)
    .await?;
    let place = row.int("place")?;
    let mut contacts = Vec::with_capacity(fields.contacts.len());
    for contact in &fields.contacts {
        let id = ContactId::from_suffix(&id_suffix(now)).map_err(no_id)?;
        contacts.push((id, contact));
    }
    insert_contacts(tx, organization, &lead, &contacts, 0).await?;
    remember(tx, organization, place, &document).await?;
    Ok(lead)
}

/// Status or owner that is none of the organization's.
pub(crate) async fn missing(
    tx: &mut Tx,
    organization: &OrganizationId,
    fields: &LeadFields,
) -> Result<Option<Missing>, StoreError> {
    if let Some(status) = &fields.status_id {
        let known = sql("SELECT 1 FROM lead_status WHERE id = $1 AND organization_id = $2")
            .bind(status.as_str())
            .bind(organization.as_str())
            .exists(&mut *tx)
            .await?;
        if !known {
            return Ok(Some(Missing::Status));
        }
    }
    if let Some(owner) = &fields.owner_id {
        let owner = std::slice::from_ref(owner);
        if !all_members(tx, organization, owner).await? {
            return Ok(Some(Missing::Owner));
        }
    }
    Ok(None)
}

/// Lets a lead have these contacts and no others; whether those with an id are its own.
pub(crate) async fn set_contacts(
    tx: &mut Tx,
    organization: &OrganizationId,
    lead: &LeadId,
    contacts: &[ContactFields],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rows = sql("SELECT id FROM contact WHERE lead_id = $1")
        .bind(lead.as_str())
        .all(&mut *tx)
        .await?;
    let mut had: HashSet<ContactId> = rows
        .iter()
        .map(|row| row.named("id"))
        .collect::<Result<_, _>>()?;
    sql("DELETE FROM contact WHERE lead_id = $1")
        .bind(lead.as_str())
        .execute(&mut *tx)
        .await?;
    let mut kept = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let id = match &contact.id {
            // Each of them once.
            Some(id) if !had.remove(id) => return Ok(false),
            Some(id) => id.clone(),
            None => ContactId::from_suffix(&id_suffix(now)).map_err(no_id)?,
        };
        kept.push((id, contact));
    }
    insert_contacts(tx, organization, lead, &kept, 0).await?;
    Ok(true)
}

async fn insert_contacts(
    tx: &mut Tx,
    organization: &OrganizationId,
    lead: &LeadId,
    contacts: &[(ContactId, &ContactFields)],
    first: i64,
) -> Result<(), StoreError> {
    let (mut rows, mut phones, mut emails) = (Vec::new(), Vec::new(), Vec::new());
    for ((id, contact), position) in contacts.iter().zip(first..) {
        rows.push(vec![
            id.as_str().into(),
            organization.as_str().into(),
            lead.as_str().into(),
            position.into(),
            (&contact.name).into(),
        ]);
        for (phone, position) in contact.phones.iter().zip(0_i64..) {
            phones.push(vec![
                id.as_str().into(),
                position.into(),
                (&phone.number).into(),
                phone.extension.clone().into(),
                to_text(&phone.label)?.into(),
            ]);
        }
        for (email, position) in contact.emails.iter().zip(0_i64..) {
            emails.push(vec![
                Value::from(id.as_str()),
                position.into(),
                (&email.email).into(),
                to_text(&email.label)?.into(),
            ]);
        }
    }
    for (into, rows) in [
        (
            "INSERT INTO contact (id, organization_id, lead_id, position, display_name) VALUES",
            rows,
        ),
        (
            "INSERT INTO contact_phone (contact_id, position, number, extension, kind) VALUES",
            phones,
        ),
        (
            "INSERT INTO contact_email (contact_id, position, email, kind) VALUES",
            emails,
        ),
    ] {
        insert(tx, into, rows).await?;
    }
    Ok(())
}

async fn next_position(tx: &mut Tx, lead: &LeadId) -> Result<i64, StoreError> {
    sql("SELECT coalesce(max(position), -1) + 1 AS count FROM contact WHERE lead_id = $1")
        .bind(lead.as_str())
        .count(tx)
        .await
}

/// Rewrites the calls with a lead, and their invitations, to be with another one.
async fn give_calls(
    tx: &mut Tx,
    organization: &OrganizationId,
    source: &LeadId,
    destination: &LeadBrief,
) -> Result<(), StoreError> {
    loop {
        let rows = sql(
            "SELECT id, body FROM call WHERE organization_id = $1 AND lead_id = $2
             LIMIT $3",
        )
        .bind(organization.as_str())
        .bind(source.as_str())
        .bind(CALLS_AT_ONCE)
        .all(&mut *tx)
        .await?;
        for row in &rows {
            let id: CallId = row.named("id")?;
            let mut call: Call = row.body()?;
            call.lead = destination.clone();
            sql("UPDATE call SET lead_id = $1, body = $2 WHERE id = $3")
                .bind(destination.id.as_str())
                .bind(to_body(&call)?)
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
            let invitations = sql("SELECT id, body FROM invitation WHERE call_id = $1")
                .bind(id.as_str())
                .all(&mut *tx)
                .await?;
            for row in &invitations {
                let id: InvitationId = row.named("id")?;
                let mut invitation: Invitation = row.body()?;
                invitation.lead = destination.clone();
                sql("UPDATE invitation SET body = $1 WHERE id = $2")
                    .bind(to_body(&invitation)?)
                    .bind(id.as_str())
                    .execute(&mut *tx)
                    .await?;
            }
        }
        if rows.len() < CALLS_AT_ONCE as usize {
            return Ok(());
        }
    }
}

/// Takes a lead out with its contacts; whether there was one.
pub(crate) async fn remove(
    tx: &mut Tx,
    organization: &OrganizationId,
    lead: &LeadId,
) -> Result<bool, StoreError> {
    let row = sql("DELETE FROM lead WHERE organization_id = $1 AND id = $2 RETURNING place")
        .bind(organization.as_str())
        .bind(lead.as_str())
        .optional(&mut *tx)
        .await?;
    let Some(row) = row else {
        return Ok(false);
    };
    forget(tx, row.int("place")?).await?;
    Ok(true)
}

fn together(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (false, false) if first != second => format!("{first}\n\n{second}"),
        (true, _) => second.to_owned(),
        _ => first.to_owned(),
    }
}

fn gone() -> StoreError {
    StoreError::Fault("a lead is gone that was just written".into())
}

fn no_id(error: IdError) -> StoreError {
    StoreError::Fault(error.to_string())
}
