//! Invitations into organizations, by links that are good once.

use crate::database::Database;
use crate::organizations::read_user;
use crate::random::Hash;
use crate::sign_ins::begin;
use crate::sql::{Order, Row, Tx, from_text, sql};
use crate::{NewSignIn, StoreError};
use wire::{
    GroupId, InviteOffer, List, ListQuery, MemberInvite, MemberInviteId, MemberInviteStatus,
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
    /// Who they become.
    pub account: NewAccount,
    /// Their first sign-in, which also holds the moment.
    pub sign_in: NewSignIn,
}

/// An account that begins, and its place in an organization.
pub struct NewAccount {
    /// Whose.
    pub user_id: UserId,
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
        let mut tx = self.write(organization.as_str()).await?;
        let open = sql(
            "SELECT count(*) AS count FROM member_invite
             WHERE organization_id = $1 AND account_id IS NULL AND revoked = 0 AND expires_at > $2",
        )
        .bind(organization.as_str())
        .bind(new.now.0)
        .count(&mut tx)
        .await?;
        if open >= OPEN_INVITES_MAX {
            return Err(StoreError::Conflict(format!(
                "An organization can have up to {OPEN_INVITES_MAX} open invite links. Revoke one \
                 first."
            )));
        }
        if let Some(email) = &new.email {
            email_is_free(&mut tx, email).await?;
        }
        let role = sql("SELECT 1 FROM role WHERE id = $1 AND organization_id = $2")
            .bind(new.role_id.as_str())
            .bind(organization.as_str())
            .exists(&mut tx)
            .await?;
        if !role {
            return Ok(None);
        }
        sql(
            "INSERT INTO member_invite (id, organization_id, token_hash, email, role_id, inviter_id,
                                        created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.id.as_str())
        .bind(organization.as_str())
        .bind(new.token_hash.as_slice())
        .bind(new.email.as_deref())
        .bind(new.role_id.as_str())
        .bind(new.inviter_id.as_str())
        .bind(new.now.0)
        .bind(new.expires_at.0)
        .execute(&mut tx).await?;
        for group in &new.group_ids {
            let put = sql(
                "INSERT INTO member_invite_team (member_invite_id, team_id)
                 SELECT $1, id FROM team WHERE id = $2 AND organization_id = $3 ON CONFLICT DO NOTHING",
            )
            .bind(new.id.as_str())
            .bind(group.as_str())
            .bind(organization.as_str())
            .execute(&mut tx).await?;
            if put == 0 && !holds(&mut tx, &new.id, group).await? {
                return Ok(None);
            }
        }
        tx.commit().await?;
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
    ) -> Result<List<MemberInvite>, StoreError> {
        sql(
            "SELECT member_invite.id, email, role_id, inviter_id, account_id, created_at, expires_at,
                    revoked,
                    (SELECT string_agg(team_id, ',' ORDER BY team_id) FROM member_invite_team
                     WHERE member_invite_id = member_invite.id) AS groups,
                    EXISTS (SELECT 1 FROM membership
                            JOIN role_permission ON role_permission.role_id = membership.role_id
                            WHERE membership.account_id = member_invite.inviter_id
                              AND membership.organization_id = member_invite.organization_id
                              AND membership.active = 1
                              AND permission = 'manage_organization') AS vouched
             FROM member_invite WHERE organization_id = $1",
        )
        .bind(organization.as_str())
        .page(&self.reader, Order::NewestFirst(&["created_at", "member_invite.id"]), page, |row| read_invite(row, now))
        .await
    }

    /// Takes one back that is open or was taken back; whether there is one.
    /// [`StoreError::Conflict`] for one that was used.
    pub async fn revoke_invite(
        &self,
        organization: &OrganizationId,
        id: &MemberInviteId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql(
            "UPDATE member_invite SET revoked = 1 WHERE id = $1 AND organization_id = $2
             RETURNING account_id",
        )
        .bind(id.as_str())
        .bind(organization.as_str())
        .optional(&mut tx)
        .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        if row.optional_text("account_id")?.is_some() {
            return Err(StoreError::Conflict(
                "This invite link has already been used. Deactivate the member instead.".into(),
            ));
        }
        tx.commit().await?;
        Ok(true)
    }

    /// What a link offers; none when it is not open.
    pub async fn invite_offer(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<InviteOffer>, StoreError> {
        let row = sql(
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
             WHERE token_hash = $1 AND member_invite.account_id IS NULL AND revoked = 0
               AND expires_at > $2 AND membership.active = 1",
        )
        .bind(token_hash.as_slice())
        .bind(now.0)
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            let inviter = read_user(&row)?;
            Ok(InviteOffer {
                organization_name: row.text("organization_name")?,
                inviter_name: format!("{} {}", inviter.first_name, inviter.last_name)
                    .trim()
                    .to_owned(),
                role_name: row.text("role_name")?,
                email: row.optional_text("meant_for")?,
                date_expires: row.moment("expires_at")?,
            })
        })
        .transpose()
    }

    /// Makes account, membership and sign-in, and uses the link up, all or nothing.
    /// [`StoreError::Conflict`] when the address has an account.
    pub async fn accept_invite(&self, new: NewMember) -> Result<Accepted, StoreError> {
        let user = &new.account.user_id;
        let found = sql("SELECT organization_id FROM member_invite WHERE token_hash = $1")
            .bind(&new.token_hash)
            .optional(&self.reader)
            .await?;
        let Some(found) = found else {
            return Ok(Accepted::NotOpen);
        };
        // The write lock is held from here to the end: of two who show one secret, one comes second.
        let mut tx = self.write_across(&found.text("organization_id")?).await?;
        let row = sql(
            "SELECT member_invite.id, member_invite.organization_id, member_invite.role_id, email
             FROM member_invite
             JOIN membership ON membership.account_id = member_invite.inviter_id
                            AND membership.organization_id = member_invite.organization_id
             JOIN role_permission ON role_permission.role_id = membership.role_id
                                 AND permission = 'manage_organization'
             WHERE token_hash = $1 AND member_invite.account_id IS NULL AND revoked = 0
               AND expires_at > $2 AND membership.active = 1",
        )
        .bind(new.token_hash.as_slice())
        .bind(new.sign_in.now.0)
        .optional(&mut tx)
        .await?;
        let Some(row) = row else {
            return Ok(Accepted::NotOpen);
        };
        let meant_for = row.optional_text("email")?;
        if meant_for.is_some_and(|email| email != new.account.email) {
            return Ok(Accepted::OtherEmail);
        }
        email_is_free(&mut tx, &new.account.email).await?;
        let invite = row.text("id")?;
        let organization = row.text("organization_id")?;
        add_account(&mut tx, &organization, &row.text("role_id")?, &new.account).await?;
        sql("INSERT INTO team_member (team_id, account_id)
             SELECT team_id, $1 FROM member_invite_team WHERE member_invite_id = $2")
        .bind(user.as_str())
        .bind(&invite)
        .execute(&mut tx)
        .await?;
        sql("UPDATE member_invite SET account_id = $1 WHERE id = $2")
            .bind(user.as_str())
            .bind(&invite)
            .execute(&mut tx)
            .await?;
        // Nobody else signs in as who was not there before.
        begin(&mut tx, &new.sign_in).await?;
        tx.commit().await?;
        from_text(organization).map(Accepted::Done)
    }
}

