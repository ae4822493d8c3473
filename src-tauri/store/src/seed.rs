//! Fills a new store with the demonstration's organizations.

use crate::database::Database;
use crate::demo::{DemoOrganization, ORGANIZATIONS};
use crate::lead_writes::{ContactFields, LeadFields, PhoneFields, enter};
use crate::operator::give_number;
use crate::random::id_suffix;
use crate::setup::found;
use crate::sql::{Tx, sql};
use crate::{NewOrganization, StoreError};
use std::collections::HashMap;
use wire::{ContactLabel, OrganizationId, Timestamp};

/// What the first organization has, in micro-dollars, when it gets members for load: nobody is refused
/// for money then.
const LOAD_FUNDS: i64 = 1_000_000_000_000;

impl Database {
    /// Makes the demonstration's organizations, when the store holds none; whether it did. The first
    /// one gets so many further `members`, all of them managers.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn seed_demo(
        &self,
        password_hash: &str,
        members: usize,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write_across("").await?;
        let is_filled = sql("SELECT 1 FROM organization LIMIT 1")
            .exists(&mut tx)
            .await?;
        if is_filled {
            return Ok(false);
        }
        let mut members = members;
        for organization in ORGANIZATIONS {
            seed(&mut tx, organization, members, password_hash, now).await?;
            members = 0;
        }
        tx.commit().await?;
        Ok(true)
    }
}

async fn seed(
    tx: &mut Tx,
    organization: &DemoOrganization,
    members: usize,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = |prefix: &str| format!("{prefix}{}", id_suffix(now));
    let new = NewOrganization {
        id: OrganizationId::from_suffix(&id_suffix(now))
            .map_err(|error| StoreError::Fault(error.to_string()))?,
        name: organization.name.to_owned(),
        plan: organization.plan,
        country: "US".into(),
        time_zone: "America/New_York".into(),
        top_up_allowed: true,
        now,
    };
    let role_ids = found(tx, &new).await?;
    let organization_id = new.id.to_string();
    insert(
        tx,
        "UPDATE organization SET demo = 1, recording_enabled = CAST($1 AS BIGINT) WHERE id = $2",
        &[
            if organization.recorded { "1" } else { "0" },
            &organization_id,
        ],
    )
    .await?;
    let funds = if members > 0 {
        LOAD_FUNDS
    } else {
        organization.funds
    };
    let funds_text = funds.to_string();
    let values = [
        &*id("ledg_"),
        &organization_id,
        &now.0.to_string(),
        &funds_text,
    ];
    insert(
        tx,
        "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, request_id)
         VALUES ($1, $2, CAST($3 AS BIGINT), 'top_up', CAST($4 AS BIGINT), 'demo')",
        &values,
    )
    .await?;
    let mut team_ids: HashMap<&str, String> = HashMap::new();
    for (first_name, last_name, email, role, teams) in organization.people {
        let account_id = id("user_");
        insert(
            tx,
            "INSERT INTO account (id, first_name, last_name, email, password_hash)
             VALUES ($1, $2, $3, $4, $5)",
            &[&account_id, first_name, last_name, email, password_hash],
        )
        .await?;
        let role_id = role_ids.get(role).map_or("", String::as_str);
        insert(
            tx,
            "INSERT INTO membership (id, organization_id, account_id, role_id) VALUES ($1, $2, $3, $4)",
            &[&id("memb_"), &organization_id, &account_id, role_id],
        )
        .await?;
        for team in *teams {
            if !team_ids.contains_key(team) {
                let team_id = id("group_");
                insert(
                    tx,
                    "INSERT INTO team (id, organization_id, name) VALUES ($1, $2, $3)",
                    &[&team_id, &organization_id, team],
                )
                .await?;
                team_ids.insert(team, team_id);
            }
            let team_id = team_ids.get(team).map_or("", String::as_str);
            insert(
                tx,
                "INSERT INTO team_member (team_id, account_id) VALUES ($1, $2)",
                &[team_id, &account_id],
            )
            .await?;
        }
    }
    for number in 1..=members {
        let account_id = id("user_");
        let (last_name, email) = (
            format!("{number:04}"),
            format!("member-{number:04}@demo.example"),
        );
        insert(
            tx,
            "INSERT INTO account (id, first_name, last_name, email, password_hash)
             VALUES ($1, $2, $3, $4, $5)",
            &[&account_id, "Member", &last_name, &email, password_hash],
        )
        .await?;
        let role_id = role_ids.get("Manager").map_or("", String::as_str);
        insert(
            tx,
            "INSERT INTO membership (id, organization_id, account_id, role_id) VALUES ($1, $2, $3, $4)",
            &[&id("memb_"), &organization_id, &account_id, role_id],
        )
        .await?;
    }
    for (name, contacts) in organization.leads {
        let contacts = contacts.iter().map(|(name, phones)| ContactFields {
            name: (*name).to_owned(),
            phones: phones
                .iter()
                .map(|number| PhoneFields {
                    number: (*number).to_owned(),
                    extension: None,
                    label: ContactLabel::Office,
                })
                .collect(),
            ..ContactFields::default()
        });
        let fields = LeadFields {
            name: (*name).to_owned(),
            contacts: contacts.collect(),
            ..LeadFields::default()
        };
        enter(tx, &new.id, &fields, false, now).await?;
    }
    for (number, label, kind, owner) in organization.numbers {
        let number_id = give_number(tx, &new.id, number, (*label, *kind), now).await?;
        if let Some(email) = owner {
            insert(
                tx,
                "UPDATE phone_number SET account_id = (SELECT id FROM account WHERE email = $1)
                 WHERE id = $2",
                &[email, number_id.as_str()],
            )
            .await?;
            insert(
                tx,
                "INSERT INTO phone_number_user (phone_number_id, account_id)
                 SELECT $1, id FROM account WHERE email = $2",
                &[number_id.as_str(), email],
            )
            .await?;
        }
    }
    Ok(())
}

async fn insert(tx: &mut Tx, text: &'static str, values: &[&str]) -> Result<(), StoreError> {
    let query = values
        .iter()
        .fold(sql(text), |query, value| query.bind(*value));
    query.execute(tx).await?;
    Ok(())
}
