//! How far each played frame of a coach may reach: the guard of rule M3.

use std::time::Duration;

use crate::mode::Mode;

/// How long after a switch earlier frames may still be in a jitter buffer. It must be longer than any
/// jitter buffer is deep.
pub const DRAIN: Duration = Duration::from_secs(1);

/// How long after a widening a frame may still come that was captured before it. It must be longer
/// than a connection may be silent before it is given up.
pub const IN_FLIGHT_MAX: Duration = Duration::from_secs(6);

/// Why a coach's grant changes. It decides what becomes of speech that is still in a jitter buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantCause {
    /// The coach asked: what they said before they narrowed still goes as far as they meant it to.
    Asked,
    /// The permission was taken away (rule A2), or the connection was lost: nothing wider gets
    /// through from now on.
    Revoked,
}

/// What one coach has been granted, and how far each of their played frames may reach.
///
/// A frame reaches as far as the narrower of the grant and its stamp, the mode it was captured in. So
/// the stamp alone keeps a whisper from the lead, and the grant keeps a coach from reaching further than
/// the service allowed. Three windows follow a switch:
///
/// - After the coach narrowed, frames captured and stamped before are still to be played: for [`DRAIN`]
///   they reach as far as before the switch. The first frame with the new stamp ends
///   this early, if a wide one had been played before the switch. If none had, that frame may be
///   older than the wide ones, and only time ends it.
/// - After a revocation nothing reaches further than what was left, for [`DRAIN`], whatever is granted
///   meanwhile: speech from before the revocation cannot be told from speech after it.
/// - After a widening no lost frame may be recovered from a later packet, for [`IN_FLIGHT_MAX`]: see
///   [`Gate::recovers`].
///
/// A coach who sends a track for each mode has a gate for each track.
///
/// Time comes from any clock that does not run backwards.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    grant: Mode,
    /// Whether a frame as wide as the grant was played since the grant changed, and none of an
    /// earlier grant could be mistaken for it.
    is_reached: bool,
    drain: Option<Drain>,
    revoked: Option<Window>,
    /// When a frame from before the latest widening can no longer come.
    widened_until: Option<Duration>,
}

/// Until `until`, nothing beyond `mode`.
#[derive(Debug, Clone, Copy)]
struct Window {
    mode: Mode,
    until: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Drain {
    window: Window,
    ends_early: bool,
}

impl Gate {
    /// The gate of a coach who just joined: Listen (rule M1).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The mode that is granted now.
    #[must_use]
    pub const fn grant(&self) -> Mode {
        self.grant
    }

    /// Changes the grant, for this reason.
    pub fn set(&mut self, now: Duration, mode: Mode, cause: GrantCause) {
        match cause {
            GrantCause::Asked => self.ask(now, mode),
            GrantCause::Revoked => self.revoke(now, mode),
        }
    }

    /// A switch that the coach asked for and the service allows.
    ///
    /// The client stamps wider only after this is confirmed, so no frame with a true stamp ever has to
    /// wait for it.
    pub fn ask(&mut self, now: Duration, mode: Mode) {
        let before = self.grant;
        if mode == before {
            return;
        }
        let drain = self.drain.take().filter(|drain| drain.window.is_open(now));
        if mode < before {
            let widest = drain.map_or(before, |drain| drain.window.mode.max(before));
            self.drain = Some(Drain {
                window: Window::open(widest, now, DRAIN),
                ends_early: self.is_reached,
            });
        } else {
            self.widened_until = Some(now.saturating_add(IN_FLIGHT_MAX));
            self.drain = drain;
        }
        self.grant = mode;
        self.is_reached = false;
    }

    /// Takes away everything wider than `ceiling` at once (rule A2): frames still to be played are
    /// narrowed too.
    pub fn revoke(&mut self, now: Duration, ceiling: Mode) {
        let revoked = self.revoked.filter(|window| window.is_open(now));
        let mode = revoked.map_or(ceiling, |window| window.mode.min(ceiling));
        self.revoked = Some(Window::open(mode, now, DRAIN));
        if ceiling < self.grant {
            self.grant = ceiling;
            self.is_reached = false;
        }
    }

    /// How far the frame being played may reach. Call it for each played frame, in the order in which
    /// they were captured.
    ///
    /// `stamp` is the mode that the frame was captured in, or the narrowest that it can have been: that
    /// in its header extension, that of its track, and for a concealed frame the narrowest of its
    /// neighbours.
    pub fn reach(&mut self, now: Duration, stamp: Mode) -> Mode {
        let reach = stamp.narrower(self.ceiling(now, stamp));
        let revoked = self.revoked.filter(|window| window.is_open(now));
        revoked.map_or(reach, |window| window.mode.narrower(reach))
    }

    /// Whether a lost frame may be recovered from the copy in a later packet (RFC 6716 §2.1.7).
    ///
    /// The copy has no stamp of its own. Between two barged packets a whisper may have been lost whole,
    /// so a copy is not trusted while the lost frame may be older than the latest widening. It is
    /// concealed instead, from frames that were heard.
    #[must_use]
    pub fn recovers(&self, now: Duration) -> bool {
        self.widened_until.is_none_or(|until| now >= until)
    }

    /// The widest that a frame may reach, given what its stamp says about the drain.
    fn ceiling(&mut self, now: Duration, stamp: Mode) -> Mode {
        if let Some(drain) = self.drain
            && (!drain.window.is_open(now)
                || drain.ends_early && stamp <= self.grant && self.grant < drain.window.mode)
        {
            self.drain = None;
        }
        self.is_reached |= self.drain.is_none() && stamp >= self.grant;
        self.drain
            .map_or(self.grant, |drain| drain.window.mode.max(self.grant))
    }
}

impl Window {
    fn open(mode: Mode, now: Duration, length: Duration) -> Self {
        Self {
            mode,
            until: now.saturating_add(length),
        }
    }

    fn is_open(&self, now: Duration) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests;
