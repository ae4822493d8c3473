//! Money: the usage balance, what was charged to it, and by which rates (B1–B4).

use crate::list::list_query;
use crate::{CallId, LeadBrief, LedgerEntryId, LegId, Timestamp, UserId};
use wire_macros::wire_type;

/// An amount in micro-dollars, always a whole number: 4000 is $0.0040.
#[wire_type(Copy, PartialOrd, Ord, Hash, Default)]
#[specta(type = i32)]
pub struct MicroDollars(
    /// Micro-dollars.
    pub i64,
);

/// What a ledger entry is for.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// A started minute of a coach's leg.
    Coaching,
    /// A started minute of the call itself.
    Call,
    /// Credit that a member added.
    TopUp,
    /// Credit that whoever runs the service added.
    Credit,
    /// A correction by whoever runs the service.
    Correction,
}

/// What a started minute costs from a date on.
#[wire_type]
pub struct Rate {
    /// What it applies to.
    pub kind: LedgerKind,
    /// Micro-dollars per started minute.
    pub micro_dollars_per_minute: u32,
    /// When it begins to apply; it ends with the next one of its kind.
    pub date_from: Timestamp,
}

/// The balance, for those who manage the organization.
#[wire_type(Copy)]
pub struct Balance {
    /// What's left. Below zero if coaching continued after it ran out.
    pub balance_micro_dollars: MicroDollars,
    /// The balance counts as low below this.
    pub low_balance_micro_dollars: MicroDollars,
    /// Whether it is low.
    pub is_low: bool,
}

/// What was spent on one day, in UTC.
#[wire_type]
pub struct SpendOfDay {
    /// The day, such as `2026-11-23`; for a month, `2026-11`.
    pub date: String,
    /// Spent on coaching.
    pub coaching_micro_dollars: MicroDollars,
    /// Spent on calls themselves.
    pub call_micro_dollars: MicroDollars,
}

/// What one coach cost.
#[wire_type]
pub struct SpendOfCoach {
    /// The coach.
    pub user_id: UserId,
    /// Started minutes.
    pub minutes: u32,
    /// What they cost.
    pub micro_dollars: MicroDollars,
}

/// What one call cost.
#[wire_type]
pub struct SpendOfCall {
    /// The call.
    pub call_id: CallId,
    /// Its lead; null if it was deleted.
    pub lead: Option<LeadBrief>,
    /// Its rep; null if the call was deleted.
    pub user_id: Option<UserId>,
    /// When its first minute was charged.
    pub date: Timestamp,
    /// Started minutes of all its coaches.
    pub coaching_minutes: u32,
    /// What those cost.
    pub coaching_micro_dollars: MicroDollars,
    /// Started minutes of the call itself.
    pub call_minutes: u32,
    /// What those cost.
    pub call_micro_dollars: MicroDollars,
}

/// `GET /api/v1/usage/`: the balance, the rates, and what was spent between two moments, for those
/// who manage the organization.
#[wire_type]
pub struct Usage {
    /// The balance now.
    pub balance: Balance,
    /// Whether members can add credit. Otherwise whoever runs the service does.
    pub top_up_allowed: bool,
    /// Every rate, by kind and then by date, oldest first.
    pub rates: Vec<Rate>,
    /// Each day on which something was spent, oldest first.
    pub by_day: Vec<SpendOfDay>,
    /// Each month on which something was spent, oldest first.
    pub by_month: Vec<SpendOfDay>,
    /// Each coach, highest cost first.
    pub by_coach: Vec<SpendOfCoach>,
    /// Each call, newest first, up to 200.
    pub by_call: Vec<SpendOfCall>,
}

/// An entry in the ledger. Entries are never changed or deleted.
#[wire_type]
pub struct LedgerEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// When it was written or, for a charge, when its minute started.
    pub date: Timestamp,
    /// What it's for.
    pub kind: LedgerKind,
    /// What it adds to the balance; negative for a charge.
    pub micro_dollars: MicroDollars,
    /// The call that was charged for.
    pub call_id: Option<CallId>,
    /// The leg that was charged for: the coach's, or the rep's for the call itself.
    pub leg_id: Option<LegId>,
    /// The coach or rep who was charged for, or who added the credit.
    pub user_id: Option<UserId>,
    /// Which minute of the leg, from 0.
    pub minute: Option<u32>,
    /// What whoever runs the service wrote about credit or a correction.
    pub note: Option<String>,
}

/// `POST /api/v1/usage/top_up/`, where `top_up_allowed`, for those who manage the organization.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct TopUpRequest {
    /// How much: 1 to 1 000 000 000 ($1000).
    pub micro_dollars: MicroDollars,
    /// The client's own id for this payment, 1 to 64 letters, digits, `_` and `-`. A payment that is
    /// sent twice counts once.
    #[schema(min_length = 1, max_length = 64)]
    pub request_id: String,
}

list_query! {
    /// Which period, and which page of it.
    UsageQuery {
        /// Start of the period. Without it, 30 days before the end.
        pub from: Option<Timestamp>,
        /// End of the period. Without it, now.
        pub to: Option<Timestamp>,
    }
}
