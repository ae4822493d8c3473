//! What the engine tells the service.

use std::collections::VecDeque;

use mix::{LegLevel, LegNumber};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use wire::CallId;

use crate::metrics::WorkerMetrics;

/// Something that happened to a call's media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// A leg's connection is up, or up again. Never missed.
    Connected {
        /// The call.
        call: CallId,
        /// The leg in it.
        leg: LegNumber,
    },
    /// A leg's client has been silent for 4.5 s, or closed its connection. Never missed. The leg stays
    /// in the call until it is removed.
    Lost {
        /// The call.
        call: CallId,
        /// The leg in it.
        leg: LegNumber,
    },
    /// The levels of the legs that someone could hear within the last 200 ms; all others were silent.
    /// Dropped when no one takes it in time.
    Levels {
        /// The call.
        call: CallId,
        /// The loudest frame of each. Whoever was not meant to hear a whisper must not learn of it
        /// here either.
        levels: Vec<LegLevel>,
    },
}

/// Events on their way out. Those that must not be missed wait here while the channel is full: one for
/// each leg at most, since the latest says it all.
pub(crate) struct Outbox {
    events: Sender<MediaEvent>,
    waiting: VecDeque<MediaEvent>,
}

impl Outbox {
    pub(crate) fn new(events: Sender<MediaEvent>) -> Self {
        Self {
            events,
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn connected(&mut self, call: &CallId, leg: LegNumber) {
        let call = call.clone();
        self.essential(MediaEvent::Connected { call, leg });
    }

    pub(crate) fn lost(&mut self, call: &CallId, leg: LegNumber) {
        let call = call.clone();
        self.essential(MediaEvent::Lost { call, leg });
    }

    fn essential(&mut self, event: MediaEvent) {
        let about = about(&event);
        self.waiting.retain(|waiting| {
            let same = self::about(waiting) == about;
            !same
        });
        self.waiting.push_back(event);
        self.flush();
    }

    /// Sends what waits, as far as there is room. True if nothing is left.
    pub(crate) fn flush(&mut self) -> bool {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return false;
                }
                // No one will ever ask again.
                Err(TrySendError::Closed(_)) => {}
            }
        }
        true
    }

    pub(crate) fn levels(&mut self, call: &CallId, levels: Vec<LegLevel>, metrics: &WorkerMetrics) {
        let call = call.clone();
        if self
            .events
            .try_send(MediaEvent::Levels { call, levels })
            .is_err()
        {
            metrics.levels_dropped.add(1);
        }
    }

    /// Drops what waits for a call that is gone.
    pub(crate) fn forget(&mut self, call: &CallId) {
        self.waiting
            .retain(|event| about(event).is_none_or(|(of, _)| of != call));
    }
}

fn about(event: &MediaEvent) -> Option<(&CallId, LegNumber)> {
    match event {
        MediaEvent::Connected { call, leg } | MediaEvent::Lost { call, leg } => Some((call, *leg)),
        MediaEvent::Levels { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn essential_events_wait_for_room_and_the_latest_counts() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        let call = CallId::parse("acti_1").unwrap();
        outbox.connected(&call, LegNumber(1));
        outbox.connected(&call, LegNumber(2));
        outbox.lost(&call, LegNumber(2));
        assert_eq!(outbox.waiting.len(), 1);
        let connected = |leg| MediaEvent::Connected {
            call: call.clone(),
            leg: LegNumber(leg),
        };
        assert_eq!(receiver.try_recv().unwrap(), connected(1));
        assert!(outbox.flush());
        let leg = LegNumber(2);
        let lost = MediaEvent::Lost {
            call: call.clone(),
            leg,
        };
        assert_eq!(receiver.try_recv().unwrap(), lost);
        outbox.levels(&call, Vec::new(), &WorkerMetrics::default());
        outbox.connected(&call, LegNumber(3));
        outbox.forget(&call);
        assert!(outbox.waiting.is_empty());
    }
}
