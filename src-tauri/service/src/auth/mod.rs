//! Signing in and staying signed in: passwords, tokens, and the limit on tries.
//!
//! It knows nothing of HTTP. A wrong e-mail and a wrong password are told apart by nobody: the answer
//! is the same, and so is the work.

mod account;
mod invite;
mod password;
mod rate_limit;
mod second_factor;
mod setup;

pub use invite::email;
pub use password::Passwords;
pub use rate_limit::{Rate, RateLimit};

use crate::mail::Mail;
use crate::names::{self, NameError};
use std::future::Future;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use store::random::{self, Hash};
use store::{Database, NewSignIn, Principal, Rotated, Rotation, StoreError};
use wire::{ClientType, Code, DeviceId, ErrorBody, SignInRequest, Timestamp, Tokens, UserId};

/// How long a request waits while it's noted that its sign-in is in use.
const NOTE_MAX: Duration = Duration::from_secs(1);

/// How long tokens are good, and how many failures are allowed.
#[derive(Debug, Clone, Copy)]
pub struct AuthSettings {
    /// Access tokens, in milliseconds.
    pub access_ms: i64,
    /// Refresh tokens, in milliseconds.
    pub refresh_ms: i64,
    /// A sign-in, however often it's refreshed, in milliseconds.
    pub sign_in_ms: i64,
    /// Whether nothing can be written: then it isn't noted when a sign-in is used.
    pub read_only: bool,
    /// Failures in a row for one e-mail address.
    pub failures_per_email: u32,
    /// Failures in a row for one network address.
    pub failures_per_address: u32,
}

/// A ticket for the second step: it's printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct HalfSignIn(String);

impl std::fmt::Debug for HalfSignIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HalfSignIn")
    }
}

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// E-mail or password is wrong, or the member is not active.
    #[error("Incorrect email or password.")]
    WrongCredentials,
    /// The refresh token is unknown, over, or was used before.
    #[error("The refresh token is no longer valid. Sign in again.")]
    WrongToken,
    /// Too many failures.
    #[error("Too many failed sign-ins. Wait a minute, then try again.")]
    RateLimited,
    /// Too many at once.
    #[error("Too many people are signing in right now. Try again in a few seconds.")]
    Busy,
    /// The link is wrong, used, taken back or too old; which, is not told.
    #[error("This invite link is no longer valid. Ask for a new one.")]
    InviteNotOpen,
    /// The set-up link is wrong, used or too old; which, is not told.
    #[error(
        "This set-up link is no longer valid. Whoever runs the service can make a new one with \
         `service setup-link`."
    )]
    SetupNotOpen,
    /// Whoever runs the service has suspended the organization.
    #[error("Your organization is suspended. Ask whoever runs the service.")]
    Suspended,
    /// The same of a link to choose a new password with.
    #[error("This reset link is no longer valid. Ask for a new one.")]
    ResetNotOpen,
    /// Somebody who is signed in doesn't know their own password.
    #[error("That's not your current password.")]
    WrongPassword,
    /// A new password is easy to guess; what to do about it.
    #[error("{0}")]
    Weak(String),
    /// The same of a link that confirms an address.
    #[error(
        "This link is no longer valid. To get a new one, change your email address again on your \
         profile page."
    )]
    ConfirmationNotOpen,
    /// The password is right, and a second step is to come.
    #[error("{}", second_step_words(*set_up))]
    SecondStep {
        /// For the second step.
        ticket: HalfSignIn,
        /// Whether a second factor has to be set up in it.
        set_up: bool,
    },
    /// The ticket is wrong, used or too old, or was tried too often.
    #[error("That took too long. Sign in again.")]
    WrongTicket,
    /// A code is wrong, or was used before.
    #[error("That code isn't right, or was already used. Wait for the next one and try again.")]
    WrongCode,
    /// There is a second factor already.
    #[error("Two-step sign-in is already set up. Turn it off first.")]
    HasSecondFactor,
    /// There is no second factor.
    #[error("Two-step sign-in isn't set up.")]
    NoSecondFactor,
    /// Another member has none.
    #[error("This member hasn't set up two-step sign-in.")]
    MemberHasNoSecondFactor,
    /// The organization requires one.
    #[error("Your organization requires two-step sign-in, so it can't be turned off.")]
    SecondFactorRequired,
    /// No mail server is set up.
    #[error("This server doesn't send email. Ask an admin of your organization for a reset link.")]
    NoMail,
    /// Another person signs in with the address; who, is not told.
    #[error("You can't use this email address. Choose another one.")]
    EmailTaken,
    /// What is asked is not of the form that is taken.
    #[error("{0}")]
    Invalid(&'static str),
    /// A name can't be taken.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthError> for ErrorBody {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::SecondStep { ticket, set_up } => {
                let code = if set_up {
                    Code::SecondFactorSetupRequired
                } else {
                    Code::SecondFactorRequired
                };
                return Self::new(code, second_step_words(set_up)).with_ticket(ticket.0);
            }
            AuthError::WrongTicket => Code::Unauthenticated,
            AuthError::WrongCode => Code::WrongCode,
            AuthError::HasSecondFactor
            | AuthError::NoSecondFactor
            | AuthError::MemberHasNoSecondFactor
            | AuthError::SecondFactorRequired => Code::Conflict,
            AuthError::WrongCredentials | AuthError::WrongToken => Code::Unauthenticated,
            AuthError::RateLimited => Code::RateLimited,
            AuthError::Busy => Code::Unavailable,
            AuthError::InviteNotOpen
            | AuthError::SetupNotOpen
            | AuthError::ResetNotOpen
            | AuthError::ConfirmationNotOpen => Code::InviteExpired,
            AuthError::Suspended => Code::PermissionRequired,
            AuthError::WrongPassword => Code::WrongPassword,
            AuthError::EmailTaken | AuthError::NoMail => Code::Conflict,
            AuthError::Invalid(_) | AuthError::Weak(_) | AuthError::Name(_) => Code::InvalidRequest,
            AuthError::Store(error) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}

