//! What an import does to leads: a step of rows at a time, each in one transaction, with all that's needed
//! to take it back.

use super::{KeptImport, save};
use crate::StoreError;
use crate::database::Database;
use crate::lead_search::{NewPlaces, insert, place, remember_all};
use crate::lead_writes::{ContactFields, PhoneFields, set_contacts};
use crate::leads::lead_in;
use crate::random::id_suffix;
use crate::sql::{Row, Sql, Tx, Value, sql, sql_of, to_body, to_text};
use crate::words::Document;
use import::{Draft, Item, Known, Merged, Person};
use std::collections::{BTreeSet, HashMap};
use wire::{
    ContactEmail, ContactId, ImportCounts, ImportId, ImportState, Lead, LeadId, OrganizationId,
    Timestamp,
};

/// Values that one statement looks for.
const VALUES_AT_ONCE: usize = 200;

/// A row, and the lead that it makes or adds to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportWork {
    /// The lead.
    pub lead_id: LeadId,
    /// Whether the row makes it.
    pub is_new: bool,
    /// What the row says.
    pub draft: Draft,
}

/// A lead that an import made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeLead {
    /// The line of the row that made it.
    pub line: u32,
    /// Its name now.
    pub name: String,
    /// Its id.
    pub id: LeadId,
}

/// A lead that rows of one step are about.
struct Target {
    id: LeadId,
    line: u32,
    name: String,
    merged: Merged,
    /// How it was, when it was there before.
    before: Option<Before>,
    is_changed: bool,
}

/// A lead as it was before a step.
struct Before {
    lead: Lead,
    contacts: Vec<ContactId>,
}

/// Some of what a lead has.
type Part = fn(&mut Known) -> &mut Vec<String>;

