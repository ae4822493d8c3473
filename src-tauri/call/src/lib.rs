//! One call as a state machine: who is in it, in which mode, and what each may do and see.
//!
//! A shell reports what happened with [`Machine::handle`], then drains [`Machine::poll`], whose outputs
//! say what to do, and calls again no later than [`Machine::wake_at`]. Time, ids and facts,
//! such as a role's permissions, are arguments. Which leg hears what follows from the outputs alone:
//! a leg that was not added hears nothing, and a grant that was not set is Listen.
//!
//! `call` knows nothing of HTTP, sockets, sound, storage, clocks or other calls.

#![warn(missing_docs)]

mod authority;
mod input;
mod limits;
mod machine;
mod output;
mod record;
mod refusal;
mod view;

pub use authority::Authority;
pub use input::{Annotation, Digits, Input, Invitee, Join, LeadProgress};
pub use limits::{HISTORY_LINES_MAX, INVITATIONS_KEPT_MAX, LEGS_KEPT_MAX, Limits};
pub use machine::{LEAD_LEG, Machine, Placed, REP_LEG};
pub use output::Output;
pub use record::{abandoned, annotate, cut_off_at, owed, recorded};
pub use refusal::Refusal;
pub use view::{Viewer, invitation_targets, joinability, may_see_coach_legs, seen_from, view};
