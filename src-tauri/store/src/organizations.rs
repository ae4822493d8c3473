//! Organizations and the people in them.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Order, Row, Tx, sql, to_text};
use wire::{
    Group, LedgerKind, List, ListQuery, Me, Member, Membership, MembershipId, MembershipPatch,
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

/// What an organization's admins may do by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Change the plan: only in the demonstration.
    pub plan_change: bool,
    /// Add credit.
    pub top_up: bool,
}

impl Database {
    /// A person, their place, organization and role; none when they are not active.
    pub async fn me(&self, user: &UserId, now: Timestamp) -> Result<Option<Me>, StoreError> {
        let row = sql(
            "SELECT account.id, first_name, last_name, email, membership.id AS membership_id,
                    membership.organization_id, membership.role_id, role.name AS role_name,
                    organization.name AS organization_name, country, time_zone, organization.plan,
                    demo, recording_enabled, recording_announced, recording_retention_days,
                    second_factor_required, role.built_in,
                    (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                     WHERE role_permission.role_id = role.id) AS permissions
             FROM account
             JOIN membership ON membership.account_id = account.id
             JOIN role ON role.id = membership.role_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE account.id = $1 AND membership.active = 1",
        )
        .bind(user.as_str())
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            let organization_id: OrganizationId = row.named("organization_id")?;
            Ok(Me {
                user: read_user(&row)?,
                membership: Membership {
                    id: row.named("membership_id")?,
                    organization_id: organization_id.clone(),
                    role_id: row.named("role_id")?,
                },
                organization: organization_at(organization_id, &row, now)?,
                role: Role {
                    id: row.named("role_id")?,
                    name: row.text("role_name")?,
                    permissions: permissions(&row)?,
                    built_in: row.truth("built_in")?,
                },
            })
        })
        .transpose()
    }

    /// The active members, by name.
    pub async fn users(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<User>, StoreError> {
        sql(
            "SELECT account.id, first_name, last_name, email FROM membership
             JOIN account ON account.id = membership.account_id
             WHERE organization_id = $1 AND active = 1",
        )
        .bind(organization.as_str())
        .page(
            &self.reader,
            Order::ByName(&["first_name", "last_name", "account.id"]),
            page,
            read_user,
        )
        .await
    }

    /// One member, active or not: old calls name them.
    pub async fn user(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<User>, StoreError> {
        sql(
            "SELECT account.id, first_name, last_name, email FROM membership
             JOIN account ON account.id = membership.account_id
             WHERE organization_id = $1 AND account.id = $2",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .optional(&self.reader)
        .await?
        .as_ref()
        .map(read_user)
        .transpose()
    }

    /// Every active member, with the permissions of their role, and the organization's plan.
    pub async fn members(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<MemberFacts>, StoreError> {
        sql(
            "SELECT account_id, plan, coalesce((SELECT micro_dollars FROM balance
                     WHERE balance.organization_id = organization.id), 0) AS balance,
                    (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                                       WHERE role_permission.role_id = membership.role_id) AS permissions
             FROM membership JOIN organization ON organization.id = membership.organization_id
             WHERE organization_id = $1 AND active = 1 ORDER BY account_id",
        )
        .bind(organization.as_str())
        .all(&self.reader).await?
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
        sql(
            "SELECT account_id, plan, coalesce((SELECT micro_dollars FROM balance
                     WHERE balance.organization_id = organization.id), 0) AS balance,
                    (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                                       WHERE role_permission.role_id = membership.role_id) AS permissions
             FROM membership JOIN organization ON organization.id = membership.organization_id
             WHERE organization_id = $1 AND account_id = $2 AND active = 1",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .optional(&self.reader).await?
        .as_ref()
        .map(read_facts)
        .transpose()
    }

    /// Roles, by name.
    pub async fn roles(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<Role>, StoreError> {
        sql(
            "SELECT id, name, built_in, (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                               WHERE role_permission.role_id = role.id) AS permissions
             FROM role WHERE organization_id = $1",
        )
        .bind(organization.as_str())
        .page(&self.reader, Order::ByName(&["name"]), page, |row| {
            Ok(Role {
                id: row.named("id")?,
                name: row.text("name")?,
                permissions: permissions(row)?,
                built_in: row.truth("built_in")?,
            })
        })
        .await
    }

    /// Groups, by name.
    pub async fn groups(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<Group>, StoreError> {
        sql(
            "SELECT id, name, (SELECT string_agg(team_member.account_id, ',' ORDER BY team_member.account_id) FROM team_member
                               JOIN membership ON membership.account_id = team_member.account_id
                               WHERE team_id = team.id AND active = 1) AS members
             FROM team WHERE organization_id = $1",
        )
        .bind(organization.as_str())
        .page(&self.reader, Order::ByName(&["name", "id"]), page, |row| {
            Ok(Group {
                id: row.named("id")?,
                name: row.text("name")?,
                members: row.list("members")?,
            })
        })
        .await
    }

    /// Changes a membership; none when there is no such membership or role in the organization.
    pub async fn patch_membership(
        &self,
        organization: &OrganizationId,
        membership: &MembershipId,
        patch: &MembershipPatch,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        if let Some(role) = &patch.role_id {
            let known = sql("SELECT 1 FROM role WHERE id = $1 AND organization_id = $2")
                .bind(role.as_str())
                .bind(organization.as_str())
                .exists(&mut tx)
                .await?;
            if !known {
                return Ok(None);
            }
        }
        let row = sql(
            "UPDATE membership SET role_id = coalesce($1, role_id), active = coalesce($2, active),
                                   recording = coalesce($3, recording)
             WHERE id = $4 AND organization_id = $5 RETURNING account_id, role_id, active",
        )
        .bind(patch.role_id.as_ref().map(wire::RoleId::as_str))
        .bind(patch.active)
        .bind(patch.recording.as_ref().map(to_text).transpose()?)
        .bind(membership.as_str())
        .bind(organization.as_str())
        .optional(&mut tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        keep_a_manager(&mut tx, organization).await?;
        let change = MembershipChange {
            user_id: row.named("account_id")?,
            membership: Membership {
                id: membership.clone(),
                organization_id: organization.clone(),
                role_id: row.named("role_id")?,
            },
            active: row.truth("active")?,
        };
        if !change.active {
            sql("DELETE FROM sign_in WHERE account_id = $1")
                .bind(change.user_id.as_str())
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(Some(change))
    }

    /// Every member, active or not, by name.
    pub async fn every_member(
        &self,
        organization: &OrganizationId,
        page: &ListQuery,
    ) -> Result<List<Member>, StoreError> {
        sql(
            "SELECT account.id, first_name, last_name, email, membership.id AS membership_id,
                    role_id, active, recording,
                    (SELECT string_agg(team_id, ',' ORDER BY team_id) FROM team_member
                     JOIN team ON team.id = team_member.team_id
                     WHERE team_member.account_id = account.id
                       AND team.organization_id = membership.organization_id) AS groups,
                    (SELECT count(*) FROM second_factor
                     WHERE second_factor.account_id = account.id AND confirmed = 1) AS second_factor
             FROM membership JOIN account ON account.id = membership.account_id
             WHERE membership.organization_id = $1",
        )
        .bind(organization.as_str())
        .page(
            &self.reader,
            Order::ByName(&["first_name", "last_name", "account.id"]),
            page,
            |row| {
                Ok(Member {
                    membership_id: row.named("membership_id")?,
                    user: read_user(row)?,
                    role_id: row.named("role_id")?,
                    active: row.truth("active")?,
                    group_ids: row.list("groups")?,
                    recording: row.named("recording")?,
                    second_factor: row.truth("second_factor")?,
                })
            },
        )
        .await
    }

    /// An organization, as its members see it.
    pub async fn organization(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
    ) -> Result<Option<Organization>, StoreError> {
        let row = sql(
            "SELECT name AS organization_name, country, time_zone, plan, demo,
                    second_factor_required, recording_enabled, recording_announced, recording_retention_days
             FROM organization WHERE id = $1",
        )
        .bind(organization.as_str())
        .optional(&self.reader)
        .await?;
        row.map(|row| organization_at(organization.clone(), &row, now))
            .transpose()
    }

    /// What the organization's admins may do by themselves that else whoever runs the service does (O5).
    pub async fn allowance(&self, organization: &OrganizationId) -> Result<Allowance, StoreError> {
        let row = sql("SELECT demo, top_up_allowed FROM organization WHERE id = $1")
            .bind(organization.as_str())
            .one(&self.reader)
            .await?;
        Ok(Allowance {
            plan_change: row.truth("demo")?,
            top_up: row.truth("top_up_allowed")?,
        })
    }

    /// Changes what the patch holds.
    pub async fn patch_organization(
        &self,
        organization: &OrganizationId,
        patch: &OrganizationPatch,
        now: Timestamp,
    ) -> Result<Option<Organization>, StoreError> {
        let recording = patch.recording.as_ref();
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("UPDATE organization SET
                 name = coalesce($1, name), plan = coalesce($2, plan),
                 recording_enabled = coalesce($3, recording_enabled),
                 recording_announced = coalesce($4, recording_announced),
                 recording_retention_days = coalesce($5, recording_retention_days),
                 low_balance = coalesce($6, low_balance), country = coalesce($7, country),
                 time_zone = coalesce($8, time_zone),
                 second_factor_required = coalesce($9, second_factor_required)
             WHERE id = $10
             RETURNING name AS organization_name, country, time_zone, plan, demo,
                       second_factor_required,
                       recording_enabled, recording_announced, recording_retention_days")
        .bind(patch.name.as_deref())
        .bind(patch.plan.as_ref().map(to_text).transpose()?)
        .bind(recording.map(|recording| recording.enabled))
        .bind(recording.map(|recording| recording.announced))
        .bind(recording.map(|recording| recording.retention_days))
        .bind(patch.low_balance_micro_dollars.map(|amount| amount.0))
        .bind(patch.country.as_deref())
        .bind(patch.time_zone.as_deref())
        .bind(patch.second_factor_required)
        .bind(organization.as_str())
        .optional(&mut tx)
        .await?;
        tx.commit().await?;
        row.map(|row| organization_at(organization.clone(), &row, now))
            .transpose()
    }
}

/// An organization with the rates that hold at this moment.
pub(crate) fn organization_at(
    id: OrganizationId,
    row: &Row,
    now: Timestamp,
) -> Result<Organization, StoreError> {
    let rate = |kind| u32::try_from(usage::rate_at(kind, now).0).unwrap_or(u32::MAX);
    Ok(Organization {
        id,
        name: row.text("organization_name")?,
        country: row.text("country")?,
        time_zone: row.text("time_zone")?,
        plan: row.named("plan")?,
        plan_change_allowed: row.truth("demo")?,
        coach_rate_micro_dollars_per_minute: rate(LedgerKind::Coaching),
        call_rate_micro_dollars_per_minute: rate(LedgerKind::Call),
        recording: RecordingSettings {
            enabled: row.truth("recording_enabled")?,
            announced: row.truth("recording_announced")?,
            retention_days: row.number("recording_retention_days")?,
        },
        second_factor_required: row.truth("second_factor_required")?,
    })
}

/// Reads a role's permissions, and adds what they imply (A1).
pub(crate) fn permissions(row: &Row) -> Result<Vec<Permission>, StoreError> {
    let mut held: Vec<Permission> = row.list("permissions")?;
    if held.contains(&Permission::CallCoachBarge) {
        held.push(Permission::CallCoachListen);
    }
    held.sort_unstable();
    held.dedup();
    Ok(held)
}

fn read_facts(row: &Row) -> Result<MemberFacts, StoreError> {
    Ok(MemberFacts {
        user_id: row.named("account_id")?,
        permissions: permissions(row)?,
        plan: row.named("plan")?,
        balance: row.dollars("balance")?,
    })
}

pub(crate) fn read_user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.named("id")?,
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        email: row.text("email")?,
    })
}

/// Refuses a change after which nobody could manage the organization any more.
pub(crate) async fn keep_a_manager(
    tx: &mut Tx,
    organization: &OrganizationId,
) -> Result<(), StoreError> {
    let is_kept = sql("SELECT 1 FROM membership
         JOIN role_permission ON role_permission.role_id = membership.role_id
         WHERE organization_id = $1 AND active = 1 AND permission = 'manage_organization' LIMIT 1")
    .bind(organization.as_str())
    .exists(tx)
    .await?;
    if is_kept {
        return Ok(());
    }
    Err(StoreError::Conflict(
        "Someone has to be able to manage the organization. Give another member a role that can, \
         then try again."
            .into(),
    ))
}

/// Whether all of these are members of the organization, active or not.
pub(crate) async fn all_members(
    tx: &mut Tx,
    organization: &OrganizationId,
    users: &[UserId],
) -> Result<bool, StoreError> {
    for user in users {
        let found = sql("SELECT 1 FROM membership WHERE account_id = $1 AND organization_id = $2")
            .bind(user.as_str())
            .bind(organization.as_str())
            .exists(&mut *tx)
            .await?;
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}
