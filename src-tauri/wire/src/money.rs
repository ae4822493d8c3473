//! Money: the usage balance, what was charged to it, and by which rates (B1–B4).

use crate::list::list_query;
use crate::{CallId, LeadBrief, LedgerEntryId, LegId, Timestamp, UserId};
use wire_macros::wire_type;

/// An amount in micro-dollars: 4000 is $0.0040. Money is never anything but whole ones of these.
#[wire_type(Copy, PartialOrd, Ord, Hash, Default)]
#[specta(type = i32)]
pub struct MicroDollars(
    /// Micro-dollars.
    pub i64,
);

/// What a line of the ledger is for.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// A started minute of a coach's leg.
    Coaching,
    /// A started minute of the call itself.
    Call,
    /// Money put in.
    TopUp,
}

/// What a started minute costs from some moment on.
#[wire_type]
pub struct Rate {
    /// Of what.
    pub kind: LedgerKind,
    /// Micro-dollars a started minute.
    pub micro_dollars_per_minute: u32,
    /// From when on; it holds until the next of its kind.
    pub date_from: Timestamp,
}

/// The balance, as those who manage the organization are told it.
#[wire_type(Copy)]
pub struct Balance {
    /// What is left; below zero when coaching went on without money.
    pub balance_micro_dollars: MicroDollars,
    /// Below this it counts as low.
    pub low_balance_micro_dollars: MicroDollars,
    /// Whether it is low.
    pub is_low: bool,
}

/// What was spent on one day, in UTC.
#[wire_type]
pub struct SpendOfDay {
    /// The day, `2026-11-23`; of a month `2026-11`.
    pub date: String,
    /// On coaching.
    pub coaching_micro_dollars: MicroDollars,
    /// On calls themselves.
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
    /// Its lead; null when that was deleted.
    pub lead: Option<LeadBrief>,
    /// Its rep; null when the call was deleted.
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
    /// Whether money can be put in here, which is so in local mode.
    pub top_up_allowed: bool,
    /// Every rate, by kind and then by date, oldest first.
    pub rates: Vec<Rate>,
    /// Each day on which something was spent, oldest first.
    pub by_day: Vec<SpendOfDay>,
    /// Each month on which something was spent, oldest first.
    pub by_month: Vec<SpendOfDay>,
    /// Each coach, the dearest first.
    pub by_coach: Vec<SpendOfCoach>,
    /// Each call, newest first; at most 200.
    pub by_call: Vec<SpendOfCall>,
}

/// One line of the ledger, which is only ever added to.
#[wire_type]
pub struct LedgerEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// When it was written; of a charge, when its minute started.
    pub date: Timestamp,
    /// What for.
    pub kind: LedgerKind,
    /// What it adds to the balance: below zero for a charge.
    pub micro_dollars: MicroDollars,
    /// The call that was charged for.
    pub call_id: Option<CallId>,
    /// The leg that was charged for: the coach's, or the rep's for the call itself.
    pub leg_id: Option<LegId>,
    /// The coach or the rep who was charged for, or who put the money in.
    pub user_id: Option<UserId>,
    /// Which minute of the leg, from 0.
    pub minute: Option<u32>,
}

/// `POST /api/v1/usage/top_up/`, in local mode, for those who manage the organization.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct TopUpRequest {
    /// How much: 1 to 1 000 000 000 ($1000).
    pub micro_dollars: MicroDollars,
    /// The client's own name for this payment, 1 to 64 letters, digits, `_` and `-`: sent twice, it is
    /// put in once.
    #[schema(min_length = 1, max_length = 64)]
    pub request_id: String,
}

list_query! {
    /// Which time is wanted, and which page of what was in it.
    UsageQuery {
        /// From when on; 30 days before the end when not given.
        pub from: Option<Timestamp>,
        /// Until when; now when not given.
        pub to: Option<Timestamp>,
    }
}
