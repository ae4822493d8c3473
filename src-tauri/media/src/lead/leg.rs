//! The seam to the telephone: a line dials, what it dials is a leg, and a leg that is answered has media.

use std::time::Duration;

use mix::Frame;
use wire::{CallId, OrganizationId};

/// How leads are reached.
pub trait LeadLine: Send + Sync {
    /// Dials a number. Returns at once; what becomes of it arrives as events, in order, at the
    /// sender given here. Dropping the leg hangs it up.
    ///
    /// To be called within a tokio runtime.
    fn dial(&self, dial: Dial, events: tokio::sync::mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg>;

    /// Takes in a lead who calls, and lets them wait until [`LeadLeg::pick_up`] or
    /// [`LeadLeg::hang_up`]. A lead who gives up is told as [`LeadSignal::HungUp`].
    ///
    /// To be called within a tokio runtime.
    fn receive(&self, dial: Dial, events: tokio::sync::mpsc::Sender<LeadEvent>)
    -> Box<dyn LeadLeg>;
}

/// Whom to call, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The call that the lead becomes a part of.
    pub call: CallId,
    /// Whose call it is.
    pub organization: OrganizationId,
    /// The organization's number, in E.164.
    pub local_phone: String,
    /// The lead's number, in E.164.
    pub remote_phone: String,
}

/// What became of one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadEvent {
    /// The call that the leg belongs to.
    pub call: CallId,
    /// What happened.
    pub signal: LeadSignal,
}

/// The course of a leg: it may ring, then is answered or ends; what was answered hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadSignal {
    /// It rings at the lead's.
    Ringing,
    /// The network plays something to whoever calls, before the lead answers: [`LeadLeg::take_media`]
    /// has the media, which hears nothing until [`LeadSignal::Answered`].
    EarlyMedia,
    /// The lead answered: [`LeadLeg::take_media`] has the media, unless it was taken before.
    Answered,
    /// The lead pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    Key(char),
    /// How the leg's network does; every two seconds, where there is one.
    Quality(LeadQuality),
    /// The lead's line is busy. The leg has ended.
    Busy,
    /// The lead does not want the call. The leg has ended.
    Declined,
    /// No one answered in time. The leg has ended.
    NoAnswer,
    /// The number cannot be reached. The leg has ended.
    Unreachable,
    /// The telephone network did not put the call through: no trunk would. The leg has ended.
    Failed,
    /// Nothing is heard of the lead's phone any more. The leg has ended.
    Lost,
    /// The lead hung up. The leg has ended.
    HungUp,
}

/// How a leg's network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeadQuality {
    /// Interarrival jitter of what comes (RFC 3550 §6.4.1), in milliseconds.
    pub jitter_ms: u32,
    /// What was lost of what should have come since the last report, in thousandths.
    pub lost_permille: u16,
    /// How long the way there and back takes, in milliseconds; none before the peer told.
    pub round_trip_ms: Option<u32>,
}

/// One leg to a lead.
pub trait LeadLeg: Send {
    /// Lets in a lead who called: [`LeadLeg::take_media`] has the media from now on.
    fn pick_up(&mut self);
    /// Ends it. No event follows.
    fn hang_up(&mut self);
    /// Sends digits (RFC 4733): `0`–`9`, `*`, `#`, `A`–`D`; others are ignored.
    fn send_dtmf(&mut self, digits: &str);
    /// Tells the lead's side that they are held, or no longer.
    fn set_held(&mut self, held: bool);
    /// The leg's media, once: after it was answered, or said that there is early media.
    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>>;
}

/// What the lead hears in one tick.
#[derive(Debug, Clone, Copy)]
pub struct LeadMix<'a> {
    /// The number of the call's tick.
    pub tick: u64,
    /// 20 ms of sound; silence while the lead is held.
    pub frame: &'a Frame,
    /// The same as an Opus packet; empty while the lead is held, and when
    /// [`LeadMedia::hears_opus`] says no.
    pub opus: &'a [u8],
}

/// How an answered lead sounds and hears.
pub trait LeadMedia: Send {
    /// Whether [`LeadMix::opus`] is wanted. Where it is not, nothing is encoded for the lead.
    fn hears_opus(&self) -> bool {
        true
    }

    /// Called once each 20 ms on the call's worker, also while the lead is held. Never blocks, locks
    /// or allocates. `now` is the worker's clock; each packet given to `speak` is the lead's speech
    /// as it arrived, in any order and number, and is unstamped.
    fn tick(
        &mut self,
        now: Duration,
        heard: LeadMix<'_>,
        speak: &mut dyn FnMut(&voice::Packet<'_>),
    );
}