pub(crate) async fn email_is_free(tx: &mut Tx, email: &str) -> Result<(), StoreError> {
    let taken = sql("SELECT 1 FROM account WHERE email = $1")
        .bind(email)
        .exists(tx)
        .await?;
    if taken {
        return Err(StoreError::Conflict(
            "This email address already has an account. Sign in with it, or use another one."
                .into(),
        ));
    }
    Ok(())
}

/// Makes an account a member of an organization, with this role.
pub(crate) async fn add_account(
    tx: &mut Tx,
    organization: &str,
    role: &str,
    new: &NewAccount,
) -> Result<(), StoreError> {
    sql(
        "INSERT INTO account (id, email, first_name, last_name, password_hash)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(new.user_id.as_str())
    .bind(&new.email)
    .bind(&new.first_name)
    .bind(&new.last_name)
    .bind(&new.password_hash)
    .execute(&mut *tx)
    .await?;
    sql(
        "INSERT INTO membership (id, organization_id, account_id, role_id) VALUES ($1, $2, $3, $4)",
    )
    .bind(new.membership_id.as_str())
    .bind(organization)
    .bind(new.user_id.as_str())
    .bind(role)
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether an invitation names this group: one that is named twice is put once.
async fn holds(tx: &mut Tx, invite: &MemberInviteId, group: &GroupId) -> Result<bool, StoreError> {
    sql("SELECT 1 FROM member_invite_team WHERE member_invite_id = $1 AND team_id = $2")
        .bind(invite.as_str())
        .bind(group.as_str())
        .exists(tx)
        .await
}

fn read_invite(row: &Row, now: Timestamp) -> Result<MemberInvite, StoreError> {
    let user: Option<UserId> = row.optional_named("account_id")?;
    let revoked = row.truth("revoked")?;
    let vouched = row.truth("vouched")?;
    let date_expires = row.moment("expires_at")?;
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
        id: row.named("id")?,
        email: row.optional_text("email")?,
        role_id: row.named("role_id")?,
        group_ids: row.list("groups")?,
        inviter_id: row.named("inviter_id")?,
        status,
        user_id: user,
        date_created: row.moment("created_at")?,
        date_expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::new_store;
    use wire::{ClientType, DeviceId, MembershipId, UserId};

    const DAY: i64 = 86_400_000;

    fn member(hash: Hash, now: Timestamp) -> NewMember {
        NewMember {
            token_hash: hash,
            account: NewAccount {
                user_id: UserId::parse("user_new").unwrap(),
                membership_id: MembershipId::parse("memb_new").unwrap(),
                email: "new@demo.example".into(),
                first_name: "Nora".into(),
                last_name: "Nunn".into(),
                password_hash: "hash".into(),
            },
            sign_in: NewSignIn {
                id: "new".into(),
                user_id: UserId::parse("user_new").unwrap(),
                device_id: DeviceId::parse("devi_new").unwrap(),
                client_type: ClientType::Native,
                device_name: None,
                address: None,
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
        let (_folder, database) = new_store().await;
        let now = Timestamp(1_800_000_000_000);
        database.seed_demo("hash", 0, now).await.unwrap();
        let admin = sql("SELECT organization_id, role_id, account_id FROM membership
             JOIN account ON account.id = account_id WHERE email = 'admin@demo.example'")
        .one(&database.reader)
        .await
        .unwrap();
        let organization: OrganizationId = admin.named("organization_id").unwrap();
        let expires_at = now.plus_millis(DAY);
        let new = NewInvite {
            id: MemberInviteId::parse("minv_1").unwrap(),
            token_hash: [7; 32],
            email: None,
            role_id: admin.named("role_id").unwrap(),
            group_ids: Vec::new(),
            inviter_id: admin.named("account_id").unwrap(),
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
            all.data[0].status
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
