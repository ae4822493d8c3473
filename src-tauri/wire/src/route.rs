//! Every route of the service, each declared once: method, path, what goes in, what comes out, who may
//! ask, what of it is audited, and what is said of it.
//!
//! The service's router and its gate, the client, the OpenAPI document and the app's bridge all go by
//! this table, so that none of them can disagree. It knows nothing of how any of them works.

pub use crate::shape::{PathId, Schemas, Shape};

use crate::shape::refer;
use crate::{
    AcceptInviteRequest, AuditAction, AuditEntry, AuditQuery, Availability, Balance, Call, CallId,
    CallQuery, CoachLeg, Code, Contact, ContactQuery, DtmfRequest, Group, GroupId, GroupRequest,
    HoldRequest, InboundCallRequest, Invitation, InvitationId, InvitationRequest, InvitationTarget,
    InviteLookup, InviteOffer, JoinRequest, Lead, LeadId, LeadQuery, LedgerEntry, List, ListQuery,
    Me, MediaAnswer, MediaOffer, Member, MemberInvite, MemberInviteId, MemberInviteRequest,
    Membership, MembershipId, MembershipPatch, ModeRequest, MuteRequest, NewMemberInvite,
    Organization, OrganizationId, OrganizationPatch, Permission, PhoneNumber, PhoneNumberId,
    PhoneNumberRequest, PlaceCallRequest, PlanInfo, RecordingPeaks, RecordingQuery,
    RecordingRequest, RefreshRequest, Role, RoleId, RoleRequest, SignInRequest, SignOutRequest,
    Tokens, TopUpRequest, Usage, UsageQuery, User, UserId,
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

/// An answer of JSON.
pub struct Json<T>(PhantomData<fn() -> T>);

/// An answer of bytes.
pub struct File;

/// What goes into a route: [`Nothing`], a [`Query`] or a [`Body`].
pub trait Input: Shape + 'static {
    /// The value itself.
    type Value: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Where it goes.
    const TAKES: Takes;

    /// Its parameters in OpenAPI, where it goes into the query.
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

impl<T: specta::Type> Shape for Query<T> {
    fn schema(_: &mut Schemas) -> Option<RefOr<Schema>> {
        None
    }

    fn typescript(types: &mut specta::Types) -> Option<DataType> {
        Some(T::definition(types))
    }
}

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
    /// Whether the process lives and answers.
    HEALTH = "/health";
    /// Whether calls can be placed and kept.
    READY = "/ready";
    /// Everything that is counted, for Prometheus.
    METRICS = "/metrics";
    /// The OpenAPI document.
    OPENAPI = "/api/openapi.json";
    /// The JSON Schema of the WebSocket's messages.
    EVENTS_SCHEMA = "/api/events.schema.json";
    /// Leads to the page below.
    DOCS = "/api/docs";
    /// A page to read the OpenAPI document.
    DOCS_PAGE = "/api/docs/";
    /// What that page is made of.
    DOCS_FILE = "/api/docs/{*rest}";
    /// The WebSocket. Its first message carries the token.
    SOCKET = "/api/v1/socket/";

    ---

    // Signing in: what is shown is a password, a link's secret or a refresh token.
    /// Signs in with e-mail and password.
    ///
    /// Each sign-in is one device, with a `device_id` of its own. A user has at most twenty; the oldest
    /// ends for the next. A wrong e-mail and a wrong password are answered alike, with `unauthenticated`.
    /// After a number of failures, for an e-mail or from a network address, the answer is `rate_limited`.
    SIGN_IN((), Body<SignInRequest>) -> Json<Tokens> = Post "/api/v1/auth/sign_in/" {
        who: Who::Anybody,
        audited: SignIn,
        tag: "auth",
        answer: 200 "Signed in.",
        refusals: [RateLimited "too many failures; wait and try again."],
    }

    /// Exchanges a refresh token for the next access and refresh token.
    ///
    /// A refresh token is good once. One that was used before ends the whole sign-in, since somebody else
    /// may hold it: its tokens are refused and its WebSockets closed.
    REFRESH((), Body<RefreshRequest>) -> Json<Tokens> = Post "/api/v1/auth/refresh/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "The next tokens.",
    }

    /// Ends a sign-in: its tokens are refused and its WebSockets closed.
    SIGN_OUT((), Body<SignOutRequest>) -> Nothing = Post "/api/v1/auth/sign_out/" {
        who: Who::Anybody,
        audited: SignOut,
        tag: "auth",
        answer: 204 "Signed out.",
    }

    /// What a link offers, before it is used.
    ///
    /// A link that is wrong, used, taken back or too old is `invite_expired`, without saying which. It
    /// counts as a failed sign-in from its network address; after a number of them the answer is
    /// `rate_limited`.
    LOOK_UP_INVITE((), Body<InviteLookup>) -> Json<InviteOffer> = Post "/api/v1/auth/invite/" {
        who: Who::Anybody,
        tag: "auth",
        answer: 200 "What is offered.",
        refusals: [
            InviteExpired "the link is wrong, used, taken back or too old.",
            RateLimited "too many failures; wait and try again.",
        ],
    }

    /// Uses a link: makes an account, becomes a member with the role and the groups that were offered, and
    /// signs in.
    ///
    /// A link is good once. `invite_expired` and `rate_limited` are as for `/api/v1/auth/invite/`. When the
    /// invitation is for an e-mail address, another one is an `invalid_request`; one that has an account
    /// already is a `conflict`. A password has 10 to 1024 bytes.
    ACCEPT_INVITE((), Body<AcceptInviteRequest>) -> Json<Tokens> = Post "/api/v1/auth/accept_invite/" {
        who: Who::Anybody,
        audited: MemberJoined,
        tag: "auth",
        answer: 200 "Signed in.",
        refusals: [
            InviteExpired "the link is wrong, used, taken back or too old.",
            RateLimited "too many failures; wait and try again.",
            Conflict "the e-mail address has an account already.",
        ],
    }

    // People and what they may do.
    /// Who is signed in, in which organization, with which role and permissions.
    ME((), Nothing) -> Json<Me> = Get "/api/v1/me/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "The signed-in user.",
    }

    /// The organization's active members, by name.
    LIST_USERS((), Query<ListQuery>) -> Json<List<User>> = Get "/api/v1/user/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "One page.",
    }

    /// Who is online with which type of client, and on which calls: every active member. Changes come as
    /// `availability_changed` on the WebSocket.
    AVAILABILITY((), Nothing) -> Json<Availability> = Get "/api/v1/user/availability/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "Every active member.",
    }

    /// One member of the organization, also one who is not active any more.
    GET_USER(UserId, Nothing) -> Json<User> = Get "/api/v1/user/{id}/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "The user.",
    }

    /// Every member, active or not, by name.
    ///
    /// It takes the permission `manage_organization`. Everybody sees the active ones under `/api/v1/user/`.
    LIST_MEMBERS((), Query<ListQuery>) -> Json<List<Member>> = Get "/api/v1/membership/" {
        who: MANAGER,
        tag: "administration",
        answer: 200 "One page.",
        window: true,
    }

    /// Gives a member another role, deactivates or activates them, or says whether their calls are recorded.
    ///
    /// It takes the permission `manage_organization`, and takes effect at once, also on calls in progress:
    /// a coach who may not listen any more is out of the call, one who may not barge any more is moved to
    /// Listen; who is deactivated is signed out everywhere. The last active member who may manage the
    /// organization stays one (`conflict`).
    CHANGE_MEMBER(MembershipId, Body<MembershipPatch>) -> Json<Membership> = Patch "/api/v1/membership/{id}/" {
        who: MANAGER,
        audited: MemberChanged,
        tag: "administration",
        answer: 200 "The membership, as it is now.",
        window: true,
    }

    /// The organization's invitations by link, newest first. None holds what its link does.
    ///
    /// It takes the permission `manage_organization`.
    LIST_MEMBER_INVITES((), Query<ListQuery>) -> Json<List<MemberInvite>> = Get "/api/v1/member_invite/" {
        who: MANAGER,
        tag: "administration",
        answer: 200 "One page.",
        window: true,
    }

    /// Invites somebody into the organization, by a link.
    ///
    /// It takes the permission `manage_organization`. The answer holds the link's secret, this once: the
    /// service keeps only its SHA-256. The link is good once, until it expires, is taken back, or who
    /// invited may not manage the organization any more. A role or group of another organization is
    /// `not_found`; an e-mail address that has an account already is a `conflict`.
    CREATE_MEMBER_INVITE((), Body<MemberInviteRequest>) -> Json<NewMemberInvite> = Post "/api/v1/member_invite/" {
        who: MANAGER,
        audited: MemberInvited,
        tag: "administration",
        answer: 201 "The invitation and its secret.",
        refusals: [NotFound "a person, role or group is not of the organization."],
    }

    /// Takes an invitation back: its link is good no more.
    ///
    /// It takes the permission `manage_organization`. One that was used is a `conflict`.
    REVOKE_MEMBER_INVITE(MemberInviteId, Nothing) -> Nothing = Delete "/api/v1/member_invite/{id}/" {
        who: MANAGER,
        audited: MemberInviteRevoked,
        tag: "administration",
        answer: 204 "It is taken back.",
        window: true,
    }

    /// The organization's roles, with the permissions that each holds.
    LIST_ROLES((), Query<ListQuery>) -> Json<List<Role>> = Get "/api/v1/role/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "One page.",
        window: true,
    }

    /// Makes a role.
    ///
    /// It takes the permission `manage_organization`. `call_coach_barge` implies `call_coach_listen`, which
    /// the answer then lists. A name that another role has, in whatever case of letters, is a `conflict`,
    /// and so is a role beyond the hundredth.
    CREATE_ROLE((), Body<RoleRequest>) -> Json<Role> = Post "/api/v1/role/" {
        who: MANAGER,
        audited: RoleChanged,
        tag: "administration",
        answer: 201 "The new role.",
        window: true,
    }

    /// Changes a role's name and permissions.
    ///
    /// It takes the permission `manage_organization`, and takes effect at once for every member who holds
    /// the role, also on calls in progress: who may not listen any more is out of the call, who may not
    /// barge any more is moved to Listen. It is a `conflict` for a role that came with the organization,
    /// for a name that another role has, and when nobody would be left who may manage the organization.
    CHANGE_ROLE(RoleId, Body<RoleRequest>) -> Json<Role> = Put "/api/v1/role/{id}/" {
        who: MANAGER,
        audited: RoleChanged,
        tag: "administration",
        answer: 200 "The role, as it is now.",
        window: true,
    }

    /// Deletes a role.
    ///
    /// It takes the permission `manage_organization`. It is a `conflict` for a role that came with the
    /// organization, and for one that a member holds, active or not. Open invitations to the role end.
    DELETE_ROLE(RoleId, Nothing) -> Nothing = Delete "/api/v1/role/{id}/" {
        who: MANAGER,
        audited: RoleChanged,
        tag: "administration",
        answer: 204 "It is deleted.",
        window: true,
    }

    /// The organization's groups, with their active members.
    LIST_GROUPS((), Query<ListQuery>) -> Json<List<Group>> = Get "/api/v1/group/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "One page.",
        window: true,
    }

    /// Makes a group.
    ///
    /// It takes the permission `manage_organization`. A person who is no member of the organization is
    /// `not_found`.
    CREATE_GROUP((), Body<GroupRequest>) -> Json<Group> = Post "/api/v1/group/" {
        who: MANAGER,
        audited: GroupChanged,
        tag: "administration",
        answer: 201 "The new group.",
        refusals: [NotFound "a person, role or group is not of the organization."],
        window: true,
    }

    /// Changes a group's name and its members.
    ///
    /// It takes the permission `manage_organization`. The active members are those who are named; who is
    /// not active keeps their place in the group. A person who is no member of the organization is
    /// `not_found`.
    CHANGE_GROUP(GroupId, Body<GroupRequest>) -> Json<Group> = Put "/api/v1/group/{id}/" {
        who: MANAGER,
        audited: GroupChanged,
        tag: "administration",
        answer: 200 "The group, as it is now.",
        window: true,
    }

    /// Deletes a group; its members stay members of the organization.
    ///
    /// It takes the permission `manage_organization`.
    DELETE_GROUP(GroupId, Nothing) -> Nothing = Delete "/api/v1/group/{id}/" {
        who: MANAGER,
        audited: GroupChanged,
        tag: "administration",
        answer: 204 "It is deleted.",
        window: true,
    }

    // The organization: its plan, its settings, its data.
    /// What each plan holds: the same features for every plan, in the same order.
    LIST_PLANS((), Nothing) -> Json<List<PlanInfo>> = Get "/api/v1/plan/" {
        who: Who::Member,
        tag: "organization",
        answer: 200 "Every plan.",
        window: true,
    }

    /// Changes the organization's name, its plan, how it records, and what counts as a low balance.
    ///
    /// It takes the permission `manage_organization`. What is not given stays. A plan takes effect at once,
    /// also on calls in progress; how it records, from the next call on.
    CHANGE_ORGANIZATION(OrganizationId, Body<OrganizationPatch>) -> Json<Organization> = Patch "/api/v1/organization/{id}/" {
        who: MANAGER,
        audited: OrganizationChanged,
        tag: "administration",
        answer: 200 "The organization, as it is now.",
        window: true,
    }

    /// All of the organization's data as one JSON document: an object with an array for each kind of thing.
    ///
    /// It is read kind by kind while it is sent, so what changes meanwhile may be in one kind and not yet in
    /// another. Passwords and tokens are not in it; of recordings, what is known of them.
    EXPORT_ORGANIZATION((), Nothing) -> File = Get "/api/v1/organization/export/" {
        who: MANAGER,
        audited: DataExported,
        tag: "administration",
        answer: 200 "The data.",
        media_type: "application/json",
    }

    /// What was done and what was refused, newest first. Lines are only ever added.
    LIST_AUDIT((), Query<AuditQuery>) -> Json<List<AuditEntry>> = Get "/api/v1/audit/" {
        who: MANAGER,
        tag: "audit",
        answer: 200 "One page.",
        window: true,
    }

    /// The same as CSV, newest first; at most 100 000 lines.
    ///
    /// Columns: date, action, allowed, code, user_id, device_id, address, call_id, target, detail.
    EXPORT_AUDIT((), Query<AuditQuery>) -> File = Get "/api/v1/audit/csv/" {
        who: MANAGER,
        audited: DataExported,
        tag: "audit",
        answer: 200 "The lines.",
        media_type: "text/csv",
    }

    // Money.
    /// Balance, rates, and what was spent: by day, by month, by coach and by call.
    USAGE((), Query<UsageQuery>) -> Json<Usage> = Get "/api/v1/usage/" {
        who: MANAGER,
        tag: "usage",
        answer: 200 "All of it, in micro-dollars and UTC.",
        window: true,
    }

    /// The balance.
    BALANCE((), Nothing) -> Json<Balance> = Get "/api/v1/usage/balance/" {
        who: MANAGER,
        tag: "usage",
        answer: 200 "As it is now.",
        window: true,
    }

    /// The lines of the ledger, newest first.
    LIST_LEDGER((), Query<UsageQuery>) -> Json<List<LedgerEntry>> = Get "/api/v1/usage/ledger/" {
        who: MANAGER,
        tag: "usage",
        answer: 200 "One page.",
        window: true,
    }

    /// The lines of the ledger as CSV, oldest first; at most 200 000.
    ///
    /// Columns: date, kind, call, lead, person, minute, dollars (exact, below zero for a charge),
    /// micro_dollars.
    EXPORT_LEDGER((), Query<UsageQuery>) -> File = Get "/api/v1/usage/csv/" {
        who: MANAGER,
        audited: DataExported,
        tag: "usage",
        answer: 200 "The lines.",
        media_type: "text/csv",
    }

    /// Puts money in. Only where the service runs for itself alone (`--demo`).
    TOP_UP((), Body<TopUpRequest>) -> Json<Balance> = Post "/api/v1/usage/top_up/" {
        who: MANAGER,
        audited: ToppedUp,
        tag: "usage",
        answer: 200 "The balance with it.",
        window: true,
    }

    // Who is called, and from which numbers.
    /// The organization's leads with their contacts, by name.
    LIST_LEADS((), Query<LeadQuery>) -> Json<List<Lead>> = Get "/api/v1/lead/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
        window: true,
    }

    /// One lead, with its contacts and their numbers.
    GET_LEAD(LeadId, Nothing) -> Json<Lead> = Get "/api/v1/lead/{id}/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "The lead.",
        window: true,
    }

    /// Deletes a lead with its contacts, calls and recordings.
    ///
    /// It takes the permission `manage_organization`. What was charged stays in the ledger, and what was
    /// done in the audit log. While a call with the lead is in progress it is a `conflict`.
    DELETE_LEAD(LeadId, Nothing) -> Nothing = Delete "/api/v1/lead/{id}/" {
        who: MANAGER,
        audited: LeadDeleted,
        tag: "administration",
        answer: 204 "Deleted.",
        window: true,
    }

    /// The people at the organization's leads, by name.
    LIST_CONTACTS((), Query<ContactQuery>) -> Json<List<Contact>> = Get "/api/v1/contact/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
    }

    /// The organization's phone numbers. Calls from `internal` ones can be coached.
    ///
    /// Who manages the organization sees all of them, others those that they may call from.
    LIST_PHONE_NUMBERS((), Query<ListQuery>) -> Json<List<PhoneNumber>> = Get "/api/v1/phone_number/" {
        who: Who::Member,
        tag: "directory",
        answer: 200 "One page.",
        window: true,
    }

    /// Adds a phone number.
    ///
    /// It takes the permission `manage_organization`. A number that is in use, by whomever, is a
    /// `conflict`. A person who is no member of the organization is `not_found`.
    CREATE_PHONE_NUMBER((), Body<PhoneNumberRequest>) -> Json<PhoneNumber> = Post "/api/v1/phone_number/" {
        who: MANAGER,
        audited: PhoneNumberChanged,
        tag: "administration",
        answer: 201 "The new number.",
        refusals: [NotFound "a person, role or group is not of the organization."],
        window: true,
    }

    /// Changes a phone number's label, kind, owner, and who may call from it.
    ///
    /// It takes the permission `manage_organization`. The number itself stays: another one is an
    /// `invalid_request`. Calls in progress stay as they are.
    CHANGE_PHONE_NUMBER(PhoneNumberId, Body<PhoneNumberRequest>) -> Json<PhoneNumber> = Put "/api/v1/phone_number/{id}/" {
        who: MANAGER,
        audited: PhoneNumberChanged,
        tag: "administration",
        answer: 200 "The number, as it is now.",
        window: true,
    }

    /// Removes a phone number. Calls in progress and past ones stay as they are.
    ///
    /// It takes the permission `manage_organization`.
    DELETE_PHONE_NUMBER(PhoneNumberId, Nothing) -> Nothing = Delete "/api/v1/phone_number/{id}/" {
        who: MANAGER,
        audited: PhoneNumberChanged,
        tag: "administration",
        answer: 204 "It is removed.",
        window: true,
    }

    // Calls. Who may do what on which call is the call's to say.
    /// The organization's calls, newest first.
    ///
    /// `coach_legs` is empty for those who may not see them, `joinability` is that of the asking user.
    LIST_CALLS((), Query<CallQuery>) -> Json<List<Call>> = Get "/api/v1/activity/call/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "One page.",
        window: true,
    }

    /// Places a call: the service dials the lead from one of the organization's numbers.
    ///
    /// The answer comes at once, with status `created`; what happens then comes as `call_changed`. Connect
    /// the rep's audio with `…/media/`. A lead, contact or number that is not the organization's is
    /// `not_found`.
    PLACE_CALL((), Body<PlaceCallRequest>) -> Json<Call> = Post "/api/v1/activity/call/" {
        who: Who::Member,
        tag: "call",
        answer: 201 "Placed.",
        refusals: [NotFound "there is no such thing in the user's organization."],
    }

    /// One call, in progress or past.
    GET_CALL(CallId, Nothing) -> Json<Call> = Get "/api/v1/activity/call/{id}/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call.",
        window: true,
    }

    /// Takes a call that came in: rep and lead speak from now on. Only the rep may.
    ///
    /// It rings as a call with direction `inbound` and status `ringing`, which `call_changed` tells. Connect
    /// the rep's audio with `…/media/`. To decline, hang up.
    ANSWER(CallId, Nothing) -> Json<Call> = Post "/api/v1/activity/call/{id}/answer/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call, which is in progress.",
    }

    /// Hangs up: the call and all coaching on it end. Only the rep may.
    HANG_UP(CallId, Nothing) -> Json<Call> = Post "/api/v1/activity/call/{id}/hangup/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call, which is over.",
    }

    /// Puts the lead on hold, or takes them off it. Only the rep may. A lead on hold neither hears nor is
    /// heard.
    HOLD(CallId, Body<HoldRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/hold/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call, as it is now.",
    }

    /// Mutes the asking user's own leg, the rep's or a coach's, or takes the mute off.
    MUTE(CallId, Body<MuteRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/mute/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The call, as it is now.",
    }

    /// Sends keys to the lead (RFC 4733). Only the rep may. The rep's own devices get `dtmf_sent`, which
    /// does not repeat the keys.
    SEND_DTMF(CallId, Body<DtmfRequest>) -> Nothing = Post "/api/v1/activity/call/{id}/dtmf/" {
        who: Who::Member,
        tag: "call",
        answer: 204 "Sent.",
    }

    /// Answers an SDP offer for the asking user's own leg, the rep's or a coach's, on the asking device.
    ///
    /// What the offer has to hold is said under *Media* at the top. A later offer takes the leg over.
    OFFER_MEDIA(CallId, Body<MediaOffer>) -> Json<MediaAnswer> = Post "/api/v1/activity/call/{id}/media/" {
        who: Who::Member,
        tag: "call",
        answer: 200 "The service's answer.",
    }

    /// Lets the simulated lead call in. Only where the service runs for itself alone (`--demo`).
    RECEIVE_SIMULATED_CALL((), Body<InboundCallRequest>) -> Json<Call> = Post "/api/v1/demo/inbound_call/" {
        who: Who::Member,
        tag: "call",
        answer: 201 "It rings.",
        window: true,
    }

    // Recordings.
    /// The recording of a call: Ogg Opus, mono. Whole, or one range of its bytes.
    ///
    /// There is none before it is `stored`. It takes `Range`, `If-Range` and `If-None-Match` (RFC 9110).
    GET_RECORDING(CallId, Query<RecordingQuery>) -> File = Get "/api/v1/activity/call/{id}/recording/" {
        who: Who::Member,
        audited: RecordingPlayed,
        tag: "recording",
        answer: 200 "The whole.",
        media_type: "audio/ogg",
        refusals: [Conflict "the recording is still being made."],
    }

    /// The waveform of a call's recording.
    RECORDING_PEAKS(CallId, Nothing) -> Json<RecordingPeaks> = Get "/api/v1/activity/call/{id}/recording/peaks/" {
        who: Who::Member,
        tag: "recording",
        answer: 200 "The waveform.",
        window: true,
    }

    /// Pauses the recording of the asking rep's call, or lets it go on. What is said meanwhile is nowhere
    /// in it; a gap of the same length stands in its place.
    PAUSE_RECORDING(CallId, Body<RecordingRequest>) -> Json<Call> = Put "/api/v1/activity/call/{id}/recording/" {
        who: Who::Member,
        audited: RecordingPaused,
        tag: "recording",
        answer: 200 "The call, as it is now.",
    }

    /// Deletes the recording of a call, with its waveform. It takes the permission `delete_recordings`.
    DELETE_RECORDING(CallId, Nothing) -> Nothing = Delete "/api/v1/activity/call/{id}/recording/" {
        who: Who::Permission(Permission::DeleteRecordings),
        audited: RecordingDeleted,
        tag: "recording",
        answer: 204 "Deleted.",
        window: true,
    }

    // Coaching.
    /// Joins a call as its coach, in Listen; or, when the user coaches it already, moves the audio to the
    /// asking device.
    ///
    /// It takes the permission `call_coach_listen`, a plan with coaching, and a call in progress that is
    /// outbound, from an internal number and not the user's own. Connect the audio with `…/media/`.
    JOIN(CallId, Body<JoinRequest>) -> Json<CoachLeg> = Post "/api/v1/activity/call/{id}/coach_leg/" {
        who: Who::Member,
        audited: CoachJoin,
        tag: "coaching",
        answer: 201 "The coach's leg.",
        refusals: [
            InboundCall "the lead called in.",
            ExternalNumber "the call is not from an internal number.",
            CallFull "it has as many parties as it may.",
            UserOffline "coaching takes a sign-in with `client_type` `native`.",
            PlanRequired "the organization's plan has no coaching.",
            OwnCall "a rep cannot coach their own call.",
            InviteExpired "the invitation is no longer open.",
        ],
    }

    /// Leaves the call that the asking user coaches. Nothing else ends by it.
    LEAVE(CallId, Nothing) -> Nothing = Delete "/api/v1/activity/call/{id}/coach_leg/" {
        who: Who::Member,
        audited: CoachLeave,
        tag: "coaching",
        answer: 204 "Left.",
    }

    /// Switches the asking coach's mode: `listen`, `whisper` or `barge`.
    ///
    /// Whisper and Barge take the permission `call_coach_barge`. When the answer comes, the mode is in
    /// force where the audio is mixed: stamp packets with a wider mode only from then on.
    SET_MODE(CallId, Body<ModeRequest>) -> Json<CoachLeg> = Put "/api/v1/activity/call/{id}/coach_leg/mode/" {
        who: Who::Member,
        audited: CoachMode,
        tag: "coaching",
        answer: 200 "The coach's leg, as it is now.",
    }

    /// Invites teammates to coach the asking rep's call: all of them, or on a refusal nobody.
    ///
    /// Those who may be invited are listed by `…/invitation_target/`. An invitation is open for 60 s, ends
    /// with the call, and gives no permission. Inviter and invitee get `invitation_changed`.
    INVITE(CallId, Body<InvitationRequest>) -> Json<List<Invitation>> = Post "/api/v1/activity/call/{id}/invitation/" {
        who: Who::Member,
        audited: CoachInvited,
        tag: "coaching",
        answer: 201 "The invitations.",
        refusals: [
            UserOffline "somebody has no desktop app online; nobody was invited.",
            RateLimited "too many invitations are open.",
        ],
    }

    /// Who can be invited to the asking rep's call: teammates with the desktop app online, each with
    /// whether they could join.
    LIST_INVITATION_TARGETS(CallId, Nothing) -> Json<List<InvitationTarget>> = Get "/api/v1/activity/call/{id}/invitation_target/" {
        who: Who::Member,
        tag: "coaching",
        answer: 200 "All of them.",
        window: true,
    }

    /// The open invitations of the asking user.
    LIST_INVITATIONS((), Query<ListQuery>) -> Json<List<Invitation>> = Get "/api/v1/invitation/" {
        who: Who::Member,
        tag: "coaching",
        answer: 200 "One page.",
    }

    /// Declines an invitation of the asking user.
    DECLINE(InvitationId, Nothing) -> Json<Invitation> = Post "/api/v1/invitation/{id}/decline/" {
        who: Who::Member,
        tag: "coaching",
        answer: 200 "The invitation, as it is now.",
        refusals: [InviteExpired "the invitation is no longer open."],
    }

    // The line of a route. `HEAD` is asked like `GET`.
    // Every line of a path.
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
                rule.takes == Takes::Query,
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
                .all(|rule| rule.takes != Takes::Body || rule.method != Method::Get)
        );
    }

    #[test]
    fn the_window_reaches_neither_secrets_nor_sound_nor_files() {
        let open: Vec<_> = RULES.iter().filter(|rule| rule.window).collect();
        assert!(open.len() > 20);
        for rule in open {
            assert_ne!(rule.who, Who::Anybody, "{}", rule.name);
            assert_ne!(rule.gives, Gives::File, "{}", rule.name);
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