impl Database {
    /// The organization's leads that rows are about: those with an id, a number or an address of theirs.
    pub async fn known_to_import<'a>(
        &self,
        organization: &OrganizationId,
        drafts: impl Iterator<Item = &'a Draft>,
    ) -> Result<Vec<Known>, StoreError> {
        let (mut phones, mut emails, mut ids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for draft in drafts {
            ids.extend(draft.lead_id.clone());
            phones.extend(draft.phones.iter().map(|phone| phone.value.clone()));
            emails.extend(draft.emails.iter().map(|email| email.value.clone()));
        }
        let listed = |set: BTreeSet<String>| set.into_iter().collect::<Vec<String>>();
        let (phones, emails) = (listed(phones), listed(emails));
        let found = self.leads_that_have(organization, &phones, &emails).await?;
        let mut found: BTreeSet<String> = found.into_iter().map(|(_, id)| id.into()).collect();
        for some in listed(ids).chunks(VALUES_AT_ONCE) {
            let text = "SELECT id FROM lead WHERE organization_id = $1 AND id";
            let query = among(text, 1, some)(vec![organization.as_str().into()]);
            for row in query.all(&self.reader).await? {
                found.insert(row.text("id")?);
            }
        }
        let found: Vec<String> = found.into_iter().collect();
        let mut known = Vec::with_capacity(found.len());
        for some in found.chunks(VALUES_AT_ONCE) {
            known.extend(self.known(some).await?);
        }
        Ok(known)
    }

    async fn known(&self, ids: &[String]) -> Result<Vec<Known>, StoreError> {
        let all = |text: &str| among(text, 0, ids)(Vec::new()).all(&self.reader);
        let mut known: HashMap<String, Known> = HashMap::new();
        for row in all(
            "SELECT id, display_name, description, status_id, owner_id FROM lead
                        WHERE id",
        )
        .await?
        {
            let lead = Known {
                id: row.named("id")?,
                name: row.text("display_name")?,
                status: row.optional_text("status_id")?,
                owner: row.optional_text("owner_id")?,
                description: row.text("description")?,
                contacts: Vec::new(),
                phones: Vec::new(),
                emails: Vec::new(),
            };
            known.insert(row.text("id")?, lead);
        }
        let parts: [(&str, Part); 3] = [
            (
                "SELECT lead_id, display_name AS value FROM contact WHERE lead_id",
                |lead| &mut lead.contacts,
            ),
            (
                "SELECT lead_id, number AS value FROM contact
                 JOIN contact_phone ON contact_id = contact.id WHERE lead_id",
                |lead| &mut lead.phones,
            ),
            (
                "SELECT lead_id, email AS value FROM contact
                 JOIN contact_email ON contact_id = contact.id WHERE lead_id",
                |lead| &mut lead.emails,
            ),
        ];
        for (text, part) in parts {
            for row in all(text).await? {
                if let Some(lead) = known.get_mut(&row.text("lead_id")?) {
                    part(lead).push(row.text("value")?);
                }
            }
        }
        // The oldest is the one meant, where several share a number.
        let mut known: Vec<Known> = known.into_values().collect();
        known.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(known)
    }

    /// Does what rows say, and notes how far the import is; whether it still ran.
    pub async fn work_on_import(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
        work: Vec<ImportWork>,
        done: ImportCounts,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("SELECT body FROM import WHERE id = $1 AND organization_id = $2")
            .bind(id.as_str())
            .bind(organization.as_str())
            .optional(&mut tx)
            .await?;
        let Some(mut kept) = row.as_ref().map(Row::body::<KeptImport>).transpose()? else {
            return Ok(false);
        };
        if kept.import.state != ImportState::Running {
            return Ok(false);
        }
        let targets = targets(&mut tx, organization, work).await?;
        let (new, there): (Vec<_>, Vec<_>) = targets
            .into_iter()
            .partition(|target| target.before.is_none());
        make(&mut tx, organization, id, &new, now).await?;
        for target in there.iter().filter(|target| target.is_changed) {
            change(&mut tx, organization, id, target, now).await?;
        }
        kept.import.done = done;
        kept.import.undoable = done.created + done.updated > 0;
        save(&mut tx, &kept, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The leads that an import made and that are still there, in the order of its file.
    pub async fn made_by_import(&self, id: &ImportId) -> Result<Vec<MadeLead>, StoreError> {
        sql("SELECT line, display_name, lead.id AS id FROM import_lead
             JOIN lead ON lead.id = import_lead.lead_id
             WHERE import_id = $1 AND before IS NULL ORDER BY line")
        .bind(id.as_str())
        .all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(MadeLead {
                line: row.number("line")?,
                name: row.text("display_name")?,
                id: row.named("id")?,
            })
        })
        .collect()
    }
}

/// The leads that rows are about, as they're to be. A lead that's gone meanwhile is left out.
async fn targets(
    tx: &mut Tx,
    organization: &OrganizationId,
    work: Vec<ImportWork>,
) -> Result<Vec<Target>, StoreError> {
    let mut targets: Vec<Target> = Vec::new();
    let mut places: HashMap<LeadId, Option<usize>> = HashMap::new();
    let first_status = sql("SELECT id FROM lead_status WHERE organization_id = $1
         ORDER BY position LIMIT 1")
    .bind(organization.as_str())
    .optional(&mut *tx)
    .await?;
    let first_status = first_status.map(|row| row.text("id")).transpose()?;
    for ImportWork {
        lead_id,
        is_new,
        draft,
    } in work
    {
        let place = match places.get(&lead_id) {
            Some(place) => *place,
            None => {
                let target = if is_new {
                    Some(Target {
                        id: lead_id.clone(),
                        line: draft.line,
                        name: draft.name.clone(),
                        merged: Merged {
                            status: first_status.clone(),
                            ..Merged::default()
                        },
                        before: None,
                        is_changed: true,
                    })
                } else {
                    there(tx, organization, &lead_id, draft.line).await?
                };
                let place = target.is_some().then_some(targets.len());
                targets.extend(target);
                places.insert(lead_id, place);
                place
            }
        };
        if let Some(target) = place.and_then(|place| targets.get_mut(place)) {
            target.is_changed |= target.merged.add(&draft);
        }
    }
    Ok(targets)
}

/// A statement that ends with a column, which is to be one of these values; `bound` come before them. There
/// are always as many places, so that there is one statement for all.
fn among(text: &str, bound: usize, values: &[String]) -> impl Fn(Vec<Value>) -> Sql {
    let places: Vec<String> = (1..=VALUES_AT_ONCE)
        .map(|at| format!("${}", bound + at))
        .collect();
    let text = format!("{text} IN ({})", places.join(", "));
    let mut wanted: Vec<Value> = values.iter().map(Value::from).collect();
    if let Some(last) = wanted.last().cloned() {
        wanted.resize(VALUES_AT_ONCE, last);
    }
    move |before| {
        sql_of(text.clone())
            .bind_all(before)
            .bind_all(wanted.clone())
    }
}

async fn there(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &LeadId,
    line: u32,
) -> Result<Option<Target>, StoreError> {
    let Some(lead) = lead_in(tx, organization, id).await? else {
        return Ok(None);
    };
    let people = lead.contacts.iter().map(|contact| Person {
        name: contact.name.clone(),
        phones: contact
            .phones
            .iter()
            .map(|phone| Item {
                label: phone.label,
                value: phone.phone.clone(),
                extension: phone.extension.clone(),
            })
            .collect(),
        emails: contact
            .emails
            .iter()
            .map(|email| Item {
                label: email.label,
                value: email.email.clone(),
                extension: None,
            })
            .collect(),
        is_changed: false,
    });
    Ok(Some(Target {
        id: id.clone(),
        line,
        name: lead.display_name.clone(),
        merged: Merged {
            description: lead.description.clone(),
            status: lead.status_id.as_ref().map(|id| id.as_str().to_owned()),
            owner: lead.owner_id.as_ref().map(|id| id.as_str().to_owned()),
            people: people.collect(),
        },
        before: Some(Before {
            contacts: lead.contacts.iter().map(|one| one.id.clone()).collect(),
            lead,
        }),
        is_changed: false,
    }))
}

/// The rows of contacts that are new or changed.
#[derive(Default)]
struct Rows {
    contacts: Vec<Vec<Value>>,
    phones: Vec<Vec<Value>>,
    emails: Vec<Vec<Value>>,
}

impl Rows {
    fn contact(
        &mut self,
        organization: &OrganizationId,
        lead: &LeadId,
        at: usize,
        person: &Person,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = ContactId::from_suffix(&id_suffix(now))
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        self.contacts.push(vec![
            id.as_str().into(),
            organization.as_str().into(),
            lead.as_str().into(),
            position(at),
            person.name.as_str().into(),
        ]);
        let contact = id;
        for (at, phone) in person.phones.iter().enumerate() {
            self.phones.push(vec![
                contact.as_str().into(),
                position(at),
                phone.value.as_str().into(),
                to_text(&phone.label)?.into(),
                phone.extension.as_deref().into(),
            ]);
        }
        for (at, email) in person.emails.iter().enumerate() {
            self.emails.push(vec![
                contact.as_str().into(),
                position(at),
                email.value.as_str().into(),
                to_text(&email.label)?.into(),
            ]);
        }
        Ok(())
    }

    async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        insert(
            tx,
            "INSERT INTO contact (id, organization_id, lead_id, position, display_name) VALUES",
            self.contacts,
        )
        .await?;
        insert(
            tx,
            "INSERT INTO contact_phone (contact_id, position, number, kind, extension) VALUES",
            self.phones,
        )
        .await?;
        insert(
            tx,
            "INSERT INTO contact_email (contact_id, position, email, kind) VALUES",
            self.emails,
        )
        .await
    }
}

fn position(at: usize) -> Value {
    i64::try_from(at).unwrap_or(i64::MAX).into()
}

/// Makes leads, with few statements.
async fn make(
    tx: &mut Tx,
    organization: &OrganizationId,
    import: &ImportId,
    new: &[Target],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut places = NewPlaces::of(tx).await?;
    let (mut leads, mut made, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = Rows::default();
    for target in new {
        let mut document = Document::new(&target.name);
        for (at, person) in target.merged.people.iter().enumerate() {
            document.contact(&person.name);
            for phone in &person.phones {
                document.phone(&phone.value);
            }
            for email in &person.emails {
                document.email(&email.value);
            }
            rows.contact(organization, &target.id, at, person, now)?;
        }
        let document = document.done();
        let place = places.take();
        leads.push(vec![
            target.id.as_str().into(),
            organization.as_str().into(),
            target.name.as_str().into(),
            target.merged.description.as_str().into(),
            target.merged.status.as_deref().into(),
            target.merged.owner.as_deref().into(),
            now.0.into(),
            now.0.into(),
            document.sort_name.as_str().into(),
            place.into(),
        ]);
        made.push(vec![
            import.as_str().into(),
            target.id.as_str().into(),
            target.line.into(),
            now.0.into(),
        ]);
        documents.push((place, document));
    }
    insert(
        tx,
        "INSERT INTO lead (id, organization_id, display_name, description, status_id, owner_id,
             date_created, date_updated, sort_name, place) VALUES",
        leads,
    )
    .await?;
    rows.write(tx).await?;
    let found: Vec<_> = documents.iter().map(|(place, one)| (*place, one)).collect();
    remember_all(tx, organization, &found).await?;
    insert(
        tx,
        "INSERT INTO import_lead (import_id, lead_id, line, version) VALUES",
        made,
    )
    .await
}

/// Adds to a lead that's there, and keeps how it was.
async fn change(
    tx: &mut Tx,
    organization: &OrganizationId,
    import: &ImportId,
    target: &Target,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(before) = &target.before else {
        return Ok(());
    };
    let version = before.lead.date_updated.0;
    let new_version = now.0.max(version + 1);
    sql(
        "UPDATE lead SET description = $1, status_id = $2, owner_id = $3, date_updated = $4
         WHERE id = $5",
    )
    .bind(&target.merged.description)
    .bind(target.merged.status.as_deref())
    .bind(target.merged.owner.as_deref())
    .bind(new_version)
    .bind(target.id.as_str())
    .execute(&mut *tx)
    .await?;
    let people = target.merged.people.iter().enumerate();
    let contacts = people.map(|(at, person)| ContactFields {
        id: before.contacts.get(at).cloned(),
        name: person.name.clone(),
        phones: person
            .phones
            .iter()
            .map(|phone| PhoneFields {
                number: phone.value.clone(),
                extension: phone.extension.clone(),
                label: phone.label,
            })
            .collect(),
        emails: person
            .emails
            .iter()
            .map(|email| ContactEmail {
                email: email.value.clone(),
                label: email.label,
            })
            .collect(),
    });
    let contacts: Vec<ContactFields> = contacts.collect();
    if !set_contacts(tx, organization, &target.id, &contacts, now).await? {
        return Err(StoreError::Fault(
            "an import's contacts are another lead's".into(),
        ));
    }
    place(tx, &target.id).await?;
    // What the import did before is taken back with it. What someone else changed in between stays.
    sql(
        "INSERT INTO import_lead (import_id, lead_id, line, version, before)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (import_id, lead_id) DO UPDATE SET version = excluded.version
         WHERE import_lead.version = $6",
    )
    .bind(import.as_str())
    .bind(target.id.as_str())
    .bind(target.line)
    .bind(new_version)
    .bind(to_body(&before.lead)?)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(())
}
