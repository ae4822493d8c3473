//! The client's state machine: signed in or out, the WebSocket, teammates, my call, my coaching,
//! invitations.
//!
//! `session` knows nothing of sockets, HTTP, tokens, WebRTC, codecs, sound cards, clocks or windows:
//! [`Session::handle`] is given the time and one [`Input`], then [`Session::poll`] is drained of
//! [`Output`]s, which are data for the shell to carry out.
//!
//! What it watches over (rules M3, M4): the mode that the microphone is stamped with is never wider
//! than the last grant that the service confirmed. To widen, it asks first and stamps once that is
//! confirmed; to narrow, it stamps at once and then tells. While the connection or the grant is in
//! doubt, the stamp is Listen, and in Listen the microphone is closed.

#![warn(missing_docs)]

mod coaching;
mod dial;
mod input;
mod invitations;
mod link;
mod microphone;
mod output;
mod owed;
mod retry;
mod session;
mod view;

pub use coaching::{Coaching, CoachingView};
pub use dial::{Dial, linked_number, tel_link};
pub use input::{Command, CommandId, Failure, Input, MediaId, MediaInput, Reply, RequestId};
pub use output::{MediaRole, Notice, Output, Request, Resume, SignedOutReason};
pub use retry::{RETRY_MAX, RETRY_MIN, Retry};
pub use session::Session;
pub use view::{
    Audience, Connection, EndReason, MediaStatus, ModeChoice, MyCall, Person, Presence, View,
};
