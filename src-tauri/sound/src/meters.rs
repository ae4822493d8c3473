//! The levels of all microphones at once: to find the right one by speaking.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::devices::Device;
use crate::shared::Signs;
use crate::stream::Hold;

/// Microphones that are open at once.
const METERS_MAX: usize = 16;
/// Looks without a new sample after which a level is silence.
const MISSED_MAX: u8 = 5;
const SILENCE_DBOV: i8 = -127;

/// All microphones, each open just for its level.
#[derive(Default)]
pub(crate) struct Meters {
    pub(crate) wanted: bool,
    /// By the device's id; `None` for one that cannot be opened, which is not tried again.
    open: BTreeMap<String, Option<Metered>>,
}

/// A microphone that is open, or about to be.
pub(crate) struct Metered {
    serial: u64,
    signs: Arc<Signs>,
    _hold: Hold,
    dbov: i8,
    missed: u8,
}

impl Metered {
    pub(crate) const fn new(serial: u64, signs: Arc<Signs>, hold: Hold) -> Self {
        Self {
            serial,
            signs,
            _hold: hold,
            dbov: SILENCE_DBOV,
            missed: 0,
        }
    }

    fn level(&mut self) -> i8 {
        match self.signs.take_dbov() {
            Some(dbov) => (self.dbov, self.missed) = (dbov, 0),
            None if self.missed >= MISSED_MAX => self.dbov = SILENCE_DBOV,
            None => self.missed += 1,
        }
        self.dbov
    }
}

impl Meters {
    /// Closes those that are not to be open, and gives those that are to be opened. No microphone is
    /// open while someone is on a call, whether that needs one or not (M4).
    pub(crate) fn settle(&mut self, microphones: &[Device], on_a_call: bool) -> Vec<String> {
        if !self.wanted || on_a_call {
            self.open.clear();
            return Vec::new();
        }
        let ids = microphones.iter().take(METERS_MAX).map(|device| &device.id);
        self.open
            .retain(|id, _| ids.clone().any(|other| other == id));
        ids.filter(|id| !self.open.contains_key(*id))
            .cloned()
            .collect()
    }

    /// This one is about to be open, or cannot be.
    pub(crate) fn add(&mut self, id: String, metered: Option<Metered>) {
        self.open.insert(id, metered);
    }

    /// This stream failed, if it is one of these.
    pub(crate) fn failed(&mut self, serial: u64) {
        let mut all = self.open.values_mut();
        let is_it = |one: &&mut Option<Metered>| one.as_ref().is_some_and(|it| it.serial == serial);
        if let Some(metered) = all.find(is_it) {
            *metered = None;
        }
    }

    pub(crate) fn is_any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The level of each that is open.
    pub(crate) fn levels(&mut self) -> Vec<(String, i8)> {
        let open = self.open.iter_mut();
        let open = open.filter_map(|(id, metered)| Some((id, metered.as_mut()?)));
        open.map(|(id, metered)| (id.clone(), metered.level()))
            .collect()
    }
}
