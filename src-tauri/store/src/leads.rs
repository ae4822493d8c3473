//! Who is called, and from which numbers.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{On, Order, Pool, Row, Sql, Tx, Value, sql, sql_of};
use crate::words::{Search, email_key, number_key};
use std::collections::HashMap;
use wire::{
    Contact, ContactEmail, ContactId, ContactPhone, Lead, LeadId, LeadQuery, List, ListQuery,
    OrganizationId, PhoneNumber, PhoneNumberId,
};

/// Leads that are read by one query, at most.
const LEADS_AT_ONCE: usize = 256;
/// Keys that are looked up by one query, at most.
const KEYS_AT_ONCE: usize = 256;

impl Database {
    /// Leads by name, or those that a search finds, in the order of [`crate::lead_search`].
    pub async fn leads(
        &self,
        organization: &OrganizationId,
        query: &LeadQuery,
    ) -> Result<List<Lead>, StoreError> {
        let search = query.query.as_deref().and_then(Search::of);
        let found = match search {
            Some(search) => self.found_leads(organization, &search, query).await?,
            None => self.listed_leads(organization, query).await?,
        };
        Ok(List {
            data: self.whole(organization, found.data).await?,
            has_more: found.has_more,
            cursor: found.cursor,
        })
    }

    async fn listed_leads(
        &self,
        organization: &OrganizationId,
        query: &LeadQuery,
    ) -> Result<List<LeadId>, StoreError> {
        // Each with its index.
        let (status, owner) = (&query.status_id, &query.owner_id);
        let mut text = "SELECT id, sort_name FROM lead WHERE organization_id = $1".to_owned();
        let mut values = vec![organization.as_str().into()];
        if let Some(status) = status {
            values.push(status.as_str().into());
            text.push_str(&format!(" AND status_id = ${}", values.len()));
        }
        if let Some(owner) = owner {
            values.push(owner.as_str().into());
            text.push_str(&format!(" AND owner_id = ${}", values.len()));
        }
        let order = Order::ByName(&["sort_name", "id"]);
        sql_of(text)
            .bind_all(values)
            .page(&self.reader, order, &query.page(), |row| row.named("id"))
            .await
    }

    /// One lead.
    pub async fn lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Option<Lead>, StoreError> {
        let mut leads = self.whole(organization, vec![lead.clone()]).await?;
        Ok(leads.pop())
    }

    /// The country in which the organization's people read and write numbers, such as `US`.
    pub async fn country(&self, organization: &OrganizationId) -> Result<String, StoreError> {
        country(&self.reader, organization).await
    }

