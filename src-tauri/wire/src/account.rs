//! What people do with their own accounts.

use crate::auth::hidden_debug;
use crate::{ClientType, DeviceId, Timestamp, UserId};
use wire_macros::wire_type;

/// `PATCH /api/v1/me/`: the signed-in user's own name.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    /// First name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name, up to 64 characters.
    #[schema(max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
}

/// `POST /api/v1/me/email/`: the signed-in user's own email address.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct EmailRequest {
    /// The new email address, used to sign in.
    #[schema(max_length = 254)]
    pub email: String,
    /// The user's password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// How an email address was changed.
#[wire_type]
pub struct EmailChange {
    /// Whether a link was sent to the new address, and the address changes once it's opened. Otherwise it
    /// has changed.
    pub confirmation_sent: bool,
}

/// `POST /api/v1/me/password/`: the signed-in user's own password.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The current password.
    #[schema(max_length = 1024)]
    pub old_password: String,
    /// The new password: 10 to 1024 bytes, and hard to guess.
    #[schema(min_length = 10, max_length = 1024)]
    pub new_password: String,
}

/// Where the user is signed in.
#[wire_type]
pub struct SignInPlace {
    /// The device.
    pub device_id: DeviceId,
    /// The kind of client.
    pub client_type: ClientType,
    /// What the client calls the device.
    pub device_name: Option<String>,
    /// The network address it was last seen from.
    pub address: Option<String>,
    /// When the user signed in.
    pub date_created: Timestamp,
    /// When it was last used, give or take five minutes.
    pub date_used: Timestamp,
    /// Whether this request was made from it.
    pub current: bool,
}

/// `POST /api/v1/me/sign_out/`.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct SignOutEverywhereRequest {
    /// Whether to end the sign-in that asks, too.
    #[serde(default)]
    pub also_here: bool,
}

/// A new link to choose another password with, which is shown only once.
#[wire_type(secret)]
pub struct NewPasswordReset {
    /// Whose password it's for.
    pub user_id: UserId,
    /// The secret in the link.
    pub token: String,
    /// When it expires.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/auth/reset/`: whose password a link is for.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetLookup {
    /// The secret in the link.
    pub token: String,
}

/// Whose password a link is for, before it's used.
#[wire_type]
pub struct PasswordResetOffer {
    /// Their organization.
    pub organization_name: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The email address they sign in with.
    pub email: String,
    /// When it expires.
    pub date_expires: Timestamp,
}

/// `POST /api/v1/auth/reset_password/`: chooses a new password.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetRequest {
    /// The secret in the link.
    pub token: String,
    /// The new password: 10 to 1024 bytes, and hard to guess.
    #[schema(min_length = 10, max_length = 1024)]
    pub password: String,
}

/// `POST /api/v1/auth/forgot/`: asks for a reset link by email.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct ForgotPasswordRequest {
    /// The email address that the person signs in with.
    #[schema(max_length = 254)]
    pub email: String,
}

/// `POST /api/v1/auth/confirm_email/`: confirms a new email address.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct EmailConfirmation {
    /// The secret in the link.
    pub token: String,
}

/// `GET /api/v1/auth/options/`: how people can sign in here.
#[wire_type]
pub struct AuthOptions {
    /// Whether a reset link can be sent by email.
    pub reset_by_mail: bool,
}

// A password, or a link's secret: no log may hold one.
hidden_debug!(
    EmailConfirmation,
    EmailRequest,
    PasswordRequest,
    NewPasswordReset,
    PasswordResetLookup,
    PasswordResetRequest
);
