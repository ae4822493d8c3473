//! The ledger, the balance, and what was spent.

use crate::StoreError;
use crate::database::Database;
use crate::random::id_suffix;
use crate::sql::{Order, Row, Tx, sql, to_text};
use usage::Charge;
use wire::{
    Balance, Call, CallId, LedgerEntry, List, ListQuery, MicroDollars, OrganizationId, SpendOfCall,
    SpendOfCoach, SpendOfDay, Timestamp, UserId,
};

/// Calls that a page of usage tells of, at most.
const CALLS_MAX: i64 = 200;
const DAY_MS: i64 = 86_400_000;

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
        let row = sql(
            "SELECT low_balance, coalesce((SELECT micro_dollars FROM balance
                                           WHERE organization_id = organization.id), 0) AS remaining
             FROM organization WHERE id = $1",
        )
        .bind(organization.as_str())
        .optional(&self.reader)
        .await?;
        let row = row.ok_or_else(|| StoreError::Fault("there is no such organization".into()))?;
        let left = row.int("remaining")?;
        let low = row.int("low_balance")?;
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
        sql("SELECT id, running, added_up FROM (
                 SELECT organization.id, coalesce(balance.micro_dollars, 0) AS running,
                     CAST(coalesce((SELECT sum(micro_dollars) FROM ledger
                         WHERE organization_id = organization.id), 0) AS BIGINT) AS added_up
                 FROM organization LEFT JOIN balance ON balance.organization_id = organization.id
             ) AS compared WHERE running <> added_up")
        .all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok((
                row.named("id")?,
                row.dollars("running")?,
                row.dollars("added_up")?,
            ))
        })
        .collect()
    }

    /// Charges these started minutes of a call and its legs, those that are not charged yet; how many
    /// that were (B2).
    pub async fn save_charges(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        charges: &[Charge],
    ) -> Result<u64, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let mut written = 0;
        for one in charges {
            written += u64::from(charge(&mut tx, organization, call, one).await?);
        }
        tx.commit().await?;
        Ok(written)
    }

    /// When the newest minute that was charged of a call began.
    pub async fn last_charge(&self, call: &CallId) -> Result<Option<Timestamp>, StoreError> {
        let row = sql("SELECT max(date) AS date FROM ledger WHERE call_id = $1")
            .bind(call.as_str())
            .one(&self.reader)
            .await?;
        Ok(row.optional_int("date")?.map(Timestamp))
    }

    /// Puts money in, once for each of the client's names.
    pub async fn pay(
        &self,
        organization: &OrganizationId,
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        sql(
            "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, account_id, request_id)
             VALUES ($1, $2, $3, 'top_up', $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(format!("ledg_{}", id_suffix(payment.at)))
        .bind(organization.as_str())
        .bind(payment.at.0)
        .bind(payment.micro_dollars.0)
        .bind(payment.user_id.as_str())
        .bind(&payment.request_id)
        .execute(&mut tx).await?;
        tx.commit().await
    }

    /// Lines, newest first.
    pub async fn ledger_entries(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
        page: &ListQuery,
    ) -> Result<List<LedgerEntry>, StoreError> {
        sql(
            "SELECT id, date, kind, micro_dollars, call_id, leg_id, account_id, minute, note FROM ledger
             WHERE organization_id = $1 AND date >= $2 AND date < $3",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .page(
            &self.reader,
            Order::NewestFirst(&["date", "id"]),
            page,
            read_entry,
        )
        .await
    }

    /// Every line, oldest first and at most so many, each with the names of its lead and its person.
    pub async fn named_ledger_entries(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
        limit: u32,
    ) -> Result<Vec<(LedgerEntry, Option<String>, Option<String>)>, StoreError> {
        sql(
            "SELECT ledger.id, date, kind, micro_dollars, call_id, leg_id, ledger.account_id, minute, note,
                    (SELECT lead.display_name FROM call JOIN lead ON lead.id = call.lead_id
                     WHERE call.id = ledger.call_id) AS lead,
                    (SELECT trim(first_name || ' ' || last_name) FROM account
                     WHERE account.id = ledger.account_id) AS person
             FROM ledger WHERE organization_id = $1 AND date >= $2 AND date < $3
             ORDER BY date, ledger.id LIMIT $4",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .bind(limit)
        .all(&self.reader).await?
        .iter()
        .map(|row| {
            let lead = row.optional_text("lead")?;
            let person = row.optional_text("person")?;
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
        let rows = sql(
            "SELECT date / 86400000 AS day,
                    CAST(-coalesce(sum(micro_dollars) FILTER (WHERE kind = 'coaching'), 0) AS BIGINT)
                        AS coaching,
                    CAST(-coalesce(sum(micro_dollars) FILTER (WHERE kind = 'call'), 0) AS BIGINT)
                        AS calls
             FROM ledger
             WHERE organization_id = $1 AND date >= $2 AND date < $3 AND kind IN ('coaching', 'call')
             GROUP BY day ORDER BY day",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .all(&self.reader)
        .await?;
        let mut spent: Vec<SpendOfDay> = Vec::new();
        for row in &rows {
            // `2026-11-29`, or `2026-11`.
            let mut date = Timestamp(row.int("day")? * DAY_MS).to_string();
            date.truncate(if by_month { 7 } else { 10 });
            let (coaching, calls) = (row.dollars("coaching")?, row.dollars("calls")?);
            match spent.last_mut().filter(|last| last.date == date) {
                Some(last) => {
                    last.coaching_micro_dollars.0 += coaching.0;
                    last.call_micro_dollars.0 += calls.0;
                }
                None => spent.push(SpendOfDay {
                    date,
                    coaching_micro_dollars: coaching,
                    call_micro_dollars: calls,
                }),
            }
        }
        Ok(spent)
    }

    /// What each coach cost, the dearest first.
    pub async fn spend_by_coach(
        &self,
        organization: &OrganizationId,
        (from, to): Span,
    ) -> Result<Vec<SpendOfCoach>, StoreError> {
        sql(
            "SELECT account_id, count(*) AS minutes, CAST(-sum(micro_dollars) AS BIGINT) AS spent FROM ledger
             WHERE organization_id = $1 AND date >= $2 AND date < $3 AND kind = 'coaching'
             GROUP BY account_id ORDER BY spent DESC, account_id",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .all(&self.reader).await?
        .iter()
        .map(|row| {
            Ok(SpendOfCoach {
                user_id: row.named("account_id")?,
                minutes: row.number("minutes")?,
                micro_dollars: row.dollars("spent")?,
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
        sql(
            "SELECT call_id, min(date) AS first,
                    count(*) FILTER (WHERE kind = 'coaching') AS coaching_minutes,
                    CAST(-coalesce(sum(micro_dollars) FILTER (WHERE kind = 'coaching'), 0) AS BIGINT)
                        AS coaching,
                    count(*) FILTER (WHERE kind = 'call') AS call_minutes,
                    CAST(-coalesce(sum(micro_dollars) FILTER (WHERE kind = 'call'), 0) AS BIGINT) AS calls,
                    (SELECT body FROM call WHERE call.id = ledger.call_id) AS body
             FROM ledger
             WHERE organization_id = $1 AND date >= $2 AND date < $3 AND call_id IS NOT NULL
             GROUP BY call_id ORDER BY first DESC, call_id LIMIT $4",
        )
        .bind(organization.as_str())
        .bind(from.0)
        .bind(to.0)
        .bind(CALLS_MAX)
        .all(&self.reader).await?
        .iter()
        .map(|row| {
            let is_kept = row.optional_text("body")?.is_some();
            let call: Option<Call> = is_kept.then(|| row.body()).transpose()?;
            let (lead, user_id) = call.map(|call| (call.lead, call.user_id)).unzip();
            Ok(SpendOfCall {
                call_id: row.named("call_id")?,
                lead,
                user_id,
                date: row.moment("first")?,
                coaching_minutes: row.number("coaching_minutes")?,
                coaching_micro_dollars: row.dollars("coaching")?,
                call_minutes: row.number("call_minutes")?,
                call_micro_dollars: row.dollars("calls")?,
            })
        })
        .collect()
    }
}

/// Writes a charge, unless it is there already; whether it was not.
async fn charge(
    tx: &mut Tx,
    organization: &OrganizationId,
    call: &CallId,
    charge: &Charge,
) -> Result<bool, StoreError> {
    let written = sql(
        "INSERT INTO ledger (id, organization_id, date, kind, micro_dollars, call_id, leg_id,
                             account_id, minute)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
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
    .execute(tx)
    .await?;
    Ok(written > 0)
}

fn read_entry(row: &Row) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        id: row.named("id")?,
        date: row.moment("date")?,
        kind: row.named("kind")?,
        micro_dollars: row.dollars("micro_dollars")?,
        call_id: row.optional_named("call_id")?,
        leg_id: row.optional_named("leg_id")?,
        user_id: row.optional_named("account_id")?,
        minute: row.optional_number("minute")?,
        note: row.optional_text("note")?,
    })
}
