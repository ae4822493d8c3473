//! Every route of the service, each declared once: method, path, what goes in, what comes out, who may
//! ask, what of it is audited, and what is said of it.
//!
//! The service's router and its gate, the client, the OpenAPI document and the app's bridge all go by
//! this table, so that none of them can disagree. It knows nothing of how any of them works.

pub use crate::shape::{PathId, Schemas, Shape};

use crate::shape::refer;
use crate::{
    AcceptInviteRequest, AuditAction, AuditEntry, AuditQuery, AuthOptions, Availability, Balance,
    Call, CallId, CallPatch, CallQuery, CoachLeg, Code, Contact, ContactQuery, DeviceId,
    DtmfRequest, EmailChange, EmailConfirmation, EmailRequest, ForgotPasswordRequest, Group,
    GroupId, GroupRequest, HoldRequest, Import, ImportId, ImportLine, ImportLineQuery, ImportPart,
    ImportPreview, ImportRequest, ImportSettings, InboundCallRequest, Invitation, InvitationId,
    InvitationRequest, InvitationTarget, InviteLookup, InviteOffer, JoinRequest, Lead, LeadId,
    LeadMergeRequest, LeadQuery, LeadRequest, LeadStatus, LeadStatusDeletion, LeadStatusId,
    LeadStatusRequest, LedgerEntry, List, ListQuery, Me, MediaAnswer, MediaOffer, Member,
    MemberInvite, MemberInviteId, MemberInviteRequest, Membership, MembershipId, MembershipPatch,
    MicrophoneRequest, ModeRequest, MuteRequest, NewMemberInvite, NewPasswordReset, NumberLookup,
    NumberQuery, Organization, OrganizationId, OrganizationPatch, Outcome, OutcomeId,
    OutcomeRequest, PasswordProof, PasswordRequest, PasswordResetLookup, PasswordResetOffer,
    PasswordResetRequest, Permission, PhoneNumber, PhoneNumberId, PhoneNumberRequest,
    PlaceCallRequest, PlanInfo, ProfilePatch, RecordingPeaks, RecordingQuery, RecordingRequest,
    RecoveryCodes, RefreshRequest, Role, RoleId, RoleRequest, SecondFactorCode, SecondFactorSetup,
    SecondFactorSignIn, SecondFactorStatus, SecondStepRequest, SetUp, SetUpRequest, SetupLookup,
    SetupOffer, SignInPlace, SignInRequest, SignOutEverywhereRequest, SignOutRequest,
    TicketRequest, Tokens, TopUpRequest, Usage, UsageQuery, User, UserId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use specta::datatype::DataType;
use std::marker::PhantomData;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Schema};

/// How a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; `HEAD` is asked like it.
    Get,
    /// Makes or does something.
    Post,
    /// Sets something.
    Put,
    /// Changes parts of something.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody, without a token.
    Anybody,
    /// Every active member.
    Member,
    /// Members whose role holds this.
    Permission(Permission),
}

/// Where a route's input goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// There is none.
    Nothing,
    /// Into the query.
    Query,
    /// Into the body, as JSON.
    Body,
    /// Into the query; the body is bytes, such as a file's.
    Upload,
}

/// What a route answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// No body.
    Nothing,
    /// JSON.
    Json,
    /// Bytes of another media type.
    File,
}

/// What holds for one route, without its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The name of its constant, such as `CREATE_ROLE`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path, with `{id}` for an id.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// As what it is written to the audit log (A4).
    pub audited: Option<AuditAction>,
    /// Whether the app's window may ask it through the shell, which adds the token. Never so for what
    /// carries a secret or a voice.
    pub window: bool,
    /// Where its input goes.
    pub takes: Takes,
    /// What it answers with.
    pub gives: Gives,
    /// The status of a good answer.
    pub status: u16,
    /// What a good answer is, in a few words.
    pub answer: &'static str,
    /// The media type of a file.
    pub media_type: Option<&'static str>,
    /// What it may be refused with beyond what every route like it may, and when.
    pub refusals: &'static [(Code, &'static str)],
    /// What it is about; none when the OpenAPI document does not list it.
    pub tag: Option<&'static str>,
    /// What it does: a sentence or two, an empty line, and the rest.
    pub doc: &'static str,
}

impl Rule {
    /// The path with this id in it; none when that cannot be an id, or the route takes none.
    #[must_use]
    pub fn path_of(&self, id: Option<&str>) -> Option<String> {
        match (self.path.contains("{id}"), id) {
            (false, None) => Some(self.path.to_owned()),
            (true, Some(id)) if crate::ids::is_plain(id) => Some(self.path.replace("{id}", id)),
            _ => None,
        }
    }
}

/// A route with its types: the id in its path or `()`, what goes in, and what comes out.
pub struct Route<Id, In, Out> {
    /// What holds for it.
    pub rule: Rule,
    types: PhantomData<fn(Id, In) -> Out>,
}

impl<Id, In, Out> Clone for Route<Id, In, Out> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Id, In, Out> Copy for Route<Id, In, Out> {}

impl<Id: PathId, In, Out> Route<Id, In, Out> {
    /// The path with this id in it.
    #[must_use]
    pub fn path(&self, id: &Id) -> String {
        self.rule.path.replace("{id}", id.as_text())
    }
}

/// Neither input nor answer.
pub struct Nothing;

/// Input in the query.
pub struct Query<T>(PhantomData<fn() -> T>);

/// Input in the body.
pub struct Body<T>(PhantomData<fn() -> T>);

/// Input in the query, and bytes in the body.
pub struct Upload<T>(PhantomData<fn() -> T>);

/// An answer of JSON.
pub struct Json<T>(PhantomData<fn() -> T>);

/// An answer of bytes.
pub struct File;

/// What goes into a route: [`Nothing`], a [`Query`], a [`Body`] or an [`Upload`].
pub trait Input: Shape + 'static {
    /// The value itself.
    type Value: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Where it goes.
    const TAKES: Takes;

    /// Its parameters in OpenAPI, where some of it goes into the query.
    #[must_use]
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }
}

/// What comes out of a route: [`Nothing`], [`Json`] or a [`File`].
pub trait Output: Shape + 'static {
    /// What it is.
    const GIVES: Gives;
}

macro_rules! shapeless {
    ($($name:ty),*) => {$(
        impl Shape for $name {
            fn schema(_: &mut Schemas) -> Option<RefOr<Schema>> {
                None
            }

            fn typescript(_: &mut specta::Types) -> Option<DataType> {
                None
            }
        }
    )*};
}

shapeless!(Nothing, File);

macro_rules! json {
    ($($name:ident),*) => {$(
        impl<T: utoipa::ToSchema + specta::Type> Shape for $name<T> {
            fn schema(schemas: &mut Schemas) -> Option<RefOr<Schema>> {
                refer::<T>(schemas)
            }

            fn typescript(types: &mut specta::Types) -> Option<DataType> {
                Some(T::definition(types))
            }
        }
    )*};
}

json!(Body, Json);

macro_rules! queried {
    ($($name:ident),*) => {$(
        impl<T: specta::Type> Shape for $name<T> {
            fn schema(_: &mut Schemas) -> Option<RefOr<Schema>> {
                None
            }

            fn typescript(types: &mut specta::Types) -> Option<DataType> {
                Some(T::definition(types))
            }
        }
    )*};
}

queried!(Query, Upload);

impl Input for Nothing {
    type Value = ();
    const TAKES: Takes = Takes::Nothing;
}

impl<T> Input for Query<T>
where
    T: specta::Type + utoipa::IntoParams + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Value = T;
    const TAKES: Takes = Takes::Query;

    fn parameters() -> Vec<Parameter> {
        T::into_params(|| Some(ParameterIn::Query))
    }
}

impl<T> Input for Upload<T>
where
    T: specta::Type + utoipa::IntoParams + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Value = T;
    const TAKES: Takes = Takes::Upload;

    fn parameters() -> Vec<Parameter> {
        T::into_params(|| Some(ParameterIn::Query))
    }
}

impl<T> Input for Body<T>
where
    T: specta::Type + utoipa::ToSchema + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Value = T;
    const TAKES: Takes = Takes::Body;
}

impl Output for Nothing {
    const GIVES: Gives = Gives::Nothing;
}

impl<T: specta::Type + utoipa::ToSchema + 'static> Output for Json<T> {
    const GIVES: Gives = Gives::Json;
}

