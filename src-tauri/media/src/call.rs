//! One call's media: its parties, and what each of them is sending.

use std::time::{Duration, Instant};

use mix::{
    Gate, GrantCause, LegNumber, MAX_PARTIES, MixKey, Mixer, Mode, Role, Routes, RoutesError,
};
use voice::{JitterBuffer, JitterSettings, JitterStats, ReportedLoss};
use wire::CallId;

use crate::announcement::{ANNOUNCEMENT_LEG, Announcement, Playing};
use crate::encoders::MixEncoders;
use crate::error::MediaError;
use crate::lead::LeadMedia;
use crate::metrics::WorkerMetrics;
use crate::recording::RecordingTap;

/// After so many pulls with nothing to play, a leg is skipped until it sends again.
pub(crate) const IDLE_PULLS_MAX: u32 = 50;
/// A jitter buffer without packets is dropped after so many ticks: ten seconds.
const BUFFER_KEPT_TICKS: u64 = 500;

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
    pub(crate) gate: Gate,
    /// What it sends; `None` while it sends nothing.
    pub(crate) buffer: Option<Box<JitterBuffer>>,
    pub(crate) idle_pulls: u32,
    last_packet_tick: u64,
    stats: JitterStats,
    stream: Option<u32>,
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
        leg.gate.set(now, mode, cause);
        Ok(())
    }

    pub(crate) fn attach_lead(&mut self, lead: Box<dyn LeadMedia>) -> Result<(), MediaError> {
        let leg = self.legs.iter_mut().find(|leg| leg.role == Role::Lead);
        let leg = leg.ok_or(MediaError::UnknownLeg)?;
        if leg.lead.is_some() {
            return Err(MediaError::NotAttachable);
        }
        // Allocated here rather than in the tick in which the lead first speaks.
        leg.open_buffer()?;
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
            let silent = tick.saturating_sub(leg.last_packet_tick) > BUFFER_KEPT_TICKS;
            if silent && leg.lead.is_none() && leg.buffer.is_some() {
                leg.buffer = None;
                leg.stats = JitterStats::default();
            }
        }
    }
}

impl Leg {
    fn new(id: LegNumber, role: Role) -> Self {
        Self {
            id,
            role,
            gate: Gate::new(),
            buffer: None,
            idle_pulls: IDLE_PULLS_MAX,
            last_packet_tick: 0,
            stats: JitterStats::default(),
            stream: None,
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
            self.gate = Gate::new();
            self.forget_stream();
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
        self.forget_stream();
        self.current.replace(key)
    }

    fn forget_stream(&mut self) {
        if let Some(buffer) = &mut self.buffer {
            buffer.reset();
        }
        self.stream = None;
        self.idle_pulls = IDLE_PULLS_MAX;
    }

    pub(crate) fn open_buffer(&mut self) -> Result<&mut JitterBuffer, MediaError> {
        let buffer = match self.buffer.take() {
            Some(buffer) => buffer,
            None => Box::new(JitterBuffer::new(JitterSettings::default())?),
        };
        Ok(self.buffer.insert(buffer))
    }

    /// Takes a packet from the leg's client. Not within a tick: the first one allocates the buffer.
    pub(crate) fn push(&mut self, now: Duration, tick: u64, ssrc: u32, packet: &voice::Packet<'_>) {
        let changed = self.stream.replace(ssrc).is_some_and(|old| old != ssrc);
        self.last_packet_tick = tick;
        self.idle_pulls = 0;
        match self.open_buffer() {
            Ok(buffer) => {
                if changed {
                    buffer.reset();
                }
                buffer.push(now, packet);
            }
            Err(error) => tracing::error!(%error, "could not create a jitter buffer"),
        }
    }

    /// Adds what the buffer has counted since the last time.
    pub(crate) fn count(&mut self, metrics: &WorkerMetrics) {
        let Some(buffer) = &self.buffer else {
            return;
        };
        let stats = buffer.stats();
        let before = std::mem::replace(&mut self.stats, stats);
        metrics.lost.add(stats.lost.saturating_sub(before.lost));
        let recovered = stats.recovered.saturating_sub(before.recovered);
        metrics.recovered.add(recovered);
        let concealed = stats.concealed.saturating_sub(before.concealed);
        metrics.concealed.add(concealed);
        metrics.late.add(stats.late.saturating_sub(before.late));
        metrics
            .refused
            .add(stats.refused.saturating_sub(before.refused));
        if self.idle_pulls == 0 {
            metrics.record_depth_ms(stats.depth_ms);
        }
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
