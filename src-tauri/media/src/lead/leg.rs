//! The seam to the telephone: a line dials, what it dials is a leg, and a leg that is answered has media.

use std::time::Duration;

use mix::Frame;
use wire::{CallId, LeadQuality, OrganizationId};

/// How leads are reached.
pub trait LeadLine: Send + Sync {
    /// Dials a number. Returns at once; what happens next arrives as events, in order. Dropping the leg
    /// hangs it up.
    ///
    /// Call it within a tokio runtime.
    fn dial(&self, dial: Dial, events: tokio::sync::mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg>;

    /// Takes an inbound call, which waits until [`LeadLeg::pick_up`] or [`LeadLeg::hang_up`]. If the lead
    /// gives up first, the event is [`LeadSignal::HungUp`].
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

/// Something that happened to a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadEvent {
    /// The call that the leg belongs to.
    pub call: CallId,
    /// What happened.
    pub signal: LeadSignal,
}

/// The course of a leg: it may ring, and is then answered or ends; an answered one ends when it hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadSignal {
    /// The lead's phone is ringing.
    Ringing,
    /// The network plays something to the caller before the lead answers: [`LeadLeg::take_media`]
    /// has the media, which hears nothing until [`LeadSignal::Answered`].
    EarlyMedia,
    /// The lead answered: [`LeadLeg::take_media`] has the media, unless it was already taken.
    Answered,
    /// The lead pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    Key(char),
    /// The quality of the leg's network; every two seconds, if it has one.
    Quality(LeadQuality),
    /// The lead's line is busy. The leg has ended.
    Busy,
    /// The lead declined the call. The leg has ended.
    Declined,
    /// No one answered in time. The leg has ended.
    NoAnswer,
    /// The number cannot be reached. The leg has ended.
    Unreachable,
    /// The telephone network did not put the call through, over any trunk. The leg has ended.
    Failed,
    /// Nothing has been heard of the lead's phone for a few seconds. It may be well and silent.
    Unheard {
        /// How long ago it was last heard, in milliseconds.
        ms_ago: u64,
    },
    /// The lead's phone is heard again, or answered that it is there.
    Heard,
    /// The connection to the lead's phone was lost. The leg has ended.
    Lost,
    /// The lead hung up. The leg has ended.
    HungUp,
}

/// One leg to a lead.
pub trait LeadLeg: Send {
    /// Answers an inbound call: [`LeadLeg::take_media`] has the media from now on.
    fn pick_up(&mut self);
    /// Ends it. No event follows.
    fn hang_up(&mut self);
    /// Sends digits, as events (RFC 4733) or as tones: `0`–`9`, `*`, `#`, `A`–`D`; others are ignored.
    fn send_dtmf(&mut self, digits: &str);
    /// Tells the lead's side whether they are on hold.
    fn set_held(&mut self, held: bool);
    /// The leg's media, once, after it was answered or announced early media.
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

    /// The part of the packets that the lead's phone did not get, by its latest receiver report (RFC 3550
    /// §6.4.1), if there is a new one. Never blocks, locks or allocates.
    fn take_reported_loss(&mut self) -> Option<f32> {
        None
    }

    /// Called every 20 ms on the call's worker, also while the lead is on hold. Never blocks, locks
    /// or allocates. `now` is the worker's clock. Each packet given to `speak` is the lead's speech
    /// as it arrived, in any order and number, without a stamp.
    fn tick(
        &mut self,
        now: Duration,
        heard: LeadMix<'_>,
        speak: &mut dyn FnMut(&voice::Packet<'_>),
    );
}
