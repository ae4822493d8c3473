//! The second step of signing in (O4): codes of an app on the person's phone (RFC 6238), and recovery codes.

use super::{Auth, AuthError, Client, HalfSignIn, Rate, RateLimit, lock};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use store::random::{self, Hash};
use store::{Account, NewTicket, Principal, Ticket};
use totp_rs::{Builder, Totp};
use wire::{
    ClientType, PasswordProof, SecondFactorSetup, SecondFactorStatus, SignInRequest, Timestamp,
    Tokens, UserId,
};

/// So long somebody has for the second step.
const TICKET_MS: i64 = 5 * 60_000;
const RECOVERY_CODES: usize = 10;
/// Hexadecimal digits of a recovery code: 80 bits, which nobody finds out from its hash.
const RECOVERY_DIGITS: usize = 20;
const CODE_DIGITS: usize = 6;
/// The secret's bytes, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// A code of the step before and of the one after count as well (RFC 6238, section 5.2).
const STEPS_AROUND: u16 = 1;
const ISSUER: &str = "Call Coaching";

/// What a client said of itself in the first step.
#[derive(Serialize, Deserialize)]
struct KeptClient {
    client_type: ClientType,
    device_name: Option<String>,
}

/// How often a code is tried for one account: with the password known, a guess in five minutes.
pub(super) fn code_limit() -> RateLimit<Hash> {
    RateLimit::new(Rate {
        burst: 5,
        every: Duration::from_secs(300),
    })
}

impl Auth {
    /// What the first step of signing in comes to for whom a second is needed; none for who is done.
    ///
    /// # Errors
    /// [`AuthError::SecondStep`], with the ticket for it; [`AuthError::Store`].
    pub(super) async fn second_step_needed(
        &self,
        user: &UserId,
        request: &SignInRequest,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let need = self.store.second_factor_need(user).await?;
        if !need.has && !need.required {
            return Ok(());
        }
        let client = KeptClient {
            client_type: request.client_type,
            device_name: request.device_name.clone(),
        };
        let client = serde_json::to_string(&client)
            .map_err(|error| store::StoreError::Fault(error.to_string()))?;
        let ticket = random::secret();
        self.store
            .create_ticket(&NewTicket {
                token_hash: random::hash(&ticket),
                user_id: user.clone(),
                client,
                now,
                expires_at: now.plus_millis(TICKET_MS),
            })
            .await?;
        Err(AuthError::SecondStep {
            ticket: HalfSignIn(ticket),
            set_up: !need.has,
        })
    }

