//! Becoming a member by a link: what it offers, and its use.

use super::account::well_sized;
use super::{Auth, AuthError, Client};
use crate::names;
use std::net::IpAddr;
use std::time::Instant;
use store::random::{self, Hash, id_suffix};
use store::{Accepted, NewAccount, NewMember, StoreError};
use wire::{
    AcceptInviteRequest, InviteOffer, MembershipId, OrganizationId, Timestamp, Tokens, UserId,
};

const EMAIL_BYTES_MAX: usize = 254;

impl Auth {
    /// What a link offers. `instant` is for the limit on tries: a wrong one counts as a failed sign-in
    /// from its network address.
    ///
    /// # Errors
    /// [`AuthError::InviteNotOpen`], [`AuthError::RateLimited`], [`AuthError::Store`].
    pub async fn invite_offer(
        &self,
        token: &str,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<InviteOffer, AuthError> {
        let hash = random::hash(token);
        let looked_up = self.open_offer(&hash, now);
        self.holding_a_link(address, instant, looked_up).await
    }

    /// Makes a member of who shows a link's secret, and signs them in; the organization that they are
    /// a member of now.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] for what is asked in another form than is taken,
    /// [`AuthError::InviteNotOpen`], [`AuthError::RateLimited`], [`AuthError::Busy`], and
    /// [`StoreError::Conflict`] when the e-mail address has an account.
    pub async fn accept_invite(
        &self,
        request: &AcceptInviteRequest,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<(Tokens, OrganizationId), AuthError> {
        let person = NewPerson::checked(
            &request.email,
            (&request.first_name, &request.last_name),
            &request.password,
        )?;
        if let Some(name) = &request.device_name {
            names::checked(name)?;
        }
        let client = Client {
            client_type: request.client_type,
            device_name: request.device_name.as_deref(),
            address,
        };
        let accepted = self.accepted(request, person, &client, now);
        self.holding_a_link(address, instant, accepted).await
    }

    async fn accepted(
        &self,
        request: &AcceptInviteRequest,
        person: NewPerson,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<(Tokens, OrganizationId), AuthError> {
        let token_hash = random::hash(&request.token);
        // Looked up before the costly part: whoever holds no link makes no hash.
        let offer = self.open_offer(&token_hash, now).await?;
        if offer
            .email
            .is_some_and(|meant_for| meant_for != person.email)
        {
            return Err(OTHER_EMAIL);
        }
        let account = self.account(person, &offer.organization_name, now).await?;
        let (sign_in, tokens) = self.mint(account.user_id.clone(), client, now)?;
        let accepted = self
            .store
            .accept_invite(NewMember {
                token_hash,
                account,
                sign_in,
            })
            .await?;
        match accepted {
            Accepted::Done(organization) => Ok((tokens, organization)),
            Accepted::NotOpen => Err(AuthError::InviteNotOpen),
            Accepted::OtherEmail => Err(OTHER_EMAIL),
        }
    }

    /// The account of somebody new in this organization, whose password is judged and hashed: that is
    /// costly.
    pub(super) async fn account(
        &self,
        person: NewPerson,
        organization_name: &str,
        now: Timestamp,
    ) -> Result<NewAccount, AuthError> {
        let known = [
            person.first_name.as_str(),
            &person.last_name,
            &person.email,
            organization_name,
        ];
        let password_hash = self.hash_if_strong(&person.password, &known).await?;
        Ok(NewAccount {
            user_id: UserId::from_suffix(&id_suffix(now)).map_err(fault)?,
            membership_id: MembershipId::from_suffix(&id_suffix(now)).map_err(fault)?,
            email: person.email,
            first_name: person.first_name,
            last_name: person.last_name,
            password_hash,
        })
    }

    async fn open_offer(&self, token: &Hash, now: Timestamp) -> Result<InviteOffer, AuthError> {
        let offer = self.store.invite_offer(token, now).await?;
        offer.ok_or(AuthError::InviteNotOpen)
    }
}

const OTHER_EMAIL: AuthError =
    AuthError::Invalid("This invite link is for a different email address. Use that one.");

/// Somebody who is to have an account.
pub(super) struct NewPerson {
    /// In lower case.
    email: String,
    first_name: String,
    /// Empty for who has none.
    last_name: String,
    password: String,
}

impl NewPerson {
    /// Checks what somebody says of themselves, and the size of the password that they choose.
    pub(super) fn checked(
        address: &str,
        (first_name, last_name): (&str, &str),
        password: &str,
    ) -> Result<Self, AuthError> {
        let email = email(address)?;
        let first_name = names::checked(first_name)?;
        // Not everyone has one.
        let last_name = match last_name.trim() {
            "" => String::new(),
            text => names::checked(text)?,
        };
        well_sized(password)?;
        Ok(Self {
            email,
            first_name,
            last_name,
            password: password.to_owned(),
        })
    }
}

/// An e-mail address as it is kept, in lower case. Only its form is looked at: whether somebody reads
/// what is sent there is not known.
///
/// # Errors
/// [`AuthError::Invalid`].
pub fn email(text: &str) -> Result<String, AuthError> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.split_once('@').unwrap_or_default();
    let good = email.len() <= EMAIL_BYTES_MAX
        && !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !email.chars().any(names::is_unseen);
    if good {
        Ok(email)
    } else {
        Err(AuthError::Invalid("That's not a valid email address."))
    }
}

pub(super) fn fault(error: wire::IdError) -> AuthError {
    StoreError::Fault(error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_kept_in_lower_case_and_looked_at_for_its_form_only() {
        assert_eq!(
            email(" New.One@Demo.Example ").unwrap(),
            "new.one@demo.example"
        );
        assert!(email("a+b@host").is_ok());
        let long = format!("{}@demo.example", "x".repeat(250));
        for bad in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@.b",
            "a@b.",
            "a\n@b",
            "a\u{200B}@b",
            "a@b\u{202E}",
            &long,
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
