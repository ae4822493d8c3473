//! One of the card's two lines: which device is open on it, and which should be.

use std::time::{Duration, Instant};

use crate::devices::{Choice, Devices, Kind, pick};
use crate::slot::Slot;
use crate::stream::Hold;

/// How long a failed device is left alone.
const AVOIDED_FOR: Duration = Duration::from_secs(2);
/// How many failed devices are remembered.
const AVOIDED_MAX: usize = 32;

/// A device that is open, or about to be.
pub(crate) struct Open {
    pub(crate) serial: u64,
    pub(crate) id: String,
    pub(crate) _hold: Hold,
}

/// What to do about a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All is as it should be, or about to be.
    Wait,
    /// No one needs the device.
    Close,
    /// This device should be open.
    Open(String),
}

/// The microphone's or the loudspeaker's line. `E` is the program's end of its ring.
pub(crate) struct Line<E> {
    kind: Kind,
    pub(crate) user: Option<Slot<E>>,
    /// The end of the open device's ring, while no user has it.
    pub(crate) idle: Option<E>,
    pub(crate) current: Option<Open>,
    pub(crate) opening: Option<Open>,
    avoided: Vec<(String, Instant)>,
    pub(crate) trouble: Option<String>,
}

impl<E> Line<E> {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            user: None,
            idle: None,
            current: None,
            opening: None,
            avoided: Vec::new(),
            trouble: None,
        }
    }

    /// Decides what to do now, and what is wrong.
    pub(crate) fn settle(
        &mut self,
        now: Instant,
        devices: &Devices,
        choice: &Choice,
        wanted: bool,
    ) -> Step {
        self.avoided.retain(|(_, until)| *until > now);
        let works = |id: &str| !self.avoided.iter().any(|(avoided, _)| avoided == id);
        let picked = pick(
            self.kind,
            devices.of(self.kind),
            choice.of(self.kind),
            |device| works(&device.id),
        );
        let id = picked.device.map(|device| device.id.as_str());
        let is = |open: &Option<Open>| open.as_ref().map(|open| open.id.as_str()) == id;
        // A device that is being retried is not well until it runs.
        if picked.trouble.is_some() || !wanted || is(&self.current) {
            self.trouble = picked.trouble;
        }
        match id {
            Some(id) if wanted => {
                if is(&self.opening) {
                    return Step::Wait;
                }
                if is(&self.current) {
                    self.opening = None;
                    return Step::Wait;
                }
                Step::Open(id.to_owned())
            }
            _ if self.current.is_some() || self.opening.is_some() => Step::Close,
            _ => Step::Wait,
        }
    }

    /// Another user has the line from now on.
    pub(crate) fn use_by(&mut self, slot: Slot<E>) {
        if let Some(before) = self.user.take() {
            before.put(None);
            // Its end of the ring would come back too late, or not at all.
            self.current = None;
        }
        if let Some(end) = self.idle.take() {
            slot.put(Some(end));
        } else {
            self.current = None;
        }
        self.user = Some(slot);
    }

    /// This user is done with the line, and gives its end back.
    pub(crate) fn leave(&mut self, slot: &Slot<E>, end: Option<E>) {
        if self.user.as_ref().is_some_and(|user| user.is(slot)) {
            self.user = None;
            // An end that was just put there and not taken is as good.
            self.idle = slot.take().flatten().or(end);
        }
    }

    /// The opening device is running: it replaces the one before.
    pub(crate) fn opened(&mut self, serial: u64, end: E) {
        let Some(opening) = self.opening.take_if(|opening| opening.serial == serial) else {
            return;
        };
        self.current = Some(opening);
        self.idle = None;
        match &self.user {
            Some(user) => user.put(Some(end)),
            None => self.idle = Some(end),
        }
    }

    /// This stream failed. True if it is one of this line.
    pub(crate) fn failed(&mut self, serial: u64, now: Instant) -> bool {
        let is_it = |open: &mut Open| open.serial == serial;
        let failed = if let Some(open) = self.opening.take_if(is_it) {
            open
        } else if let Some(open) = self.current.take_if(is_it) {
            self.lose();
            open
        } else {
            return false;
        };
        if self.avoided.len() < AVOIDED_MAX {
            self.avoided.push((failed.id, now + AVOIDED_FOR));
        }
        true
    }

    pub(crate) fn close(&mut self) {
        self.opening = None;
        if self.current.take().is_some() {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.idle = None;
        if let Some(user) = &self.user {
            user.put(None);
        }
    }
}
