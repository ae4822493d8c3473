//! What whoever runs the service does beside it: organizations, their plans, credit and numbers (O5).
//!
//! A running service finds each change by [`Database::operated_since`], on either engine.

use crate::StoreError;
use crate::database::Database;
use crate::numbers::NUMBERS_MAX;
use crate::random::id_suffix;
use crate::setup::{found, holds_no_demo};
use crate::sql::{Order, Tx, sql, to_text};
use wire::{
    AuditAction, List, ListQuery, MicroDollars, OrganizationId, PhoneNumberId, PhoneNumberKind,
    Plan, Timestamp,
};

/// An organization that begins.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: Plan,
    /// Its country: two letters (ISO 3166-1).
    pub country: String,
    /// Its time zone (IANA).
    pub time_zone: String,
    /// Whether its admins may add credit by themselves.
    pub top_up_allowed: bool,
    /// Now.
    pub now: Timestamp,
}

/// An organization, as whoever runs the service sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSummary {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: Plan,
    /// Active members.
    pub members: i64,
    /// Numbers that were assigned to it.
    pub numbers: i64,
    /// What is left of its balance.
    pub balance: MicroDollars,
    /// Whether its admins may add credit by themselves.
    pub top_up_allowed: bool,
    /// Whether nobody of it may sign in.
    pub suspended: bool,
}

/// What is changed beside the running service.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Its plan.
    Plan(Plan),
    /// Nobody of it may sign in, or they may again.
    Suspended(bool),
    /// Whether its admins may add credit by themselves.
    TopUpAllowed(bool),
    /// It gets a number, of this kind and with this label.
    Assign {
        /// The number (E.164).
        number: String,
        /// What it's called.
        label: String,
        /// What it can do.
        kind: PhoneNumberKind,
    },
    /// It loses a number.
    Unassign {
        /// The number (E.164).
        number: String,
    },
    /// Credit when above zero, a correction when below.
    Credit {
        /// How much.
        micro_dollars: MicroDollars,
        /// Why.
        note: String,
    },
}

impl Database {
    /// Makes an organization that waits for its first admin. [`StoreError::Conflict`] in a store that
    /// holds demo data (O2).
    pub async fn create_organization(&self, new: &NewOrganization) -> Result<(), StoreError> {
        let mut tx = self.write_across("").await?;
        holds_no_demo(&mut tx).await?;
        found(&mut tx, new).await?;
        tx.commit().await
    }

