//! Fills a new store with the demonstration's organizations.

use crate::StoreError;
use crate::database::{Database, failed, to_text};
use crate::demo::{DemoOrganization, ORGANIZATIONS, ROLES};
use crate::random::id_suffix;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use wire::Timestamp;

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
        let mut tx = self.write().await?;
        let organizations: i64 = sqlx::query_scalar("SELECT count(*) FROM organization")
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        if organizations > 0 {
            return Ok(false);
        }
        let mut members = members;
        for organization in ORGANIZATIONS {
            seed(&mut tx, organization, members, password_hash, now).await?;
            members = 0;
        }
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// Whether the store holds no organization.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn is_new(&self) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM organization LIMIT 1")
            .fetch_optional(&self.reader)
            .await
            .map_err(failed)?;
        Ok(found.is_none())
    }
}

async fn seed(
    tx: &mut SqliteConnection,
    organization: &DemoOrganization,
    members: usize,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = |prefix: &str| format!("{prefix}{}", id_suffix(now));
    let organization_id = id("orga_");
    insert(
        tx,
        "INSERT INTO organization (id, name, plan, recording_enabled)
         VALUES (?, ?, ?, CAST(? AS INTEGER))",
        &[
            &organization_id,
            organization.name,
            &to_text(&organization.plan)?,
            if organization.recorded { "1" } else { "0" },
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
         VALUES (?, ?, CAST(? AS INTEGER), 'top_up', CAST(? AS INTEGER), 'demo')",
        &values,
    )
    .await?;
    let mut role_ids = HashMap::new();
    for (name, permissions) in ROLES {
        let role_id = id("role_");
        insert(
            tx,
            "INSERT INTO role (id, organization_id, name, built_in) VALUES (?, ?, ?, 1)",
            &[&role_id, &organization_id, name],
        )
        .await?;
        for permission in *permissions {
            insert(
                tx,
                "INSERT INTO role_permission (role_id, permission) VALUES (?, ?)",
                &[&role_id, &to_text(permission)?],
            )
            .await?;
        }
        role_ids.insert(*name, role_id);
    }
    let mut team_ids: HashMap<&str, String> = HashMap::new();
    for (first_name, last_name, email, role, teams) in organization.people {
        let account_id = id("user_");
        insert(
            tx,
            "INSERT INTO account (id, first_name, last_name, email, password_hash)
             VALUES (?, ?, ?, ?, ?)",
            &[&account_id, first_name, last_name, email, password_hash],
        )
        .await?;
        let role_id = role_ids.get(role).map_or("", String::as_str);
        insert(
            tx,
            "INSERT INTO membership (id, organization_id, account_id, role_id) VALUES (?, ?, ?, ?)",
            &[&id("memb_"), &organization_id, &account_id, role_id],
        )
        .await?;
        for team in *teams {
            if !team_ids.contains_key(team) {
                let team_id = id("group_");
                insert(
                    tx,
                    "INSERT INTO team (id, organization_id, name) VALUES (?, ?, ?)",
                    &[&team_id, &organization_id, team],
                )
                .await?;
                team_ids.insert(team, team_id);
            }
            let team_id = team_ids.get(team).map_or("", String::as_str);
            insert(
                tx,
                "INSERT INTO team_member (team_id, account_id) VALUES (?, ?)",
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
             VALUES (?, ?, ?, ?, ?)",
            &[&account_id, "Member", &last_name, &email, password_hash],
        )
        .await?;
        let role_id = role_ids.get("Manager").map_or("", String::as_str);
        insert(
            tx,
            "INSERT INTO membership (id, organization_id, account_id, role_id) VALUES (?, ?, ?, ?)",
            &[&id("memb_"), &organization_id, &account_id, role_id],
        )
        .await?;
    }
    for (name, contacts) in organization.leads {
        let lead_id = id("lead_");
        insert(
            tx,
            "INSERT INTO lead (id, organization_id, display_name) VALUES (?, ?, ?)",
            &[&lead_id, &organization_id, name],
        )
        .await?;
        for (position, (name, phones)) in contacts.iter().enumerate() {
            let contact_id = id("cont_");
            insert(
                tx,
                "INSERT INTO contact (id, organization_id, lead_id, position, display_name)
                 VALUES (?, ?, ?, CAST(? AS INTEGER), ?)",
                &[
                    &contact_id,
                    &organization_id,
                    &lead_id,
                    &position.to_string(),
                    name,
                ],
            )
            .await?;
            for (position, number) in phones.iter().enumerate() {
                insert(
                    tx,
                    "INSERT INTO contact_phone (contact_id, position, number)
                     VALUES (?, CAST(? AS INTEGER), ?)",
                    &[&contact_id, &position.to_string(), number],
                )
                .await?;
            }
        }
    }
    for (number, label, kind, owner) in organization.numbers {
        let number_id = id("phon_");
        insert(
            tx,
            "INSERT INTO phone_number (id, organization_id, number, label, kind)
             VALUES (?, ?, ?, ?, ?)",
            &[&number_id, &organization_id, number, label, &to_text(kind)?],
        )
        .await?;
        if let Some(email) = owner {
            insert(
                tx,
                "UPDATE phone_number SET account_id = (SELECT id FROM account WHERE email = ?)
                 WHERE id = ?",
                &[email, &number_id],
            )
            .await?;
            insert(
                tx,
                "INSERT INTO phone_number_user (phone_number_id, account_id)
                 SELECT ?, id FROM account WHERE email = ?",
                &[&number_id, email],
            )
            .await?;
        }
    }
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    sql: &'static str,
    values: &[&str],
) -> Result<(), StoreError> {
    values
        .iter()
        .fold(sqlx::query(sql), |query, value| {
            query.bind((*value).to_owned())
        })
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
