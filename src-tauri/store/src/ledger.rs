//! The ledger, the balance, and what was spent.

use crate::StoreError;
use crate::database::{Database, bounds, column, failed, from_text, read_body, to_text};
use crate::random::id_suffix;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use usage::Charge;
use wire::{
    Balance, Call, CallId, LedgerEntry, LedgerKind, ListQuery, MicroDollars, OrganizationId,
    SpendOfCall, SpendOfCoach, SpendOfDay, Timestamp, UserId,
};

/// Calls that a page of usage tells of, at most.
const CALLS_MAX: i64 = 200;

/// Money that is put in.
#[derive(Debug, Clone)]
pub struct Payment {
    /// How much.
    pub micro_dollars: MicroDollars,
    /// By whom.
    pub user_id: UserId,
    /// The client's own name for it: it is put in once.
    pub request_id: String,
    /// Now.
    pub at: Timestamp,
}

/// From one moment on, and before another.
pub type Span = (Timestamp, Timestamp);

impl Database {
    /// The balance now.
    pub async fn balance(&self, organization: &OrganizationId) -> Result<Balance, StoreError> {
        let row = sqlx::query(
            "SELECT low_balance, coalesce((SELECT micro_dollars FROM balance
                                           WHERE organization_id = organization.id), 0) AS left
             FROM organization WHERE id = ?",
        )
        .bind(organization.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?;
        let row = row.ok_or_else(|| StoreError::Fault("there is no such organization".into()))?;
        let left: i64 = row.try_get("left").map_err(failed)?;
        let low: i64 = row.try_get("low_balance").map_err(failed)?;
        Ok(Balance {
            balance_micro_dollars: MicroDollars(left),
            low_balance_micro_dollars: MicroDollars(low),
            is_low: left < low,
        })
    }

    /// Organizations whose running total is not the sum of their lines: the total, and the sum.
    pub async fn wrong_balances(
        &self,
    ) -> Result<Vec<(OrganizationId, MicroDollars, MicroDollars)>, StoreError> {
        sqlx::query(
            "SELECT organization.id, coalesce(balance.micro_dollars, 0) AS running,
                    coalesce((SELECT sum(micro_dollars) FROM ledger
                              WHERE organization_id = organization.id), 0) AS added_up
             FROM organization LEFT JOIN balance ON balance.organization_id = organization.id
             WHERE running <> added_up",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            Ok((
                column(row, "id")?,
                dollars(row, "running")?,
                dollars(row, "added_up")?,
            ))
        })
        .collect()
    }

    /// Puts money in, once for each of the client's names.
    pub async fn pay(
        &self,
        organization: &OrganizationId,
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, account_id, request_id)
             VALUES (?, ?, ?, 'top_up', ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(format!("ledg_{}", id_suffix(payment.at)))
        .bind(organization.as_str())
        .bind(payment.at.0)
        .bind(payment.micro_dollars.0)
        .bind(payment.user_id.as_str())
        .bind(&payment.request_id)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Lines, newest first.
    pub async fn ledger_entries(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
        page: &ListQuery,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT id, date, kind, micro_dollars, call_id, leg_id, account_id, minute FROM ledger
             WHERE organization_id = ? AND date >= ? AND date < ?
             ORDER BY date DESC, id DESC LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_entry)
        .collect()
    }

    /// Every line, oldest first and at most so many, each with the names of its lead and its person.
    pub async fn named_ledger_entries(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
        limit: u32,
    ) -> Result<Vec<(LedgerEntry, Option<String>, Option<String>)>, StoreError> {
        sqlx::query(
            "SELECT ledger.id, date, kind, micro_dollars, call_id, leg_id, ledger.account_id, minute,
                    (SELECT json_extract(body, '$.lead.display_name') FROM call
                     WHERE call.id = call_id) AS lead,
                    (SELECT trim(first_name || ' ' || last_name) FROM account
                     WHERE account.id = ledger.account_id) AS person
             FROM ledger WHERE organization_id = ? AND date >= ? AND date < ?
             ORDER BY date, id LIMIT ?",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            let lead = row.try_get("lead").map_err(failed)?;
            let person = row.try_get("person").map_err(failed)?;
            Ok((read_entry(row)?, lead, person))
        })
        .collect()
    }

    /// What was spent on each day, or in each month, in UTC.
    pub async fn spend_by(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
        by_month: bool,
    ) -> Result<Vec<SpendOfDay>, StoreError> {
        sqlx::query(
            "SELECT strftime(?, date / 1000, 'unixepoch') AS day,
                    -coalesce(sum(micro_dollars) FILTER (WHERE kind = 'coaching'), 0) AS coaching,
                    -coalesce(sum(micro_dollars) FILTER (WHERE kind = 'call'), 0) AS call
             FROM ledger
             WHERE organization_id = ? AND date >= ? AND date < ? AND kind <> 'top_up'
             GROUP BY day ORDER BY day",
        )
        .bind(if by_month { "%Y-%m" } else { "%Y-%m-%d" })
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            Ok(SpendOfDay {
                date: crate::database::text(row, "day")?,
                coaching_micro_dollars: dollars(row, "coaching")?,
                call_micro_dollars: dollars(row, "call")?,
            })
        })
        .collect()
    }

    /// What each coach cost, the dearest first.
    pub async fn spend_by_coach(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
    ) -> Result<Vec<SpendOfCoach>, StoreError> {
        sqlx::query(
            "SELECT account_id, count(*) AS minutes, -sum(micro_dollars) AS spent FROM ledger
             WHERE organization_id = ? AND date >= ? AND date < ? AND kind = 'coaching'
             GROUP BY account_id ORDER BY spent DESC, account_id",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            Ok(SpendOfCoach {
                user_id: column(row, "account_id")?,
                minutes: row.try_get("minutes").map_err(failed)?,
                micro_dollars: dollars(row, "spent")?,
            })
        })
        .collect()
    }

    /// What each call cost, newest first; at most 200.
    pub async fn spend_by_call(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
    ) -> Result<Vec<SpendOfCall>, StoreError> {
        sqlx::query(
            "SELECT call_id, min(date) AS first,
                    count(*) FILTER (WHERE kind = 'coaching') AS coaching_minutes,
                    -coalesce(sum(micro_dollars) FILTER (WHERE kind = 'coaching'), 0) AS coaching,
                    count(*) FILTER (WHERE kind = 'call') AS call_minutes,
                    -coalesce(sum(micro_dollars) FILTER (WHERE kind = 'call'), 0) AS call,
                    (SELECT body FROM call WHERE call.id = call_id) AS body
             FROM ledger
             WHERE organization_id = ? AND date >= ? AND date < ? AND call_id IS NOT NULL
             GROUP BY call_id ORDER BY first DESC, call_id LIMIT ?",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .bind(CALLS_MAX)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            let body: Option<String> = row.try_get("body").map_err(failed)?;
            let call: Option<Call> = body.map(|_| read_body(row)).transpose()?;
            let (lead, user_id) = call.map(|call| (call.lead, call.user_id)).unzip();
            Ok(SpendOfCall {
                call_id: column(row, "call_id")?,
                lead,
                user_id,
                date: Timestamp(row.try_get("first").map_err(failed)?),
                coaching_minutes: row.try_get("coaching_minutes").map_err(failed)?,
                coaching_micro_dollars: dollars(row, "coaching")?,
                call_minutes: row.try_get("call_minutes").map_err(failed)?,
                call_micro_dollars: dollars(row, "call")?,
            })
        })
        .collect()
    }
}

