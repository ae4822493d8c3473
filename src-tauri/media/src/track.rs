//! What one track of a party sends: its jitter buffer, and how far its frames reach.
//!
//! Most parties send one track. A coach whose client cannot stamp its packets sends two, one for
//! whispers and one for barges (rule M3): each has a buffer, an encoder at the other end and a gate of
//! its own, so that nothing of one is ever in the other, however late it comes.

use std::time::Duration;

use mix::{Frame, Gate, Mode, Role};
use voice::{JitterBuffer, JitterSettings, JitterStats, Kind, Packet};

use crate::error::MediaError;
use crate::metrics::WorkerMetrics;

/// The most tracks that a party sends.
pub(crate) const TRACKS_MAX: usize = 2;
/// After so many pulls with nothing to play, a track is skipped until it sends again.
pub(crate) const IDLE_PULLS_MAX: u32 = 50;
/// A jitter buffer without packets is dropped after so many ticks: ten seconds.
const BUFFER_KEPT_TICKS: u64 = 500;

/// The mode in which a coach's packet was captured, or the narrowest that it can have been: that of its
/// stamp, and no wider than what its track was declared for. Without either, nothing tells a barge from
/// a whisper.
pub(crate) fn captured_in(stamp: Option<Mode>, declared: Option<Mode>) -> Mode {
    match (stamp, declared) {
        (Some(stamp), Some(declared)) => stamp.narrower(declared),
        (Some(mode), None) | (None, Some(mode)) => mode,
        (None, None) => Mode::Whisper,
    }
}

/// One track of a party.
pub(crate) struct Track {
    pub(crate) gate: Gate,
    /// What it sends; `None` while it sends nothing.
    buffer: Option<Box<JitterBuffer>>,
    idle_pulls: u32,
    last_packet_tick: u64,
    stats: JitterStats,
    stream: Option<u32>,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            gate: Gate::new(),
            buffer: None,
            idle_pulls: IDLE_PULLS_MAX,
            last_packet_tick: 0,
            stats: JitterStats::default(),
            stream: None,
        }
    }
}

impl Track {
    /// Forgets what was sent on it so far.
    pub(crate) fn forget_stream(&mut self) {
        if let Some(buffer) = &mut self.buffer {
            buffer.reset();
        }
        self.stream = None;
        self.idle_pulls = IDLE_PULLS_MAX;
    }

    /// The buffer, if there is one.
    pub(crate) fn buffer(&mut self) -> Option<&mut JitterBuffer> {
        self.buffer.as_deref_mut()
    }

    pub(crate) fn open_buffer(&mut self) -> Result<&mut JitterBuffer, MediaError> {
        let buffer = match self.buffer.take() {
            Some(buffer) => buffer,
            None => Box::new(JitterBuffer::new(JitterSettings::default())?),
        };
        Ok(self.buffer.insert(buffer))
    }

    /// Takes a packet. Not within a tick: the first one allocates the buffer.
    pub(crate) fn push(&mut self, now: Duration, tick: u64, ssrc: u32, packet: &Packet<'_>) {
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

    /// What is said on it in this tick, and how far that reaches. An attached lead is never idle.
    pub(crate) fn pull(
        &mut self,
        now: Duration,
        role: Role,
        attached: bool,
    ) -> Option<(Mode, &Frame)> {
        let buffer = self.buffer.as_mut()?;
        if self.idle_pulls >= IDLE_PULLS_MAX && !attached {
            return None;
        }
        if role == Role::Coach {
            buffer.set_recovers(self.gate.recovers(now));
        }
        let pulled = buffer.pull(now);
        if pulled.kind == Kind::Idle {
            self.idle_pulls = self.idle_pulls.saturating_add(1);
            return None;
        }
        self.idle_pulls = 0;
        let reach = match role {
            Role::Rep | Role::Lead => Mode::Barge,
            Role::Coach => self.gate.reach(now, pulled.mode.unwrap_or(Mode::Listen)),
        };
        Some((reach, pulled.frame))
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

    /// Drops the buffer of a track that has sent nothing for long.
    pub(crate) fn settle(&mut self, tick: u64) {
        if tick.saturating_sub(self.last_packet_tick) > BUFFER_KEPT_TICKS && self.buffer.is_some() {
            self.buffer = None;
            self.stats = JitterStats::default();
        }
    }
}

#[cfg(test)]
mod tests;
