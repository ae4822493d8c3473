//! One leg to a phone: a task that owns its dialog, its course and the controls of its media.

mod course;
mod exchange;
mod headers;
mod info;
mod session;
mod task;
mod timer;

use std::sync::Arc;

use media::{Dial, LeadEvent, LeadLeg, LeadMedia, LeadSignal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::endpoint::Trunk;
use crate::phone::{PhoneControl, PhoneMedia};
use task::{Command, Task};

pub(crate) use headers::{callee, caller, too_short};
pub(crate) use task::Waiting;

/// Commands waiting for one leg.
const COMMANDS_MAX: usize = 64;

/// The service's end of a leg.
pub(crate) struct PhoneLeg {
    commands: mpsc::Sender<Command>,
    ending: CancellationToken,
    media: Option<PhoneMedia>,
}

impl PhoneLeg {
    /// Calls a number over the first of these trunks that accepts it.
    pub(crate) fn dial(
        dial: Dial,
        trunks: Vec<Arc<Trunk>>,
        phone: (PhoneControl, PhoneMedia),
        advertised: Option<std::net::IpAddr>,
        events: mpsc::Sender<LeadEvent>,
    ) -> Self {
        Self::run(phone, |control, commands, ending| {
            Task::dial(dial, trunks, control, advertised, events)
                .map(|task| task.run(commands, ending))
        })
    }

    /// Lets an inbound call wait.
    pub(crate) fn receive(
        dial: Dial,
        waiting: Waiting,
        phone: (PhoneControl, PhoneMedia),
        advertised: Option<std::net::IpAddr>,
        events: mpsc::Sender<LeadEvent>,
    ) -> Self {
        Self::run(phone, |control, commands, ending| {
            Task::receive(dial, waiting, control, advertised, events)
                .map(|task| task.run(commands, ending))
        })
    }

    fn run<F: Future<Output = ()> + Send + 'static>(
        (control, media): (PhoneControl, PhoneMedia),
        task: impl FnOnce(PhoneControl, mpsc::Receiver<Command>, CancellationToken) -> Option<F>,
    ) -> Self {
        let (commands, taken) = mpsc::channel(COMMANDS_MAX);
        let ending = CancellationToken::new();
        if let Some(running) = task(control, taken, ending.clone()) {
            tokio::spawn(running);
        }
        Self {
            commands,
            ending,
            media: Some(media),
        }
    }

    fn ask(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!("dropped a command: the leg is over or has too many waiting");
        }
    }
}

impl LeadLeg for PhoneLeg {
    fn pick_up(&mut self) {
        self.ask(Command::PickUp);
    }

    fn hang_up(&mut self) {
        self.ending.cancel();
    }

    fn send_dtmf(&mut self, digits: &str) {
        self.ask(Command::Keys(digits.to_owned()));
    }

    fn set_held(&mut self, held: bool) {
        self.ask(Command::Held(held));
    }

    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>> {
        let media = self.media.take()?;
        Some(Box::new(media))
    }
}

impl Drop for PhoneLeg {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// A leg that could not be set up, and reports that.
pub(crate) struct NoLeg;

impl NoLeg {
    /// Reports why.
    pub(crate) fn tell(dial: Dial, signal: LeadSignal, events: mpsc::Sender<LeadEvent>) -> Self {
        tokio::spawn(async move {
            let call = dial.call;
            // No one may be waiting for it any more.
            let _ = events.send(LeadEvent { call, signal }).await;
        });
        Self
    }
}

impl LeadLeg for NoLeg {
    fn pick_up(&mut self) {}
    fn hang_up(&mut self) {}
    fn send_dtmf(&mut self, _digits: &str) {}
    fn set_held(&mut self, _held: bool) {}
    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>> {
        None
    }
}