const fn second_step_words(set_up: bool) -> &'static str {
    if set_up {
        "Your organization requires two-step sign-in. Set it up to sign in."
    } else {
        "Enter the code from your authenticator app."
    }
}

/// Who is who.
pub struct Auth {
    store: Database,
    passwords: Passwords,
    mail: Option<Mail>,
    settings: AuthSettings,
    by_email: Mutex<RateLimit<Hash>>,
    by_address: Mutex<RateLimit<IpAddr>>,
    /// How often a code of a second factor is tried.
    by_code: Mutex<RateLimit<Hash>>,
    /// How often it's tried to note that an access token is in use.
    notes: Mutex<RateLimit<Hash>>,
}

/// What a client says of itself, and where it is.
struct Client<'a> {
    client_type: ClientType,
    device_name: Option<&'a str>,
    address: IpAddr,
}

impl Auth {
    /// Over this store.
    #[must_use]
    pub fn new(
        store: Database,
        passwords: Passwords,
        mail: Option<Mail>,
        settings: AuthSettings,
    ) -> Self {
        let limit = |burst, every_s| Rate {
            burst,
            every: Duration::from_secs(every_s),
        };
        Self {
            store,
            passwords,
            mail,
            by_email: Mutex::new(RateLimit::new(limit(settings.failures_per_email, 30))),
            by_address: Mutex::new(RateLimit::new(limit(settings.failures_per_address, 6))),
            by_code: Mutex::new(second_factor::code_limit()),
            notes: Mutex::new(RateLimit::new(limit(1, 60))),
            settings,
        }
    }

