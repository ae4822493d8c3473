//! Organizations and the people in them.

use crate::StoreError;
use crate::database::{Database, bounds, column, failed, from_text, text, to_text};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use wire::{
    Group, LedgerKind, ListQuery, Me, Member, Membership, MembershipId, MembershipPatch,
    MicroDollars, Organization, OrganizationId, OrganizationPatch, Permission, Plan,
    RecordingSettings, Role, Timestamp, User, UserId,
};

/// A change of a membership that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipChange {
    /// Whose membership.
    pub user_id: UserId,
    /// How it is now.
    pub membership: Membership,
    /// Whether the member is active now.
    pub active: bool,
}

/// What decides about a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// Who.
    pub user_id: UserId,
    /// What their role holds, implied permissions included.
    pub permissions: Vec<Permission>,
    /// The organization's plan.
    pub plan: Plan,
    /// What is left of the organization's balance.
    pub balance: MicroDollars,
}

impl Database {
    /// A person, their place, organization and role; none when they are not active.
    pub async fn me(&self, user: &UserId, now: Timestamp) -> Result<Option<Me>, StoreError> {
        let row = sqlx::query(
            "SELECT account.id, first_name, last_name, email, membership.id AS membership_id,
                    membership.organization_id, membership.role_id, role.name AS role_name,
                    organization.name AS organization_name, organization.plan,
                    recording_enabled, recording_announced, recording_retention_days,
                    role.built_in,
                    (SELECT group_concat(permission) FROM role_permission
                     WHERE role_permission.role_id = role.id) AS permissions
             FROM account
             JOIN membership ON membership.account_id = account.id
             JOIN role ON role.id = membership.role_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE account.id = ? AND membership.active = 1",
        )
        .bind(user.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?;
        row.map(|row| {
            let organization_id: OrganizationId = column(&row, "organization_id")?;
            Ok(Me {
                user: read_user(&row)?,
                membership: Membership {
                    id: column(&row, "membership_id")?,
                    organization_id: organization_id.clone(),
                    role_id: column(&row, "role_id")?,
                },
                organization: organization_at(organization_id, &row, now)?,
                role: Role {
                    id: column(&row, "role_id")?,
                    name: text(&row, "role_name")?,
                    permissions: permissions(row.try_get("permissions").map_err(failed)?)?,
                    built_in: row.try_get("built_in").map_err(failed)?,
                },
            })
        })
        .transpose()
    }

    /// The active members, by name. One more than the page holds tells that there are more.
    pub async fn users(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<User>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT account.id, first_name, last_name, email FROM membership
             JOIN account ON account.id = membership.account_id
             WHERE organization_id = ? AND active = 1
             ORDER BY first_name, last_name, account.id LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_user)
        .collect()
    }

    /// One member, active or not: old calls name them.
    pub async fn user(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<User>, StoreError> {
        sqlx::query(
            "SELECT account.id, first_name, last_name, email FROM membership
             JOIN account ON account.id = membership.account_id
             WHERE organization_id = ? AND account.id = ?",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?
        .as_ref()
        .map(read_user)
        .transpose()
    }

    /// Every active member, with the permissions of their role, and the organization's plan.
    pub async fn members(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<MemberFacts>, StoreError> {
        sqlx::query(
            "SELECT account_id, plan, coalesce((SELECT micro_dollars FROM balance
                     WHERE balance.organization_id = organization.id), 0) AS balance,
                    (SELECT group_concat(permission) FROM role_permission
                                       WHERE role_permission.role_id = membership.role_id) AS permissions
             FROM membership JOIN organization ON organization.id = membership.organization_id
             WHERE organization_id = ? AND active = 1 ORDER BY account_id",
        )
        .bind(organization.as_str())
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(read_facts)
        .collect()
    }

    /// One active member.
    pub async fn member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<MemberFacts>, StoreError> {
        sqlx::query(
            "SELECT account_id, plan, coalesce((SELECT micro_dollars FROM balance
                     WHERE balance.organization_id = organization.id), 0) AS balance,
                    (SELECT group_concat(permission) FROM role_permission
                                       WHERE role_permission.role_id = membership.role_id) AS permissions
             FROM membership JOIN organization ON organization.id = membership.organization_id
             WHERE organization_id = ? AND account_id = ? AND active = 1",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?
        .as_ref()
        .map(read_facts)
        .transpose()
    }

