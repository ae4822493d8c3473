//! An organization's data as a whole.

use crate::StoreError;
use crate::database::{Database, column, failed};
use sqlx::Row;
use wire::{CallId, LeadId, OrganizationId};

/// What an export holds: a name, and a query for place and piece. `?1` is the organization, `?2` the
/// place before, `?3` how many. A table of an organization's that is new gets its line here.
const SECTIONS: &[(&str, &str)] = &[
    (
        "organization",
        "SELECT id AS place, json_object('id', id, 'name', name, 'plan', plan,
             'recording', json_object('enabled', json(iif(recording_enabled, 'true', 'false')),
                 'announced', json(iif(recording_announced, 'true', 'false')),
                 'retention_days', recording_retention_days),
             'low_balance_micro_dollars', low_balance) AS piece
         FROM organization WHERE id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "members",
        "SELECT membership.id AS place, json_object('membership_id', membership.id,
             'user', json_object('id', account.id, 'first_name', first_name,
                 'last_name', last_name, 'email', email),
             'role_id', role_id, 'active', json(iif(active, 'true', 'false')),
             'recording', recording) AS piece
         FROM membership JOIN account ON account.id = membership.account_id
         WHERE organization_id = ?1 AND membership.id > ?2 ORDER BY membership.id LIMIT ?3",
    ),
    (
        "roles",
        "SELECT id AS place, json_object('id', id, 'name', name,
             'built_in', json(iif(built_in, 'true', 'false')),
             'permissions', (SELECT json_group_array(permission) FROM role_permission
                             WHERE role_id = role.id)) AS piece
         FROM role WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "groups",
        "SELECT id AS place, json_object('id', id, 'name', name,
             'members', (SELECT json_group_array(account_id) FROM team_member
                         WHERE team_id = team.id)) AS piece
         FROM team WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "member_invites",
        "SELECT id AS place, json_object('id', id, 'email', email, 'role_id', role_id,
             'inviter_id', inviter_id, 'user_id', account_id,
             'date_created', strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch'),
             'date_expires', strftime('%Y-%m-%dT%H:%M:%fZ', expires_at / 1000.0, 'unixepoch'),
             'revoked', json(iif(revoked, 'true', 'false'))) AS piece
         FROM member_invite WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "phone_numbers",
        "SELECT id AS place, json_object('id', id, 'number', number, 'label', label, 'type', kind,
             'user_id', account_id,
             'user_ids', (SELECT json_group_array(account_id) FROM phone_number_user
                          WHERE phone_number_id = phone_number.id)) AS piece
         FROM phone_number WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "leads",
        "SELECT id AS place, json_object('id', id, 'display_name', display_name) AS piece
         FROM lead WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "contacts",
        "SELECT id AS place, json_object('id', id, 'lead_id', lead_id,
             'display_name', display_name,
             'phones', (SELECT json_group_array(number) FROM contact_phone
                        WHERE contact_id = contact.id)) AS piece
         FROM contact WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "calls",
        "SELECT id AS place, body AS piece
         FROM call WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "coach_legs",
        "SELECT id AS place, json_set(body, '$.call_id', call_id) AS piece
         FROM coach_leg WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "invitations",
        "SELECT id AS place, body AS piece
         FROM invitation WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "recordings",
        "SELECT call_id AS place, json_object('call_id', call_id, 'status', status,
             'date_started', strftime('%Y-%m-%dT%H:%M:%fZ', date_started / 1000.0, 'unixepoch'),
             'duration_ms', duration_ms, 'bytes', bytes, 'gaps', gaps) AS piece
         FROM recording WHERE organization_id = ?1 AND call_id > ?2 ORDER BY call_id LIMIT ?3",
    ),
    (
        "ledger",
        "SELECT id AS place, json_object('id', id,
             'date', strftime('%Y-%m-%dT%H:%M:%fZ', date / 1000.0, 'unixepoch'),
             'kind', kind, 'micro_dollars', micro_dollars, 'call_id', call_id, 'leg_id', leg_id,
             'user_id', account_id, 'minute', minute) AS piece
         FROM ledger WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    ),
    (
        "audit",
        "SELECT printf('%020d', seq) AS place, json_object('id', id,
             'date', strftime('%Y-%m-%dT%H:%M:%fZ', date / 1000.0, 'unixepoch'),
             'action', action, 'allowed', json(iif(allowed, 'true', 'false')), 'code', code,
             'user_id', account_id, 'device_id', device_id, 'address', address,
             'call_id', call_id, 'target', target, 'detail', detail) AS piece
         FROM audit WHERE organization_id = ?1 AND seq > CAST(?2 AS INTEGER)
         ORDER BY seq LIMIT ?3",
    ),
];

/// A piece of an export: its place, by which reading goes on, and itself as JSON.
pub type Piece = (String, String);

impl Database {
    /// The names of the sections of an export, in their order.
    pub fn export_sections(&self) -> Vec<&'static str> {
        SECTIONS.iter().map(|(name, _)| *name).collect()
    }

    /// The pieces of one section that come after this place, at most `limit`. Neither hashes of
    /// passwords nor tokens are among them.
    pub async fn export_pieces(
        &self,
        organization: &OrganizationId,
        section: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Piece>, StoreError> {
        let Some((_, query)) = SECTIONS.iter().find(|(name, _)| *name == section) else {
            return Err(StoreError::Fault("there is no such section".into()));
        };
        let rows = sqlx::query(*query)
            .bind(organization.as_str())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        rows.iter()
            .map(|row| {
                let place = row.try_get("place").map_err(failed)?;
                Ok((place, row.try_get("piece").map_err(failed)?))
            })
            .collect()
    }

    /// Every call with a lead.
    pub async fn calls_with_lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Vec<CallId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM call WHERE organization_id = ? AND lead_id = ?")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        rows.iter().map(|row| column(row, "id")).collect()
    }

    /// Deletes a lead with its contacts, calls, coaches' legs, invitations, and what is known of its
    /// recordings; whether there was one. Ledger and audit log stay.
    pub async fn delete_lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM call WHERE organization_id = ? AND lead_id = ?")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        let done = sqlx::query("DELETE FROM lead WHERE organization_id = ? AND id = ?")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}
