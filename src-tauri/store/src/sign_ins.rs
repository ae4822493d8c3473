//! Who is signed in.

use crate::StoreError;
use crate::database::{Database, column, failed, text, to_text};
use crate::random::Hash;
use sqlx::{Row, SqliteConnection};
use subtle::ConstantTimeEq;
use wire::{ClientType, DeviceId, OrganizationId, Permission, Plan, Timestamp, UserId};

/// Sign-ins that a user has at most; the oldest goes for the next.
const SIGN_INS_MAX: i64 = 20;
/// Access tokens that a sign-in has at most: those of requests under way while it was refreshed.
const ACCESS_TOKENS_MAX: i64 = 4;

/// What a sign-in is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Whether the member may sign in.
    pub active: bool,
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
    /// The next refresh token.
    pub refresh_hash: Hash,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
    /// The next access token.
    pub access_hash: Hash,
    /// When that ends.
    pub access_expires_at: Timestamp,
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
    },
    /// There is no such sign-in, or it is over.
    Unknown,
    /// The token was used before: the whole sign-in is ended.
    Reused {
        /// The device whose sign-in it was.
        device_id: DeviceId,
    },
}

impl Database {
    /// What the sign-in of this e-mail address, in lower case, is checked against.
    pub async fn credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(
            "SELECT account.id, password_hash, active FROM account
             JOIN membership ON membership.account_id = account.id WHERE email = ?",
        )
        .bind(email)
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?;
        row.map(|row| {
            Ok(Credentials {
                user_id: column(&row, "id")?,
                password_hash: text(&row, "password_hash")?,
                active: row.try_get("active").map_err(failed)?,
            })
        })
        .transpose()
    }

    /// Begins one; a user's oldest go when there are more than twenty.
    pub async fn begin_sign_in(&self, new: NewSignIn) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        begin(&mut tx, &new).await?;
        tx.commit().await.map_err(failed)
    }

    /// Whom an access token proves; none when it is unknown, over, or the member is not active.
    pub async fn principal(
        &self,
        access_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let row = sqlx::query(
            "SELECT sign_in.id AS sign_in_id, sign_in.account_id, sign_in.device_id,
                    sign_in.client_type, membership.organization_id, organization.plan,
                    access_token.expires_at,
                    (SELECT group_concat(permission) FROM role_permission
                     WHERE role_permission.role_id = membership.role_id) AS permissions
             FROM access_token
             JOIN sign_in ON sign_in.id = access_token.sign_in_id
             JOIN membership ON membership.account_id = sign_in.account_id
             JOIN organization ON organization.id = membership.organization_id
             WHERE access_token.hash = ? AND access_token.expires_at > ? AND membership.active = 1",
        )
        .bind(access_hash.as_slice())
        .bind(now.0)
        .fetch_optional(&self.reader)
        .await
        .map_err(failed)?;
        row.map(|row| {
            Ok(Principal {
                user_id: column(&row, "account_id")?,
                organization_id: column(&row, "organization_id")?,
                device_id: column(&row, "device_id")?,
                client_type: column(&row, "client_type")?,
                plan: column(&row, "plan")?,
                permissions: crate::organizations::permissions(
                    row.try_get("permissions").map_err(failed)?,
                )?,
                sign_in_id: text(&row, "sign_in_id")?,
                expires_at: Timestamp(row.try_get("expires_at").map_err(failed)?),
            })
        })
        .transpose()
    }

    /// Exchanges a refresh token for the next.
    pub async fn rotate_sign_in(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        let mut tx = self.write().await?;
        let row = sqlx::query(
            "SELECT sign_in.account_id, device_id, refresh_hash, refresh_expires_at FROM sign_in
             JOIN membership ON membership.account_id = sign_in.account_id
             WHERE sign_in.id = ? AND membership.active = 1",
        )
        .bind(&rotation.id)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let Some(row) = row else {
            return Ok(Rotated::Unknown);
        };
        let device_id = column(&row, "device_id")?;
        let refresh_hash: Vec<u8> = row.try_get("refresh_hash").map_err(failed)?;
        let expires_at: i64 = row.try_get("refresh_expires_at").map_err(failed)?;
        let newest = bool::from(refresh_hash.ct_eq(&rotation.shown_hash));
        if !newest || expires_at <= rotation.now.0 {
            // Only who once held a token of this sign-in knows its id. If it is not the newest, it
            // was used before: by its owner or by a thief, and there is no telling which.
            delete(&mut tx, &rotation.id).await?;
            tx.commit().await.map_err(failed)?;
            return Ok(if newest {
                Rotated::Unknown
            } else {
                Rotated::Reused { device_id }
            });
        }
        sqlx::query("UPDATE sign_in SET refresh_hash = ?, refresh_expires_at = ? WHERE id = ?")
            .bind(rotation.refresh_hash.as_slice())
            .bind(rotation.refresh_expires_at.0)
            .bind(&rotation.id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        add_access_token(
            &mut tx,
            &rotation.id,
            &rotation.access_hash,
            rotation.access_expires_at,
            rotation.now,
        )
        .await?;
        let user_id = column(&row, "account_id")?;
        tx.commit().await.map_err(failed)?;
        Ok(Rotated::Done { user_id, device_id })
    }

    /// Ends a sign-in whose newest refresh token this is; whose it was, and its device, when there was
    /// one.
    pub async fn end_sign_in(
        &self,
        id: &str,
        refresh_hash: &Hash,
    ) -> Result<Option<(UserId, DeviceId)>, StoreError> {
        let mut tx = self.write().await?;
        let ended = sqlx::query(
            "DELETE FROM sign_in WHERE id = ? AND refresh_hash = ?
             RETURNING account_id, device_id",
        )
        .bind(id)
        .bind(refresh_hash.as_slice())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let ended = ended.as_ref();
        ended
            .map(|row| Ok((column(row, "account_id")?, column(row, "device_id")?)))
            .transpose()
    }

    /// Until when a sign-in's newest access token is good; none when it is over.
    pub async fn sign_in_valid_until(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let expires_at: Option<i64> = sqlx::query_scalar(
            "SELECT max(access_token.expires_at) FROM access_token
             JOIN sign_in ON sign_in.id = access_token.sign_in_id
             JOIN membership ON membership.account_id = sign_in.account_id
             WHERE sign_in.id = ? AND access_token.expires_at > ? AND membership.active = 1",
        )
        .bind(id)
        .bind(now.0)
        .fetch_one(&self.reader)
        .await
        .map_err(failed)?;
        Ok(expires_at.map(Timestamp))
    }
}

