//! Proving oneself by a second factor: codes of an app on one's phone (RFC 6238).

use crate::Tokens;
use crate::auth::hidden_debug;
use wire_macros::wire_type;

/// `POST /api/v1/auth/second_factor/`: the second step of signing in.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct SecondStepRequest {
    /// What the first step was refused with.
    pub ticket: String,
    /// The six digits that the app shows now, or a recovery code.
    #[schema(min_length = 6, max_length = 32)]
    pub code: String,
}

/// `POST /api/v1/auth/second_factor/set_up/`: begins to set one up while signing in.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// What the first step was refused with.
    pub ticket: String,
}

/// A second factor that is being set up.
#[wire_type(secret)]
pub struct SecondFactorSetup {
    /// The secret, in Base32, to type into the app.
    pub secret: String,
    /// The same as an `otpauth:` link.
    pub uri: String,
    /// The link as a QR code: an SVG image, black on white.
    pub qr_svg: String,
}

/// The end of setting one up while signing in.
#[wire_type(secret)]
pub struct SecondFactorSignIn {
    /// The sign-in.
    pub tokens: Tokens,
    /// Each of these works once in place of a code. They are shown only once.
    pub recovery_codes: Vec<String>,
}

/// What takes the user's password.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct PasswordProof {
    /// The user's password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// `POST /api/v1/me/second_factor/confirm/`.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorCode {
    /// The six digits that the app shows now.
    #[schema(min_length = 6, max_length = 32)]
    pub code: String,
}

/// Recovery codes, which are shown only once.
#[wire_type(secret)]
pub struct RecoveryCodes {
    /// Each works once in place of a code.
    pub recovery_codes: Vec<String>,
}

/// How the signed-in user stands with their second factor.
#[wire_type]
pub struct SecondFactorStatus {
    /// Whether signing in takes a code.
    pub enabled: bool,
    /// Recovery codes that haven't been used.
    pub recovery_codes_left: u32,
    /// Whether the organization requires a second factor.
    pub required: bool,
}

// Secrets: no log may hold one.
hidden_debug!(
    SecondStepRequest,
    TicketRequest,
    SecondFactorSetup,
    SecondFactorSignIn,
    PasswordProof,
    SecondFactorCode,
    RecoveryCodes
);
