//! A person's own account: another password, another address, and the way back after a lost password.

use super::{Auth, AuthError, email, lock, network};
use crate::mail::{Letter, Mail};
use std::net::IpAddr;
use std::time::Instant;
use store::random;
use store::{Account, Confirmed, LinkKind, NewLink, Principal, Reset};
use wire::{
    DeviceId, EmailRequest, MembershipId, NewPasswordReset, PasswordRequest, PasswordResetOffer,
    PasswordResetRequest, Timestamp,
};

/// So long a reset link works, and one that confirms an address.
const RESET_MS: i64 = 3_600_000;
/// How soon another reset link is sent to the same person. The one before holds until then: a stranger
/// who asks again and again neither fills a mailbox nor ends the link that is in it.
const ASK_AGAIN_MS: i64 = 300_000;

impl Auth {
    /// Changes a person's password, which takes the old one, and ends their other sign-ins: on which
    /// devices. `instant` is for the limit on tries.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`], [`AuthError::Weak`] and [`AuthError::Invalid`] for the new one,
    /// [`AuthError::RateLimited`], [`AuthError::Busy`], [`AuthError::Store`].
    pub async fn change_password(
        &self,
        who: &Principal,
        request: &PasswordRequest,
        address: IpAddr,
        instant: Instant,
    ) -> Result<Vec<DeviceId>, AuthError> {
        well_sized(&request.new_password)?;
        not_too_long(&request.old_password)?;
        let account = self.own_account(who).await?;
        self.prove(&account, &request.old_password, address, instant)
            .await?;
        let hash = self.new_password(&request.new_password, &account).await?;
        let but = Some(who.sign_in_id.as_str());
        Ok(self.store.set_password(&who.user_id, &hash, but).await?)
    }

    /// Changes the address that a person signs in with, which takes their password: at once, or by a link
    /// that is sent to the new one. The new one, as it is kept, and whether it has to be confirmed.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`], [`AuthError::Invalid`], [`AuthError::EmailTaken`],
    /// [`AuthError::RateLimited`], [`AuthError::Busy`], [`AuthError::Store`].
    pub async fn change_email(
        &self,
        who: &Principal,
        request: &EmailRequest,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<(String, bool), AuthError> {
        let email = email(&request.email)?;
        not_too_long(&request.password)?;
        let account = self.own_account(who).await?;
        self.prove(&account, &request.password, address, instant)
            .await?;
        let own = random::hash(&account.user.email);
        if let Some(mail) = &self.mail {
            // Nobody gets to write to many addresses, whoever has them.
            let _ = lock(&self.by_email).take(&own, instant);
            self.mail_confirmation(mail, &account, &email, now).await?;
            return Ok((email, true));
        }
        if self.store.set_email(&who.user_id, &email).await? {
            return Ok((email, false));
        }
        // Who has the address, in which organization, is not told; and no one gets to ask often.
        let _ = lock(&self.by_email).take(&own, instant);
        Err(AuthError::EmailTaken)
    }

    /// Sends a link to a new address. To one that another person signs in with, nothing is sent: the
    /// answer is the same.
    async fn mail_confirmation(
        &self,
        mail: &Mail,
        account: &Account,
        email: &str,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let token = random::secret();
        let new = NewLink {
            token_hash: random::hash(&token),
            kind: LinkKind::Email,
            email: Some(email.to_owned()),
            creator: Some(account.user.id.clone()),
            now,
            expires_at: now.plus_millis(RESET_MS),
        };
        // It takes the place of one that was sent before, however lately.
        let after = Timestamp(i64::MAX);
        self.store
            .create_link(&account.user.id, &new, after)
            .await?;
        let is_free = match self.store.account_of(email).await? {
            Some(other) => other.user.id == account.user.id,
            None => true,
        };
        if is_free {
            let link = mail.link("confirm-email", &token);
            mail.send(Letter::confirm(&full_name(account), email, &link));
        }
        Ok(())
    }

    /// Changes the address that a link confirms. A wrong one counts as a failed sign-in from its network
    /// address.
    ///
    /// # Errors
    /// [`AuthError::ConfirmationNotOpen`], [`AuthError::RateLimited`], [`AuthError::Store`].
    pub async fn confirm_email(
        &self,
        token: &str,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<Confirmed, AuthError> {
        let confirmed = self.holding_a_link(address, instant, async {
            let confirmed = self.store.confirm_email(&random::hash(token), now).await?;
            confirmed.ok_or(AuthError::ConfirmationNotOpen)
        });
        let confirmed = confirmed.await?;
        if let Some(mail) = &self.mail {
            let user = &confirmed.user;
            let name = format!("{} {}", user.first_name, user.last_name);
            mail.send(Letter::moved(name.trim(), &user.email, &confirmed.email));
        }
        Ok(confirmed)
    }

    /// Whether reset links are sent by mail.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.mail.is_some()
    }

    /// Whether a reset link may be asked for now, for this address, as it is kept. It says nothing of
    /// whether anybody has it.
    ///
    /// # Errors
    /// [`AuthError::NoMail`], [`AuthError::Invalid`], [`AuthError::RateLimited`].
    pub fn may_ask_reset(
        &self,
        text: &str,
        address: IpAddr,
        instant: Instant,
    ) -> Result<String, AuthError> {
        let email = email(text)?;
        if self.mail.is_none() {
            return Err(AuthError::NoMail);
        }
        if !lock(&self.by_address).take(&network(address), instant) {
            return Err(AuthError::RateLimited);
        }
        Ok(email)
    }

    /// Sends a reset link to the member with this address, if there is one, and none was sent a moment
    /// ago.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn mail_reset(&self, email: &str, now: Timestamp) -> Result<(), AuthError> {
        let Some(mail) = &self.mail else {
            return Ok(());
        };
        let Some(account) = self.store.account_of(email).await? else {
            return Ok(());
        };
        let token = random::secret();
        let new = NewLink {
            token_hash: random::hash(&token),
            kind: LinkKind::ResetByMail,
            email: None,
            creator: None,
            now,
            expires_at: now.plus_millis(RESET_MS),
        };
        let after = now.plus_millis(-ASK_AGAIN_MS);
        if self
            .store
            .create_link(&account.user.id, &new, after)
            .await?
        {
            let link = mail.link("reset", &token);
            let name = full_name(&account);
            mail.send(Letter::reset(
                &name,
                email,
                &account.organization_name,
                &link,
            ));
        }
        Ok(())
    }

