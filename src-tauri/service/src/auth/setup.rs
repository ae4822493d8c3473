//! Setting up an organization with a one-time link: what it is good for, and its use (O1).

use super::invite::{NewPerson, fault};
use super::{Auth, AuthError};
use crate::{names, places};
use std::net::IpAddr;
use std::time::Instant;
use store::Founder;
use store::random::{self, Hash, id_suffix};
use wire::{OrganizationId, SetUp, SetUpRequest, SetupOffer, Timestamp, UserId};

impl Auth {
    /// What a link is good for. `instant` is for the limit on tries: a wrong one counts as a failed
    /// sign-in from its network address.
    ///
    /// # Errors
    /// [`AuthError::SetupNotOpen`], [`AuthError::RateLimited`], [`AuthError::Store`].
    pub async fn setup_offer(
        &self,
        token: &str,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<SetupOffer, AuthError> {
        let hash = random::hash(token);
        let looked_up = self.open_setup(&hash, now);
        self.holding_a_link(address, instant, looked_up).await
    }

    /// Makes an organization and its first admin for who shows a link's secret; the organization, and
    /// the admin.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] and [`AuthError::Name`] for what is asked in another form than is taken,
    /// [`AuthError::Weak`], [`AuthError::SetupNotOpen`], [`AuthError::RateLimited`],
    /// [`AuthError::Busy`], and
    /// [`store::StoreError::Conflict`] when the e-mail address has an account.
    pub async fn set_up(
        &self,
        request: &SetUpRequest,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<(SetUp, UserId), AuthError> {
        let organization_name = names::checked(&request.organization_name)?;
        let country = places::country(&request.country).ok_or(AuthError::Invalid(
            "`country` must be two letters (ISO 3166-1), such as US.",
        ))?;
        let time_zone = places::time_zone(&request.time_zone).ok_or(AuthError::Invalid(
            "`time_zone` must be a time zone's name (IANA), such as Europe/Berlin.",
        ))?;
        let person = NewPerson::checked(
            &request.email,
            (&request.first_name, &request.last_name),
            &request.password,
        )?;
        let done = async {
            let token_hash = random::hash(&request.token);
            // Looked up before the costly part: whoever holds no link makes no hash.
            self.open_setup(&token_hash, now).await?;
            let account = self.account(person, &organization_name, now).await?;
            let user_id = account.user_id.clone();
            let founder = Founder {
                token_hash,
                organization_id: OrganizationId::from_suffix(&id_suffix(now)).map_err(fault)?,
                organization_name: organization_name.clone(),
                country,
                time_zone,
                account,
                now,
            };
            let organization = self.store.set_up(&founder).await?;
            let done = SetUp {
                organization_id: organization.ok_or(AuthError::SetupNotOpen)?,
                organization_name,
            };
            Ok((done, user_id))
        };
        self.holding_a_link(address, instant, done).await
    }

    async fn open_setup(&self, token: &Hash, now: Timestamp) -> Result<SetupOffer, AuthError> {
        let offer = self.store.setup_offer(token, now).await?;
        offer.ok_or(AuthError::SetupNotOpen)
    }
}
