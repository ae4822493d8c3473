//! Who calls, and whom.

use crate::StoreError;
use crate::database::Database;
use crate::lead_writes::{ContactFields, LeadFields, PhoneFields, enter};
use crate::leads::read_number;
use crate::sql::{On, Row, sql};
use wire::{ContactId, ContactLabel, LeadBrief, OrganizationId, PhoneNumber, Timestamp};

/// What the lead is named that stands for everybody who withholds their number.
const WITHHELD: &str = "Withheld number";
/// The column of digits comes first in its index, so that this reads no other phones.
const BY_DIGITS: &str = "SELECT lead.id, lead.display_name, contact.id AS contact_id
     FROM contact_phone
     JOIN contact ON contact.id = contact_phone.contact_id
     JOIN lead ON lead.id = contact.lead_id
     WHERE contact_phone.digits = $2 AND contact.organization_id = $1
     ORDER BY lead.id, contact.position LIMIT 1";

/// A lead who calls, as the store knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadWhoCalls {
    /// The lead.
    pub lead: LeadBrief,
    /// The person whose phone it is; none when the number is withheld.
    pub contact: Option<ContactId>,
}

impl Database {
    /// The number with exactly these digits, and whose it is; only the organization's when one is
    /// given (A3). No two organizations have the same number.
    pub async fn number_called(
        &self,
        organization: Option<&OrganizationId>,
        number: &str,
    ) -> Result<Option<(OrganizationId, PhoneNumber)>, StoreError> {
        // The column is unique, over all organizations.
        let row = sql(
            "SELECT organization_id, id, number, label, kind, account_id,
                    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS users
             FROM phone_number WHERE number = $1 AND ($2 IS NULL OR organization_id = $2)",
        )
        .bind(number)
        .bind(organization.map(OrganizationId::as_str))
        .optional(&self.reader)
        .await?;
        row.map(|row| Ok((row.named("organization_id")?, read_number(&row)?)))
            .transpose()
    }

    /// The organization's lead with this phone, compared by digits; the oldest of several. An unknown
    /// number becomes a lead of its own, and all withheld ones share one.
    pub async fn lead_who_calls(
        &self,
        organization: &OrganizationId,
        phone: Option<&str>,
        now: Timestamp,
    ) -> Result<LeadWhoCalls, StoreError> {
        let name = phone.unwrap_or(WITHHELD);
        self.lead_of(organization, phone, name, now).await
    }

