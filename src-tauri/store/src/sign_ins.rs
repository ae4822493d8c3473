//! Who is signed in.

use crate::StoreError;
use crate::database::Database;
use crate::organizations::permissions;
use crate::random::Hash;
use crate::sql::{Row, Tx, sql, to_text};
use subtle::ConstantTimeEq;
use wire::{
    ClientType, DeviceId, OrganizationId, Permission, Plan, SignInPlace, Timestamp, UserId,
};

/// Sign-ins that a user has at most; the oldest goes for the next.
const SIGN_INS_MAX: i64 = 20;
/// Access tokens that a sign-in has at most: those of requests under way while it was refreshed.
const ACCESS_TOKENS_MAX: i64 = 4;
/// So long a refresh can be repeated whose answer was lost.
pub const REPEAT_MS: i64 = 60_000;
/// How old the note may be of when a sign-in was used.
const NOTED_MS: i64 = 5 * 60_000;

/// What a sign-in is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Whether the member may sign in.
    pub active: bool,
    /// Whether whoever runs the service has suspended the organization.
    pub suspended: bool,
}

/// Who asks, as an access token proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user_id: UserId,
    /// Their organization: all that they can see is in it.
    pub organization_id: OrganizationId,
    /// The device that this sign-in is.
    pub device_id: DeviceId,
    /// What kind of client it is.
    pub client_type: ClientType,
    /// The organization's plan.
    pub plan: Plan,
    /// What their role holds, implied permissions included.
    pub permissions: Vec<Permission>,
    /// The sign-in.
    pub sign_in_id: String,
    /// When this token ends.
    pub expires_at: Timestamp,
    /// Whether it is noted that the token and the sign-in are in use: see [`Database::note_use`].
    pub noted: bool,
}

/// A sign-in that begins.
pub struct NewSignIn {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// What kind of client.
    pub client_type: ClientType,
    /// What the client calls the device.
    pub device_name: Option<String>,
    /// The network address that it comes from.
    pub address: Option<String>,
    /// The first refresh token.
    pub refresh_hash: Hash,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
    /// The first access token.
    pub access_hash: Hash,
    /// When that ends.
    pub access_expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// A refresh token that is used, and what takes its place.
pub struct Rotation {
    /// The sign-in.
    pub id: String,
    /// The token that was shown.
    pub shown_hash: Hash,
    /// What the next tokens are derived from, together with the one that was shown.
    pub successor_key: Hash,
    /// The next refresh token.
    pub refresh_hash: Hash,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
    /// The next access token.
    pub access_hash: Hash,
    /// When that ends.
    pub access_expires_at: Timestamp,
    /// How long a sign-in lasts at most, however often it is refreshed.
    pub lifetime_ms: i64,
    /// The network address that asks.
    pub address: Option<String>,
    /// Now.
    pub now: Timestamp,
}

/// What became of a [`Rotation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// The new tokens hold.
    Done {
        /// Whose sign-in it is.
        user_id: UserId,
        /// Its device.
        device_id: DeviceId,
        /// When the access token ends: earlier than asked for at the end of the sign-in.
        access_expires_at: Timestamp,
    },
    /// The token gave the newest ones less than a minute ago, and no one has used those yet: they hold,
    /// and are derived once more.
    Repeated {
        /// Whose sign-in it is.
        user_id: UserId,
        /// Its device.
        device_id: DeviceId,
        /// What they were derived from, together with the token that was shown.
        successor_key: Hash,
        /// When the access token ends.
        access_expires_at: Timestamp,
    },
    /// There is no such sign-in, or it is over.
    Unknown,
    /// The token was used before: the whole sign-in is ended.
    Reused {
        /// The device whose sign-in it was.
        device_id: DeviceId,
    },
}

/// How a sign-in stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInState {
    /// Its newest access token is good until then.
    Good(Timestamp),
    /// No access token is good any more, but the refresh token gives another.
    Expired,
    /// It has ended: only signing in again helps.
    Over,
}

