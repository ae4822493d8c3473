//! Second factors: a secret that an app on the person's phone makes codes of (RFC 6238), and recovery codes
//! for who has lost it.

use crate::StoreError;
use crate::database::Database;
use crate::random::Hash;
use crate::sql::{Tx, sql};
use wire::{MembershipId, OrganizationId, Timestamp, UserId};

/// Tickets of an account at most: the oldest goes for the next.
const TICKETS_MAX: i64 = 10;
/// Codes that can be tried with one ticket.
const TRIES_MAX: i64 = 5;

/// A second factor as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// What codes are made of.
    pub secret: Vec<u8>,
    /// Whether it counts: a first code was shown.
    pub confirmed: bool,
    /// Recovery codes that were not used.
    pub recovery_codes_left: u32,
}

/// How a person stands with their second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorNeed {
    /// Whether they have one.
    pub has: bool,
    /// Whether their organization requires it.
    pub required: bool,
}

/// Somebody who has shown their password, and not yet their second factor.
pub struct NewTicket {
    /// What is kept of its secret.
    pub token_hash: Hash,
    /// Whose.
    pub user_id: UserId,
    /// What the client said of itself.
    pub client: String,
    /// Now.
    pub now: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A ticket that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub user_id: UserId,
    /// What the client said of itself.
    pub client: String,
}