    /// All organizations, by name.
    pub async fn organizations(
        &self,
        page: &ListQuery,
    ) -> Result<List<OrganizationSummary>, StoreError> {
        sql("SELECT id, name, plan, suspended, top_up_allowed,
                    (SELECT count(*) FROM membership
                     WHERE membership.organization_id = organization.id AND active = 1) AS members,
                    (SELECT count(*) FROM assigned_number
                     WHERE assigned_number.organization_id = organization.id) AS numbers,
                    coalesce((SELECT micro_dollars FROM balance
                              WHERE balance.organization_id = organization.id), 0) AS balance
             FROM organization WHERE 1 = 1")
        .page(&self.reader, Order::ByName(&["name", "id"]), page, |row| {
            Ok(OrganizationSummary {
                id: row.named("id")?,
                name: row.text("name")?,
                plan: row.named("plan")?,
                members: row.int("members")?,
                numbers: row.int("numbers")?,
                balance: row.dollars("balance")?,
                top_up_allowed: row.truth("top_up_allowed")?,
                suspended: row.truth("suspended")?,
            })
        })
        .await
    }

    /// Whether the store holds demo data, and whether it holds other organizations (O2).
    pub async fn holds(&self) -> Result<(bool, bool), StoreError> {
        let row = sql(
            "SELECT coalesce(max(demo), 0) AS demo, coalesce(max(1 - demo), 0) AS own
             FROM organization",
        )
        .one(&self.reader)
        .await?;
        Ok((row.truth("demo")?, row.truth("own")?))
    }

    /// Makes a change, with its line in the organization's audit log. [`StoreError::Conflict`] when
    /// there is no such organization, or it cannot be done.
    pub async fn operate(
        &self,
        organization: &OrganizationId,
        operation: &Operation,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write_across(organization.as_str()).await?;
        let changed = sql("UPDATE organization
             SET operated = 1 + (SELECT coalesce(max(operated), 0) FROM organization)
             WHERE id = $1")
        .bind(organization.as_str())
        .execute(&mut tx)
        .await?;
        if changed == 0 {
            return Err(StoreError::Conflict(format!(
                "there's no organization {organization}; `service organization list` lists them"
            )));
        }
        let (action, detail) = match operation {
            Operation::Plan(plan) => {
                sql("UPDATE organization SET plan = $1 WHERE id = $2")
                    .bind(to_text(plan)?)
                    .bind(organization.as_str())
                    .execute(&mut tx)
                    .await?;
                (AuditAction::PlanChanged, to_text(plan)?)
            }
            Operation::Suspended(suspended) => {
                suspend(&mut tx, organization, *suspended).await?;
                let which = if *suspended { "suspended" } else { "resumed" };
                (AuditAction::OrganizationSuspended, which.to_owned())
            }
            Operation::TopUpAllowed(allowed) => {
                sql("UPDATE organization SET top_up_allowed = $1 WHERE id = $2")
                    .bind(*allowed)
                    .bind(organization.as_str())
                    .execute(&mut tx)
                    .await?;
                let which = if *allowed {
                    "top-up allowed"
                } else {
                    "top-up not allowed"
                };
                (AuditAction::OrganizationChanged, which.to_owned())
            }
            Operation::Assign {
                number,
                label,
                kind,
            } => {
                assign(&mut tx, organization, number, (label, *kind), now).await?;
                (
                    AuditAction::PhoneNumberChanged,
                    format!("assigned {number}"),
                )
            }
            Operation::Unassign { number } => {
                unassign(&mut tx, organization, number).await?;
                (
                    AuditAction::PhoneNumberChanged,
                    format!("unassigned {number}"),
                )
            }
            Operation::Credit {
                micro_dollars,
                note,
            } => {
                credit(&mut tx, organization, (*micro_dollars, note), now).await?;
                (
                    AuditAction::ToppedUp,
                    format!("{} micro-dollars", micro_dollars.0),
                )
            }
        };
        sql(
            "INSERT INTO audit (id, organization_id, date, action, allowed, detail)
             VALUES ($1, $2, $3, $4, 1, $5)",
        )
        .bind(format!("audi_{}", id_suffix(now)))
        .bind(organization.as_str())
        .bind(now.0)
        .bind(to_text(&action)?)
        .bind(detail)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// The newest of all changes that were made beside the service.
    pub async fn operated(&self) -> Result<i64, StoreError> {
        let row = sql("SELECT coalesce(max(operated), 0) AS operated FROM organization")
            .one(&self.reader)
            .await?;
        row.int("operated")
    }

    /// Organizations that were changed beside the service after this one, oldest change first and at
    /// most `limit`, each with its change and whether it is suspended.
    pub async fn operated_since(
        &self,
        change: i64,
        limit: u32,
    ) -> Result<Vec<(i64, OrganizationId, bool)>, StoreError> {
        sql(
            "SELECT operated, id, suspended FROM organization WHERE operated > $1
             ORDER BY operated LIMIT $2",
        )
        .bind(change)
        .bind(limit)
        .all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok((
                row.int("operated")?,
                row.named("id")?,
                row.truth("suspended")?,
            ))
        })
        .collect()
    }
}

async fn suspend(
    tx: &mut Tx,
    organization: &OrganizationId,
    suspended: bool,
) -> Result<(), StoreError> {
    sql("UPDATE organization SET suspended = $1 WHERE id = $2")
        .bind(suspended)
        .bind(organization.as_str())
        .execute(&mut *tx)
        .await?;
    if suspended {
        sql("DELETE FROM sign_in WHERE account_id IN
                 (SELECT account_id FROM membership WHERE organization_id = $1)")
        .bind(organization.as_str())
        .execute(tx)
        .await?;
    }
    Ok(())
}

async fn assign(
    tx: &mut Tx,
    organization: &OrganizationId,
    number: &str,
    (label, kind): (&str, PhoneNumberKind),
    now: Timestamp,
) -> Result<(), StoreError> {
    let owner = sql("SELECT organization_id FROM assigned_number WHERE number = $1")
        .bind(number)
        .optional(&mut *tx)
        .await?;
    if let Some(owner) = owner {
        let owner: OrganizationId = owner.named("organization_id")?;
        return Err(StoreError::Conflict(format!(
            "{number} is assigned to {owner} already; unassign it first"
        )));
    }
    let count = sql("SELECT count(*) AS count FROM assigned_number WHERE organization_id = $1")
        .bind(organization.as_str())
        .count(&mut *tx)
        .await?;
    if count >= NUMBERS_MAX {
        return Err(StoreError::Conflict(format!(
            "an organization can have up to {NUMBERS_MAX} phone numbers"
        )));
    }
    // It can be called from at once, by everybody.
    give_number(tx, organization, number, (label, kind), now)
        .await
        .map(drop)
}

/// Assigns a number to an organization, which can call from it; its id.
pub(crate) async fn give_number(
    tx: &mut Tx,
    organization: &OrganizationId,
    number: &str,
    (label, kind): (&str, PhoneNumberKind),
    now: Timestamp,
) -> Result<PhoneNumberId, StoreError> {
    sql("INSERT INTO assigned_number (number, organization_id) VALUES ($1, $2)")
        .bind(number)
        .bind(organization.as_str())
        .execute(&mut *tx)
        .await?;
    let id = PhoneNumberId::from_suffix(&id_suffix(now))
        .map_err(|error| StoreError::Fault(error.to_string()))?;
    sql(
        "INSERT INTO phone_number (id, organization_id, number, label, kind)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.as_str())
    .bind(organization.as_str())
    .bind(number)
    .bind(label)
    .bind(to_text(&kind)?)
    .execute(tx)
    .await?;
    Ok(id)
}

async fn unassign(
    tx: &mut Tx,
    organization: &OrganizationId,
    number: &str,
) -> Result<(), StoreError> {
    let gone = sql("DELETE FROM assigned_number WHERE number = $1 AND organization_id = $2")
        .bind(number)
        .bind(organization.as_str())
        .execute(&mut *tx)
        .await?;
    if gone == 0 {
        return Err(StoreError::Conflict(format!(
            "{number} isn't assigned to {organization}"
        )));
    }
    sql("DELETE FROM phone_number WHERE number = $1 AND organization_id = $2")
        .bind(number)
        .bind(organization.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

async fn credit(
    tx: &mut Tx,
    organization: &OrganizationId,
    (micro_dollars, note): (MicroDollars, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let kind = if micro_dollars.0 < 0 {
        "correction"
    } else {
        "credit"
    };
    let id = id_suffix(now);
    sql(
        "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, request_id, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(format!("ledg_{id}"))
    .bind(organization.as_str())
    .bind(now.0)
    .bind(kind)
    .bind(micro_dollars.0)
    .bind(id)
    .bind(note)
    .execute(tx)
    .await?;
    Ok(())
}