    /// The second step: a ticket of the first, and a code.
    ///
    /// # Errors
    /// [`AuthError::WrongTicket`], [`AuthError::WrongCode`], [`AuthError::RateLimited`],
    /// [`AuthError::Store`].
    pub async fn second_step(
        &self,
        ticket: &str,
        code: &str,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<Tokens, AuthError> {
        let (hash, open) = self.ticket(ticket, now).await?;
        self.check_code(&open.user_id, code, instant, now).await?;
        self.enter(&hash, open, address, now).await
    }

    /// Begins to set up a second factor in the second step, for who must have one and has none.
    ///
    /// # Errors
    /// [`AuthError::WrongTicket`], [`AuthError::HasSecondFactor`], [`AuthError::Store`].
    pub async fn set_up_by_ticket(
        &self,
        ticket: &str,
        now: Timestamp,
    ) -> Result<SecondFactorSetup, AuthError> {
        let (_, open) = self.ticket(ticket, now).await?;
        let account = self.store.account(&open.user_id).await?;
        self.begin_set_up(&account.ok_or(AuthError::WrongTicket)?, now)
            .await
    }

    /// Ends that with a first code, and signs in; with recovery codes.
    ///
    /// # Errors
    /// As [`Auth::second_step`].
    pub async fn confirm_by_ticket(
        &self,
        ticket: &str,
        code: &str,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<(Tokens, Vec<String>), AuthError> {
        let (hash, open) = self.ticket(ticket, now).await?;
        let codes = self
            .confirm_set_up(&open.user_id, code, instant, now)
            .await?;
        Ok((self.enter(&hash, open, address, now).await?, codes))
    }

    /// How somebody stands with their second factor.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn second_factor(&self, user: &UserId) -> Result<SecondFactorStatus, AuthError> {
        let need = self.store.second_factor_need(user).await?;
        let factor = self.store.second_factor(user).await?;
        let left = factor.filter(|factor| factor.confirmed);
        Ok(SecondFactorStatus {
            enabled: need.has,
            recovery_codes_left: left.map_or(0, |factor| factor.recovery_codes_left),
            required: need.required,
        })
    }

    /// Begins to set up a second factor, which takes the password.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`], [`AuthError::HasSecondFactor`], [`AuthError::RateLimited`],
    /// [`AuthError::Busy`], [`AuthError::Store`].
    pub async fn set_up_second_factor(
        &self,
        who: &Principal,
        proof: &PasswordProof,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<SecondFactorSetup, AuthError> {
        let account = self.proven(who, proof, address, instant).await?;
        self.begin_set_up(&account, now).await
    }

    /// Ends that with a first code: from then on it counts. The recovery codes, which are kept nowhere.
    ///
    /// # Errors
    /// [`AuthError::WrongCode`], [`AuthError::RateLimited`], [`AuthError::Store`].
    pub async fn confirm_set_up(
        &self,
        user: &UserId,
        code: &str,
        instant: Instant,
        now: Timestamp,
    ) -> Result<Vec<String>, AuthError> {
        let key = code_key(user);
        if !lock(&self.by_code).take(&key, instant) {
            return Err(AuthError::RateLimited);
        }
        let factor = self.store.second_factor(user).await?;
        let Some(factor) = factor.filter(|factor| !factor.confirmed) else {
            return Err(AuthError::WrongCode);
        };
        let step = step_of(&factor.secret, code, now).ok_or(AuthError::WrongCode)?;
        let (codes, hashes) = recovery_codes();
        let confirmed = self
            .store
            .confirm_second_factor(user, &factor.secret, step, &hashes)
            .await?;
        if !confirmed {
            return Err(AuthError::WrongCode);
        }
        lock(&self.by_code).give_back(&key);
        Ok(codes)
    }

    /// Other recovery codes, in the place of those before; which takes the password.
    ///
    /// # Errors
    /// As [`Auth::set_up_second_factor`]; [`AuthError::NoSecondFactor`].
    pub async fn renew_recovery_codes(
        &self,
        who: &Principal,
        proof: &PasswordProof,
        address: IpAddr,
        instant: Instant,
    ) -> Result<Vec<String>, AuthError> {
        self.proven(who, proof, address, instant).await?;
        let (codes, hashes) = recovery_codes();
        let replaced = self
            .store
            .replace_recovery_codes(&who.user_id, &hashes)
            .await?;
        replaced.then_some(codes).ok_or(AuthError::NoSecondFactor)
    }

    /// Removes somebody's own second factor, which takes the password.
    ///
    /// # Errors
    /// As [`Auth::set_up_second_factor`]; [`AuthError::NoSecondFactor`],
    /// [`AuthError::SecondFactorRequired`].
    pub async fn remove_second_factor(
        &self,
        who: &Principal,
        proof: &PasswordProof,
        address: IpAddr,
        instant: Instant,
    ) -> Result<(), AuthError> {
        self.proven(who, proof, address, instant).await?;
        if self.store.second_factor_need(&who.user_id).await?.required {
            return Err(AuthError::SecondFactorRequired);
        }
        let removed = self.store.remove_second_factor(&who.user_id).await?;
        removed.then_some(()).ok_or(AuthError::NoSecondFactor)
    }

    async fn proven(
        &self,
        who: &Principal,
        proof: &PasswordProof,
        address: IpAddr,
        instant: Instant,
    ) -> Result<Account, AuthError> {
        super::account::not_too_long(&proof.password)?;
        let account = self.own_account(who).await?;
        self.prove(&account, &proof.password, address, instant)
            .await?;
        Ok(account)
    }

    async fn ticket(&self, ticket: &str, now: Timestamp) -> Result<(Hash, Ticket), AuthError> {
        let hash = random::hash(ticket);
        let open = self.store.try_ticket(&hash, now).await?;
        Ok((hash, open.ok_or(AuthError::WrongTicket)?))
    }

    /// Signs in whose ticket it is, which is used up.
    async fn enter(
        &self,
        hash: &Hash,
        ticket: Ticket,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Tokens, AuthError> {
        // Of two with one ticket, one is late.
        if !self.store.end_ticket(hash).await? {
            return Err(AuthError::WrongTicket);
        }
        let client: KeptClient = serde_json::from_str(&ticket.client)
            .map_err(|error| store::StoreError::Fault(error.to_string()))?;
        let client = Client {
            client_type: client.client_type,
            device_name: client.device_name.as_deref(),
            address,
        };
        let (new, tokens) = self.mint(ticket.user_id, &client, now)?;
        self.store.begin_sign_in(new).await?;
        Ok(tokens)
    }

    async fn begin_set_up(
        &self,
        account: &Account,
        now: Timestamp,
    ) -> Result<SecondFactorSetup, AuthError> {
        let secret = random::key();
        let secret = secret.get(..SECRET_BYTES).unwrap_or(&secret);
        let user = &account.user;
        if !self
            .store
            .begin_second_factor(&user.id, secret, now)
            .await?
        {
            return Err(AuthError::HasSecondFactor);
        }
        let fault = |error: &dyn std::fmt::Display| store::StoreError::Fault(error.to_string());
        let totp = totp(secret, &user.email).map_err(|error| fault(&error))?;
        let uri = totp.to_url().map_err(|error| fault(&error))?;
        let image = QrCode::new(&uri).map_err(|error| fault(&error))?;
        Ok(SecondFactorSetup {
            secret: totp.secret().to_base32(),
            qr_svg: image
                .render::<svg::Color>()
                .min_dimensions(220, 220)
                .build(),
            uri,
        })
    }

    /// That this is a code of the person's, now and for the first time. Tries are counted for the person,
    /// whoever makes them.
    async fn check_code(
        &self,
        user: &UserId,
        code: &str,
        instant: Instant,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let key = code_key(user);
        if !lock(&self.by_code).take(&key, instant) {
            return Err(AuthError::RateLimited);
        }
        let factor = self.store.second_factor(user).await?;
        let Some(factor) = factor.filter(|factor| factor.confirmed) else {
            return Err(AuthError::WrongCode);
        };
        let code = typed(code);
        let right = if code.len() == RECOVERY_DIGITS {
            let hash = random::hash(&code);
            self.store.take_recovery_code(user, &hash).await?
        } else {
            match step_of(&factor.secret, &code, now) {
                Some(step) => self.store.take_step(user, step).await?,
                None => false,
            }
        };
        if !right {
            return Err(AuthError::WrongCode);
        }
        lock(&self.by_code).give_back(&key);
        Ok(())
    }
}

/// By what tries of codes are counted: what is kept of it is as long as any.
fn code_key(user: &UserId) -> Hash {
    random::hash(user.as_str())
}

/// A code as it is meant: people type blanks and hyphens as they see them.
fn typed(code: &str) -> String {
    let meant = code.chars().filter(|one| !matches!(one, ' ' | '-'));
    meant.collect::<String>().to_ascii_lowercase()
}

/// The step whose code this is, now or a step away; none when it is no such code.
fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Option<u64> {
    let code = typed(code);
    if code.len() != CODE_DIGITS || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.0.div_euclid(1000)).ok()?;
    totp(secret, "account").ok()?.check(&code, seconds)
}

fn totp(secret: &[u8], account: &str) -> Result<Totp, totp_rs::TotpError> {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_skew(STEPS_AROUND)
        // What it may not hold, since it parts issuer and account.
        .with_account_name(account.replace(':', " "))
        .with_issuer(Some(ISSUER))
        .build()
}

/// New recovery codes, and what is kept of them.
fn recovery_codes() -> (Vec<String>, Vec<Hash>) {
    (0..RECOVERY_CODES)
        .map(|_| {
            let secret = random::secret();
            let digits = secret.get(..RECOVERY_DIGITS).unwrap_or(&secret);
            let groups: Vec<&str> = (0..RECOVERY_DIGITS / 5)
                .filter_map(|group| digits.get(group * 5..group * 5 + 5))
                .collect();
            (groups.join("-"), random::hash(digits))
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the last six digits of its eight, with SHA-1.
    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn o4_codes_are_those_of_the_standard_and_count_a_step_before_and_after() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (2_000_000_000, "279037"),
        ] {
            let at = |offset: i64| Timestamp((seconds + offset) * 1000);
            let step = u64::try_from(seconds).unwrap() / 30;
            for offset in [-30, 0, 30] {
                assert_eq!(step_of(SECRET, code, at(offset)), Some(step), "{offset}");
            }
            for offset in [-90, 90] {
                assert_eq!(step_of(SECRET, code, at(offset)), None, "{offset}");
            }
            let spaced = format!(" {} {}", &code[..3], &code[3..]);
            assert_eq!(step_of(SECRET, &spaced, at(0)), Some(step));
        }
        for bad in ["", "28708", "2870822", "28708a", "２８７０８２", "28 70-8"] {
            assert_eq!(step_of(SECRET, bad, Timestamp(59_000)), None, "{bad}");
        }
        assert_eq!(step_of(SECRET, "287082", Timestamp(-1)), None);
    }

    #[test]
    fn o4_recovery_codes_are_ten_long_and_all_different() {
        let (codes, hashes) = recovery_codes();
        assert_eq!((codes.len(), hashes.len()), (10, 10));
        for (code, hash) in codes.iter().zip(&hashes) {
            assert_eq!(code.len(), 23, "{code}");
            assert_eq!(random::hash(&typed(&code.to_uppercase())), *hash);
        }
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), 10);
    }
}