    /// The organization's lead with this phone, which is to be called; the oldest of several. A number that
    /// no lead has becomes a lead with this name (L4).
    pub async fn lead_to_call(
        &self,
        organization: &OrganizationId,
        phone: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<LeadWhoCalls, StoreError> {
        self.lead_of(organization, Some(phone), name, now).await
    }

    /// The organization's lead with this phone, if there is one.
    pub async fn lead_with_phone(
        &self,
        organization: &OrganizationId,
        phone: &str,
    ) -> Result<Option<LeadWhoCalls>, StoreError> {
        known(&self.reader, organization, Some(phone)).await
    }

    async fn lead_of(
        &self,
        organization: &OrganizationId,
        phone: Option<&str>,
        name: &str,
        now: Timestamp,
    ) -> Result<LeadWhoCalls, StoreError> {
        if let Some(known) = known(&self.reader, organization, phone).await? {
            return Ok(known);
        }
        let mut tx = self.write(organization.as_str()).await?;
        // Another call of theirs may have come first.
        if let Some(known) = known(&mut tx, organization, phone).await? {
            return Ok(known);
        }
        let new = unknown(phone, name);
        let lead = enter(&mut tx, organization, &new, phone.is_none(), now).await?;
        let contact = sql("SELECT id FROM contact WHERE lead_id = $1")
            .bind(lead.as_str())
            .optional(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(LeadWhoCalls {
            lead: LeadBrief {
                id: lead,
                display_name: new.name,
            },
            contact: contact.map(|row| row.named("id")).transpose()?,
        })
    }
}

async fn known<'a>(
    from: impl Into<On<'a>>,
    organization: &OrganizationId,
    phone: Option<&str>,
) -> Result<Option<LeadWhoCalls>, StoreError> {
    let query = match phone {
        Some(phone) => sql(BY_DIGITS)
            .bind(organization.as_str())
            .bind(digits(phone)),
        None => sql("SELECT id, display_name, NULL AS contact_id FROM lead
             WHERE organization_id = $1 AND withheld = 1")
        .bind(organization.as_str()),
    };
    let row = query.optional(from).await?;
    row.as_ref()
        .map(|row| read(row, phone.is_some()))
        .transpose()
}

fn read(row: &Row, has_contact: bool) -> Result<LeadWhoCalls, StoreError> {
    Ok(LeadWhoCalls {
        lead: LeadBrief {
            id: row.named("id")?,
            display_name: row.text("display_name")?,
        },
        contact: has_contact.then(|| row.named("contact_id")).transpose()?,
    })
}

/// The lead that an unknown number becomes, with a contact and the phone where there is one.
fn unknown(phone: Option<&str>, name: &str) -> LeadFields {
    let contacts = phone.map(|phone| ContactFields {
        phones: vec![PhoneFields {
            number: phone.to_owned(),
            extension: None,
            label: ContactLabel::Office,
        }],
        ..ContactFields::default()
    });
    LeadFields {
        name: name.to_owned(),
        contacts: contacts.into_iter().collect(),
        ..LeadFields::default()
    }
}

/// What the store compares phones by.
fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sql_of;
    use crate::testing::new_store;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn organization(name: &str) -> OrganizationId {
        OrganizationId::from_suffix(name).unwrap()
    }

    async fn opened() -> (tempfile::TempDir, Database) {
        let (folder, database) = new_store().await;
        for name in ["acme", "elsewhere"] {
            let made = database.add_organization(&organization(name)).await;
            made.unwrap();
        }
        (folder, database)
    }

    /// Who eight calls that come at once are from.
    async fn at_once(database: &Database, phone: Option<&'static str>) -> Vec<LeadWhoCalls> {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let database = database.clone();
                tokio::spawn(async move {
                    let acme = organization("acme");
                    database.lead_who_calls(&acme, phone, NOW).await.unwrap()
                })
            })
            .collect();
        let mut found = Vec::new();
        for call in calls {
            found.push(call.await.unwrap());
        }
        found
    }

    async fn lead_count(database: &Database) -> i64 {
        let count = sql("SELECT count(*) AS count FROM lead");
        count.count(&database.reader).await.unwrap()
    }

    #[tokio::test]
    async fn who_calls_is_found_by_the_digits_however_the_number_was_entered() {
        let (_folder, database) = opened().await;
        let acme = organization("acme");
        let first = database.lead_who_calls(&acme, Some("+15551234"), NOW).await;
        let first = first.unwrap();
        for entered in ["+1 (555) 12-34", "1.555/1234", "+15551234"] {
            let mut tx = database.write("test").await.unwrap();
            sql("UPDATE contact_phone SET number = $1")
                .bind(entered)
                .execute(&mut tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            for calls in ["+15551234", "15551234"] {
                let again = database
                    .lead_who_calls(&acme, Some(calls), NOW)
                    .await
                    .unwrap();
                assert_eq!(again, first, "{entered} {calls}");
            }
        }
        let longer = database
            .lead_who_calls(&acme, Some("+155512345"), NOW)
            .await;
        assert_ne!(longer.unwrap().lead.id, first.lead.id);
    }

    #[tokio::test]
    async fn an_unknown_caller_becomes_one_lead_also_when_two_calls_come_at_once() {
        let (_folder, database) = opened().await;
        let acme = organization("acme");
        let found = at_once(&database, Some("+15551234")).await;
        let first = &found[0];
        assert_eq!(first.lead.display_name, "+15551234");
        for one in &found {
            assert_eq!(one, first);
        }
        assert_eq!(lead_count(&database).await, 1);
        let lead = database.lead(&acme, &first.lead.id).await;
        let lead = lead.unwrap().unwrap();
        assert_eq!(Some(&lead.contacts[0].id), first.contact.as_ref());
        assert_eq!(lead.contacts[0].phones[0].phone, "+15551234");
    }

    #[tokio::test]
    async fn l4_a_number_that_is_called_finds_its_lead_or_becomes_one_of_that_name() {
        let (_folder, database) = opened().await;
        let acme = organization("acme");
        let called = "+12125550100";
        assert_eq!(database.lead_with_phone(&acme, called).await.unwrap(), None);
        let call = || database.lead_to_call(&acme, called, "(212) 555-0100", NOW);
        let first = call().await.unwrap();
        assert_eq!(first.lead.display_name, "(212) 555-0100");
        assert_eq!(call().await.unwrap(), first);
        let lead = database.lead(&acme, &first.lead.id).await;
        let contact = &lead.unwrap().unwrap().contacts[0];
        assert_eq!(Some(&contact.id), first.contact.as_ref());
        // Who is called and who calls are the same.
        let calls = database.lead_who_calls(&acme, Some(called), NOW).await;
        assert_eq!(calls.unwrap(), first);
        let elsewhere = organization("elsewhere");
        let theirs = database.lead_with_phone(&elsewhere, called).await;
        assert_eq!(theirs.unwrap(), None);
        assert_eq!(lead_count(&database).await, 1);
    }

    #[tokio::test]
    async fn whoever_withholds_their_number_shares_one_lead_that_no_named_one_is_taken_for() {
        let (_folder, database) = opened().await;
        let acme = organization("acme");
        let mut tx = database.write("test").await.unwrap();
        sql("INSERT INTO lead (id, organization_id, display_name) VALUES ('lead_x', $1, $2)")
            .bind(acme.as_str())
            .bind(WITHHELD)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let found = at_once(&database, None).await;
        let first = &found[0];
        assert_eq!(first.lead.display_name, WITHHELD);
        assert_ne!(first.lead.id.as_str(), "lead_x");
        assert_eq!(first.contact, None);
        for one in &found {
            assert_eq!(one, first);
        }
        assert_eq!(lead_count(&database).await, 2);
    }

    #[tokio::test]
    async fn a3_who_calls_is_looked_for_in_the_organization_that_is_called_only() {
        let (_folder, database) = opened().await;
        for phone in [Some("+15551234"), None] {
            let mut ids = Vec::new();
            for name in ["acme", "elsewhere"] {
                let found = database
                    .lead_who_calls(&organization(name), phone, NOW)
                    .await;
                ids.push(found.unwrap().lead.id);
            }
            assert_ne!(ids[0], ids[1], "{phone:?}");
        }
        let mut tx = database.write("test").await.unwrap();
        sql(
            "INSERT INTO phone_number (id, organization_id, number, label, kind)
             VALUES ('phon_1', $1, '+15550001', 'Main', 'internal')",
        )
        .bind(organization("acme").as_str())
        .execute(&mut tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        for (of, is_there) in [
            (None, true),
            (Some("acme"), true),
            (Some("elsewhere"), false),
        ] {
            let of = of.map(organization);
            let found = database.number_called(of.as_ref(), "+15550001").await;
            let of_whom = found.unwrap().map(|(organization, _)| organization);
            assert_eq!(of_whom, is_there.then(|| organization("acme")), "{of:?}");
        }
        let unknown = database.number_called(None, "+15550002").await;
        assert_eq!(unknown.unwrap(), None);
    }

    #[tokio::test]
    async fn who_calls_is_looked_up_by_the_index_of_digits() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), 0, false).await.unwrap();
        let plan = sql_of(format!("EXPLAIN QUERY PLAN {BY_DIGITS}"))
            .bind("orga_acme")
            .bind("15551234")
            .all(&database.reader)
            .await
            .unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
        let by_index = |step: &String| step.contains("contact_phone_of_digits");
        assert!(steps.iter().any(by_index), "{steps:?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN")),
            "{steps:?}"
        );
    }
}
