//! One call's media: its parties, and what each of them is sending.

use std::time::{Duration, Instant};

use mix::{
    Gate, GrantCause, LegNumber, MAX_PARTIES, MixKey, Mixer, Mode, Role, Routes, RoutesError,
};
use voice::{JitterBuffer, ReportedLoss};
use wire::CallId;

use crate::announcement::{ANNOUNCEMENT_LEG, Announcement, Playing};
use crate::encoders::MixEncoders;
use crate::error::MediaError;
use crate::lead::LeadMedia;
use crate::metrics::WorkerMetrics;
use crate::recording::RecordingTap;
use crate::track::{TRACKS_MAX, Track};

/// One call on a worker.
pub(crate) struct Call {
    pub(crate) id: CallId,
    /// Tells this call apart from an earlier one in the same slot.
    pub(crate) serial: u64,
    pub(crate) phase: usize,
    pub(crate) due: Instant,
    /// The number of the next tick.
    pub(crate) tick: u64,
    pub(crate) routes: Routes,
    /// In leg order.
    pub(crate) legs: Vec<Leg>,
    pub(crate) mixer: Mixer,
    pub(crate) encoders: MixEncoders,
    pub(crate) recording: Option<Box<dyn RecordingTap>>,
    /// Whether the last report of levels had anyone in it.
    pub(crate) levels_told: bool,
}

/// One party.
pub(crate) struct Leg {
    pub(crate) id: LegNumber,
    pub(crate) role: Role,
    /// What it sends; most send on the first track alone.
    pub(crate) tracks: [Track; TRACKS_MAX],
    /// Keys of the connection that is up, and of one that will replace it.
    pub(crate) current: Option<usize>,
    pub(crate) pending: Option<usize>,
    pub(crate) lost: bool,
    pub(crate) reachable: bool,
    pub(crate) lead: Option<Box<dyn LeadMedia>>,
    /// What its client, or its phone, reports to lose of what it is sent.
    reported_loss: ReportedLoss,
    /// The loss to prepare for, in percent, as of the last review.
    pub(crate) lost_percent: u8,
    /// Played instead of sound from outside.
    pub(crate) playing: Option<Playing>,
    /// The mix it was last served.
    pub(crate) served: Option<MixKey>,
    /// The loudest frame since levels were last reported: how far it reached, and its level.
    pub(crate) loudest: Option<(Mode, i8)>,
}

impl Call {
    pub(crate) fn new(
        id: CallId,
        serial: u64,
        phase: usize,
        due: Instant,
        recording: Option<Box<dyn RecordingTap>>,
    ) -> Self {
        Self {
            id,
            serial,
            phase,
            due,
            tick: 0,
            routes: Routes::new(),
            legs: Vec::with_capacity(MAX_PARTIES),
            mixer: Mixer::new(),
            encoders: MixEncoders::new(),
            recording,
            levels_told: false,
        }
    }

    pub(crate) fn leg(&mut self, id: LegNumber) -> Result<&mut Leg, MediaError> {
        let at = self.legs.binary_search_by_key(&id, |leg| leg.id);
        let leg = at.ok().and_then(|at| self.legs.get_mut(at));
        leg.ok_or(MediaError::UnknownLeg)
    }

    pub(crate) fn add_leg(&mut self, id: LegNumber, role: Role) -> Result<(), MediaError> {
        self.routes.add(id, role)?;
        let Err(at) = self.legs.binary_search_by_key(&id, |leg| leg.id) else {
            return Err(RoutesError::Duplicate.into());
        };
        self.legs.insert(at, Leg::new(id, role));
        Ok(())
    }

    /// Takes a leg out. The caller closes its connections.
    pub(crate) fn remove_leg(&mut self, id: LegNumber) -> Result<Leg, MediaError> {
        self.routes.remove(id);
        let at = self.legs.binary_search_by_key(&id, |leg| leg.id);
        at.map(|at| self.legs.remove(at))
            .map_err(|_| MediaError::UnknownLeg)
    }

    pub(crate) fn set_mode(
        &mut self,
        now: Duration,
        id: LegNumber,
        mode: Mode,
        cause: GrantCause,
    ) -> Result<(), MediaError> {
        let leg = self.leg(id)?;
        if leg.role != Role::Coach {
            return Err(MediaError::NotACoach);
        }
        for track in &mut leg.tracks {
            track.gate.set(now, mode, cause);
        }
        Ok(())
    }

    pub(crate) fn attach_lead(&mut self, lead: Box<dyn LeadMedia>) -> Result<(), MediaError> {
        let leg = self.legs.iter_mut().find(|leg| leg.role == Role::Lead);
        let leg = leg.ok_or(MediaError::UnknownLeg)?;
        if leg.lead.is_some() {
            return Err(MediaError::NotAttachable);
        }
        // Allocated here rather than in the tick in which the lead first speaks.
        leg.first_track().open_buffer()?;
        leg.lead = Some(lead);
        Ok(())
    }

