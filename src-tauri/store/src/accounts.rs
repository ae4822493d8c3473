//! What people do with their own accounts, and how they come back after a lost password.

use crate::StoreError;
use crate::database::Database;
use crate::organizations::read_user;
use crate::random::Hash;
use crate::sign_ins::{Credentials, end_all};
use crate::sql::{Row, Tx, sql, to_text};
use wire::{DeviceId, MembershipId, OrganizationId, PasswordResetOffer, Timestamp, User, UserId};

/// An active member, as what they want with their own account is checked against.
#[derive(Clone)]
pub struct Account {
    /// The person.
    pub user: User,
    /// Their organization.
    pub organization_id: OrganizationId,
    /// What it is called.
    pub organization_name: String,
    /// Their password.
    pub credentials: Credentials,
}

/// What a link to an account is good for. There is one of each kind at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A new password, made by an admin.
    ResetByAdmin,
    /// A new password, asked for by mail.
    ResetByMail,
    /// Confirms a new e-mail address.
    Email,
}

/// A link to an account that begins.
pub struct NewLink {
    /// What is kept of its secret.
    pub token_hash: Hash,
    /// What it is good for.
    pub kind: LinkKind,
    /// The new address that it confirms.
    pub email: Option<String>,
    /// Who makes it; nobody where it's asked for by mail.
    pub creator: Option<UserId>,
    /// Now.
    pub now: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An e-mail address that was confirmed by a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Whose, with the address before.
    pub user: User,
    /// Their organization.
    pub organization_id: OrganizationId,
    /// The address that they sign in with now.
    pub email: String,
}

/// A password that was chosen by a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Whose.
    pub user_id: UserId,
    /// Their organization.
    pub organization_id: OrganizationId,
    /// The devices that are signed out by it.
    pub ended: Vec<DeviceId>,
}

