//! Setting up organizations: links that are good once, and what an organization begins with (O1).

use crate::database::Database;
use crate::invites::{add_account, email_is_free};
use crate::lead_statuses::default_lead_statuses;
use crate::outcomes::add_first_outcomes;
use crate::random::{Hash, id_suffix};
use crate::roles::BUILT_IN;
use crate::sql::{Row, Tx, sql, to_text};
use crate::{NewAccount, NewOrganization, StoreError};
use std::collections::HashMap;
use wire::{OrganizationId, Plan, RoleId, SetupOffer, Timestamp};

/// Links that can be used, of one service at most.
const OPEN_SETUP_LINKS_MAX: i64 = 1_000;

/// A set-up link that begins.
pub struct NewSetupLink {
    /// What is kept of its secret.
    pub token_hash: Hash,
    /// The organization that it brings its first admin into; none makes one.
    pub organization_id: Option<OrganizationId>,
    /// The plan that a new organization gets.
    pub plan: Plan,
    /// Whether a new organization's admins may add credit by themselves.
    pub top_up_allowed: bool,
    /// Now.
    pub now: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Somebody who uses a link.
pub struct Founder {
    /// What is kept of the secret that they showed.
    pub token_hash: Hash,
    /// The organization's id, if it has to be made.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// Its country: two letters (ISO 3166-1).
    pub country: String,
    /// Its time zone (IANA).
    pub time_zone: String,
    /// Who they become.
    pub account: NewAccount,
    /// Now.
    pub now: Timestamp,
}

impl Database {
    /// Makes a link. [`StoreError::Conflict`] when there is no such organization, it has an admin, the
    /// store holds demo data (O2), or too many links are open.
    pub async fn create_setup_link(&self, new: &NewSetupLink) -> Result<(), StoreError> {
        let mut tx = self.write_across("").await?;
        holds_no_demo(&mut tx).await?;
        sql("DELETE FROM setup_link WHERE expires_at <= $1")
            .bind(new.now.0)
            .execute(&mut tx)
            .await?;
        let open = sql("SELECT count(*) AS count FROM setup_link WHERE used = 0")
            .count(&mut tx)
            .await?;
        if open >= OPEN_SETUP_LINKS_MAX {
            return Err(StoreError::Conflict(format!(
                "there are {OPEN_SETUP_LINKS_MAX} open set-up links already; wait until one expires"
            )));
        }
        if let Some(organization) = &new.organization_id {
            waits_for_admin(&mut tx, organization).await?;
        }
        sql(
            "INSERT INTO setup_link (token_hash, organization_id, plan, top_up_allowed, created_at,
                                     expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.token_hash.as_slice())
        .bind(new.organization_id.as_ref().map(OrganizationId::as_str))
        .bind(to_text(&new.plan)?)
        .bind(new.top_up_allowed)
        .bind(new.now.0)
        .bind(new.expires_at.0)
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// Whether there is a link that can be used.
    pub async fn has_setup_link(&self, now: Timestamp) -> Result<bool, StoreError> {
        let open = sql("SELECT 1 FROM setup_link WHERE used = 0 AND expires_at > $1 LIMIT 1");
        open.bind(now.0).exists(&self.reader).await
    }

    /// What a link is good for; none when it is wrong, used or too old.
    pub async fn setup_offer(
        &self,
        token_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<SetupOffer>, StoreError> {
        let row = sql("SELECT expires_at, organization.name, country, time_zone
             FROM setup_link LEFT JOIN organization ON organization.id = setup_link.organization_id
             WHERE token_hash = $1 AND used = 0 AND expires_at > $2")
        .bind(token_hash.as_slice())
        .bind(now.0)
        .optional(&self.reader)
        .await?;
        row.map(|row| {
            Ok(SetupOffer {
                organization_name: row.optional_text("name")?,
                country: row.optional_text("country")?,
                time_zone: row.optional_text("time_zone")?,
                date_expires: row.moment("expires_at")?,
            })
        })
        .transpose()
    }

    /// Makes the organization, or takes the one that waits for it, with its first admin, and uses the
    /// link up, all or nothing; the organization. None when the link is wrong, used or too old.
    /// [`StoreError::Conflict`] when the address has an account.
    pub async fn set_up(&self, founder: &Founder) -> Result<Option<OrganizationId>, StoreError> {
        // Held to the end: of two who show one secret, one comes second.
        let mut tx = self.write_across("").await?;
        let row = sql(
            "UPDATE setup_link SET used = 1 WHERE token_hash = $1 AND used = 0 AND expires_at > $2
             RETURNING organization_id, plan, top_up_allowed",
        )
        .bind(founder.token_hash.as_slice())
        .bind(founder.now.0)
        .optional(&mut tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        email_is_free(&mut tx, &founder.account.email).await?;
        let (organization, admin) = organization_for(&mut tx, &row, founder).await?;
        add_account(&mut tx, organization.as_str(), &admin, &founder.account).await?;
        tx.commit().await?;
        Ok(Some(organization))
    }
}

/// The organization that a link is for, and the id of its Admin role.
async fn organization_for(
    tx: &mut Tx,
    link: &Row,
    founder: &Founder,
) -> Result<(OrganizationId, String), StoreError> {
    let Some(waiting) = link.optional_named::<OrganizationId>("organization_id")? else {
        let new = NewOrganization {
            id: founder.organization_id.clone(),
            name: founder.organization_name.clone(),
            plan: link.named("plan")?,
            country: founder.country.clone(),
            time_zone: founder.time_zone.clone(),
            top_up_allowed: link.truth("top_up_allowed")?,
            now: founder.now,
        };
        let roles = found(tx, &new).await?;
        let admin = roles.get("Admin").cloned().unwrap_or_default();
        return Ok((new.id, admin));
    };
    // Another link may have brought one meanwhile.
    waits_for_admin(tx, &waiting).await?;
    sql("UPDATE organization SET name = $1, country = $2, time_zone = $3 WHERE id = $4")
        .bind(&founder.organization_name)
        .bind(&founder.country)
        .bind(&founder.time_zone)
        .bind(waiting.as_str())
        .execute(&mut *tx)
        .await?;
    let role = sql("SELECT id FROM role WHERE organization_id = $1 AND name = 'Admin'")
        .bind(waiting.as_str())
        .one(tx)
        .await?;
    Ok((waiting, role.text("id")?))
}

/// Refuses a real organization in a store that holds demo data (O2).
pub(crate) async fn holds_no_demo(tx: &mut Tx) -> Result<(), StoreError> {
    let is_demo = sql("SELECT 1 FROM organization WHERE demo = 1 LIMIT 1")
        .exists(tx)
        .await?;
    if is_demo {
        return Err(StoreError::Conflict(
            "this database holds demo data; use another data folder for a real organization".into(),
        ));
    }
    Ok(())
}

async fn waits_for_admin(tx: &mut Tx, organization: &OrganizationId) -> Result<(), StoreError> {
    let known = sql("SELECT 1 FROM organization WHERE id = $1")
        .bind(organization.as_str())
        .exists(&mut *tx)
        .await?;
    if !known {
        return Err(StoreError::Conflict(format!(
            "there's no organization {organization}"
        )));
    }
    let has_members = sql("SELECT 1 FROM membership WHERE organization_id = $1 LIMIT 1")
        .bind(organization.as_str())
        .exists(tx)
        .await?;
    if has_members {
        return Err(StoreError::Conflict(
            "This organization has already been set up. Ask one of its admins for an invite link."
                .into(),
        ));
    }
    Ok(())
}

/// Makes an organization with what each begins with; the ids of its roles, by their names.
pub(crate) async fn found(
    tx: &mut Tx,
    new: &NewOrganization,
) -> Result<HashMap<&'static str, String>, StoreError> {
    sql(
        "INSERT INTO organization (id, name, plan, country, time_zone, created_at, top_up_allowed)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.id.as_str())
    .bind(&new.name)
    .bind(to_text(&new.plan)?)
    .bind(&new.country)
    .bind(&new.time_zone)
    .bind(new.now.0)
    .bind(new.top_up_allowed)
    .execute(&mut *tx)
    .await?;
    let mut roles = HashMap::new();
    for (name, permissions) in BUILT_IN {
        let role = RoleId::from_suffix(&id_suffix(new.now))
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        sql("INSERT INTO role (id, organization_id, name, built_in) VALUES ($1, $2, $3, 1)")
            .bind(role.as_str())
            .bind(new.id.as_str())
            .bind(*name)
            .execute(&mut *tx)
            .await?;
        for permission in *permissions {
            sql("INSERT INTO role_permission (role_id, permission) VALUES ($1, $2)")
                .bind(role.as_str())
                .bind(to_text(permission)?)
                .execute(&mut *tx)
                .await?;
        }
        roles.insert(*name, role.as_str().to_owned());
    }
    default_lead_statuses(tx, &new.id, new.now).await?;
    add_first_outcomes(tx, new.id.as_str(), new.now).await?;
    Ok(roles)
}
