//! Taps that take a call's public mix off the worker.

use wire::CallId;

/// Where recordings go.
pub trait RecordingTaps: Send + Sync {
    /// Starts recording a call; `None` if it is not to be recorded. May block: it is called by
    /// [`crate::Media::open_call`], not by a worker.
    fn open(&self, call: &CallId) -> Option<Box<dyn RecordingTap>>;
}

/// One call's recording, on its worker. None of it blocks, locks or allocates, and neither does
/// dropping it.
pub trait RecordingTap: Send {
    /// The loudest sample of the public mix, 0 to 32 767, of the tick whose packet comes next.
    fn peak(&mut self, _peak: u16) {}

    /// The Opus packet of the public mix in one tick. Ticks count up from 0; a missing one was not
    /// mixed.
    fn packet(&mut self, tick: u64, opus: &[u8]);

    /// The lead is on hold in this tick, so that nothing is public: it is a gap, which is shown (rule R3).
    fn gap(&mut self, tick: u64);
}

/// Two recordings of one call.
struct Both(Box<dyn RecordingTap>, Box<dyn RecordingTap>);

impl RecordingTap for Both {
    fn peak(&mut self, peak: u16) {
        self.0.peak(peak);
        self.1.peak(peak);
    }

    fn packet(&mut self, tick: u64, opus: &[u8]) {
        self.0.packet(tick, opus);
        self.1.packet(tick, opus);
    }

    fn gap(&mut self, tick: u64) {
        self.0.gap(tick);
        self.1.gap(tick);
    }
}

/// Both recordings, or the one there is.
pub(crate) fn both(
    one: Option<Box<dyn RecordingTap>>,
    other: Option<Box<dyn RecordingTap>>,
) -> Option<Box<dyn RecordingTap>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Box::new(Both(one, other))),
        (one, other) => one.or(other),
    }
}