/// Writes a charge, unless it is there already; whether it was not.
pub(crate) async fn charge(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    call: &CallId,
    charge: &Charge,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, call_id, leg_id,
                             account_id, minute)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(format!("ledg_{}", id_suffix(charge.at)))
    .bind(organization.as_str())
    .bind(charge.at.0)
    .bind(to_text(&charge.kind)?)
    .bind(-charge.price().0)
    .bind(call.as_str())
    .bind(charge.leg_id.as_str())
    .bind(charge.user_id.as_str())
    .bind(charge.minute)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(written.rows_affected() > 0)
}

fn dollars(row: &SqliteRow, name: &str) -> Result<MicroDollars, StoreError> {
    row.try_get(name).map(MicroDollars).map_err(failed)
}

fn read_entry(row: &SqliteRow) -> Result<LedgerEntry, StoreError> {
    let optional =
        |name: &str| -> Result<Option<String>, StoreError> { row.try_get(name).map_err(failed) };
    let kind: LedgerKind = column(row, "kind")?;
    Ok(LedgerEntry {
        id: column(row, "id")?,
        date: Timestamp(row.try_get("date").map_err(failed)?),
        kind,
        micro_dollars: dollars(row, "micro_dollars")?,
        call_id: optional("call_id")?.map(from_text).transpose()?,
        leg_id: optional("leg_id")?.map(from_text).transpose()?,
        user_id: optional("account_id")?.map(from_text).transpose()?,
        minute: row.try_get("minute").map_err(failed)?,
    })
}
