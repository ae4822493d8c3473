//! Signing in and staying signed in.

use crate::{ClientType, DeviceId, Timestamp, UserId};
use wire_macros::wire_type;

/// `POST /api/v1/auth/sign_in/`.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The user's email address.
    #[schema(max_length = 254, example = "riley@demo.example")]
    pub email: String,
    /// The password, up to 1024 bytes.
    #[schema(max_length = 1024)]
    pub password: String,
    /// The kind of client that signs in.
    pub client_type: ClientType,
    /// What to call the device in the user's list of sign-ins, such as its host name.
    #[schema(max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
}

/// `POST /api/v1/auth/refresh/`: a refresh token works once, and returns the next one.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token. Using an older one again ends the whole sign-in. If the answer was lost,
    /// the same request within a minute returns the same tokens, until one of them is used.
    pub refresh_token: String,
}

/// `POST /api/v1/auth/sign_out/`: ends this sign-in and its tokens.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct SignOutRequest {
    /// The newest refresh token.
    pub refresh_token: String,
}

/// A sign-in: a short-lived access token, and a longer-lived token to get the next one.
#[wire_type(secret)]
pub struct Tokens {
    /// Send it with every request as `Authorization: Bearer …`, and in the WebSocket's `hello`.
    pub access_token: String,
    /// When the access token expires.
    pub access_expires_at: Timestamp,
    /// Gets the next tokens, once.
    pub refresh_token: String,
    /// Who is signed in.
    pub user_id: UserId,
    /// The service's id for this installation.
    pub device_id: DeviceId,
}

// Tokens and passwords have no `Debug` that prints them: no log may hold one.
macro_rules! hidden_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), " { .. }"))
            }
        }
    )*};
}
pub(crate) use hidden_debug;
hidden_debug!(SignInRequest, RefreshRequest, SignOutRequest, Tokens);