    /// Begins an announcement. True if it added a leg.
    pub(crate) fn announce(&mut self, announcement: Announcement) -> Result<bool, MediaError> {
        let is_new = self.leg(ANNOUNCEMENT_LEG).is_err();
        if is_new {
            self.add_leg(ANNOUNCEMENT_LEG, Role::Coach)?;
        }
        self.leg(ANNOUNCEMENT_LEG)?.playing = Some(Playing::new(announcement));
        Ok(is_new)
    }

    /// Takes out an announcement that has ended.
    pub(crate) fn take_announced(&mut self) -> Option<Leg> {
        let leg = self.leg(ANNOUNCEMENT_LEG).ok()?;
        let over = leg.playing.as_ref().is_none_or(Playing::is_over);
        if over {
            self.remove_leg(ANNOUNCEMENT_LEG).ok()
        } else {
            None
        }
    }

    /// Adds up what the jitter buffers counted, and drops those of legs that fell silent.
    pub(crate) fn settle_buffers(&mut self, metrics: &WorkerMetrics) {
        let tick = self.tick;
        for leg in &mut self.legs {
            leg.count(metrics);
            if leg.lead.is_none() {
                leg.tracks.iter_mut().for_each(|track| track.settle(tick));
            }
        }
    }
}

impl Leg {
    fn new(id: LegNumber, role: Role) -> Self {
        Self {
            id,
            role,
            tracks: Default::default(),
            current: None,
            pending: None,
            lost: false,
            reachable: true,
            lead: None,
            reported_loss: ReportedLoss::default(),
            lost_percent: 0,
            playing: None,
            served: None,
            loudest: None,
        }
    }

    /// A client's offer was answered: `key` will become the leg's connection. Returns the key of a
    /// connection that was still being set up and is given up for it.
    pub(crate) fn offered(&mut self, key: usize) -> Option<usize> {
        self.begin_in_listen();
        self.pending.replace(key)
    }

    /// The client made another offer for the connection `key`, which it has or is setting up. Returns the
    /// key of one that was to replace it and is given up.
    pub(crate) fn offered_again(&mut self, key: usize) -> Option<usize> {
        self.begin_in_listen();
        self.pending.take_if(|pending| *pending != key)
    }

    /// A coach is in Listen after each offer (rule M1). What was said before it is not played any more
    /// either: only what comes now can say how wide it was meant to go.
    fn begin_in_listen(&mut self) {
        if self.role == Role::Coach {
            for track in &mut self.tracks {
                track.gate = Gate::new();
            }
            self.forget_streams();
        }
    }

    /// Whether sound from this connection is the leg's. A coach's old connection is no longer trusted
    /// once there is an offer for a new one.
    pub(crate) fn hears_from(&self, key: usize) -> bool {
        self.current == Some(key) && !(self.role == Role::Coach && self.pending.is_some())
    }

    /// The awaited connection is up. Returns the key of the one it replaces.
    pub(crate) fn connected(&mut self, key: usize) -> Option<usize> {
        if self.pending != Some(key) {
            return None;
        }
        self.pending = None;
        self.lost = false;
        self.reachable = true;
        self.forget_streams();
        self.current.replace(key)
    }

    fn forget_streams(&mut self) {
        self.tracks.iter_mut().for_each(Track::forget_stream);
    }

    /// The only track of most parties.
    pub(crate) const fn first_track(&mut self) -> &mut Track {
        let [first, ..] = &mut self.tracks;
        first
    }

    /// The lead's media with the buffer that it speaks into.
    pub(crate) fn lead_media(&mut self) -> Option<(&mut dyn LeadMedia, &mut JitterBuffer)> {
        let [first, ..] = &mut self.tracks;
        Some((self.lead.as_deref_mut()?, first.buffer()?))
    }

    /// Adds what the buffers have counted since the last time.
    pub(crate) fn count(&mut self, metrics: &WorkerMetrics) {
        self.tracks
            .iter_mut()
            .for_each(|track| track.count(metrics));
    }

    /// Takes what was reported to be lost since the last review, if there was a report.
    pub(crate) fn note_loss(&mut self, now: Duration, lost_fraction: Option<f32>) {
        if let Some(lost) = lost_fraction {
            self.reported_loss.report(now, lost);
        }
        self.lost_percent = self.reported_loss.expected_percent(now);
    }

    /// Whether its mix has anywhere to go.
    pub(crate) fn is_served(&self) -> bool {
        self.lead.is_some() || (self.current.is_some() && !self.lost)
    }

    /// Notes the level of a frame that someone could hear.
    pub(crate) fn note_level(&mut self, reach: Mode, level_dbov: i8) {
        if self.loudest.is_none_or(|(_, loudest)| level_dbov > loudest) {
            self.loudest = Some((reach, level_dbov));
        }
    }
}