    /// Roles, by name.
    pub async fn roles(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Role>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT id, name, built_in, (SELECT group_concat(permission) FROM role_permission
                               WHERE role_permission.role_id = role.id) AS permissions
             FROM role WHERE organization_id = ? ORDER BY name LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            Ok(Role {
                id: column(row, "id")?,
                name: text(row, "name")?,
                permissions: permissions(row.try_get("permissions").map_err(failed)?)?,
                built_in: row.try_get("built_in").map_err(failed)?,
            })
        })
        .collect()
    }

    /// Groups, by name.
    pub async fn groups(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Group>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT id, name, (SELECT group_concat(team_member.account_id) FROM team_member
                               JOIN membership ON membership.account_id = team_member.account_id
                               WHERE team_id = team.id AND active = 1) AS members
             FROM team WHERE organization_id = ? ORDER BY name, id LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            let members: Option<String> = row.try_get("members").map_err(failed)?;
            Ok(Group {
                id: column(row, "id")?,
                name: text(row, "name")?,
                members: members
                    .iter()
                    .flat_map(|list| list.split(','))
                    .map(|id| from_text(id.to_owned()))
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect()
    }

    /// Changes a membership; none when there is no such membership or role in the organization.
    pub async fn patch_membership(
        &self,
        organization: &OrganizationId,
        membership: &MembershipId,
        patch: &MembershipPatch,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let mut tx = self.write().await?;
        if let Some(role) = &patch.role_id {
            let known: Option<i64> =
                sqlx::query_scalar("SELECT 1 FROM role WHERE id = ? AND organization_id = ?")
                    .bind(role.as_str())
                    .bind(organization.as_str())
                    .fetch_optional(&mut *tx)
                    .await
                    .map_err(failed)?;
            if known.is_none() {
                return Ok(None);
            }
        }
        let row = sqlx::query(
            "UPDATE membership SET role_id = coalesce(?, role_id), active = coalesce(?, active),
                                   recording = coalesce(?, recording)
             WHERE id = ? AND organization_id = ? RETURNING account_id, role_id, active",
        )
        .bind(patch.role_id.as_ref().map(wire::RoleId::as_str))
        .bind(patch.active)
        .bind(patch.recording.as_ref().map(to_text).transpose()?)
        .bind(membership.as_str())
        .bind(organization.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        keep_a_manager(&mut tx, organization).await?;
        let change = MembershipChange {
            user_id: column(&row, "account_id")?,
            membership: Membership {
                id: membership.clone(),
                organization_id: organization.clone(),
                role_id: column(&row, "role_id")?,
            },
            active: row.try_get("active").map_err(failed)?,
        };
        if !change.active {
            sqlx::query("DELETE FROM sign_in WHERE account_id = ?")
                .bind(change.user_id.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(Some(change))
    }

    /// Every member, active or not, by name.
    pub async fn every_member(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<Vec<Member>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT account.id, first_name, last_name, email, membership.id AS membership_id,
                    role_id, active, recording,
                    (SELECT group_concat(team_id) FROM team_member
                     JOIN team ON team.id = team_member.team_id
                     WHERE team_member.account_id = account.id
                       AND team.organization_id = membership.organization_id) AS groups
             FROM membership JOIN account ON account.id = membership.account_id
             WHERE membership.organization_id = ?
             ORDER BY first_name, last_name, account.id LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| {
            let groups: Option<String> = row.try_get("groups").map_err(failed)?;
            Ok(Member {
                membership_id: column(row, "membership_id")?,
                user: read_user(row)?,
                role_id: column(row, "role_id")?,
                active: row.try_get("active").map_err(failed)?,
                group_ids: groups
                    .iter()
                    .flat_map(|list| list.split(','))
                    .map(|id| from_text(id.to_owned()))
                    .collect::<Result<_, _>>()?,
                recording: column(row, "recording")?,
            })
        })
        .collect()
    }

    /// Changes what the patch holds.
    pub async fn patch_organization(
        &self,
        organization: &OrganizationId,
        patch: &OrganizationPatch,
        now: Timestamp,
    ) -> Result<Option<Organization>, StoreError> {
        let recording = patch.recording.as_ref();
        let mut tx = self.write().await?;
        let row = sqlx::query(
            "UPDATE organization SET
                 name = coalesce(?, name), plan = coalesce(?, plan),
                 recording_enabled = coalesce(?, recording_enabled),
                 recording_announced = coalesce(?, recording_announced),
                 recording_retention_days = coalesce(?, recording_retention_days),
                 low_balance = coalesce(?, low_balance)
             WHERE id = ?
             RETURNING name AS organization_name, plan,
                       recording_enabled, recording_announced, recording_retention_days",
        )
        .bind(patch.name.as_ref())
        .bind(patch.plan.as_ref().map(to_text).transpose()?)
        .bind(recording.map(|recording| recording.enabled))
        .bind(recording.map(|recording| recording.announced))
        .bind(recording.map(|recording| recording.retention_days))
        .bind(patch.low_balance_micro_dollars.map(|amount| amount.0))
        .bind(organization.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        row.map(|row| organization_at(organization.clone(), &row, now))
            .transpose()
    }
}

/// An organization with the rates that hold at this moment.
pub(crate) fn organization_at(
    id: OrganizationId,
    row: &SqliteRow,
    now: Timestamp,
) -> Result<Organization, StoreError> {
    let rate = |kind| u32::try_from(usage::rate_at(kind, now).0).unwrap_or(u32::MAX);
    Ok(Organization {
        id,
        name: text(row, "organization_name")?,
        plan: column(row, "plan")?,
        coach_rate_micro_dollars_per_minute: rate(LedgerKind::Coaching),
        call_rate_micro_dollars_per_minute: rate(LedgerKind::Call),
        recording: RecordingSettings {
            enabled: row.try_get("recording_enabled").map_err(failed)?,
            announced: row.try_get("recording_announced").map_err(failed)?,
            retention_days: row.try_get("recording_retention_days").map_err(failed)?,
        },
    })
}

/// Reads a role's permissions, and adds what they imply (A1).
pub(crate) fn permissions(list: Option<String>) -> Result<Vec<Permission>, StoreError> {
    let mut held = list
        .iter()
        .flat_map(|list| list.split(','))
        .map(|name| from_text(name.to_owned()))
        .collect::<Result<Vec<Permission>, _>>()?;
    if held.contains(&Permission::CallCoachBarge) {
        held.push(Permission::CallCoachListen);
    }
    held.sort_unstable();
    held.dedup();
    Ok(held)
}

fn read_facts(row: &SqliteRow) -> Result<MemberFacts, StoreError> {
    Ok(MemberFacts {
        user_id: column(row, "account_id")?,
        permissions: permissions(row.try_get("permissions").map_err(failed)?)?,
        plan: column(row, "plan")?,
        balance: row.try_get("balance").map(MicroDollars).map_err(failed)?,
    })
}

pub(crate) fn read_user(row: &SqliteRow) -> Result<User, StoreError> {
    Ok(User {
        id: column(row, "id")?,
        first_name: text(row, "first_name")?,
        last_name: text(row, "last_name")?,
        email: text(row, "email")?,
    })
}

/// Refuses a change after which nobody could manage the organization any more.
pub(crate) async fn keep_a_manager(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
) -> Result<(), StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM membership
         JOIN role_permission ON role_permission.role_id = membership.role_id
         WHERE organization_id = ? AND active = 1 AND permission = 'manage_organization' LIMIT 1",
    )
    .bind(organization.as_str())
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    match found {
        Some(_) => Ok(()),
        None => Err(StoreError::Conflict(
            "an organization keeps at least one active member who may manage it".into(),
        )),
    }
}
