//! Calls, coaches' legs and invitations.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Order, Row, sql, sql_of, to_body};
use std::collections::HashMap;
use wire::{
    Call, CallId, CoachLeg, Invitation, InvitationStatus, LeadId, List, ListQuery, OrganizationId,
    Timestamp,
};

/// Calls whose legs are read by one query, at most.
const CALLS_AT_ONCE: usize = 256;

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
        let mut tx = self.write(organization.as_str()).await?;
        // The condition keeps one organization from writing over another's call, whatever its id.
        sql(
            "INSERT INTO call (id, organization_id, lead_id, is_over, date_created, body)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET is_over = excluded.is_over, body = excluded.body
             WHERE call.organization_id = excluded.organization_id",
        )
        .bind(call.id.as_str())
        .bind(organization.as_str())
        .bind(call.lead.id.as_str())
        .bind(call.status.is_over())
        .bind(call.date_created.0)
        .bind(to_body(&bare)?)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// Changes a call that no one else writes any more, in one step: what two change at once is all
    /// kept. The call as it is then; none when there is no such call.
    pub async fn revise_call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        change: impl FnOnce(&mut Call) + Send,
    ) -> Result<Option<Call>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("SELECT body FROM call WHERE organization_id = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(call.as_str())
            .optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let mut body: Call = row.body()?;
        change(&mut body);
        sql("UPDATE call SET is_over = $1, body = $2 WHERE organization_id = $3 AND id = $4")
            .bind(body.status.is_over())
            .bind(to_body(&body)?)
            .bind(organization.as_str())
            .bind(call.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(self.with_legs(vec![body]).await?.pop())
    }

    /// Saves a coach's leg of a call, with its history.
    pub async fn save_coach_leg(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        leg: &CoachLeg,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        sql(
            "INSERT INTO coach_leg (id, call_id, organization_id, date_created, body)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET body = excluded.body
             WHERE coach_leg.organization_id = excluded.organization_id",
        )
        .bind(leg.id.as_str())
        .bind(call.as_str())
        .bind(organization.as_str())
        .bind(leg.date_created.0)
        .bind(to_body(leg)?)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// Saves an invitation.
    pub async fn save_invitation(
        &self,
        organization: &OrganizationId,
        invitation: &Invitation,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        sql(
            "INSERT INTO invitation (id, call_id, organization_id, is_open, body)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body
             WHERE invitation.organization_id = excluded.organization_id",
        )
        .bind(invitation.id.as_str())
        .bind(invitation.call_id.as_str())
        .bind(organization.as_str())
        .bind(invitation.status == InvitationStatus::Open)
        .bind(to_body(invitation)?)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// One call with all its coach legs, in the order of their `date_created`. `joinability` is not
    /// joinable, without code and message.
    pub async fn call(
        &self,
        organization: &OrganizationId,
        call: &CallId,
    ) -> Result<Option<Call>, StoreError> {
        let row = sql("SELECT body FROM call WHERE organization_id = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(call.as_str())
            .optional(&self.reader)
            .await?;
        let calls: Vec<Call> = row.iter().map(Row::body).collect::<Result<_, _>>()?;
        Ok(self.with_legs(calls).await?.pop())
    }

    /// Calls, newest first by `date_created`, then by id; those of one lead when it is given. Each as
    /// [`Database::call`] gives it.
    pub async fn calls(
        &self,
        organization: &OrganizationId,
        lead: Option<&LeadId>,
        page: &ListQuery,
    ) -> Result<List<Call>, StoreError> {
        // Two queries, so that each has its index.
        let query = match lead {
            None => sql("SELECT id, date_created, body FROM call WHERE organization_id = $1")
                .bind(organization.as_str()),
            Some(lead) => sql("SELECT id, date_created, body FROM call
                 WHERE organization_id = $1 AND lead_id = $2")
            .bind(organization.as_str())
            .bind(lead.as_str()),
        };
        let order = Order::NewestFirst(&["date_created", "id"]);
        let bare = query.page(&self.reader, order, page, Row::body).await?;
        Ok(List {
            data: self.with_legs(bare.data).await?,
            ..bare
        })
    }

    /// Every call whose status is not over, of every organization: what a service that died left
    /// behind.
    pub async fn unfinished_calls(&self) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let rows = sql("SELECT organization_id, body FROM call WHERE is_over = 0")
            .all(&self.reader)
            .await?;
        self.of_organizations(&rows).await
    }

    /// Every call that was placed since then, of every organization, with its coach legs.
    pub async fn calls_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let rows = sql("SELECT organization_id, body FROM call WHERE date_created >= $1")
            .bind(since.0)
            .all(&self.reader)
            .await?;
        self.of_organizations(&rows).await
    }

    /// The service runs, with a call in it.
    pub async fn save_alive(&self, at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write("alive").await?;
        sql("INSERT INTO alive (id, at) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET at = excluded.at")
        .bind(at.0)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// When it was last known to.
    pub async fn last_alive(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sql("SELECT at FROM alive").optional(&self.reader).await?;
        row.map(|row| row.moment("at")).transpose()
    }

    /// Every invitation whose status is open, of every organization.
    pub async fn open_invitations(&self) -> Result<Vec<(OrganizationId, Invitation)>, StoreError> {
        sql("SELECT organization_id, body FROM invitation WHERE is_open = 1")
            .all(&self.reader)
            .await?
            .iter()
            .map(|row| Ok((row.named("organization_id")?, row.body()?)))
            .collect()
    }

    /// Whole calls, each with the organization that it is of.
    async fn of_organizations(
        &self,
        rows: &[Row],
    ) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let organizations: Vec<OrganizationId> = rows
            .iter()
            .map(|row| row.named("organization_id"))
            .collect::<Result<_, _>>()?;
        let calls = rows.iter().map(Row::body).collect::<Result<_, _>>()?;
        let calls = self.with_legs(calls).await?;
        Ok(organizations.into_iter().zip(calls).collect())
    }

    /// Gives each call its coaches' legs, oldest first.
    async fn with_legs(&self, mut calls: Vec<Call>) -> Result<Vec<Call>, StoreError> {
        let mut legs: HashMap<CallId, Vec<CoachLeg>> = HashMap::new();
        for some in calls.chunks(CALLS_AT_ONCE) {
            // A few lengths are enough, so that a few statements are prepared; the rest is the last id.
            let length = some.len().next_power_of_two();
            let places: Vec<String> = (1..=length).map(|place| format!("${place}")).collect();
            let query = sql_of(format!(
                "SELECT call_id, body FROM coach_leg WHERE call_id IN ({})
                 ORDER BY call_id, date_created, id",
                places.join(", ")
            ));
            let ids = some.iter().chain(some.last().into_iter().cycle());
            let query = ids
                .take(length)
                .fold(query, |query, call| query.bind(call.id.as_str()));
            for row in query.all(&self.reader).await? {
                let call = row.named("call_id")?;
                legs.entry(call).or_default().push(row.body()?);
            }
        }
        for call in &mut calls {
            call.coach_legs = legs.remove(&call.id).unwrap_or_default();
        }
        Ok(calls)
    }
}