impl Database {
    /// What the sign-in of this e-mail address, in lower case, is checked against.
    pub async fn credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError> {
        let row = sql(
            "SELECT account.id, password_hash, active, suspended FROM account
             JOIN membership ON membership.account_id = account.id
             JOIN organization ON organization.id = membership.organization_id WHERE email = $1",
        )
        .bind(email)
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            Ok(Credentials {
                user_id: row.named("id")?,
                password_hash: row.text("password_hash")?,
                active: row.truth("active")?,
                suspended: row.truth("suspended")?,
            })
        })
        .transpose()
    }

    /// Begins one; a user's oldest go when there are more than twenty.
    pub async fn begin_sign_in(&self, new: NewSignIn) -> Result<(), StoreError> {
        let mut tx = self.write(new.user_id.as_str()).await?;
        begin(&mut tx, &new).await?;
        tx.commit().await
    }

    /// Whom an access token proves; none when it is unknown, over, or the member is not active.
    pub async fn principal(
        &self,
        access_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let row = sql(
            "SELECT sign_in.id AS sign_in_id, sign_in.account_id, sign_in.device_id,
                    sign_in.client_type, membership.organization_id, organization.plan,
                    access_token.expires_at, access_token.used, sign_in.used_at,
                    (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                     WHERE role_permission.role_id = membership.role_id) AS permissions
             FROM access_token
             JOIN sign_in ON sign_in.id = access_token.sign_in_id
             JOIN membership ON membership.account_id = sign_in.account_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE access_token.hash = $1 AND access_token.expires_at > $2 AND membership.active = 1
               AND organization.suspended = 0",
        )
        .bind(access_hash.as_slice())
        .bind(now.0)
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            Ok(Principal {
                user_id: row.named("account_id")?,
                organization_id: row.named("organization_id")?,
                device_id: row.named("device_id")?,
                client_type: row.named("client_type")?,
                plan: row.named("plan")?,
                permissions: permissions(&row)?,
                sign_in_id: row.text("sign_in_id")?,
                expires_at: row.moment("expires_at")?,
                noted: row.truth("used")? && now.0 < row.int("used_at")?.saturating_add(NOTED_MS),
            })
        })
        .transpose()
    }

    /// Notes that an access token is in use, and so its sign-in. From then on the refresh that gave the
    /// token can't be repeated: its answer did arrive.
    pub async fn note_use(
        &self,
        sign_in_id: &str,
        access_hash: &Hash,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(sign_in_id).await?;
        let first = sql("UPDATE access_token SET used = 1 WHERE hash = $1 AND used = 0")
            .bind(access_hash)
            .execute(&mut tx)
            .await?;
        sql("UPDATE sign_in SET used_at = $1,
                 previous_hash = CASE WHEN $2 = 1 THEN NULL ELSE previous_hash END,
                 successor_key = CASE WHEN $2 = 1 THEN NULL ELSE successor_key END
             WHERE id = $3")
        .bind(now.0)
        .bind(first > 0)
        .bind(sign_in_id)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// Exchanges a refresh token for the next.
    ///
    /// The next tokens come of the one that was shown and of a key that is kept with the sign-in, so that
    /// both can be made once more for a client that never got the answer. The key is new each time and is
    /// forgotten as soon as the next tokens are used: neither an old token nor the store alone gives a
    /// token, not even to somebody who had both before.
    pub async fn rotate_sign_in(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        let now = rotation.now;
        let mut tx = self.write(&rotation.id).await?;
        let row = sql(
            "SELECT sign_in.account_id, device_id, refresh_hash, refresh_expires_at,
                    sign_in.created_at,
                    previous_hash, successor_key, rotated_at,
                    (SELECT max(access_token.expires_at) FROM access_token
                     WHERE access_token.sign_in_id = sign_in.id) AS access_expires_at
             FROM sign_in
             JOIN membership ON membership.account_id = sign_in.account_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE sign_in.id = $1 AND membership.active = 1 AND suspended = 0",
        )
        .bind(&rotation.id)
        .optional(&mut tx)
        .await?;
        let Some(row) = row else {
            return Ok(Rotated::Unknown);
        };
        let user_id = row.named("account_id")?;
        let device_id = row.named("device_id")?;
        let ends_at = row.moment("created_at")?.plus_millis(rotation.lifetime_ms);
        let is_over = row.int("refresh_expires_at")? <= now.0 || ends_at <= now;
        let newest = bool::from(row.bytes("refresh_hash")?.ct_eq(&rotation.shown_hash));
        if let Some((successor_key, access_expires_at)) = repeated(&row, &rotation)?
            && !is_over
        {
            return Ok(Rotated::Repeated {
                user_id,
                device_id,
                successor_key,
                access_expires_at,
            });
        }
        if !newest || is_over {
            // Only who once held a token of this sign-in knows its id. If it is not the newest, it
            // was used before: by its owner or by a thief, and there is no telling which.
            delete(&mut tx, &rotation.id).await?;
            tx.commit().await?;
            return Ok(if newest {
                Rotated::Unknown
            } else {
                Rotated::Reused { device_id }
            });
        }
        let updated = sql(
            "UPDATE sign_in SET refresh_hash = $1, refresh_expires_at = $2,
                 previous_hash = $3, successor_key = $4, rotated_at = $5, used_at = $5,
                 address = coalesce($6, address)
             WHERE id = $7",
        )
        .bind(&rotation.refresh_hash)
        .bind(rotation.refresh_expires_at.min(ends_at).0)
        .bind(&rotation.shown_hash)
        .bind(&rotation.successor_key)
        .bind(now.0)
        .bind(rotation.address.as_deref())
        .bind(&rotation.id)
        .execute(&mut tx)
        .await?;
        // It may just have been ended: by a deactivation, or by a newer sign-in that takes its place.
        if updated == 0 {
            return Ok(Rotated::Unknown);
        }
        // Only the use of the newest says that the answer arrived.
        sql("UPDATE access_token SET used = 1 WHERE sign_in_id = $1")
            .bind(&rotation.id)
            .execute(&mut tx)
            .await?;
        let access_expires_at = rotation.access_expires_at.min(ends_at);
        add_access_token(
            &mut tx,
            &rotation.id,
            &rotation.access_hash,
            access_expires_at,
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(Rotated::Done {
            user_id,
            device_id,
            access_expires_at,
        })
    }

    /// Where a person is signed in, the sign-in that was used last first.
    pub async fn sign_ins(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<SignInPlace>, StoreError> {
        sql(
            "SELECT id, device_id, client_type, device_name, address, created_at, used_at FROM sign_in
             WHERE account_id = $1 AND refresh_expires_at > $2
             ORDER BY used_at DESC, created_at DESC, id LIMIT $3",
        )
        .bind(user.as_str())
        .bind(now.0)
        .bind(SIGN_INS_MAX)
        .all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(SignInPlace {
                device_id: row.named("device_id")?,
                client_type: row.named("client_type")?,
                device_name: row.optional_text("device_name")?,
                address: row.optional_text("address")?,
                date_created: row.moment("created_at")?,
                date_used: row.moment("used_at")?,
                current: false,
            })
        })
        .collect()
    }

    /// Ends a person's sign-in on this device; whether there was one.
    pub async fn end_device(&self, user: &UserId, device: &DeviceId) -> Result<bool, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let ended = sql("DELETE FROM sign_in WHERE account_id = $1 AND device_id = $2")
            .bind(user.as_str())
            .bind(device.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(ended > 0)
    }

    /// Ends a person's sign-ins, all or all but this one; on which devices that was.
    pub async fn end_sign_ins(
        &self,
        user: &UserId,
        but: Option<&str>,
    ) -> Result<Vec<DeviceId>, StoreError> {
        let mut tx = self.write(user.as_str()).await?;
        let ended = end_all(&mut tx, user, but).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends a sign-in whose newest refresh token this is; whose it was, and its device, when there was
    /// one.
    pub async fn end_sign_in(
        &self,
        id: &str,
        refresh_hash: &Hash,
    ) -> Result<Option<(UserId, DeviceId)>, StoreError> {
        let mut tx = self.write(id).await?;
        let ended = sql("DELETE FROM sign_in WHERE id = $1 AND refresh_hash = $2
             RETURNING account_id, device_id")
        .bind(id)
        .bind(refresh_hash.as_slice())
        .optional(&mut tx)
        .await?;
        tx.commit().await?;
        let ended = ended.as_ref();
        ended
            .map(|row| Ok((row.named("account_id")?, row.named("device_id")?)))
            .transpose()
    }

    /// How a sign-in stands.
    pub async fn sign_in_state(&self, id: &str, now: Timestamp) -> Result<SignInState, StoreError> {
        let row = sql("SELECT sign_in.refresh_expires_at,
                    (SELECT max(access_token.expires_at) FROM access_token
                     WHERE access_token.sign_in_id = sign_in.id) AS access_expires_at
             FROM sign_in
             JOIN membership ON membership.account_id = sign_in.account_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE sign_in.id = $1 AND membership.active = 1 AND suspended = 0")
        .bind(id)
        .optional(&self.reader)
        .await?;
        let Some(row) = row else {
            return Ok(SignInState::Over);
        };
        let good_until = row.optional_int("access_expires_at")?;
        let refresh_until = row.int("refresh_expires_at")?;
        Ok(match good_until.filter(|until| *until > now.0) {
            Some(until) => SignInState::Good(Timestamp(until)),
            None if refresh_until > now.0 => SignInState::Expired,
            None => SignInState::Over,
        })
    }
}

/// Begins a sign-in; a user's oldest go when there are more than are allowed.
pub(crate) async fn begin(tx: &mut Tx, new: &NewSignIn) -> Result<(), StoreError> {
    sql(
        "INSERT INTO sign_in (id, account_id, device_id, client_type, refresh_hash,
                              refresh_expires_at, created_at, used_at, device_name, address)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)",
    )
    .bind(&new.id)
    .bind(new.user_id.as_str())
    .bind(new.device_id.as_str())
    .bind(to_text(&new.client_type)?)
    .bind(new.refresh_hash.as_slice())
    .bind(new.refresh_expires_at.0)
    .bind(new.now.0)
    .bind(new.device_name.as_deref())
    .bind(new.address.as_deref())
    .execute(&mut *tx)
    .await?;
    sql(
        "DELETE FROM sign_in WHERE account_id = $1 AND (refresh_expires_at <= $2 OR id IN (
             SELECT id FROM sign_in WHERE account_id = $1
             ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET $3))",
    )
    .bind(new.user_id.as_str())
    .bind(new.now.0)
    .bind(SIGN_INS_MAX)
    .execute(&mut *tx)
    .await?;
    add_access_token(
        tx,
        &new.id,
        &new.access_hash,
        new.access_expires_at,
        new.now,
    )
    .await
}