    /// Contacts by name, those of one lead when it is given.
    pub async fn contacts(
        &self,
        organization: &OrganizationId,
        lead: Option<&LeadId>,
        page: &ListQuery,
    ) -> Result<List<Contact>, StoreError> {
        let bare = sql("SELECT id, lead_id, display_name FROM contact
             WHERE organization_id = $1 AND ($2 IS NULL OR lead_id = $2)")
        .bind(organization.as_str())
        .bind(lead.map(LeadId::as_str))
        .page(
            &self.reader,
            Order::ByName(&["display_name", "id"]),
            page,
            read_contact,
        )
        .await?;
        let country = country(&self.reader, organization).await?;
        let ids: Vec<&str> = bare
            .data
            .iter()
            .map(|contact| contact.id.as_str())
            .collect();
        let reach = reach(Reading::Pool(&self.reader), "contact.id", &ids, &country).await?;
        Ok(List {
            data: reached(bare.data, reach),
            ..bare
        })
    }

    /// Leads that have one of these numbers, in E.164, or email addresses, each with what it was found by.
    /// Several leads may have one, and some of them none.
    pub async fn leads_that_have(
        &self,
        organization: &OrganizationId,
        phones: &[String],
        emails: &[String],
    ) -> Result<Vec<(String, LeadId)>, StoreError> {
        let sought = phones.iter().map(|phone| (number_key(phone), phone));
        let sought = sought.chain(emails.iter().map(|email| (email_key(email), email)));
        let by_key: HashMap<String, &String> = sought.collect();
        let keys: Vec<&str> = by_key.keys().map(String::as_str).collect();
        let mut found = Vec::new();
        for some in keys.chunks(KEYS_AT_ONCE) {
            let (places, ids) = listed(some, 2);
            let rows = sql_of(format!(
                "SELECT lead_key.key, lead.id FROM lead_key CROSS JOIN lead
                 WHERE lead_key.organization_id = $1 AND lead_key.key IN ({places})
                     AND lead.place = lead_key.place ORDER BY lead.id"
            ))
            .bind(organization.as_str())
            .bind_all(ids)
            .all(&self.reader)
            .await?;
            for row in &rows {
                if let Some(sought) = by_key.get(&row.text("key")?) {
                    found.push(((*sought).clone(), row.named("id")?));
                }
            }
        }
        Ok(found)
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

    /// These leads with their contacts, in this order; without those that there are not.
    async fn whole(
        &self,
        organization: &OrganizationId,
        ids: Vec<LeadId>,
    ) -> Result<Vec<Lead>, StoreError> {
        let country = country(&self.reader, organization).await?;
        let mut leads = Vec::with_capacity(ids.len());
        for some in ids.chunks(LEADS_AT_ONCE) {
            leads.extend(
                read_leads(Reading::Pool(&self.reader), organization, &country, some).await?,
            );
        }
        Ok(leads)
    }
}

/// One lead, as a transaction has it.
pub(crate) async fn lead_in(
    tx: &mut Tx,
    organization: &OrganizationId,
    lead: &LeadId,
) -> Result<Option<Lead>, StoreError> {
    let country = country(&mut *tx, organization).await?;
    let ids = [lead.clone()];
    let mut leads = read_leads(Reading::Tx(tx), organization, &country, &ids).await?;
    Ok(leads.pop())
}

/// The country in which the organization's people read and write numbers.
pub(crate) async fn country<'a>(
    from: impl Into<On<'a>>,
    organization: &OrganizationId,
) -> Result<String, StoreError> {
    let row = sql("SELECT country FROM organization WHERE id = $1")
        .bind(organization.as_str())
        .optional(from)
        .await?;
    row.map_or_else(|| Ok(String::new()), |row| row.text("country"))
}

/// What several queries are asked of, one after another.
enum Reading<'a> {
    Pool(&'a Pool),
    Tx(&'a mut Tx),
}

impl Reading<'_> {
    async fn all(&mut self, query: Sql) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Pool(reader) => query.all(*reader).await,
            Self::Tx(tx) => query.all(&mut **tx).await,
        }
    }

    fn again(&mut self) -> Reading<'_> {
        match self {
            Self::Pool(reader) => Reading::Pool(reader),
            Self::Tx(tx) => Reading::Tx(tx),
        }
    }
}

/// The places of a list of ids, from this one on. A few lengths are enough, so that a few statements are
/// prepared; the rest is the last id.
fn listed(ids: &[&str], first: usize) -> (String, Vec<Value>) {
    let length = ids.len().next_power_of_two();
    let places: Vec<String> = (first..first + length).map(|at| format!("${at}")).collect();
    let all = ids.iter().chain(ids.last().into_iter().cycle());
    let values = all.take(length).map(|id| (*id).into()).collect();
    (places.join(", "), values)
}