impl Database {
    /// An active member's own account.
    pub async fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        let row = sql(
            "SELECT account.id, first_name, last_name, email, password_hash, active, suspended,
                    organization_id, organization.name AS organization_name
             FROM account JOIN membership ON membership.account_id = account.id
             JOIN organization ON organization.id = membership.organization_id
             WHERE account.id = $1 AND active = 1",
        )
        .bind(user.as_str())
        .optional(&self.reader)
        .await?;
        row.as_ref().map(read_account).transpose()
    }

    /// The active member with this e-mail address, in lower case; none of a suspended organization.
    pub async fn account_of(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let row = sql(
            "SELECT account.id, first_name, last_name, email, password_hash, active, suspended,
                    organization_id, organization.name AS organization_name
             FROM account JOIN membership ON membership.account_id = account.id
             JOIN organization ON organization.id = membership.organization_id
             WHERE account.email = $1 AND active = 1 AND suspended = 0",
        )
        .bind(email)
        .optional(&self.reader)
        .await?;
        row.as_ref().map(read_account).transpose()
    }

    /// Changes a person's own name; whether there is one.
    pub async fn rename(
        &self,
        user: &UserId,
        first_name: Option<&str>,
        last_name: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let changed = sql("UPDATE account SET first_name = coalesce($1, first_name),
                                last_name = coalesce($2, last_name) WHERE id = $3")
        .bind(first_name)
        .bind(last_name)
        .bind(user.as_str())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(changed > 0)
    }

    /// Changes the address that a person signs in with, unless another person has it; whether it was
    /// changed. Links that went to the address before are over.
    pub async fn set_email(&self, user: &UserId, email: &str) -> Result<bool, StoreError> {
        let mut tx = self.write_across(user.as_str()).await?;
        let done = set_email(&mut tx, user, email).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Sets a person's password, and ends all their sign-ins but this one, and every link to their
    /// account; which devices are signed out by it.
    pub async fn set_password(
        &self,
        user: &UserId,
        password_hash: &str,
        but: Option<&str>,
    ) -> Result<Vec<DeviceId>, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let ended = set_password(&mut tx, user, password_hash, but).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Makes a link by which a member chooses a new password, and whose it is; none when there is no
    /// such member. [`StoreError::Conflict`] when they can't sign in, and for the creator themselves,
    /// who knows their password or can't prove to be themselves.
    pub async fn create_reset(
        &self,
        organization: &OrganizationId,
        membership: &MembershipId,
        new: &NewLink,
    ) -> Result<Option<UserId>, StoreError> {
        let mut tx = self.write(organization.as_str()).await?;
        let row = sql("SELECT account_id, active FROM membership
             WHERE id = $1 AND organization_id = $2")
        .bind(membership.as_str())
        .bind(organization.as_str())
        .optional(&mut tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let user: UserId = row.named("account_id")?;
        if !row.truth("active")? {
            return Err(StoreError::Conflict(
                "This member is deactivated. Activate them first.".into(),
            ));
        }
        if new.creator.as_ref() == Some(&user) {
            return Err(StoreError::Conflict(
                "You can't create a reset link for yourself. Change your password on your profile \
                 page, or ask another admin."
                    .into(),
            ));
        }
        put_link(&mut tx, &user, new).await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Makes a link for a person, unless one of this kind was made since `after`; whether it was made.
    pub async fn create_link(
        &self,
        user: &UserId,
        new: &NewLink,
        after: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let lately = sql("SELECT 1 FROM account_link
             WHERE account_id = $1 AND kind = $2 AND created_at > $3")
        .bind(user.as_str())
        .bind(to_text(&new.kind)?)
        .bind(after.0)
        .exists(&mut tx)
        .await?;
        if lately {
            return Ok(false);
        }
        put_link(&mut tx, user, new).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whose password a link is for; none when it is not open.
    pub async fn reset_offer(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<PasswordResetOffer>, StoreError> {
        let row = open_reset(token_hash, now)?.optional(&self.reader).await?;
        row.map(|row| {
            let user = read_user(&row)?;
            Ok(PasswordResetOffer {
                organization_name: row.text("organization_name")?,
                first_name: user.first_name,
                last_name: user.last_name,
                email: user.email,
                date_expires: row.moment("expires_at")?,
            })
        })
        .transpose()
    }

    /// Sets the password of whom an open link is for, and ends the link and all their sign-ins; none
    /// when it is not open.
    pub async fn use_reset(
        &self,
        token_hash: &Hash,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<Option<Reset>, StoreError> {
        let Some(row) = open_reset(token_hash, now)?.optional(&self.reader).await? else {
            return Ok(None);
        };
        let user_id: UserId = row.named("id")?;
        let organization_id = row.named("organization_id")?;
        let mut tx = self.write(user_id.as_str()).await?;
        // Of two who show one secret, one finds it gone.
        if !open_reset(token_hash, now)?.exists(&mut tx).await? {
            return Ok(None);
        }
        let ended = set_password(&mut tx, &user_id, password_hash, None).await?;
        tx.commit().await?;
        Ok(Some(Reset {
            user_id,
            organization_id,
            ended,
        }))
    }

    /// Changes the address that an open link confirms, and ends the link. None when the link is not open,
    /// or another person has the address by now.
    pub async fn confirm_email(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Confirmed>, StoreError> {
        let row = sql(
            "SELECT account.id, first_name, last_name, account.email, organization_id,
                    account_link.email AS new_email
             FROM account_link
             JOIN account ON account.id = account_link.account_id
             JOIN membership ON membership.account_id = account_link.account_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE token_hash = $1 AND kind = 'email' AND expires_at > $2 AND active = 1
               AND suspended = 0",
        )
        .bind(token_hash)
        .bind(now.0)
        .optional(&self.reader)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let user = read_user(&row)?;
        let email = row.text("new_email")?;
        let mut tx = self.write_across(user.id.as_str()).await?;
        let used = sql("DELETE FROM account_link WHERE token_hash = $1")
            .bind(token_hash)
            .execute(&mut tx)
            .await?;
        if used == 0 || !set_email(&mut tx, &user.id, &email).await? {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(Confirmed {
            user,
            organization_id: row.named("organization_id")?,
            email,
        }))
    }
}

/// Finds whose password a link is for, while it is open: also while the admin who made it may.
fn open_reset(token_hash: &Hash, now: Timestamp) -> Result<crate::sql::Sql, StoreError> {
    Ok(sql(
        "SELECT account.id, first_name, last_name, account.email, account_link.expires_at,
                membership.organization_id, organization.name AS organization_name
         FROM account_link
         JOIN account ON account.id = account_link.account_id
         JOIN membership ON membership.account_id = account.id
         JOIN organization ON organization.id = membership.organization_id
         WHERE token_hash = $1 AND account_link.expires_at > $2 AND membership.active = 1
           AND organization.suspended = 0
           AND (kind = $3 OR kind = $4 AND EXISTS (
               SELECT 1 FROM membership AS creator
               JOIN role_permission ON role_permission.role_id = creator.role_id
               WHERE creator.account_id = account_link.creator_id
                 AND creator.organization_id = membership.organization_id
                 AND creator.active = 1 AND permission = 'manage_organization'))",
    )
    .bind(token_hash)
    .bind(now.0)
    .bind(to_text(&LinkKind::ResetByMail)?)
    .bind(to_text(&LinkKind::ResetByAdmin)?))
}

/// Puts a link in the place of the one of its kind before it.
async fn put_link(tx: &mut Tx, user: &UserId, new: &NewLink) -> Result<(), StoreError> {
    let kind = to_text(&new.kind)?;
    sql("DELETE FROM account_link WHERE account_id = $1 AND (kind = $2 OR expires_at <= $3)")
        .bind(user.as_str())
        .bind(&kind)
        .bind(new.now.0)
        .execute(&mut *tx)
        .await?;
    sql(
        "INSERT INTO account_link (token_hash, account_id, kind, email, creator_id, created_at,
                                   expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&new.token_hash)
    .bind(user.as_str())
    .bind(&kind)
    .bind(new.email.as_deref())
    .bind(new.creator.as_ref().map(UserId::as_str))
    .bind(new.now.0)
    .bind(new.expires_at.0)
    .execute(tx)
    .await?;
    Ok(())
}

async fn set_email(tx: &mut Tx, user: &UserId, email: &str) -> Result<bool, StoreError> {
    let taken = sql("SELECT 1 FROM account WHERE email = $1 AND id <> $2")
        .bind(email)
        .bind(user.as_str())
        .exists(&mut *tx)
        .await?;
    if taken {
        return Ok(false);
    }
    sql("DELETE FROM account_link WHERE account_id = $1 AND kind <> 'reset_by_admin'")
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    let changed = sql("UPDATE account SET email = $1 WHERE id = $2")
        .bind(email)
        .bind(user.as_str())
        .execute(tx)
        .await?;
    Ok(changed > 0)
}

async fn set_password(
    tx: &mut Tx,
    user: &UserId,
    password_hash: &str,
    but: Option<&str>,
) -> Result<Vec<DeviceId>, StoreError> {
    sql("UPDATE account SET password_hash = $1 WHERE id = $2")
        .bind(password_hash)
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    // A link to another address stays what the person asked for only while they are who they were.
    sql("DELETE FROM account_link WHERE account_id = $1")
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    sql("DELETE FROM sign_in_ticket WHERE account_id = $1")
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    end_all(tx, user, but).await
}

fn read_account(row: &Row) -> Result<Account, StoreError> {
    let user = read_user(row)?;
    Ok(Account {
        organization_id: row.named("organization_id")?,
        organization_name: row.text("organization_name")?,
        credentials: Credentials {
            user_id: user.id.clone(),
            password_hash: row.text("password_hash")?,
            active: row.truth("active")?,
            suspended: row.truth("suspended")?,
        },
        user,
    })
}