/// What the newest tokens were derived from, and when the access token ends, if they were given for this
/// very token a moment ago and no one has used them.
fn repeated(row: &Row, rotation: &Rotation) -> Result<Option<(Hash, Timestamp)>, StoreError> {
    let (previous, key) = (
        row.optional_bytes("previous_hash")?,
        row.optional_bytes("successor_key")?,
    );
    let (rotated_at, ends) = (
        row.optional_int("rotated_at")?,
        row.optional_int("access_expires_at")?,
    );
    let Some(((previous, key), (rotated_at, ends))) = previous.zip(key).zip(rotated_at.zip(ends))
    else {
        return Ok(None);
    };
    let is_it = bool::from(previous.ct_eq(&rotation.shown_hash));
    // A clock that was set back doesn't make the minute longer.
    let soon = (0..REPEAT_MS).contains(&rotation.now.0.saturating_sub(rotated_at));
    let key = Hash::try_from(key)
        .map_err(|_| StoreError::Fault("a successor key has another length".into()))?;
    Ok((is_it && soon).then_some((key, Timestamp(ends))))
}

/// Ends a person's sign-ins, all or all but this one; on which devices that was.
pub(crate) async fn end_all(
    tx: &mut Tx,
    user: &UserId,
    but: Option<&str>,
) -> Result<Vec<DeviceId>, StoreError> {
    sql("DELETE FROM sign_in WHERE account_id = $1 AND ($2 IS NULL OR id <> $2) RETURNING device_id")
        .bind(user.as_str())
        .bind(but)
        .all(tx)
        .await?
        .iter()
        .map(|row| row.named("device_id"))
        .collect()
}

async fn add_access_token(
    tx: &mut Tx,
    sign_in_id: &str,
    hash: &Hash,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "DELETE FROM access_token WHERE sign_in_id = $1 AND (expires_at <= $2 OR hash IN (
             SELECT hash FROM access_token WHERE sign_in_id = $1
             ORDER BY expires_at DESC LIMIT 1000 OFFSET $3))",
    )
    .bind(sign_in_id)
    .bind(now.0)
    .bind(ACCESS_TOKENS_MAX - 1)
    .execute(&mut *tx)
    .await?;
    sql("INSERT INTO access_token (hash, sign_in_id, expires_at) VALUES ($1, $2, $3)")
        .bind(hash.as_slice())
        .bind(sign_in_id)
        .bind(expires_at.0)
        .execute(tx)
        .await?;
    Ok(())
}

async fn delete(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sql("DELETE FROM sign_in WHERE id = $1")
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}