impl Database {
    /// A person's second factor, whether it counts or not.
    pub async fn second_factor(&self, user: &UserId) -> Result<Option<SecondFactor>, StoreError> {
        let row = sql("SELECT secret, confirmed,
                    (SELECT count(*) FROM recovery_code
                     WHERE recovery_code.account_id = second_factor.account_id) AS codes
             FROM second_factor WHERE account_id = $1")
        .bind(user.as_str())
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            Ok(SecondFactor {
                secret: row.bytes("secret")?,
                confirmed: row.truth("confirmed")?,
                recovery_codes_left: row.number("codes")?,
            })
        })
        .transpose()
    }

    /// Whether a person has a second factor, and must have one.
    pub async fn second_factor_need(&self, user: &UserId) -> Result<SecondFactorNeed, StoreError> {
        let row = sql("SELECT second_factor_required,
                    (SELECT count(*) FROM second_factor
                     WHERE second_factor.account_id = membership.account_id AND confirmed = 1) AS has
             FROM membership JOIN organization ON organization.id = membership.organization_id
             WHERE membership.account_id = $1")
        .bind(user.as_str())
        .optional(&self.reader)
        .await?;
        let Some(row) = row else {
            return Ok(SecondFactorNeed {
                has: false,
                required: false,
            });
        };
        Ok(SecondFactorNeed {
            has: row.truth("has")?,
            required: row.truth("second_factor_required")?,
        })
    }

    /// Begins to set up a second factor, in the place of one that was begun before; false when the person
    /// has one that counts.
    pub async fn begin_second_factor(
        &self,
        user: &UserId,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let put = sql(
            "INSERT INTO second_factor (account_id, secret, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (account_id) DO UPDATE
                 SET secret = excluded.secret, created_at = excluded.created_at, last_step = 0
                 WHERE second_factor.confirmed = 0",
        )
        .bind(user.as_str())
        .bind(secret)
        .bind(now.0)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(put > 0)
    }

    /// A code of this step was shown for a second factor that was begun: it counts from now on, with these
    /// recovery codes. False when there is none that was begun, with this secret.
    pub async fn confirm_second_factor(
        &self,
        user: &UserId,
        secret: &[u8],
        step: u64,
        recovery_codes: &[Hash],
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let changed = sql("UPDATE second_factor SET confirmed = 1, last_step = $1
             WHERE account_id = $2 AND confirmed = 0 AND secret = $3")
        .bind(step_as_kept(step))
        .bind(user.as_str())
        .bind(secret)
        .execute(&mut tx)
        .await?;
        if changed == 0 {
            return Ok(false);
        }
        put_recovery_codes(&mut tx, user, recovery_codes).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a code of this step, once: false when it or a later one was taken before.
    pub async fn take_step(&self, user: &UserId, step: u64) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let taken = sql("UPDATE second_factor SET last_step = $1
             WHERE account_id = $2 AND confirmed = 1 AND last_step < $1")
        .bind(step_as_kept(step))
        .bind(user.as_str())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(taken > 0)
    }

    /// Takes a recovery code, once: false when there is no such one.
    pub async fn take_recovery_code(&self, user: &UserId, hash: &Hash) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let taken = sql("DELETE FROM recovery_code WHERE account_id = $1 AND hash = $2")
            .bind(user.as_str())
            .bind(hash)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(taken > 0)
    }

    /// Puts recovery codes in the place of those before; false for who has no second factor.
    pub async fn replace_recovery_codes(
        &self,
        user: &UserId,
        recovery_codes: &[Hash],
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let has = sql("SELECT 1 FROM second_factor WHERE account_id = $1 AND confirmed = 1")
            .bind(user.as_str())
            .exists(&mut tx)
            .await?;
        if has {
            put_recovery_codes(&mut tx, user, recovery_codes).await?;
        }
        tx.commit().await?;
        Ok(has)
    }

    /// Removes a person's second factor and recovery codes; whether there was one that counted.
    pub async fn remove_second_factor(&self, user: &UserId) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let had = remove(&mut tx, user).await?;
        tx.commit().await?;
        Ok(had)
    }

    /// Removes the second factor of a member; whose it was, and whether there was one. None when there is
    /// no such member.
    pub async fn remove_members_second_factor(
        &self,
        organization: &OrganizationId,
        membership: &MembershipId,
    ) -> Result<Option<(UserId, bool)>, StoreError> {
        let row = sql("SELECT account_id FROM membership WHERE id = $1 AND organization_id = $2")
            .bind(membership.as_str())
            .bind(organization.as_str())
            .optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let user: UserId = row.named("account_id")?;
        let had = self.remove_second_factor(&user).await?;
        Ok(Some((user, had)))
    }

    /// Makes a ticket; a person's oldest go when there are too many, and every one that has ended.
    pub async fn create_ticket(&self, new: &NewTicket) -> Result<(), StoreError> {
        let mut tx = self.write(new.user_id.as_str()).await?;
        sql(
            "INSERT INTO sign_in_ticket (token_hash, account_id, client, expires_at)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&new.token_hash)
        .bind(new.user_id.as_str())
        .bind(&new.client)
        .bind(new.expires_at.0)
        .execute(&mut tx)
        .await?;
        sql(
            "DELETE FROM sign_in_ticket WHERE account_id = $1 AND (expires_at <= $2 OR token_hash IN (
                 SELECT token_hash FROM sign_in_ticket WHERE account_id = $1
                 ORDER BY expires_at DESC LIMIT 1000 OFFSET $3))",
        )
        .bind(new.user_id.as_str())
        .bind(new.now.0)
        .bind(TICKETS_MAX)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// Whose open ticket this is, which counts as one of its tries; none when it is not open. A ticket of
    /// somebody who was deactivated, or whose password was changed, is not.
    pub async fn try_ticket(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, StoreError> {
        // A secret that is looked up, and no owner: what is written is one row.
        let mut tx = self.write("sign_in_ticket").await?;
        let row = sql("UPDATE sign_in_ticket SET tries = tries + 1
             WHERE token_hash = $1 AND expires_at > $2 AND tries < $3
               AND EXISTS (SELECT 1 FROM membership
                           WHERE membership.account_id = sign_in_ticket.account_id AND active = 1)
             RETURNING account_id, client")
        .bind(token_hash)
        .bind(now.0)
        .bind(TRIES_MAX)
        .optional(&mut tx)
        .await?;
        tx.commit().await?;
        row.map(|row| {
            Ok(Ticket {
                user_id: row.named("account_id")?,
                client: row.text("client")?,
            })
        })
        .transpose()
    }

    /// Uses a ticket up; whether it was there.
    pub async fn end_ticket(&self, token_hash: &Hash) -> Result<bool, StoreError> {
        let mut tx = self.write("sign_in_ticket").await?;
        let ended = sql("DELETE FROM sign_in_ticket WHERE token_hash = $1")
            .bind(token_hash)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(ended > 0)
    }
}

fn step_as_kept(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

async fn put_recovery_codes(
    tx: &mut Tx,
    user: &UserId,
    recovery_codes: &[Hash],
) -> Result<(), StoreError> {
    sql("DELETE FROM recovery_code WHERE account_id = $1")
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    for hash in recovery_codes {
        sql("INSERT INTO recovery_code (account_id, hash) VALUES ($1, $2)")
            .bind(user.as_str())
            .bind(hash)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

async fn remove(tx: &mut Tx, user: &UserId) -> Result<bool, StoreError> {
    sql("DELETE FROM recovery_code WHERE account_id = $1")
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?;
    let row = sql("DELETE FROM second_factor WHERE account_id = $1 RETURNING confirmed")
        .bind(user.as_str())
        .optional(tx)
        .await?;
    row.map_or(Ok(false), |row| row.truth("confirmed"))
}
