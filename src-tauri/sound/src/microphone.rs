//! The card's microphone.

use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use client::ClientError;
use client::audio::{Microphone, Silence};
use mix::Frame;

use crate::capture::{Reader, UNCERTAINTY};
use crate::shared::{Input, Shared};
use crate::slot::Slot;

/// A microphone of the card. While it is open and no device works, it captures silence.
pub struct CardMicrophone {
    inputs: SyncSender<Input>,
    _on_a_call: Arc<()>,
    shared: Arc<Shared>,
    open: Option<Open>,
}

struct Open {
    slot: Slot<Reader>,
    reader: Option<Reader>,
    /// Nothing captured earlier is read from `reader`: frames never go back in time.
    from: Instant,
    last_end: Instant,
    silence: Silence,
}

impl std::fmt::Debug for CardMicrophone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CardMicrophone")
    }
}

impl CardMicrophone {
    pub(crate) fn new(inputs: SyncSender<Input>, shared: Arc<Shared>) -> Self {
        Self {
            inputs,
            _on_a_call: Arc::clone(&shared.calls),
            shared,
            open: None,
        }
    }
}

impl Microphone for CardMicrophone {
    /// Asks for the device, and does not wait for it.
    fn open(&mut self, now: Instant) -> Result<(), ClientError> {
        if self.open.is_some() {
            return Ok(());
        }
        let slot = Slot::new();
        let mut silence = Silence::default();
        silence.open(now)?;
        self.inputs
            .try_send(Input::OpenMicrophone(slot.clone()))
            .map_err(|_| ClientError::Audio("the sound card is not responding".into()))?;
        self.shared.is_read.store(true, Ordering::Relaxed);
        self.open = Some(Open {
            slot,
            reader: None,
            from: now,
            last_end: now,
            silence,
        });
        Ok(())
    }

    fn close(&mut self) {
        if let Some(Open { slot, reader, .. }) = self.open.take() {
            self.shared.is_read.store(false, Ordering::Relaxed);
            slot.close();
            // If there is no room, the card's thread will soon notice that the slot is closed.
            let _ = self.inputs.try_send(Input::CloseMicrophone(slot, reader));
        }
    }

    fn read(&mut self, now: Instant, frame: &mut Frame) -> Option<Instant> {
        let open = self.open.as_mut()?;
        if let Some(fresh) = open.slot.take() {
            open.reader = fresh;
            open.from = open.last_end;
            open.silence.close();
            if open.reader.is_none() {
                open.silence.open(now).ok()?;
            }
        }
        let end = if let Some(reader) = &mut open.reader {
            let end = reader.read(open.from, frame)?;
            self.shared.processor().capture(frame);
            end
        } else {
            open.silence.read(now, frame)?
        };
        open.last_end = open.last_end.max(end);
        Some(end)
    }

    fn uncertainty(&self) -> Duration {
        UNCERTAINTY
    }

    fn trouble(&self) -> Option<String> {
        let trouble = self.shared.trouble.lock();
        let trouble = trouble.unwrap_or_else(PoisonError::into_inner);
        let fault = trouble
            .microphone
            .as_ref()
            .filter(|fault| fault.is_silent)?;
        self.open.as_ref().map(|_| fault.message.clone())
    }
}

impl Drop for CardMicrophone {
    fn drop(&mut self) {
        self.close();
    }
}