async fn read_leads(
    mut from: Reading<'_>,
    organization: &OrganizationId,
    country: &str,
    ids: &[LeadId],
) -> Result<Vec<Lead>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<&str> = ids.iter().map(LeadId::as_str).collect();
    let (places, values) = listed(&texts, 2);
    let query = sql_of(format!(
        "SELECT lead.id, display_name, description, status_id, lead_status.label AS status_label, owner_id,
                date_created, date_updated
         FROM lead LEFT JOIN lead_status ON lead_status.id = lead.status_id
         WHERE lead.organization_id = $1 AND lead.id IN ({places})"
    ));
    let rows = from
        .all(query.bind(organization.as_str()).bind_all(values))
        .await?;
    let mut leads: HashMap<LeadId, Lead> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let id: LeadId = row.named("id")?;
        let lead = Lead {
            id: id.clone(),
            display_name: row.text("display_name")?,
            description: row.text("description")?,
            status_id: row.optional_named("status_id")?,
            status_label: row.optional_text("status_label")?,
            owner_id: row.optional_named("owner_id")?,
            date_created: row.moment("date_created")?,
            date_updated: row.moment("date_updated")?,
            contacts: Vec::new(),
        };
        leads.insert(id, lead);
    }
    // Those of the organization alone.
    let texts: Vec<&str> = leads.keys().map(LeadId::as_str).collect();
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let (places, values) = listed(&texts, 1);
    let query = sql_of(format!(
        "SELECT id, lead_id, display_name FROM contact WHERE lead_id IN ({places})
         ORDER BY lead_id, position, id"
    ));
    let rows = from.all(query.bind_all(values)).await?;
    let contacts = rows
        .iter()
        .map(read_contact)
        .collect::<Result<Vec<_>, _>>()?;
    let reach = reach(from.again(), "contact.lead_id", &texts, country).await?;
    for contact in reached(contacts, reach) {
        if let Some(lead) = leads.get_mut(&contact.lead_id) {
            lead.contacts.push(contact);
        }
    }
    Ok(ids.iter().filter_map(|id| leads.remove(id)).collect())
}

/// Numbers and email addresses of contacts.
#[derive(Default)]
struct Reach {
    phones: HashMap<ContactId, Vec<ContactPhone>>,
    emails: HashMap<ContactId, Vec<ContactEmail>>,
}

/// How the contacts can be reached that have one of these ids in a column.
async fn reach(
    mut from: Reading<'_>,
    column: &str,
    ids: &[&str],
    country: &str,
) -> Result<Reach, StoreError> {
    let mut reach = Reach::default();
    if ids.is_empty() {
        return Ok(reach);
    }
    let (places, values) = listed(ids, 1);
    let query = sql_of(format!(
        "SELECT contact_id, number, extension, kind FROM contact
         JOIN contact_phone ON contact_phone.contact_id = contact.id
         WHERE {column} IN ({places}) ORDER BY contact_id, contact_phone.position"
    ));
    for row in from.all(query.bind_all(values.clone())).await? {
        let (phone, extension) = (row.text("number")?, row.optional_text("extension")?);
        let phone = ContactPhone {
            phone_formatted: numbers::shown(&phone, extension.as_deref(), country),
            phone,
            extension,
            label: row.named("kind")?,
        };
        let contact = row.named("contact_id")?;
        reach.phones.entry(contact).or_default().push(phone);
    }
    let query = sql_of(format!(
        "SELECT contact_id, email, kind FROM contact
         JOIN contact_email ON contact_email.contact_id = contact.id
         WHERE {column} IN ({places}) ORDER BY contact_id, contact_email.position"
    ));
    for row in from.all(query.bind_all(values)).await? {
        let email = ContactEmail {
            email: row.text("email")?,
            label: row.named("kind")?,
        };
        let contact = row.named("contact_id")?;
        reach.emails.entry(contact).or_default().push(email);
    }
    Ok(reach)
}

/// Contacts with how they can be reached, and what to call those who have no name.
fn reached(contacts: Vec<Contact>, mut reach: Reach) -> Vec<Contact> {
    let whole = contacts.into_iter().map(|mut contact| {
        contact.phones = reach.phones.remove(&contact.id).unwrap_or_default();
        contact.emails = reach.emails.remove(&contact.id).unwrap_or_default();
        if contact.name.is_empty() {
            let phone = contact.phones.first().map(|phone| &phone.phone_formatted);
            let email = contact.emails.first().map(|email| &email.email);
            let shown = phone.or(email).cloned();
            contact.display_name = shown.unwrap_or_else(|| "Unnamed contact".into());
        }
        contact
    });
    whole.collect()
}

fn read_contact(row: &Row) -> Result<Contact, StoreError> {
    let name = row.text("display_name")?;
    Ok(Contact {
        id: row.named("id")?,
        lead_id: row.named("lead_id")?,
        display_name: name.clone(),
        name,
        phones: Vec::new(),
        emails: Vec::new(),
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