    /// Signs in with e-mail and password. `instant` is for the limit on tries, `now` for the tokens.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn sign_in(
        &self,
        request: &SignInRequest,
        address: IpAddr,
        instant: Instant,
        now: Timestamp,
    ) -> Result<Tokens, AuthError> {
        let email = request.email.trim().to_lowercase();
        if email.len() > 254 || request.password.len() > 1024 {
            return Err(AuthError::Invalid(
                "Email addresses can be up to 254 bytes long, and passwords up to 1024.",
            ));
        }
        if let Some(name) = &request.device_name {
            names::checked(name)?;
        }
        let client = Client {
            client_type: request.client_type,
            device_name: request.device_name.as_deref(),
            address,
        };
        // What is kept of an e-mail address that is tried is its hash: as long as any, and nobody's.
        let email_key = random::hash(&email);
        let user = self.counted(
            email_key,
            address,
            instant,
            self.check(&email, &request.password),
        );
        let user = user.await?;
        self.second_step_needed(&user, request, now).await?;
        let (new, tokens) = self.mint(user, &client, now)?;
        self.store.begin_sign_in(new).await?;
        Ok(tokens)
    }

    /// Does what takes a password, if there weren't too many wrong ones for this address and from this
    /// one.
    async fn counted<T>(
        &self,
        email_key: Hash,
        address: IpAddr,
        instant: Instant,
        check: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        let address = network(address);
        // Each try takes its tokens first, so that many at once cannot pass together; a success gives
        // them back.
        if !lock(&self.by_address).take(&address, instant) {
            return Err(AuthError::RateLimited);
        }
        if !lock(&self.by_email).take(&email_key, instant) {
            return Err(AuthError::RateLimited);
        }
        let checked = check.await;
        // Only what was wrong counts, and not that it could not be checked.
        let is_wrong = matches!(
            checked,
            Err(AuthError::WrongCredentials | AuthError::WrongPassword)
        );
        if !is_wrong {
            lock(&self.by_address).give_back(&address);
            lock(&self.by_email).give_back(&email_key);
        }
        checked
    }

    /// Whose e-mail address and password these are.
    async fn check(&self, email: &str, password: &str) -> Result<UserId, AuthError> {
        let credentials = self.store.credentials(email).await?;
        let expected = credentials
            .as_ref()
            .map(|found| found.password_hash.clone());
        let right = self
            .passwords
            .verify(password.to_owned(), expected)
            .await
            .map_err(|_| AuthError::Busy)?;
        let found = credentials
            .filter(|found| right && found.active)
            .ok_or(AuthError::WrongCredentials)?;
        // Only who knows the password learns it.
        if found.suspended {
            return Err(AuthError::Suspended);
        }
        Ok(found.user_id)
    }

    /// A sign-in that is to begin, and the tokens that will prove it.
    fn mint(
        &self,
        user_id: UserId,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<(NewSignIn, Tokens), AuthError> {
        let device_name = client.device_name.map(names::checked).transpose()?;
        let id = random::id_suffix(now);
        let device_id = DeviceId::from_suffix(&random::id_suffix(now))
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        let access_token = random::secret();
        let refresh_token = format!("{id}.{}", random::secret());
        let access_expires_at = now.plus_millis(self.settings.access_ms);
        let new = NewSignIn {
            id,
            user_id: user_id.clone(),
            device_id: device_id.clone(),
            client_type: client.client_type,
            device_name,
            address: Some(seen(client.address)),
            refresh_hash: random::hash(&refresh_token),
            refresh_expires_at: now
                .plus_millis(self.settings.refresh_ms.min(self.settings.sign_in_ms)),
            access_hash: random::hash(&access_token),
            access_expires_at,
            now,
        };
        let tokens = Tokens {
            access_token,
            access_expires_at,
            refresh_token,
            user_id,
            device_id,
        };
        Ok((new, tokens))
    }

    /// Exchanges a refresh token for the next tokens. One that was used before ends the sign-in; the
    /// device whose sign-in ended by that comes with the refusal.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn refresh(
        &self,
        shown: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Tokens, (AuthError, Option<DeviceId>)> {
        let id = shown
            .split_once('.')
            .map(|(id, _)| id)
            .filter(|_| shown.len() <= 256)
            .ok_or((AuthError::WrongToken, None))?;
        let key = random::key();
        let (access_token, refresh_token) = successors(&key, id, shown);
        let rotated = self
            .store
            .rotate_sign_in(Rotation {
                id: id.to_owned(),
                shown_hash: random::hash(shown),
                successor_key: key,
                refresh_hash: random::hash(&refresh_token),
                refresh_expires_at: now.plus_millis(self.settings.refresh_ms),
                access_hash: random::hash(&access_token),
                access_expires_at: now.plus_millis(self.settings.access_ms),
                lifetime_ms: self.settings.sign_in_ms,
                address: Some(seen(address)),
                now,
            })
            .await
            .map_err(|error| (error.into(), None))?;
        match rotated {
            Rotated::Done {
                user_id,
                device_id,
                access_expires_at,
            } => Ok(Tokens {
                access_token,
                access_expires_at,
                refresh_token,
                user_id,
                device_id,
            }),
            Rotated::Repeated {
                user_id,
                device_id,
                successor_key,
                access_expires_at,
            } => {
                let (access_token, refresh_token) = successors(&successor_key, id, shown);
                Ok(Tokens {
                    access_token,
                    access_expires_at,
                    refresh_token,
                    user_id,
                    device_id,
                })
            }
            Rotated::Unknown => Err((AuthError::WrongToken, None)),
            Rotated::Reused { device_id } => Err((AuthError::WrongToken, Some(device_id))),
        }
    }

    /// Does what only who holds a link's secret may do. As a sign-in, a try takes its token of the address
    /// first, and only a success gives it back.
    async fn holding_a_link<T>(
        &self,
        address: IpAddr,
        instant: Instant,
        attempt: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        let address = network(address);
        if !lock(&self.by_address).take(&address, instant) {
            return Err(AuthError::RateLimited);
        }
        let done = attempt.await?;
        lock(&self.by_address).give_back(&address);
        Ok(done)
    }

    /// Ends a sign-in; whose it was, and its device.
    ///
    /// # Errors
    /// [`AuthError::WrongToken`] when there is no such sign-in.
    pub async fn sign_out(&self, refresh_token: &str) -> Result<(UserId, DeviceId), AuthError> {
        let (id, _) = refresh_token.split_once('.').ok_or(AuthError::WrongToken)?;
        self.store
            .end_sign_in(id, &random::hash(refresh_token))
            .await?
            .ok_or(AuthError::WrongToken)
    }

    /// Whom an access token proves.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be looked up.
    pub async fn principal(
        &self,
        access_token: &str,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let hash = random::hash(access_token);
        let principal = self.store.principal(&hash, now).await?;
        if let Some(who) = &principal
            && !who.noted
            && !self.settings.read_only
        {
            self.note_use(who, &hash, now).await;
        }
        Ok(principal)
    }

    /// Notes that a sign-in is in use. What can't be noted is tried again a minute later, and holds
    /// nobody up.
    async fn note_use(&self, who: &Principal, hash: &Hash, now: Timestamp) {
        if !lock(&self.notes).take(hash, Instant::now()) {
            return;
        }
        let noted = self.store.note_use(&who.sign_in_id, hash, now);
        match tokio::time::timeout(NOTE_MAX, noted).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "couldn't note the use of a sign-in"),
            Err(_) => tracing::debug!("couldn't note the use of a sign-in in time"),
        }
    }
}

/// The access token and the refresh token that come of an older refresh token and a key. The key alone
/// is kept, and not for long: see [`Database::rotate_sign_in`].
fn successors(key: &Hash, id: &str, shown: &str) -> (String, String) {
    let refresh = random::derived(key, "refresh", shown);
    (
        random::derived(key, "access", shown),
        format!("{id}.{refresh}"),
    )
}

/// A network address as its owner is shown it.
fn seen(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

/// What counts as one network address: an IPv6 customer has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(
            || IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
            IpAddr::V4,
        ),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbourhood_of_ipv6_counts_as_one_address() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    }
}
