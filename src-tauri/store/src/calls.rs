//! Calls, coaches' legs and invitations.

use crate::StoreError;
use crate::database::{Database, column, failed, read_body, to_body};
use crate::ledger;
use sqlx::sqlite::SqliteRow;
use std::collections::HashMap;
use usage::Charge;
use wire::{
    Call, CallId, CoachLeg, Invitation, InvitationStatus, LeadId, OrganizationId, Timestamp,
};

impl Database {
    /// Saves a call. Not its `coach_legs`, which are saved one by one; not its `joinability`, which
    /// depends on who asks.
    pub async fn save_call(
        &self,
        organization: &OrganizationId,
        call: &Call,
    ) -> Result<(), StoreError> {
        let bare = Call {
            coach_legs: Vec::new(),
            ..call.clone()
        };
        let mut tx = self.write().await?;
        // The condition keeps one organization from writing over another's call, whatever its id.
        sqlx::query(
            "INSERT INTO call (id, organization_id, lead_id, is_over, date_created, body)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET is_over = excluded.is_over, body = excluded.body
             WHERE organization_id = excluded.organization_id",
        )
        .bind(call.id.as_str())
        .bind(organization.as_str())
        .bind(call.lead.id.as_str())
        .bind(call.status.is_over())
        .bind(call.date_created.0)
        .bind(to_body(&bare)?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Saves a coach's leg of a call, with its history.
    pub async fn save_coach_leg(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        leg: &CoachLeg,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO coach_leg (id, call_id, organization_id, date_created, body)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET body = excluded.body
             WHERE organization_id = excluded.organization_id",
        )
        .bind(leg.id.as_str())
        .bind(call.as_str())
        .bind(organization.as_str())
        .bind(leg.date_created.0)
        .bind(to_body(leg)?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Saves an invitation.
    pub async fn save_invitation(
        &self,
        organization: &OrganizationId,
        invitation: &Invitation,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO invitation (id, call_id, organization_id, is_open, body)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body
             WHERE organization_id = excluded.organization_id",
        )
        .bind(invitation.id.as_str())
        .bind(invitation.call_id.as_str())
        .bind(organization.as_str())
        .bind(invitation.status == InvitationStatus::Open)
        .bind(to_body(invitation)?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// One call with all its coach legs, in the order of their `date_created`. `joinability` is not
    /// joinable, without code and message.
    pub async fn call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<Call>, StoreError> {
        let row = sqlx::query("SELECT body FROM call WHERE organization_id = ? AND id = ?")
            .bind(organization.as_str())
            .bind(call.as_str())
            .fetch_optional(&self.reader)
            .await
            .map_err(failed)?;
        let calls: Vec<Call> = row.iter().map(read_body).collect::<Result<_, _>>()?;
        Ok(self.with_legs(calls).await?.pop())
    }

    /// Calls, newest first by `date_created`, then by id; those of one lead when it is given. Each as
    /// [`CallRepository::call`] gives it. At most `limit`, after the first `skip`.
    pub async fn calls(
        &self,
        organization: &OrganizationId,
        lead: Option<&LeadId>,
        limit: u32,
        skip: u32,
    ) -> Result<Vec<Call>, StoreError> {
        let query = match lead {
            None => sqlx::query(
                "SELECT body FROM call WHERE organization_id = ?
                 ORDER BY date_created DESC, id DESC LIMIT ? OFFSET ?",
            )
            .bind(organization.as_str()),
            Some(lead) => sqlx::query(
                "SELECT body FROM call WHERE organization_id = ? AND lead_id = ?
                 ORDER BY date_created DESC, id DESC LIMIT ? OFFSET ?",
            )
            .bind(organization.as_str())
            .bind(lead.as_str()),
        };
        let rows = query
            .bind(i64::from(limit))
            .bind(i64::from(skip))
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        self.with_legs(rows.iter().map(read_body).collect::<Result<_, _>>()?)
            .await
    }

    /// Every call whose status is not over, of every organization: what a service that died left
    /// behind.
    pub async fn unfinished_calls(&self) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let rows = sqlx::query("SELECT organization_id, body FROM call WHERE is_over = 0")
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        self.of_organizations(&rows).await
    }

    /// Every call that was placed since then, of every organization, with its coach legs.
    pub async fn calls_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let rows = sqlx::query("SELECT organization_id, body FROM call WHERE date_created >= ?")
            .bind(since.0)
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        self.of_organizations(&rows).await
    }

    /// Charges these started minutes of a call and its legs, those that are not charged yet; how many
    /// that were (B2).
    pub async fn save_charges(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        charges: &[Charge],
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let mut written = 0;
        for charge in charges {
            written += u64::from(ledger::charge(&mut tx, organization, call, charge).await?);
        }
        tx.commit().await.map_err(failed)?;
        Ok(written)
    }

    /// When the newest minute that was charged of a call began.
    pub async fn last_charge(&self, call: &CallId) -> Result<Option<Timestamp>, StoreError> {
        let date: Option<i64> =
            sqlx::query_scalar("SELECT max(date) FROM ledger WHERE call_id = ?")
                .bind(call.as_str())
                .fetch_one(&self.reader)
                .await
                .map_err(failed)?;
        Ok(date.map(Timestamp))
    }

    /// The service runs, with a call in it.
    pub async fn save_alive(&self, at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("INSERT OR REPLACE INTO alive (id, at) VALUES (1, ?)")
            .bind(at.0)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// When it was last known to.
    pub async fn last_alive(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = sqlx::query_scalar("SELECT at FROM alive")
            .fetch_optional(&self.reader)
            .await
            .map_err(failed)?;
        Ok(at.map(Timestamp))
    }

    /// Every invitation whose status is open, of every organization.
    pub async fn open_invitations(&self) -> Result<Vec<(OrganizationId, Invitation)>, StoreError> {
        sqlx::query("SELECT organization_id, body FROM invitation WHERE is_open = 1")
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?
            .iter()
            .map(|row| Ok((column(row, "organization_id")?, read_body(row)?)))
            .collect()
    }
}

impl Database {
    /// Whole calls, each with the organization that it is of.
    async fn of_organizations(
        &self,
        rows: &[SqliteRow],
    ) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let organizations: Vec<OrganizationId> = rows
            .iter()
            .map(|row| column(row, "organization_id"))
            .collect::<Result<_, _>>()?;
        let calls = rows.iter().map(read_body).collect::<Result<_, _>>()?;
        let calls = self.with_legs(calls).await?;
        Ok(organizations.into_iter().zip(calls).collect())
    }

    /// Gives each call its coaches' legs, oldest first.
    async fn with_legs(&self, mut calls: Vec<Call>) -> Result<Vec<Call>, StoreError> {
        if calls.is_empty() {
            return Ok(calls);
        }
        let ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
        let rows = sqlx::query(
            "SELECT call_id, body FROM coach_leg
             WHERE call_id IN (SELECT value FROM json_each(?)) ORDER BY call_id, date_created, id",
        )
        .bind(to_body(&ids)?)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?;
        let mut legs: HashMap<CallId, Vec<CoachLeg>> = HashMap::new();
        for row in &rows {
            let call = column(row, "call_id")?;
            legs.entry(call).or_default().push(read_body(row)?);
        }
        for call in &mut calls {
            call.coach_legs = legs.remove(&call.id).unwrap_or_default();
        }
        Ok(calls)
    }
}
