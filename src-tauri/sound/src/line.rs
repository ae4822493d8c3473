//! One of the card's two lines: which device is open on it, and which should be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::devices::{Choice, Devices, Fault, Kind, Stream, muted_here, pick, strayed};
use crate::shared::Signs;
use crate::slot::Slot;
use crate::stream::Hold;

/// How long a failed device is left alone.
const AVOIDED_FOR: Duration = Duration::from_secs(2);
/// How many failed devices are remembered.
const AVOIDED_MAX: usize = 32;

/// How long a device may take to give its first sound, opening it included.
const OPENING_MAX: Duration = Duration::from_secs(5);
/// A device that gives or takes nothing for this long has stopped.
const STANDSTILL: Duration = Duration::from_secs(3);
/// A loudspeaker that is suspended still fills its buffers: one works when it goes on after that.
const FIRST_CALLBACKS: u32 = 5;

/// A device that is open, or about to be.
pub(crate) struct Open {
    pub(crate) serial: u64,
    pub(crate) id: String,
    pub(crate) signs: Arc<Signs>,
    /// How many callbacks there were at the last look, and when the last of them was new.
    pub(crate) beat: (u32, Instant),
    pub(crate) _hold: Hold,
}

impl Open {
    /// Whether it gives or takes nothing although it had `patience`.
    fn is_still(&mut self, now: Instant, patience: Duration) -> bool {
        let callbacks = self.signs.callbacks();
        if callbacks != self.beat.0 {
            self.beat = (callbacks, now);
        }
        now.saturating_duration_since(self.beat.1) > patience
    }

    fn works(&self) -> bool {
        self.signs.callbacks() >= FIRST_CALLBACKS
    }
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
    /// Devices that took too long to open: each is avoided until it has answered.
    stuck: Vec<Open>,
    avoided: Vec<(String, Instant)>,
    /// What the system did to the stream of the open device.
    meddled: Option<Meddled>,
    /// The last stream that was moved back to its device.
    moved_back: Option<u32>,
    pub(crate) trouble: Option<Fault>,
}

/// What somebody set for this program in the system's sound settings.
enum Meddled {
    Muted,
    /// The stream is on this device.
    Moved(String),
}

impl<E> Line<E> {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            user: None,
            idle: None,
            current: None,
            opening: None,
            stuck: Vec::new(),
            avoided: Vec::new(),
            meddled: None,
            moved_back: None,
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
        let known = devices.of(self.kind);
        self.stuck
            .retain(|open| known.iter().any(|device| device.id == open.id));
        let works = |id: &str| {
            !self.avoided.iter().any(|(avoided, _)| avoided == id)
                && !self.stuck.iter().any(|open| open.id == id)
        };
        let picked = pick(
            self.kind,
            devices.of(self.kind),
            choice.of(self.kind),
            |device| works(&device.id),
        );
        let id = picked.device.map(|device| device.id.as_str());
        let is = |open: &Option<Open>| open.as_ref().map(|open| open.id.as_str()) == id;
        let current = self.current.as_ref().filter(|open| Some(&*open.id) == id);
        // A device that is being retried is not well until it runs.
        if picked.trouble.is_some() || !wanted || current.is_some_and(Open::works) {
            let meddled = || match (&self.meddled, current) {
                (Some(Meddled::Muted), Some(_)) => Some(muted_here(self.kind)),
                (Some(Meddled::Moved(on)), Some(open)) => {
                    Some(strayed(devices.of(self.kind), &open.id, on))
                }
                _ => None,
            };
            self.trouble = picked.trouble.or_else(meddled);
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

    /// Takes in where the system says that the newest stream is. The stream it gives is to be moved back
    /// to its device, which the user chose: where the default went is none of its business. It is moved
    /// once, and stays then, unless a person moves it.
    pub(crate) fn found(&mut self, stream: Option<Stream>, choice: &Choice) -> Option<(u32, &str)> {
        self.meddled = None;
        let current = self.current.as_ref().filter(|_| self.opening.is_none())?;
        let stream = stream?;
        if stream.id == current.id {
            self.meddled = stream.is_muted.then_some(Meddled::Muted);
            return None;
        }
        let is_chosen = choice.of(self.kind) == Some(current.id.as_str());
        if is_chosen && self.moved_back != Some(stream.index) {
            self.moved_back = Some(stream.index);
            return Some((stream.index, &current.id));
        }
        self.meddled = Some(Meddled::Moved(stream.id));
        None
    }

    /// Waits no longer for a device that does not open. The open stream, if it has stopped.
    pub(crate) fn stopped(&mut self, now: Instant) -> Option<u64> {
        let never = |open: &mut Open| open.is_still(now, OPENING_MAX);
        self.stuck.extend(self.opening.take_if(never));
        let open = self.current.as_mut()?;
        open.is_still(now, STANDSTILL).then_some(open.serial)
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
        // It is opened anew if it is wanted still.
        self.stuck.retain(|open| open.serial != serial);
        let Some(opening) = self.opening.take_if(|opening| opening.serial == serial) else {
            return;
        };
        self.current = Some(opening);
        self.meddled = None;
        self.idle = None;
        match &self.user {
            Some(user) => user.put(Some(end)),
            None => self.idle = Some(end),
        }
    }

    /// This stream failed. True if it is one of this line.
    pub(crate) fn failed(&mut self, serial: u64, now: Instant) -> bool {
        let is_it = |open: &mut Open| open.serial == serial;
        let stuck = self.stuck.extract_if(.., is_it).next();
        let failed = if let Some(open) = stuck {
            open
        } else if let Some(open) = self.opening.take_if(is_it) {
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
        self.stuck.clear();
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