impl Output for File {
    const GIVES: Gives = Gives::File;
}

/// Is shown every route with its types, by [`visit`].
pub trait Visitor {
    /// One of them.
    fn route<Id: PathId, In: Input, Out: Output>(&mut self, route: Route<Id, In, Out>);
}

/// Who manages the organization.
const MANAGER: Who = Who::Permission(Permission::ManageOrganization);

macro_rules! routes {
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
    (@window) => { false };
    (@window $window:literal) => { $window };
    (
        $($(#[doc = $plain_doc:literal])+ $plain:ident = $plain_path:literal;)*
        ---
        $(
            $(#[doc = $doc:literal])+
            $name:ident($id:ty, $input:ty) -> $out:ty = $method:ident $path:literal {
                who: $who:expr,
                $(audited: $audited:ident,)?
                tag: $tag:literal,
                answer: $status:literal $answer:literal,
                $(media_type: $media_type:literal,)?
                $(refusals: [$($code:ident $why:literal),* $(,)?],)?
                $(window: $window:literal,)?
            }
        )*
    ) => {
        $(
            $(#[doc = $plain_doc])+
            pub const $plain: Rule = Rule {
                name: stringify!($plain),
                method: Method::Get,
                path: $plain_path,
                who: Who::Anybody,
                audited: None,
                window: false,
                takes: Takes::Nothing,
                gives: Gives::File,
                status: 200,
                answer: "",
                media_type: None,
                refusals: &[],
                tag: None,
                doc: concat!($($plain_doc, "\n"),+),
            };
        )*
        $(
            $(#[doc = $doc])+
            pub const $name: Route<$id, $input, $out> = Route {
                rule: Rule {
                    name: stringify!($name),
                    method: Method::$method,
                    path: $path,
                    who: $who,
                    audited: routes!(@option $(AuditAction::$audited)?),
                    window: routes!(@window $($window)?),
                    takes: <$input as Input>::TAKES,
                    gives: <$out as Output>::GIVES,
                    status: $status,
                    answer: $answer,
                    media_type: routes!(@option $($media_type)?),
                    refusals: &[$($((Code::$code, $why)),*)?],
                    tag: Some($tag),
                    doc: concat!($($doc, "\n"),+),
                },
                types: PhantomData,
            };
        )*

        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$plain,)* $(&$name.rule),*];

        /// Shows every route that has types, in the order of the table.
        pub fn visit(visitor: &mut impl Visitor) {
            $(visitor.route($name);)*
        }
    };
}

routes! {
    /// Whether the process is alive and answers.
    HEALTH = "/health";
    /// Whether calls can be placed and saved.
    READY = "/ready";
    /// All counters, for Prometheus.
    METRICS = "/metrics";
    /// The OpenAPI document.
    OPENAPI = "/api/openapi.json";
    /// The JSON Schema of the WebSocket messages.
    EVENTS_SCHEMA = "/api/events.schema.json";
    /// Redirects to the page below.
    DOCS = "/api/docs";
    /// A page to read the OpenAPI document.
    DOCS_PAGE = "/api/docs/";
    /// The files of that page.
    DOCS_FILE = "/api/docs/{*rest}";
    /// A page that sets up an organization with a one-time link, for someone who has no app yet.
    SETUP_PAGE = "/setup/";
    /// The script of that page.
    SETUP_SCRIPT = "/setup/page.js";
    /// The style of that page.
    SETUP_STYLE = "/setup/page.css";
    /// A page to choose a new password on, with the secret of a reset link after `#`.
    RESET_PAGE = "/reset/";
    /// A page to confirm a new email address on, with the secret of a link after `#`.
    CONFIRM_PAGE = "/confirm-email/";
    /// What those pages do.
    ACCOUNT_SCRIPT = "/account.js";
    /// The WebSocket. Its first message carries the token.
    SOCKET = "/api/v1/socket/";

    ---

    // Signing in: what is shown is a password, a link's secret or a refresh token.
    /// Signs in with email and password.
    ///
    /// Each sign-in is one device with its own `device_id`. A user can have up to twenty; another one
    /// replaces the oldest. A wrong email and a wrong password get the same answer, `unauthenticated`.
    /// After too many failures for an email or from a network address, the answer is `rate_limited`.
    ///
    /// For a user with a second factor, the answer is `second_factor_required`. Its `ticket` goes into
    /// `/api/v1/auth/second_factor/`. If the organization requires a second factor and the user has none,
    /// it's `second_factor_setup_required`, and the ticket goes into
    /// `/api/v1/auth/second_factor/set_up/`.
    SIGN_IN((), Body<SignInRequest>) -> Json<Tokens> = Post "/api/v1/auth/sign_in/" {
        who: Who::Anybody,
        audited: SignIn,
        tag: "auth",
        answer: 200 "Signed in.",
        refusals: [
            RateLimited "too many failed attempts. Wait, then try again.",
            SecondFactorRequired "the second step is to come.",
            SecondFactorSetupRequired "a second factor has to be set up first.",
        ],
    }

    /// The second step of signing in: a code of the user's app, or a recovery code.
    ///
    /// Codes are those of RFC 6238: six digits, 30 s, SHA-1. One of the step before or after counts too.
    /// Each works once. A wrong one is `wrong_code`; after too many, the answer is `rate_limited`. A ticket
    /// works for five minutes and five tries; then it's `unauthenticated`.
    SECOND_STEP((), Body<SecondStepRequest>) -> Json<Tokens> = Post "/api/v1/auth/second_factor/" {
        who: Who::Anybody,
        audited: SignIn,
        tag: "auth",
        answer: 200 "Signed in.",
        refusals: [
            WrongCode "the code isn't right, or was used before.",
            RateLimited "too many wrong codes. Wait, then try again.",
        ],
    }

    /// Begins to set up a second factor, for who can't sign in without one. Show the secret to the user,
    /// best as the QR code.
    SET_UP_AT_SIGN_IN((), Body<TicketRequest>) -> Json<SecondFactorSetup> = Post "/api/v1/auth/second_factor/set_up/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "What to show.",
        refusals: [Conflict "the user has a second factor."],
    }

    /// Ends that with a first code, and signs in.
    CONFIRM_AT_SIGN_IN((), Body<SecondStepRequest>) -> Json<SecondFactorSignIn> = Post "/api/v1/auth/second_factor/confirm/" {
        who: Who::Anybody,
        audited: SecondFactorSetUp,
        tag: "auth",
        answer: 200 "Signed in, with recovery codes.",
        refusals: [
            WrongCode "the code isn't right.",
            RateLimited "too many wrong codes. Wait, then try again.",
        ],
    }

    /// Exchanges a refresh token for a new access token and a new refresh token.
    ///
    /// A refresh token works once. Using one again ends the whole sign-in, because someone else may have
    /// it: its tokens are refused and its WebSockets closed. Only when the answer was lost may it be sent
    /// again: for 60 s, and until one of the new tokens is used, the answer has the same new tokens. A
    /// sign-in lasts 90 days at most, unless the service is set up otherwise; then the user signs in again.
    REFRESH((), Body<RefreshRequest>) -> Json<Tokens> = Post "/api/v1/auth/refresh/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "The new tokens.",
    }

    /// Ends a sign-in. Its tokens are refused and its WebSockets closed.
    SIGN_OUT((), Body<SignOutRequest>) -> Nothing = Post "/api/v1/auth/sign_out/" {
        who: Who::Anybody,
        audited: SignOut,
        tag: "auth",
        answer: 204 "Signed out.",
    }

    /// Shows what an invite link offers, before it's used.
    ///
    /// A link that is wrong, used, revoked or expired gets `invite_expired`, without saying which. It
    /// counts as a failed sign-in from its network address; after too many, the answer is `rate_limited`.
    LOOK_UP_INVITE((), Body<InviteLookup>) -> Json<InviteOffer> = Post "/api/v1/auth/invite/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "What the link offers.",
        refusals: [
            InviteExpired "the link is wrong, used, revoked or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
        ],
    }

    /// Accepts an invite link: creates an account, joins the organization with the role and groups
    /// offered, and signs in.
    ///
    /// A link works once. `invite_expired` and `rate_limited` are as for `/api/v1/auth/invite/`. If the
    /// invitation is for one email address, any other is an `invalid_request`; an address that already
    /// has an account is a `conflict`. A password has 10 to 1024 bytes, and one that is easy to guess is an
    /// `invalid_request`, whose message says what to do.
    ACCEPT_INVITE((), Body<AcceptInviteRequest>) -> Json<Tokens> = Post "/api/v1/auth/accept_invite/" {
        who: Who::Anybody,
        audited: MemberJoined,
        tag: "auth",
        answer: 200 "Signed in.",
        refusals: [
            InviteExpired "the link is wrong, used, revoked or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
            Conflict "the email address already has an account.",
        ],
    }

    /// Shows whose password a reset link is for, before it's used.
    ///
    /// A link works for an hour. One that is wrong, used, replaced or expired gets `invite_expired`, without
    /// saying which. It counts as a failed sign-in from its network address; after too many, the answer is
    /// `rate_limited`.
    LOOK_UP_PASSWORD_RESET((), Body<PasswordResetLookup>) -> Json<PasswordResetOffer> = Post "/api/v1/auth/reset/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "Whose password it's for.",
        refusals: [
            InviteExpired "the link is wrong, used, replaced or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
        ],
    }

    /// Chooses a new password with a reset link. Every sign-in of that person ends.
    ///
    /// A link works once. `invite_expired` and `rate_limited` are as for `/api/v1/auth/reset/`. A password
    /// has 10 to 1024 bytes, and one that is easy to guess is an `invalid_request`, whose message says what
    /// to do.
    RESET_PASSWORD((), Body<PasswordResetRequest>) -> Nothing = Post "/api/v1/auth/reset_password/" {
        who: Who::Anybody,
        audited: PasswordReset,
        tag: "auth",
        answer: 204 "The password has changed.",
        refusals: [
            InviteExpired "the link is wrong, used, replaced or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
        ],
    }

    /// Sends a reset link by email, to the active member with this address if there is one.
    ///
    /// The answer is the same, and as quick, whether there is one or not. The link is that of
    /// `/api/v1/auth/reset/`; another one is sent after five minutes at the earliest. It's a `conflict` if
    /// the service doesn't send email: `/api/v1/auth/options/` says so.
    FORGOT_PASSWORD((), Body<ForgotPasswordRequest>) -> Nothing = Post "/api/v1/auth/forgot/" {
        who: Who::Anybody,
        audited: PasswordResetAsked,
        tag: "auth",
        answer: 204 "Asked for.",
        refusals: [
            RateLimited "too many attempts. Wait, then try again.",
            Conflict "the service doesn't send email.",
        ],
    }

    /// Confirms a new email address with the link that was sent there. From then on, the user signs in
    /// with it.
    ///
    /// A link works once, for an hour. `invite_expired` and `rate_limited` are as for
    /// `/api/v1/auth/reset/`.
    CONFIRM_EMAIL((), Body<EmailConfirmation>) -> Nothing = Post "/api/v1/auth/confirm_email/" {
        who: Who::Anybody,
        audited: EmailChanged,
        tag: "auth",
        answer: 204 "The email address has changed.",
        refusals: [
            InviteExpired "the link is wrong, used, replaced or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
        ],
    }

    /// Says how people can sign in here.
    AUTH_OPTIONS((), Nothing) -> Json<AuthOptions> = Get "/api/v1/auth/options/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "What is possible.",
    }

    // The signed-in user's own account.
    /// Changes the signed-in user's own name. Fields that are left out stay as they are.
    CHANGE_PROFILE((), Body<ProfilePatch>) -> Json<Me> = Patch "/api/v1/me/" {
        who: Who::Member,
        audited: ProfileChanged,
        tag: "account",
        answer: 200 "The signed-in user.",
        window: true,
    }

    /// Changes the email address that the signed-in user signs in with.
    ///
    /// Requires their password. A wrong one is `wrong_password`, and counts as a failed sign-in. If the
    /// service sends email, the address changes once the link that is sent there is opened
    /// (`confirmation_sent`). Otherwise it changes immediately, and an address that can't be used is a
    /// `conflict`; the answer doesn't say why.
    CHANGE_EMAIL((), Body<EmailRequest>) -> Json<EmailChange> = Post "/api/v1/me/email/" {
        who: Who::Member,
        audited: EmailChanged,
        tag: "account",
        answer: 200 "Whether the new address has to be confirmed.",
        refusals: [
            WrongPassword "the password isn't the user's.",
            RateLimited "too many failed attempts. Wait, then try again.",
            Conflict "the email address can't be used.",
        ],
    }

    /// Changes the signed-in user's own password. Every other sign-in of theirs ends.
    ///
    /// Requires their current password. A wrong one is `wrong_password`, and counts as a failed sign-in. A
    /// new password has 10 to 1024 bytes, and one that is easy to guess is an `invalid_request`, whose
    /// message says what to do.
    CHANGE_PASSWORD((), Body<PasswordRequest>) -> Nothing = Post "/api/v1/me/password/" {
        who: Who::Member,
        audited: PasswordChanged,
        tag: "account",
        answer: 204 "The password has changed.",
        refusals: [
            WrongPassword "the current password is another one.",
            RateLimited "too many failed attempts. Wait, then try again.",
        ],
    }

    /// Says whether the signed-in user has a second factor.
    SECOND_FACTOR((), Nothing) -> Json<SecondFactorStatus> = Get "/api/v1/me/second_factor/" {
        who: Who::Member,
        tag: "account",
        answer: 200 "How it stands.",
        window: true,
    }

    /// Begins to set up a second factor. Show the secret to the user, best as the QR code. It counts once a
    /// first code was shown to `…/confirm/`.
    ///
    /// Requires the user's password. A wrong one is `wrong_password`, and counts as a failed sign-in.
    SET_UP_SECOND_FACTOR((), Body<PasswordProof>) -> Json<SecondFactorSetup> = Post "/api/v1/me/second_factor/set_up/" {
        who: Who::Member,
        tag: "account",
        answer: 200 "What to show.",
        refusals: [
            WrongPassword "the password isn't the user's.",
            RateLimited "too many failed attempts. Wait, then try again.",
            Conflict "the user has a second factor.",
        ],
    }

    /// Ends that with a first code. From then on, signing in takes a code too.
    CONFIRM_SECOND_FACTOR((), Body<SecondFactorCode>) -> Json<RecoveryCodes> = Post "/api/v1/me/second_factor/confirm/" {
        who: Who::Member,
        audited: SecondFactorSetUp,
        tag: "account",
        answer: 200 "Recovery codes, which are shown only once.",
        refusals: [
            WrongCode "the code isn't right, or nothing was begun.",
            RateLimited "too many wrong codes. Wait, then try again.",
        ],
    }

    /// Creates new recovery codes. Those of before stop working. Requires the user's password.
    RENEW_RECOVERY_CODES((), Body<PasswordProof>) -> Json<RecoveryCodes> = Post "/api/v1/me/second_factor/recovery_codes/" {
        who: Who::Member,
        audited: RecoveryCodesRenewed,
        tag: "account",
        answer: 200 "Recovery codes, which are shown only once.",
        refusals: [
            WrongPassword "the password isn't the user's.",
            RateLimited "too many failed attempts. Wait, then try again.",
            Conflict "the user has no second factor.",
        ],
    }

    /// Removes the signed-in user's second factor. Requires their password. If the organization requires a
    /// second factor, it's a `conflict`.
    REMOVE_SECOND_FACTOR((), Body<PasswordProof>) -> Nothing = Post "/api/v1/me/second_factor/remove/" {
        who: Who::Member,
        audited: SecondFactorRemoved,
        tag: "account",
        answer: 204 "Removed.",
        refusals: [
            WrongPassword "the password isn't the user's.",
            RateLimited "too many failed attempts. Wait, then try again.",
            Conflict "the user has no second factor, or must have one.",
        ],
    }

    /// Lists where the signed-in user is signed in, the sign-in that was used last first.
    LIST_SIGN_INS((), Nothing) -> Json<List<SignInPlace>> = Get "/api/v1/me/sign_in/" {
        who: Who::Member,
        tag: "account",
        answer: 200 "Every sign-in.",
        window: true,
    }

    /// Ends a sign-in of the signed-in user. Its tokens are refused and its WebSockets closed.
    END_SIGN_IN(DeviceId, Nothing) -> Nothing = Delete "/api/v1/me/sign_in/{id}/" {
        who: Who::Member,
        audited: SignedOutElsewhere,
        tag: "account",
        answer: 204 "Signed out.",
        window: true,
    }

    /// Ends every other sign-in of the signed-in user, or every one. Their tokens are refused and their
    /// WebSockets closed.
    SIGN_OUT_EVERYWHERE((), Body<SignOutEverywhereRequest>) -> Nothing = Post "/api/v1/me/sign_out/" {
        who: Who::Member,
        audited: SignedOutElsewhere,
        tag: "account",
        answer: 204 "Signed out.",
        window: true,
    }

    /// Shows what a set-up link is good for, before it's used.
    ///
    /// A link that is wrong, used or expired gets `invite_expired`, without saying which. It counts as a
    /// failed sign-in from its network address; after too many, the answer is `rate_limited`.
    LOOK_UP_SETUP((), Body<SetupLookup>) -> Json<SetupOffer> = Post "/api/v1/setup/look_up/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "What the link is good for.",
        refusals: [
            InviteExpired "the link is wrong, used or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
        ],
    }

    /// Creates an organization and its first admin with a set-up link. Then sign in.
    ///
    /// Whoever runs the service gets such a link from `service setup-link`. It works once.
    /// `invite_expired` and `rate_limited` are as for `/api/v1/setup/look_up/`. An email address that
    /// already has an account is a `conflict`. A password has 10 to 1024 bytes.
    SET_UP((), Body<SetUpRequest>) -> Json<SetUp> = Post "/api/v1/setup/" {
        who: Who::Anybody,
        audited: OrganizationSetUp,
        tag: "auth",
        answer: 201 "The new organization.",
        refusals: [
            InviteExpired "the link is wrong, used or expired.",
            RateLimited "too many failed attempts. Wait, then try again.",
            Conflict "the email address already has an account.",
        ],
    }

    // People and what they may do.
    /// The signed-in user, with their organization, role and permissions.
    ME((), Nothing) -> Json<Me> = Get "/api/v1/me/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "The signed-in user.",
    }

    /// Lists the organization's active members, by name.
    LIST_USERS((), Query<ListQuery>) -> Json<List<User>> = Get "/api/v1/user/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "One page.",
    }

    /// Shows who is online, with which type of client, and on which calls. Lists every active member.
    /// Changes are sent as `availability_changed` on the WebSocket.
    AVAILABILITY((), Nothing) -> Json<Availability> = Get "/api/v1/user/availability/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "Every active member.",
    }

    /// Returns one member of the organization, active or not.
    GET_USER(UserId, Nothing) -> Json<User> = Get "/api/v1/user/{id}/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "The user.",
    }

    /// Lists all members, active or not, by name.
    ///
    /// Requires the permission `manage_organization`. Everyone can list the active ones at
    /// `/api/v1/user/`.
    LIST_MEMBERS((), Query<ListQuery>) -> Json<List<Member>> = Get "/api/v1/membership/" {
        who: MANAGER,
        tag: "administration",
        answer: 200 "One page.",
        window: true,
    }

    /// Changes a member's role, activates or deactivates them, or sets whether their calls are recorded.
    ///
    /// Requires the permission `manage_organization`. Takes effect immediately, including on calls in
    /// progress: a coach who may no longer listen is removed from the call, and one who may no longer
    /// barge is moved to Listen. A deactivated member is signed out everywhere. The last active member
    /// who can manage the organization can't lose that permission or be deactivated (`conflict`).
    CHANGE_MEMBER(MembershipId, Body<MembershipPatch>) -> Json<Membership> = Patch "/api/v1/membership/{id}/" {
        who: MANAGER,
        audited: MemberChanged,
        tag: "administration",
        answer: 200 "The changed membership.",
        window: true,
    }

    /// Creates a link with which a member chooses a new password. It works once, for an hour.
    ///
    /// Requires the permission `manage_organization`. The answer contains the link's secret, and it's the
    /// only one that does: the service stores just its SHA-256. A newer link for the same member replaces
    /// it. It also ends when the person who created it can no longer manage the organization. A deactivated
    /// member, and the user themselves, are a `conflict`.
    CREATE_PASSWORD_RESET(MembershipId, Nothing) -> Json<NewPasswordReset> = Post "/api/v1/membership/{id}/password_reset/" {
        who: MANAGER,
        audited: PasswordResetCreated,
        tag: "administration",
        answer: 201 "The link's secret.",
    }

    /// Removes a member's second factor, for who has lost it and the recovery codes.
    ///
    /// Requires the permission `manage_organization`. A member without one is a `conflict`.
    REMOVE_MEMBERS_SECOND_FACTOR(MembershipId, Nothing) -> Nothing = Delete "/api/v1/membership/{id}/second_factor/" {
        who: MANAGER,
        audited: SecondFactorRemoved,
        tag: "administration",
        answer: 204 "Removed.",
        refusals: [Conflict "the member has no second factor."],
        window: true,
    }

    /// Lists the organization's invite links, newest first. The links' secrets aren't included.
    ///
    /// Requires the permission `manage_organization`.
    LIST_MEMBER_INVITES((), Query<ListQuery>) -> Json<List<MemberInvite>> = Get "/api/v1/member_invite/" {
        who: MANAGER,
        tag: "administration",
        answer: 200 "One page.",
        window: true,
    }

    /// Creates an invite link to the organization.
    ///
    /// Requires the permission `manage_organization`. The answer contains the link's secret, and it's the
    /// only one that does: the service stores just its SHA-256. The link works once, until it expires, is
    /// revoked, or the person who created it can no longer manage the organization. A role or group of
    /// another organization is `not_found`; an email address that already has an account is a `conflict`.
    CREATE_MEMBER_INVITE((), Body<MemberInviteRequest>) -> Json<NewMemberInvite> = Post "/api/v1/member_invite/" {
        who: MANAGER,
        audited: MemberInvited,
        tag: "administration",
        answer: 201 "The invitation and its secret.",
        refusals: [NotFound "a person, role or group doesn't belong to the organization."],
    }

    /// Revokes an invite link, so that it stops working.
    ///
    /// Requires the permission `manage_organization`. A link that was already used is a `conflict`.
    REVOKE_MEMBER_INVITE(MemberInviteId, Nothing) -> Nothing = Delete "/api/v1/member_invite/{id}/" {
        who: MANAGER,
        audited: MemberInviteRevoked,
        tag: "administration",
        answer: 204 "Revoked.",
        window: true,
    }

    /// Lists the organization's roles and their permissions.
    LIST_ROLES((), Query<ListQuery>) -> Json<List<Role>> = Get "/api/v1/role/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "One page.",
        window: true,
    }

    /// Creates a role.
    ///
    /// Requires the permission `manage_organization`. `call_coach_barge` includes `call_coach_listen`,
    /// which the answer then lists. Another role with the same name, in upper or lower case, is a
    /// `conflict`, and so is having more than a hundred roles.
    CREATE_ROLE((), Body<RoleRequest>) -> Json<Role> = Post "/api/v1/role/" {
        who: MANAGER,
        audited: RoleChanged,
        tag: "administration",
        answer: 201 "The new role.",
        window: true,
    }

    /// Changes a role's name and permissions.
    ///
    /// Requires the permission `manage_organization`. Takes effect immediately for every member with the
    /// role, including on calls in progress: coaches who may no longer listen are removed from the call,
    /// and those who may no longer barge are moved to Listen. Built-in roles can't be changed, names have
    /// to be unique, and someone has to be able to manage the organization; otherwise the answer is
    /// `conflict`.
    CHANGE_ROLE(RoleId, Body<RoleRequest>) -> Json<Role> = Put "/api/v1/role/{id}/" {
        who: MANAGER,
        audited: RoleChanged,
        tag: "administration",
        answer: 200 "The changed role.",
        window: true,
    }

    /// Deletes a role.
    ///
    /// Requires the permission `manage_organization`. A built-in role, or one that a member has, active
    /// or not, is a `conflict`. Open invitations for the role end.
    DELETE_ROLE(RoleId, Nothing) -> Nothing = Delete "/api/v1/role/{id}/" {
        who: MANAGER,
        audited: RoleChanged,
        tag: "administration",
        answer: 204 "Deleted.",
        window: true,
    }

    /// Lists the organization's groups and their active members.
    LIST_GROUPS((), Query<ListQuery>) -> Json<List<Group>> = Get "/api/v1/group/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "One page.",
        window: true,
    }

    /// Creates a group.
    ///
    /// Requires the permission `manage_organization`. A person who isn't a member of the organization is
    /// `not_found`.
    CREATE_GROUP((), Body<GroupRequest>) -> Json<Group> = Post "/api/v1/group/" {
        who: MANAGER,
        audited: GroupChanged,
        tag: "administration",
        answer: 201 "The new group.",
        refusals: [NotFound "a person, role or group doesn't belong to the organization."],
        window: true,
    }

    /// Changes a group's name and members.
    ///
    /// Requires the permission `manage_organization`. The request lists the group's active members.
    /// Deactivated members stay in the group. A person who isn't a member of the organization is
    /// `not_found`.
    CHANGE_GROUP(GroupId, Body<GroupRequest>) -> Json<Group> = Put "/api/v1/group/{id}/" {
        who: MANAGER,
        audited: GroupChanged,
        tag: "administration",
        answer: 200 "The changed group.",
        window: true,
    }

    /// Deletes a group. Its members stay in the organization.
    ///
    /// Requires the permission `manage_organization`.
    DELETE_GROUP(GroupId, Nothing) -> Nothing = Delete "/api/v1/group/{id}/" {
        who: MANAGER,
        audited: GroupChanged,
        tag: "administration",
        answer: 204 "Deleted.",
        window: true,
    }

    // The organization: its plan, its settings, its data.
    /// Compares the plans: the same features for each, in the same order.
    LIST_PLANS((), Nothing) -> Json<List<PlanInfo>> = Get "/api/v1/plan/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "Every plan.",
        window: true,
    }

    /// Changes the organization's name, country, time zone, plan, recording settings, or what counts as a
    /// low balance.
    ///
    /// Requires the permission `manage_organization`. Fields that are left out stay as they are. The plan
    /// can be changed where `plan_change_allowed`, otherwise it's `permission_required`: whoever runs the
    /// service changes it. A new plan takes effect immediately, including on calls in progress; recording
    /// settings apply to new calls.
    CHANGE_ORGANIZATION(OrganizationId, Body<OrganizationPatch>) -> Json<Organization> = Patch "/api/v1/organization/{id}/" {
        who: MANAGER,
        audited: OrganizationChanged,
        tag: "administration",
        answer: 200 "The changed organization.",
        window: true,
    }

    /// Exports all of the organization's data as one JSON document: an object with an array for each kind
    /// of data.
    ///
    /// The kinds are read one after another while the document is sent, so a change made meanwhile may
    /// show up in one and not in another. Passwords and tokens aren't included. Recordings are listed,
    /// without their audio.
    EXPORT_ORGANIZATION((), Nothing) -> File = Get "/api/v1/organization/export/" {
        who: MANAGER,
        audited: DataExported,
        tag: "administration",
        answer: 200 "The data.",
        media_type: "application/json",
    }

    /// Lists what was done and what was refused, newest first. Entries are never changed or deleted.
    LIST_AUDIT((), Query<AuditQuery>) -> Json<List<AuditEntry>> = Get "/api/v1/audit/" {
        who: MANAGER,
        tag: "audit",
        answer: 200 "One page.",
        window: true,
    }

    /// Exports the audit log as CSV, newest first, up to 100 000 lines.
    ///
    /// Columns: date, action, allowed, code, user_id, device_id, address, call_id, target, detail.
    EXPORT_AUDIT((), Query<AuditQuery>) -> File = Get "/api/v1/audit/csv/" {
        who: MANAGER,
        audited: DataExported,
        tag: "audit",
        answer: 200 "The audit log.",
        media_type: "text/csv",
    }

    // Money.
    /// Shows balance, rates and spending by day, by month, by coach and by call.
    USAGE((), Query<UsageQuery>) -> Json<Usage> = Get "/api/v1/usage/" {
        who: MANAGER,
        tag: "usage",
        answer: 200 "Usage, with amounts in micro-dollars and times in UTC.",
        window: true,
    }

    /// Returns the balance.
    BALANCE((), Nothing) -> Json<Balance> = Get "/api/v1/usage/balance/" {
        who: MANAGER,
        tag: "usage",
        answer: 200 "The current balance.",
        window: true,
    }

    /// Lists the ledger's entries, newest first.
    LIST_LEDGER((), Query<UsageQuery>) -> Json<List<LedgerEntry>> = Get "/api/v1/usage/ledger/" {
        who: MANAGER,
        tag: "usage",
        answer: 200 "One page.",
        window: true,
    }

    /// Exports the ledger as CSV, oldest first, up to 200 000 lines.
    ///
    /// Columns: date, kind, call, lead, person, minute, dollars (exact, negative for a charge),
    /// micro_dollars, note.
    EXPORT_LEDGER((), Query<UsageQuery>) -> File = Get "/api/v1/usage/csv/" {
        who: MANAGER,
        audited: DataExported,
        tag: "usage",
        answer: 200 "The ledger.",
        media_type: "text/csv",
    }

    /// Adds credit to the balance, where `top_up_allowed`. Otherwise it's `permission_required`.
    TOP_UP((), Body<TopUpRequest>) -> Json<Balance> = Post "/api/v1/usage/top_up/" {
        who: MANAGER,
        audited: ToppedUp,
        tag: "usage",
        answer: 200 "The new balance.",
        window: true,
    }

    // Who is called, and from which numbers.
    /// Lists the organization's leads and their contacts, by name.
    ///
    /// With a `query`, leads whose name begins with it come first, by name; then those with a phone number
    /// that begins or ends with its digits; then all others in which each of its words begins a word of the
    /// name, of a contact's name or of an email address.
    LIST_LEADS((), Query<LeadQuery>) -> Json<List<Lead>> = Get "/api/v1/lead/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
        window: true,
    }

    /// Returns one lead, with its contacts and their numbers.
    GET_LEAD(LeadId, Nothing) -> Json<Lead> = Get "/api/v1/lead/{id}/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "The lead.",
        window: true,
    }

    /// Creates a lead with its contacts.
    ///
    /// Numbers are read the way people write them in the organization's country, and kept as E.164. What
    /// isn't a number, or breaks another rule of a field, is an `invalid_request` with the `field`. An owner
    /// or a status of another organization is `not_found`.
    CREATE_LEAD((), Body<LeadRequest>) -> Json<Lead> = Post "/api/v1/lead/" {
        who: Who::Member,
        tag: "directory",
        answer: 201 "The new lead.",
        refusals: [NotFound "the owner or the status doesn't belong to the organization."],
        window: true,
    }

    /// Changes a lead: all of it, with all of its contacts.
    ///
    /// Contacts that aren't listed are deleted; one without an `id` is new. A number that the lead already
    /// has can stay as it is. If `date_updated` is given and the lead has changed since, the answer is
    /// `conflict`.
    CHANGE_LEAD(LeadId, Body<LeadRequest>) -> Json<Lead> = Put "/api/v1/lead/{id}/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "The changed lead.",
        refusals: [Conflict "the lead has changed since it was read."],
        window: true,
    }

    /// Merges one lead into another: the other gets its contacts, calls and recordings, and it's gone.
    ///
    /// Requires the permission `manage_organization`, and can't be undone. The lead that stays keeps its
    /// name, status and owner, or gets the other's where it has none; descriptions are put together. While a
    /// call with the lead that goes is in progress, the answer is `conflict`; so it is if the two have more
    /// than 100 contacts together.
    MERGE_LEADS((), Body<LeadMergeRequest>) -> Json<Lead> = Post "/api/v1/lead/merge/" {
        who: MANAGER,
        audited: LeadMerged,
        tag: "administration",
        answer: 200 "The lead that stays.",
        refusals: [NotFound "there's no such lead."],
        window: true,
    }

    /// Deletes a lead with its contacts, calls and recordings.
    ///
    /// Requires the permission `manage_organization`. Charges stay in the ledger, and entries in the
    /// audit log. While a call with the lead is in progress, the answer is `conflict`.
    DELETE_LEAD(LeadId, Nothing) -> Nothing = Delete "/api/v1/lead/{id}/" {
        who: MANAGER,
        audited: LeadDeleted,
        tag: "administration",
        answer: 204 "Deleted.",
        window: true,
    }

    /// Lists the statuses that a lead can have, in their order. A new lead has the first.
    LIST_LEAD_STATUSES((), Query<ListQuery>) -> Json<List<LeadStatus>> = Get "/api/v1/status/lead/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
        window: true,
    }

    /// Adds a lead status to the end of the list.
    ///
    /// Requires the permission `manage_organization`. Another status with the same name, in upper or lower
    /// case, is a `conflict`, and so is having more than 50.
    CREATE_LEAD_STATUS((), Body<LeadStatusRequest>) -> Json<LeadStatus> = Post "/api/v1/status/lead/" {
        who: MANAGER,
        audited: LeadStatusChanged,
        tag: "administration",
        answer: 201 "The new status.",
        window: true,
    }

    /// Renames a lead status.
    ///
    /// Requires the permission `manage_organization`. Another status with the same name is a `conflict`.
    CHANGE_LEAD_STATUS(LeadStatusId, Body<LeadStatusRequest>) -> Json<LeadStatus> = Put "/api/v1/status/lead/{id}/" {
        who: MANAGER,
        audited: LeadStatusChanged,
        tag: "administration",
        answer: 200 "The changed status.",
        window: true,
    }

    /// Deletes a lead status.
    ///
    /// Requires the permission `manage_organization`. If leads have this status, `replacement_id` says which
    /// one they get; without it the answer is `conflict`. The last status can't be deleted.
    DELETE_LEAD_STATUS(LeadStatusId, Query<LeadStatusDeletion>) -> Nothing = Delete "/api/v1/status/lead/{id}/" {
        who: MANAGER,
        audited: LeadStatusChanged,
        tag: "administration",
        answer: 204 "Deleted.",
        window: true,
    }

    /// Lists the people at the organization's leads, by name.
    LIST_CONTACTS((), Query<ContactQuery>) -> Json<List<Contact>> = Get "/api/v1/contact/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
    }

    /// Lists the organization's phone numbers. Calls from `internal` numbers can be coached.
    ///
    /// Members who manage the organization see all of them; everyone else sees those they can call from.
    LIST_PHONE_NUMBERS((), Query<ListQuery>) -> Json<List<PhoneNumber>> = Get "/api/v1/phone_number/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
        window: true,
    }

    /// Adds a phone number that whoever runs the service has assigned to the organization.
    ///
    /// Requires the permission `manage_organization`. A number that isn't assigned to the organization is
    /// `permission_required`, and one that it already uses is a `conflict`. A person who isn't a member of the organization is `not_found`.
    CREATE_PHONE_NUMBER((), Body<PhoneNumberRequest>) -> Json<PhoneNumber> = Post "/api/v1/phone_number/" {
        who: MANAGER,
        audited: PhoneNumberChanged,
        tag: "administration",
        answer: 201 "The new number.",
        refusals: [NotFound "a person, role or group doesn't belong to the organization."],
        window: true,
    }

    /// Changes a phone number's label, kind, owner, and who can call from it.
    ///
    /// Requires the permission `manage_organization`. The number itself can't be changed
    /// (`invalid_request`). Calls in progress aren't affected.
    CHANGE_PHONE_NUMBER(PhoneNumberId, Body<PhoneNumberRequest>) -> Json<PhoneNumber> = Put "/api/v1/phone_number/{id}/" {
        who: MANAGER,
        audited: PhoneNumberChanged,
        tag: "administration",
        answer: 200 "The changed number.",
        window: true,
    }

    /// Deletes a phone number. Past calls and calls in progress aren't affected.
    ///
    /// Requires the permission `manage_organization`.
    DELETE_PHONE_NUMBER(PhoneNumberId, Nothing) -> Nothing = Delete "/api/v1/phone_number/{id}/" {
        who: MANAGER,
        audited: PhoneNumberChanged,
        tag: "administration",
        answer: 204 "Removed.",
        window: true,
    }

    // Leads in CSV files.
    /// Lists the organization's imports of leads, newest first.
    ///
    /// Requires the permission `manage_organization`.
    LIST_IMPORTS((), Query<ListQuery>) -> Json<List<Import>> = Get "/api/v1/import/" {
        who: MANAGER,
        tag: "import",
        answer: 200 "One page.",
        window: true,
    }

    /// Creates an import of leads from a CSV file.
    ///
    /// Requires the permission `manage_organization`. Upload the file next, with `…/part/`, then see what it
    /// would do with `…/preview/`, then start it. A file has up to 256 MiB, 500 000 rows and 500 columns. An
    /// organization can have up to three imports that aren't over; those nobody touched for a day are
    /// cancelled.
    CREATE_IMPORT((), Body<ImportRequest>) -> Json<Import> = Post "/api/v1/import/" {
        who: MANAGER,
        tag: "import",
        answer: 201 "The new import.",
        window: true,
    }

    /// Returns one import: where it stands, and how far it is.
    ///
    /// Requires the permission `manage_organization`.
    GET_IMPORT(ImportId, Nothing) -> Json<Import> = Get "/api/v1/import/{id}/" {
        who: MANAGER,
        tag: "import",
        answer: 200 "The import.",
        window: true,
    }

    /// Uploads a part of an import's file.
    ///
    /// Requires the permission `manage_organization`. The body is the part's bytes, as
    /// `application/octet-stream`. Parts come one after another: `offset` is how many bytes were uploaded
    /// so far, as `bytes_uploaded` says; any other is a `conflict`. After a part that was cut off, go on
    /// from there. A part that goes beyond the length that was declared is `too_large`.
    UPLOAD_IMPORT_PART(ImportId, Upload<ImportPart>) -> Json<Import> = Post "/api/v1/import/{id}/part/" {
        who: MANAGER,
        tag: "import",
        answer: 200 "The import, with `bytes_uploaded`.",
    }

    /// Says how the file is read and what its columns are, and checks all its rows, which changes nothing.
    ///
    /// Requires the permission `manage_organization`. What the request leaves out is detected. The check
    /// goes on after the answer: it's over when the import's `state` is `ready`, and `…/line/` then says
    /// what each row would do. It can be repeated with other settings. A file that can't be read is an
    /// `invalid_request` that says why.
    PREVIEW_IMPORT(ImportId, Body<ImportSettings>) -> Json<ImportPreview> = Post "/api/v1/import/{id}/preview/" {
        who: MANAGER,
        tag: "import",
        answer: 200 "How the file is read, and its first rows.",
        window: true,
    }

    /// Lists what each row of the file would do, or has done, in the order of the file.
    ///
    /// Requires the permission `manage_organization`. It's kept until the organization has ten newer
    /// imports.
    LIST_IMPORT_LINES(ImportId, Query<ImportLineQuery>) -> Json<List<ImportLine>> = Get "/api/v1/import/{id}/line/" {
        who: MANAGER,
        tag: "import",
        answer: 200 "One page.",
        window: true,
    }

    /// Starts an import whose rows were checked, or continues one that was interrupted.
    ///
    /// Requires the permission `manage_organization`. It goes on after the answer: `done` counts its rows.
    /// One import of an organization runs at a time; the next one is a `conflict`.
    START_IMPORT(ImportId, Nothing) -> Json<Import> = Post "/api/v1/import/{id}/start/" {
        who: MANAGER,
        audited: LeadsImported,
        tag: "import",
        answer: 200 "The import, now running.",
        window: true,
    }

    /// Cancels an import. What it did until then stays, and can be undone.
    ///
    /// Requires the permission `manage_organization`. One that's over is a `conflict`.
    CANCEL_IMPORT(ImportId, Nothing) -> Json<Import> = Post "/api/v1/import/{id}/cancel/" {
        who: MANAGER,
        audited: LeadImportCancelled,
        tag: "import",
        answer: 200 "The cancelled import.",
        window: true,
    }

    /// Undoes an import as a whole: deletes the leads that it created, and restores those that it updated.
    ///
    /// Requires the permission `manage_organization`. Leads that were changed or called since stay as they
    /// are, and `kept` counts them. It goes on after the answer.
    UNDO_IMPORT(ImportId, Nothing) -> Json<Import> = Post "/api/v1/import/{id}/undo/" {
        who: MANAGER,
        audited: LeadImportUndone,
        tag: "import",
        answer: 200 "The import, which is being undone.",
        window: true,
    }

    /// Returns a CSV file with the columns that an import knows, and one row as an example.
    ///
    /// Requires the permission `manage_organization`.
    IMPORT_TEMPLATE((), Nothing) -> File = Get "/api/v1/import/template/" {
        who: MANAGER,
        tag: "import",
        answer: 200 "The template.",
        media_type: "text/csv",
    }

    /// Exports all leads as CSV, one row for each contact, in a form that can be imported again.
    ///
    /// Requires the permission `manage_organization`. Cells that a spreadsheet would take for a formula
    /// begin with an apostrophe, which an import takes off again.
    EXPORT_LEADS((), Nothing) -> File = Get "/api/v1/lead/csv/" {
        who: MANAGER,
        audited: DataExported,
        tag: "import",
        answer: 200 "The leads.",
        media_type: "text/csv",
    }

    // What a call can come to.
    /// Lists the outcomes that a call can have, in the order in which they were added.
    LIST_OUTCOMES((), Query<ListQuery>) -> Json<List<Outcome>> = Get "/api/v1/outcome/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "One page.",
        window: true,
    }

    /// Adds an outcome.
    ///
    /// Requires the permission `manage_organization`. Another outcome with the same name, in upper or lower
    /// case, is a `conflict`, and so is having more than fifty outcomes.
    CREATE_OUTCOME((), Body<OutcomeRequest>) -> Json<Outcome> = Post "/api/v1/outcome/" {
        who: MANAGER,
        audited: OutcomeChanged,
        tag: "administration",
        answer: 201 "The new outcome.",
        refusals: [Conflict "the name is taken, or there are too many outcomes."],
        window: true,
    }

    /// Renames an outcome. Calls that have it already keep the old name in `disposition`.
    ///
    /// Requires the permission `manage_organization`.
    CHANGE_OUTCOME(OutcomeId, Body<OutcomeRequest>) -> Json<Outcome> = Put "/api/v1/outcome/{id}/" {
        who: MANAGER,
        audited: OutcomeChanged,
        tag: "administration",
        answer: 200 "The changed outcome.",
        refusals: [Conflict "the name is taken."],
        window: true,
    }

    /// Deletes an outcome. Calls that have it keep its name in `disposition`.
    ///
    /// Requires the permission `manage_organization`.
    DELETE_OUTCOME(OutcomeId, Nothing) -> Nothing = Delete "/api/v1/outcome/{id}/" {
        who: MANAGER,
        audited: OutcomeChanged,
        tag: "administration",
        answer: 204 "Deleted.",
        window: true,
    }

    // Calls. Who may do what on which call is the call's to say.
    /// Lists the organization's calls, newest first.
    ///
    /// `coach_legs` is empty for users who may not see them. `joinability` says whether the signed-in
    /// user may join.
    LIST_CALLS((), Query<CallQuery>) -> Json<List<Call>> = Get "/api/v1/activity/call/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "One page.",
        window: true,
    }

    /// Looks up a number before it's called: how it's written, which lead has it, and whether it may be
    /// called.
    ///
    /// The number is read as people write it in the organization's country, with any punctuation. What isn't a
    /// number is an `invalid_request`.
    LOOK_UP_NUMBER((), Query<NumberQuery>) -> Json<NumberLookup> = Get "/api/v1/phone_lookup/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The number.",
        window: true,
    }

    /// Places a call: the service dials a lead, or any number, from one of the organization's numbers.
    ///
    /// The answer comes immediately, with the status `created`; changes are sent as `call_changed`.
    /// Connect the rep's audio with `…/media/`. A lead, contact or number of another organization is
    /// `not_found`. Without `lead_id`, `remote_phone` is any number: the lead that has it is called, and a
    /// number that no lead has becomes one. Emergency numbers, and countries and kinds of numbers that the
    /// operator doesn't allow, are `number_refused`. A rep can have 100 calls in progress, the service
    /// 10 000, and an organization as many as the operator sets; the next one is `unavailable`. A call that
    /// isn't answered within 60 s ends as `no-answer`.
    PLACE_CALL((), Body<PlaceCallRequest>) -> Json<Call> = Post "/api/v1/activity/call/" {
        who: Who::Member,
        tag: "call",
        answer: 201 "The new call.",
        refusals: [
            NotFound "not found in the user's organization.",
            NumberRefused "an emergency number, or one that the operator doesn't allow.",
            InsufficientBalance "the balance doesn't cover the first minute.",
            Unavailable "the rep, the organization or the service has too many calls in progress.",
        ],
    }

    /// Returns one call, in progress or past.
    GET_CALL(CallId, Nothing) -> Json<Call> = Get "/api/v1/activity/call/{id}/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call.",
        window: true,
    }

    /// Sets a call's outcome and note, during the call or after it. Changes only what the request names.
    ///
    /// Only for the rep, and for those who manage the organization. An outcome that the organization
    /// doesn't have is `not_found`. `disposition` is the outcome's name at this moment. The change is sent
    /// as `call_changed`.
    CHANGE_CALL(CallId, Body<CallPatch>) -> Json<Call> = Put "/api/v1/activity/call/{id}/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The changed call.",
        refusals: [
            PermissionRequired "someone else's call.",
            NotFound "no such call or outcome.",
        ],
        window: true,
    }

    /// Answers an incoming call and connects rep and lead. Only for the rep.
    ///
    /// An incoming call has the direction `inbound` and the status `ringing`, and is announced by
    /// `call_changed`. Connect the rep's audio with `…/media/`. To decline, hang up.
    ANSWER(CallId, Nothing) -> Json<Call> = Post "/api/v1/activity/call/{id}/answer/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call, now in progress.",
    }

    /// Hangs up. The call ends, and so does all coaching on it. Only for the rep.
    HANG_UP(CallId, Nothing) -> Json<Call> = Post "/api/v1/activity/call/{id}/hangup/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call, now ended.",
    }

    /// Puts the lead on hold, or takes them off hold. A lead on hold neither hears nor is heard. Only for
    /// the rep.
    HOLD(CallId, Body<HoldRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/hold/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The changed call.",
    }

    /// Mutes or unmutes the signed-in user's own leg, as the rep or a coach. A coach does it on the device
    /// that has the audio.
    MUTE(CallId, Body<MuteRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/mute/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The changed call.",
    }

    /// Tells the others on the call that the microphone of the signed-in user's own leg doesn't work, or works
    /// again. Only for the device that has the audio.
    ///
    /// It changes nothing but `microphone_trouble` of the call, for the rep, or of the coach's leg. A coach in
    /// Listen needs no microphone, and says nothing.
    MICROPHONE(CallId, Body<MicrophoneRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/microphone/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The changed call.",
    }

    /// Sends keys to the lead (RFC 4733). Only for the rep. The rep's own devices are sent `dtmf_sent`,
    /// which doesn't contain the keys.
    SEND_DTMF(CallId, Body<DtmfRequest>) -> Nothing = Post "/api/v1/activity/call/{id}/dtmf/" {
        who: Who::Member,
        tag: "call",
        answer: 204 "Sent.",
    }

    /// Answers an SDP offer for the signed-in user's own leg, as the rep or a coach, on this device.
    ///
    /// *Media*, at the top, says what the offer has to contain. A later offer takes over the leg. A coach's
    /// leg always comes back in the narrower mode: it's in Listen, whatever the mode was before, and
    /// `coach_leg.mode` in the answer says so.
    OFFER_MEDIA(CallId, Body<MediaOffer>) -> Json<MediaAnswer> = Post "/api/v1/activity/call/{id}/media/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The service's answer.",
    }

    /// Has the simulated lead call in. Only with demo data (`--demo`).
    RECEIVE_SIMULATED_CALL((), Body<InboundCallRequest>) -> Json<Call> = Post "/api/v1/demo/inbound_call/" {
        who: Who::Member,
        tag: "call",
        answer: 201 "The ringing call.",
        refusals: [
            NotFound "no such lead or number, or the service has no demo data.",
            Conflict "the number takes no calls, or the lead has no phone.",
            UserOffline "no one assigned to the number has the desktop app online.",
        ],
        window: true,
    }

    // Recordings.
    /// Returns a call's recording as mono Ogg Opus: all of it, or one range of its bytes.
    ///
    /// It's available once it's `stored`. Supports `Range`, `If-Range` and `If-None-Match` (RFC 9110).
    GET_RECORDING(CallId, Query<RecordingQuery>) -> File = Get "/api/v1/activity/call/{id}/recording/" {
        who: Who::Member,
        audited: RecordingPlayed,
        tag: "recording",
        answer: 200 "The whole recording.",
        media_type: "audio/ogg",
        refusals: [Conflict "the recording isn't finished yet."],
    }

    /// Returns the waveform of a call's recording.
    RECORDING_PEAKS(CallId, Nothing) -> Json<RecordingPeaks> = Get "/api/v1/activity/call/{id}/recording/peaks/" {
        who: Who::Member,
        tag: "recording",
        answer: 200 "The waveform.",
        window: true,
    }

    /// Pauses or resumes the recording of the rep's own call. Nothing said during a pause is recorded; a
    /// gap of the same length takes its place.
    PAUSE_RECORDING(CallId, Body<RecordingRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/recording/" {
        who: Who::Member,
        audited: RecordingPaused,
        tag: "recording",
        answer: 200 "The changed call.",
    }

    /// Deletes a call's recording and its waveform. Requires the permission `delete_recordings`.
    DELETE_RECORDING(CallId, Nothing) -> Nothing = Delete "/api/v1/activity/call/{id}/recording/" {
        who: Who::Permission(Permission::DeleteRecordings),
        audited: RecordingDeleted,
        tag: "recording",
        answer: 204 "Deleted.",
        window: true,
    }

    // Coaching.
    /// Joins a call as a coach, in Listen. If the user already coaches the call, moves the audio to this
    /// device.
    ///
    /// Requires the permission `call_coach_listen`, a plan with coaching, and someone else's outbound
    /// call in progress from an internal number. Connect the audio with `…/media/`. A coach who joins
    /// again, on whichever device, comes back in Listen: the leg's `mode` says so. Other devices of theirs
    /// then can't mute, switch or leave any more (`conflict`).
    JOIN(CallId, Body<JoinRequest>) -> Json<CoachLeg> = Post "/api/v1/activity/call/{id}/coach_leg/" {
        who: Who::Member,
        audited: CoachJoin,
        tag: "coaching",
        answer: 201 "The coach's leg.",
        refusals: [
            InboundCall "the lead placed the call.",
            ExternalNumber "the call isn't from an internal number.",
            CallFull "the call has the maximum number of people.",
            UserOffline "coaching requires a sign-in with the `client_type` `native`.",
            PlanRequired "the organization's plan doesn't include coaching.",
            OwnCall "a rep can't coach their own call.",
            InviteExpired "the invitation is no longer open.",
            InsufficientBalance "the balance doesn't cover the first minute.",
        ],
    }

    /// Leaves the call that the signed-in user coaches, from the device that has the audio. The call goes
    /// on.
    LEAVE(CallId, Nothing) -> Nothing = Delete "/api/v1/activity/call/{id}/coach_leg/" {
        who: Who::Member,
        audited: CoachLeave,
        tag: "coaching",
        answer: 204 "Left.",
    }

    /// Switches the coach's own mode: `listen`, `whisper` or `barge`. Only on the device that has the audio.
    ///
    /// Whisper and Barge require the permission `call_coach_barge`. The mode is in force in the mixer
    /// once the answer arrives; don't stamp packets with a wider mode before that.
    SET_MODE(CallId, Body<ModeRequest>) -> Json<CoachLeg> = Put "/api/v1/activity/call/{id}/coach_leg/mode/" {
        who: Who::Member,
        audited: CoachMode,
        tag: "coaching",
        answer: 200 "The coach's changed leg.",
    }

    /// Invites teammates to coach the rep's own call. If one of them can't be invited, no one is.
    ///
    /// `…/invitation_target/` lists who can be invited. An invitation is open for 60 s, ends with the
    /// call, and grants no permission. Inviter and invitee are sent `invitation_changed`.
    INVITE(CallId, Body<InvitationRequest>) -> Json<List<Invitation>> = Post "/api/v1/activity/call/{id}/invitation/" {
        who: Who::Member,
        audited: CoachInvited,
        tag: "coaching",
        answer: 201 "The invitations.",
        refusals: [
            UserOffline "someone doesn't have the desktop app online. No one was invited.",
            RateLimited "too many invitations are open.",
        ],
    }

    /// Lists who can be invited to the rep's own call: teammates with the desktop app online, and whether
    /// each of them could join.
    LIST_INVITATION_TARGETS(CallId, Nothing) -> Json<List<InvitationTarget>> = Get "/api/v1/activity/call/{id}/invitation_target/" {
        who: Who::Member,
        tag: "coaching",
        answer: 200 "Everyone who can be invited.",
        window: true,
    }

    /// Lists the signed-in user's open invitations.
    LIST_INVITATIONS((), Query<ListQuery>) -> Json<List<Invitation>> = Get "/api/v1/invitation/" {
        who: Who::Member,
        tag: "coaching",
        answer: 200 "One page.",
    }

    /// Declines an invitation that the signed-in user received.
    DECLINE(InvitationId, Nothing) -> Json<Invitation> = Post "/api/v1/invitation/{id}/decline/" {
        who: Who::Member,
        tag: "coaching",
        answer: 200 "The changed invitation.",
        refusals: [InviteExpired "the invitation is no longer open."],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[derive(Default)]
    struct Seen {
        names: Vec<&'static str>,
        schemas: Schemas,
    }

    impl Visitor for Seen {
        fn route<Id: PathId, In: Input, Out: Output>(&mut self, route: Route<Id, In, Out>) {
            let rule = &route.rule;
            self.names.push(rule.name);
            let has_id = Id::schema(&mut self.schemas).is_some();
            assert_eq!(has_id, rule.path.contains("{id}"), "{}", rule.name);
            let body = In::schema(&mut self.schemas).is_some();
            assert_eq!(body, rule.takes == Takes::Body, "{}", rule.name);
            assert_eq!(
                !In::parameters().is_empty(),
                matches!(rule.takes, Takes::Query | Takes::Upload),
                "{}",
                rule.name
            );
            let json = Out::schema(&mut self.schemas).is_some();
            assert_eq!(json, rule.gives == Gives::Json, "{}", rule.name);
            assert_eq!(
                rule.status == 204,
                rule.gives == Gives::Nothing,
                "{}",
                rule.name
            );
            assert_eq!(
                rule.media_type.is_some(),
                rule.gives == Gives::File,
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn every_route_is_once_in_the_table_and_its_types_agree_with_its_rule() {
        let mut seen = Seen::default();
        visit(&mut seen);
        let typed = RULES.iter().filter(|rule| rule.tag.is_some());
        let typed: Vec<&str> = typed.map(|rule| rule.name).collect();
        assert_eq!(seen.names, typed);
        let places: BTreeSet<_> = RULES
            .iter()
            .map(|rule| (rule.path, rule.method.as_str()))
            .collect();
        let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!((places.len(), names.len()), (RULES.len(), RULES.len()));
        assert!(
            RULES
                .iter()
                .all(|rule| !matches!(rule.takes, Takes::Body | Takes::Upload)
                    || rule.method != Method::Get)
        );
    }

    #[test]
    fn the_window_reaches_neither_secrets_nor_sound_nor_files() {
        let open: Vec<_> = RULES.iter().filter(|rule| rule.window).collect();
        assert!(open.len() > 20);
        for rule in open {
            assert_ne!(rule.who, Who::Anybody, "{}", rule.name);
            assert_ne!(rule.gives, Gives::File, "{}", rule.name);
            assert_ne!(rule.takes, Takes::Upload, "{}", rule.name);
        }
        // The first answers with the secret of an invite link, the second takes a voice.
        for closed in [CREATE_MEMBER_INVITE.rule, OFFER_MEDIA.rule] {
            assert!(!closed.window, "{}", closed.name);
        }
    }

    #[test]
    fn a_path_takes_an_id_and_nothing_that_leads_elsewhere() {
        let id = RoleId::parse("role_1").unwrap();
        assert_eq!(CHANGE_ROLE.path(&id), "/api/v1/role/role_1/");
        assert_eq!(CREATE_ROLE.path(&()), "/api/v1/role/");
        let rule = CHANGE_ROLE.rule;
        assert_eq!(
            rule.path_of(Some("role_1")).as_deref(),
            Some("/api/v1/role/role_1/")
        );
        for id in [
            None,
            Some(""),
            Some("../me"),
            Some("a/b"),
            Some("%2e"),
            Some("a?b"),
        ] {
            assert_eq!(rule.path_of(id), None, "{id:?}");
        }
        assert_eq!(CREATE_ROLE.rule.path_of(Some("role_1")), None);
    }
}
