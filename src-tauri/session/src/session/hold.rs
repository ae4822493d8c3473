//! Holding a key to whisper: Whisper while it is down, Listen as soon as it is up.

use mix::Mode;
use wire::CoachMode;

use crate::{CommandId, Failure, Reply};

use super::{Session, refuse};

/// The key is down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    /// The switch that it asked for, if it did.
    press: Option<CommandId>,
}

impl Session {
    pub(super) fn hold_to_whisper(&mut self, id: CommandId, held: bool) -> Result<(), Failure> {
        if held {
            return self.pressed(id);
        }
        if let Some(hold) = self.hold.take() {
            self.released(hold);
        }
        self.finish(id, Ok(Reply::Done));
        Ok(())
    }

    fn pressed(&mut self, id: CommandId) -> Result<(), Failure> {
        let Some(coaching) = &self.view.coaching else {
            return refuse("not coaching a call");
        };
        // A key that is held repeats itself.
        if self.hold.is_some() {
            self.finish(id, Ok(Reply::Done));
            return Ok(());
        }
        let wanted = coaching.mode_under_way().unwrap_or(coaching.mode());
        if wanted == CoachMode::Whisper {
            self.hold = Some(Hold { press: None });
            self.finish(id, Ok(Reply::Done));
            return Ok(());
        }
        self.hold = Some(Hold { press: Some(id) });
        self.set_mode(id, Mode::Whisper)
    }

    /// Nothing waits here: the stamp is Listen before the service is told, and what it grants later
    /// for the key that was down is given up already.
    fn released(&mut self, hold: Hold) {
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        let replaced = coaching.want(None, Mode::Listen);
        self.restamp();
        if let Some(replaced) = replaced {
            // A short press that was never asked for is no failure.
            let outcome = if hold.press == Some(replaced) {
                Ok(Reply::Done)
            } else {
                refuse("another switch took its place")
            };
            self.finish(replaced, outcome);
        }
        self.notify_coaching();
    }
}