    /// Makes a link by which a member of this organization chooses a new password; none when there is no
    /// such member.
    ///
    /// # Errors
    /// [`AuthError::Store`], also with the conflict of a member who can't have one.
    pub async fn create_reset(
        &self,
        by: &Principal,
        membership: &MembershipId,
        now: Timestamp,
    ) -> Result<Option<NewPasswordReset>, AuthError> {
        let token = random::secret();
        let new = NewLink {
            token_hash: random::hash(&token),
            kind: LinkKind::ResetByAdmin,
            email: None,
            creator: Some(by.user_id.clone()),
            now,
            expires_at: now.plus_millis(RESET_MS),
        };
        let made = self
            .store
            .create_reset(&by.organization_id, membership, &new)
            .await?;
        Ok(made.map(|user_id| NewPasswordReset {
            user_id,
            token,
            date_expires: new.expires_at,
        }))
    }

    /// Whose password a link is for. A wrong one counts as a failed sign-in from its network address.
    ///
    /// # Errors
    /// [`AuthError::ResetNotOpen`], [`AuthError::RateLimited`], [`AuthError::Store`].
    pub async fn reset_offer(
        &self,
        token: &str,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<PasswordResetOffer, AuthError> {
        self.holding_a_link(address, instant, async {
            let offer = self.store.reset_offer(&random::hash(token), now).await?;
            offer.ok_or(AuthError::ResetNotOpen)
        })
        .await
    }

    /// Sets the password of whom the link is for, and ends all their sign-ins.
    ///
    /// # Errors
    /// [`AuthError::ResetNotOpen`], [`AuthError::Weak`], [`AuthError::Invalid`],
    /// [`AuthError::RateLimited`], [`AuthError::Busy`], [`AuthError::Store`].
    pub async fn reset_password(
        &self,
        request: &PasswordResetRequest,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<Reset, AuthError> {
        well_sized(&request.password)?;
        // Looked up before the costly part: whoever holds no link makes no hash.
        let offer = self
            .reset_offer(&request.token, address, instant, now)
            .await?;
        let names = [
            offer.first_name.as_str(),
            &offer.last_name,
            &offer.email,
            &offer.organization_name,
        ];
        let hash = self.hash_if_strong(&request.password, &names).await?;
        let token = random::hash(&request.token);
        let reset = self.store.use_reset(&token, &hash, now).await?;
        reset.ok_or(AuthError::ResetNotOpen)
    }

    pub(super) async fn own_account(&self, who: &Principal) -> Result<Account, AuthError> {
        let account = self.store.account(&who.user_id).await?;
        // They were deactivated a moment ago.
        account.ok_or(AuthError::WrongToken)
    }

    /// That this is the person's password. Tries are counted together with those to sign in: who has
    /// somebody's session guesses no faster than a stranger.
    pub(super) async fn prove(
        &self,
        account: &Account,
        password: &str,
        address: IpAddr,
        instant: Instant,
    ) -> Result<(), AuthError> {
        let email_key = random::hash(&account.user.email);
        let expected = account.credentials.password_hash.clone();
        self.counted(email_key, address, instant, async {
            let right = self
                .passwords
                .verify(password.to_owned(), Some(expected))
                .await
                .map_err(|_| AuthError::Busy)?;
            right.then_some(()).ok_or(AuthError::WrongPassword)
        })
        .await
    }

    /// The hash of a person's new password.
    async fn new_password(&self, password: &str, account: &Account) -> Result<String, AuthError> {
        let user = &account.user;
        let names = [
            user.first_name.as_str(),
            &user.last_name,
            &user.email,
            &account.organization_name,
        ];
        self.hash_if_strong(password, &names).await
    }

    /// The hash of a new password, unless it is easy to guess for who knows these names.
    pub(super) async fn hash_if_strong(
        &self,
        password: &str,
        names: &[&str],
    ) -> Result<String, AuthError> {
        well_sized(password)?;
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let judgement = self.passwords.judge(password.to_owned(), names).await;
        if let Some(advice) = judgement.map_err(|_| AuthError::Busy)?.advice {
            return Err(AuthError::Weak(advice));
        }
        let hash = self.passwords.hash(password.to_owned()).await;
        hash.map_err(|_| AuthError::Busy)
    }
}

fn full_name(account: &Account) -> String {
    let user = &account.user;
    format!("{} {}", user.first_name, user.last_name)
        .trim()
        .to_owned()
}

/// That a new password is neither too short nor too long.
pub(super) fn well_sized(password: &str) -> Result<(), AuthError> {
    if (strength::BYTES_MIN..=strength::BYTES_MAX).contains(&password.len()) {
        return Ok(());
    }
    Err(AuthError::Invalid(
        "Passwords must be 10 to 1024 bytes long. Choose another one.",
    ))
}

pub(super) fn not_too_long(password: &str) -> Result<(), AuthError> {
    if password.len() <= strength::BYTES_MAX {
        return Ok(());
    }
    Err(AuthError::Invalid(
        "Passwords can be up to 1024 bytes long.",
    ))
}
