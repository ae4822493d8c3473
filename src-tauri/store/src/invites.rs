//! Invitations into organizations, by links that are good once.

use crate::database::{Database, bounds, column, failed, from_text, text};
use crate::organizations::read_user;
use crate::random::Hash;
use crate::sign_ins::begin;
use crate::{NewSignIn, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use wire::{
    GroupId, InviteOffer, ListQuery, MemberInvite, MemberInviteId, MemberInviteStatus,
    MembershipId, OrganizationId, RoleId, Timestamp, UserId,
};

/// Links of an organization that can be used, at most.
pub const OPEN_INVITES_MAX: i64 = 200;

/// An invitation by link that begins.
pub struct NewInvite {
    /// Its id.
    pub id: MemberInviteId,
    /// What is kept of the link's secret.
    pub token_hash: Hash,
    /// The only address that may use it, in lower case; any when none.
    pub email: Option<String>,
    /// The role that the new member gets.
    pub role_id: RoleId,
    /// The groups that the new member gets into.
    pub group_ids: Vec<GroupId>,
    /// Who invites.
    pub inviter_id: UserId,
    /// Now.
    pub now: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Somebody who uses a link.
pub struct NewMember {
    /// What is kept of the secret that they showed.
    pub token_hash: Hash,
    /// Their place.
    pub membership_id: MembershipId,
    /// Their address, in lower case.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Their first sign-in, which also holds their id and the moment.
    pub sign_in: NewSignIn,
}

/// What became of the use of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// There is a new member, of this organization.
    Done(OrganizationId),
    /// The link is wrong, used, taken back or too old.
    NotOpen,
    /// The link is for another address.
    OtherEmail,
}

impl Database {
    /// Makes one; none when the role or a group is none of the organization's.
    /// [`StoreError::Conflict`] when the address has an account or too many links are open.
    pub async fn create_invite(
        &self,
        organization: &OrganizationId,
        new: NewInvite,
    ) -> Result<Option<MemberInvite>, StoreError> {
        let mut tx = self.write().await?;
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM member_invite
             WHERE organization_id = ? AND account_id IS NULL AND revoked = 0 AND expires_at > ?",
        )
        .bind(organization.as_str())
        .bind(new.now.0)
        .fetch_one(&mut *tx)
        .await
        .map_err(failed)?;
        if open >= OPEN_INVITES_MAX {
            return Err(StoreError::Conflict(format!(
                "At most {OPEN_INVITES_MAX} invitations are open at once. Take one back first."
            )));
        }
        if let Some(email) = &new.email {
            email_is_free(&mut tx, email).await?;
        }
        let role: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM role WHERE id = ? AND organization_id = ?")
                .bind(new.role_id.as_str())
                .bind(organization.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(failed)?;
        if role.is_none() {
            return Ok(None);
        }
        sqlx::query(
            "INSERT INTO member_invite (id, organization_id, token_hash, email, role_id, inviter_id,
                                        created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(new.id.as_str())
        .bind(organization.as_str())
        .bind(new.token_hash.as_slice())
        .bind(new.email.as_ref())
        .bind(new.role_id.as_str())
        .bind(new.inviter_id.as_str())
        .bind(new.now.0)
        .bind(new.expires_at.0)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        for group in &new.group_ids {
            let put = sqlx::query(
                "INSERT OR IGNORE INTO member_invite_team (member_invite_id, team_id)
                 SELECT ?, id FROM team WHERE id = ? AND organization_id = ?",
            )
            .bind(new.id.as_str())
            .bind(group.as_str())
            .bind(organization.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
            if put.rows_affected() == 0 && !holds(&mut tx, &new.id, group).await? {
                return Ok(None);
            }
        }
        tx.commit().await.map_err(failed)?;
        let mut group_ids = new.group_ids;
        group_ids.sort_unstable();
        group_ids.dedup();
        Ok(Some(MemberInvite {
            id: new.id,
            email: new.email,
            role_id: new.role_id,
            group_ids,
            inviter_id: new.inviter_id,
            status: MemberInviteStatus::Open,
            user_id: None,
            date_created: new.now,
            date_expires: new.expires_at,
        }))
    }

    /// All of them, newest first.
    pub async fn invites(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
        page: &ListQuery,
    ) -> Result<Vec<MemberInvite>, StoreError> {
        let (limit, skip) = bounds(page);
        sqlx::query(
            "SELECT member_invite.id, email, role_id, inviter_id, account_id, created_at, expires_at,
                    revoked,
                    (SELECT group_concat(team_id) FROM member_invite_team
                     WHERE member_invite_id = member_invite.id) AS groups,
                    EXISTS (SELECT 1 FROM membership
                            JOIN role_permission ON role_permission.role_id = membership.role_id
                            WHERE membership.account_id = member_invite.inviter_id
                              AND membership.organization_id = member_invite.organization_id
                              AND membership.active
                              AND permission = 'manage_organization') AS vouched
             FROM member_invite WHERE organization_id = ?
             ORDER BY created_at DESC, member_invite.id DESC LIMIT ? OFFSET ?",
        )
        .bind(organization.as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.reader)
        .await
        .map_err(failed)?
        .iter()
        .map(|row| read_invite(row, now))
        .collect()
    }

    /// Takes one back that is open or was taken back; whether there is one.
    /// [`StoreError::Conflict`] for one that was used.
    pub async fn revoke_invite(
        &self,
        organization: &OrganizationId,
        id: &MemberInviteId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let used: Option<bool> = sqlx::query_scalar(
            "UPDATE member_invite SET revoked = 1 WHERE id = ? AND organization_id = ?
             RETURNING account_id IS NOT NULL",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        if used == Some(true) {
            return Err(StoreError::Conflict(
                "This invitation was used. Deactivate the member instead.".into(),
            ));
        }
        tx.commit().await.map_err(failed)?;
        Ok(used.is_some())
    }

    /// What a link offers; none when it is not open.
    pub async fn invite_offer(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<InviteOffer>, StoreError> {
        let row = sqlx::query(
            "SELECT organization.name AS organization_name, role.name AS role_name,
                    member_invite.email AS meant_for, expires_at,
                    account.id, first_name, last_name, account.email
             FROM member_invite
             JOIN organization ON organization.id = member_invite.organization_id
             JOIN role ON role.id = member_invite.role_id
             JOIN account ON account.id = member_invite.inviter_id
             JOIN membership ON membership.account_id = member_invite.inviter_id
                            AND membership.organization_id = member_invite.organization_id
             JOIN role_permission ON role_permission.role_id = membership.role_id
                                 AND permission = 'manage_organization'
             WHERE token_hash = ? AND member_invite.account_id IS NULL AND revoked = 0
               AND expires_at > ? AND membership.active",
        )
        .bind(token_hash.as_slice())
        .bind(now.0)
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?;
        row.map(|row| {
            let inviter = read_user(&row)?;
            Ok(InviteOffer {
                organization_name: text(&row, "organization_name")?,
                inviter_name: format!("{} {}", inviter.first_name, inviter.last_name)
                    .trim()
                    .to_owned(),
                role_name: text(&row, "role_name")?,
                email: row.try_get("meant_for").map_err(failed)?,
                date_expires: Timestamp(row.try_get("expires_at").map_err(failed)?),
            })
        })
        .transpose()
    }

    /// Makes account, membership and sign-in, and uses the link up, all or nothing.
    /// [`StoreError::Conflict`] when the address has an account.
    pub async fn accept_invite(&self, new: NewMember) -> Result<Accepted, StoreError> {
        let user = &new.sign_in.user_id;
        // The write lock is held from here to the end: of two who show one secret, one comes second.
        let mut tx = self.write().await?;
        let row = sqlx::query(
            "SELECT member_invite.id, member_invite.organization_id, member_invite.role_id, email
             FROM member_invite
             JOIN membership ON membership.account_id = member_invite.inviter_id
                            AND membership.organization_id = member_invite.organization_id
             JOIN role_permission ON role_permission.role_id = membership.role_id
                                 AND permission = 'manage_organization'
             WHERE token_hash = ? AND member_invite.account_id IS NULL AND revoked = 0
               AND expires_at > ? AND membership.active",
        )
        .bind(new.token_hash.as_slice())
        .bind(new.sign_in.now.0)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let Some(row) = row else {
            return Ok(Accepted::NotOpen);
        };
        let meant_for: Option<String> = row.try_get("email").map_err(failed)?;
        if meant_for.is_some_and(|email| email != new.email) {
            return Ok(Accepted::OtherEmail);
        }
        email_is_free(&mut tx, &new.email).await?;
        let invite = text(&row, "id")?;
        let organization = text(&row, "organization_id")?;
        sqlx::query(
            "INSERT INTO account (id, email, first_name, last_name, password_hash)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(user.as_str())
        .bind(&new.email)
        .bind(&new.first_name)
        .bind(&new.last_name)
        .bind(&new.password_hash)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "INSERT INTO membership (id, organization_id, account_id, role_id) VALUES (?, ?, ?, ?)",
        )
        .bind(new.membership_id.as_str())
        .bind(&organization)
        .bind(user.as_str())
        .bind(text(&row, "role_id")?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "INSERT INTO team_member (team_id, account_id)
             SELECT team_id, ? FROM member_invite_team WHERE member_invite_id = ?",
        )
        .bind(user.as_str())
        .bind(&invite)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query("UPDATE member_invite SET account_id = ? WHERE id = ?")
            .bind(user.as_str())
            .bind(&invite)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        begin(&mut tx, &new.sign_in).await?;
        tx.commit().await.map_err(failed)?;
        from_text(organization).map(Accepted::Done)
    }
}

async fn email_is_free(connection: &mut SqliteConnection, email: &str) -> Result<(), StoreError> {
    let taken: Option<i64> = sqlx::query_scalar("SELECT 1 FROM account WHERE email = ?")
        .bind(email)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    match taken {
        None => Ok(()),
        Some(_) => Err(StoreError::Conflict(
            "This e-mail address has an account already. Sign in with it, or use another one."
                .into(),
        )),
    }
}

/// Whether an invitation names this group: one that is named twice is put once.
async fn holds(
    connection: &mut SqliteConnection,
    invite: &MemberInviteId,
    group: &GroupId,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM member_invite_team WHERE member_invite_id = ? AND team_id = ?",
    )
    .bind(invite.as_str())
    .bind(group.as_str())
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    Ok(found.is_some())
}

fn read_invite(row: &SqliteRow, now: Timestamp) -> Result<MemberInvite, StoreError> {
    let user: Option<String> = row.try_get("account_id").map_err(failed)?;
    let groups: Option<String> = row.try_get("groups").map_err(failed)?;
    let revoked: bool = row.try_get("revoked").map_err(failed)?;
    let vouched: bool = row.try_get("vouched").map_err(failed)?;
    let date_expires = Timestamp(row.try_get("expires_at").map_err(failed)?);
    let status = if user.is_some() {
        MemberInviteStatus::Used
    } else if revoked || !vouched {
        MemberInviteStatus::Revoked
    } else if date_expires <= now {
        MemberInviteStatus::Expired
    } else {
        MemberInviteStatus::Open
    };
    Ok(MemberInvite {
        id: column(row, "id")?,
        email: row.try_get("email").map_err(failed)?,
        role_id: column(row, "role_id")?,
        group_ids: groups
            .iter()
            .flat_map(|list| list.split(','))
            .map(|id| from_text(id.to_owned()))
            .collect::<Result<_, _>>()?,
        inviter_id: column(row, "inviter_id")?,
        status,
        user_id: user.map(from_text).transpose()?,
        date_created: Timestamp(row.try_get("created_at").map_err(failed)?),
        date_expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{ClientType, DeviceId, MembershipId, UserId};

    const DAY: i64 = 86_400_000;

    fn member(hash: Hash, now: Timestamp) -> NewMember {
        NewMember {
            token_hash: hash,
            membership_id: MembershipId::parse("memb_new").unwrap(),
            email: "new@demo.example".into(),
            first_name: "Nora".into(),
            last_name: "Nunn".into(),
            password_hash: "hash".into(),
            sign_in: NewSignIn {
                id: "new".into(),
                user_id: UserId::parse("user_new").unwrap(),
                device_id: DeviceId::parse("devi_new").unwrap(),
                client_type: ClientType::Native,
                refresh_hash: [1; 32],
                refresh_expires_at: now.plus_millis(DAY),
                access_hash: [2; 32],
                access_expires_at: now.plus_millis(DAY),
                now,
            },
        }
    }

    #[tokio::test]
    async fn a1_a_link_ends_by_itself_at_its_moment() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), 0, false).await.unwrap();
        let now = Timestamp(1_800_000_000_000);
        database.seed_demo("hash", 0, now).await.unwrap();
        let admin = sqlx::query(
            "SELECT organization_id, role_id, account_id FROM membership
             JOIN account ON account.id = account_id WHERE email = 'admin@demo.example'",
        )
        .fetch_one(&database.reader)
        .await
        .unwrap();
        let organization: OrganizationId = column(&admin, "organization_id").unwrap();
        let expires_at = now.plus_millis(DAY);
        let new = NewInvite {
            id: MemberInviteId::parse("minv_1").unwrap(),
            token_hash: [7; 32],
            email: None,
            role_id: column(&admin, "role_id").unwrap(),
            group_ids: Vec::new(),
            inviter_id: column(&admin, "account_id").unwrap(),
            now,
            expires_at,
        };
        let made = database.create_invite(&organization, new).await.unwrap();
        assert!(made.is_some());
        let last = Timestamp(expires_at.0 - 1);
        assert!(
            database
                .invite_offer(&[7; 32], last)
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            database
                .invite_offer(&[7; 32], expires_at)
                .await
                .unwrap()
                .is_none()
        );
        let status = async |at| {
            let page = ListQuery::default();
            let all = database.invites(&organization, at, &page).await.unwrap();
            all[0].status
        };
        assert_eq!(status(last).await, MemberInviteStatus::Open);
        assert_eq!(status(expires_at).await, MemberInviteStatus::Expired);
        let late = member([7; 32], expires_at);
        assert_eq!(
            database.accept_invite(late).await.unwrap(),
            Accepted::NotOpen
        );
        let in_time = member([7; 32], last);
        let accepted = database.accept_invite(in_time).await.unwrap();
        assert_eq!(accepted, Accepted::Done(organization.clone()));
        assert_eq!(status(expires_at).await, MemberInviteStatus::Used);
    }
}