/// Begins a sign-in; a user's oldest go when there are more than are allowed.
pub(crate) async fn begin(
    connection: &mut SqliteConnection,
    new: &NewSignIn,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sign_in (id, account_id, device_id, client_type, refresh_hash,
                              refresh_expires_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&new.id)
    .bind(new.user_id.as_str())
    .bind(new.device_id.as_str())
    .bind(to_text(&new.client_type)?)
    .bind(new.refresh_hash.as_slice())
    .bind(new.refresh_expires_at.0)
    .bind(new.now.0)
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query(
        "DELETE FROM sign_in WHERE account_id = ?1 AND (refresh_expires_at <= ?2 OR id IN (
             SELECT id FROM sign_in WHERE account_id = ?1
             ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?3))",
    )
    .bind(new.user_id.as_str())
    .bind(new.now.0)
    .bind(SIGN_INS_MAX)
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    add_access_token(
        connection,
        &new.id,
        &new.access_hash,
        new.access_expires_at,
        new.now,
    )
    .await
}

async fn add_access_token(
    connection: &mut SqliteConnection,
    sign_in_id: &str,
    hash: &Hash,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM access_token WHERE sign_in_id = ?1 AND (expires_at <= ?2 OR hash IN (
             SELECT hash FROM access_token WHERE sign_in_id = ?1
             ORDER BY expires_at DESC LIMIT -1 OFFSET ?3))",
    )
    .bind(sign_in_id)
    .bind(now.0)
    .bind(ACCESS_TOKENS_MAX - 1)
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query("INSERT INTO access_token (hash, sign_in_id, expires_at) VALUES (?, ?, ?)")
        .bind(hash.as_slice())
        .bind(sign_in_id)
        .bind(expires_at.0)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

async fn delete(connection: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in WHERE id = ?")
        .bind(id)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
