//! The card's loudspeaker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use client::audio::{Discard, Loudspeaker};
use mix::Frame;

use crate::playout::Writer;
use crate::shared::{Input, Shared};
use crate::slot::Slot;

/// A loudspeaker of the card. While no device works, it goes on by the clock, unheard.
pub struct CardLoudspeaker {
    inputs: SyncSender<Input>,
    shared: Arc<Shared>,
    slot: Slot<Writer>,
    writer: Option<Writer>,
    discard: Discard,
}

impl std::fmt::Debug for CardLoudspeaker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CardLoudspeaker")
    }
}

impl CardLoudspeaker {
    pub(crate) fn new(inputs: SyncSender<Input>, shared: Arc<Shared>) -> Self {
        let slot = Slot::new();
        if inputs
            .try_send(Input::OpenLoudspeaker(slot.clone()))
            .is_err()
        {
            tracing::warn!("the sound card is not responding");
        }
        Self {
            inputs,
            shared,
            slot,
            writer: None,
            discard: Discard::default(),
        }
    }
}

impl Loudspeaker for CardLoudspeaker {
    fn wants(&mut self, now: Instant) -> bool {
        if let Some(fresh) = self.slot.take() {
            self.writer = fresh;
        }
        if let Some(wants) = self.writer.as_mut().and_then(|writer| writer.wants(now)) {
            self.discard = Discard::default();
            return wants;
        }
        self.discard.wants(now)
    }

    fn play(&mut self, frame: &Frame) {
        if self.shared.is_read.load(Ordering::Relaxed) {
            self.shared.processor().render(frame);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(frame);
        }
    }
}

impl Drop for CardLoudspeaker {
    fn drop(&mut self) {
        self.slot.close();
        let slot = self.slot.clone();
        let writer = self.writer.take();
        // If there is no room, the card's thread will soon notice that the slot is closed.
        let _ = self.inputs.try_send(Input::CloseLoudspeaker(slot, writer));
    }
}
