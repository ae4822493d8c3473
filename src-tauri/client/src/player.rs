//! Plays a recording: read in parts over HTTP, decoded here, heard from the loudspeaker that is set.
//!
//! The web view does not play it: its codecs differ from system to system, and it knows neither the
//! device that the person chose nor the access token.

mod packets;
mod parts;

use std::time::{Duration, Instant};

use mix::{Frame, SILENCE};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use voice::Decoder;
use wire::CallId;

use crate::api::Api;
use crate::audio::Loudspeaker;
use crate::error::ClientError;
use packets::Packets;
use parts::Parts;

/// Frames that are decoded ahead: two seconds.
const AHEAD_MAX: usize = 100;
/// How often the loudspeaker is looked at.
const TICK: Duration = Duration::from_millis(10);
/// Decoded before the place that is asked for and not played: what a decoder needs to settle
/// (RFC 7845, section 4.6).
const PREROLL_MS: u32 = 80;
/// The longest packet of Opus, 120 ms (RFC 6716, section 2.1.4).
const PACKET_SAMPLES_MAX: usize = 5760;
const FRAME_MS: u32 = mix::FRAME_MS as u32;

/// How playing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playing {
    /// Where it is, from the recording's start.
    pub position_ms: u32,
    /// Whether it goes on; it does not after the end or a failure.
    pub on: bool,
    /// Why it cannot go on.
    pub failure: Option<ClientError>,
}

/// A recording that plays until its end, or until this is dropped.
pub struct Player {
    playing: watch::Receiver<Playing>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Player {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Player")
    }
}

impl Player {
    /// Plays a call's recording from this place on. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(api: Api, call: CallId, from_ms: u32, loudspeaker: Box<dyn Loudspeaker>) -> Self {
        let runtime = tokio::runtime::Handle::current();
        let fetch = move |from: u64, to: u64| runtime.block_on(api.recording_part(&call, from, to));
        Self::play(Parts::new(fetch), from_ms, loudspeaker)
    }

    fn play<F>(parts: Parts<F>, from_ms: u32, loudspeaker: Box<dyn Loudspeaker>) -> Self
    where
        F: FnMut(u64, u64) -> Result<(Vec<u8>, u64), ClientError> + Send + 'static,
    {
        let (says, playing) = watch::channel(Playing {
            position_ms: from_ms,
            on: true,
            failure: None,
        });
        let (frames_in, frames) = mpsc::channel(AHEAD_MAX);
        // It ends by itself when the frames are wanted no longer.
        let reader = tokio::task::spawn_blocking(move || decode(parts, from_ms, &frames_in));
        let task = tokio::spawn(async move {
            let position_ms = speak(from_ms, frames, loudspeaker, &says).await;
            let failure = match reader.await {
                Ok(read) => read.err(),
                Err(_) => Some(ClientError::Protocol("the recording can't be read".into())),
            };
            says.send_replace(Playing {
                position_ms,
                on: false,
                failure,
            });
        });
        Self { playing, task }
    }

    /// How it goes; the last word is that it is not on any more.
    #[must_use]
    pub fn playing(&self) -> watch::Receiver<Playing> {
        self.playing.clone()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Plays what comes, as the loudspeaker takes it: where it ended.
async fn speak(
    from_ms: u32,
    mut frames: mpsc::Receiver<Frame>,
    mut loudspeaker: Box<dyn Loudspeaker>,
    says: &watch::Sender<Playing>,
) -> u32 {
    let mut position_ms = from_ms;
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let before_ms = position_ms;
        while loudspeaker.wants(Instant::now()) {
            match frames.try_recv() {
                Ok(frame) => {
                    loudspeaker.play(&frame);
                    position_ms = position_ms.saturating_add(FRAME_MS);
                }
                // The network is slow: it goes on where it stopped.
                Err(mpsc::error::TryRecvError::Empty) => {
                    loudspeaker.play(&SILENCE);
                }
                Err(mpsc::error::TryRecvError::Disconnected) => return position_ms,
            }
        }
        if position_ms != before_ms {
            says.send_modify(|playing| playing.position_ms = position_ms);
        }
    }
}

/// The whole of a recording's file, at 48 kHz mono.
///
/// # Errors
/// [`ClientError::Protocol`] when it is none.
pub fn read_recording(file: &[u8]) -> Result<Vec<i16>, ClientError> {
    let length = file.len();
    let part = |from: u64, to: u64| {
        let from = usize::try_from(from).unwrap_or(length).min(length);
        let to = usize::try_from(to)
            .unwrap_or(length)
            .saturating_add(1)
            .min(length);
        let bytes = file.get(from..to).unwrap_or_default().to_vec();
        Ok((bytes, length as u64))
    };
    let settings = |error: voice::VoiceError| ClientError::Audio(error.to_string());
    let mut decoder = Decoder::new().map_err(settings)?;
    let mut packets = Packets::open(Parts::new(part), 0)?;
    let mut all = Vec::new();
    while let Some((_, packet)) = packets.next()? {
        let mut samples = [0; PACKET_SAMPLES_MAX];
        if let Ok(count) = decoder.decode(&packet, &mut samples) {
            all.extend_from_slice(samples.get(..count).unwrap_or_default());
        }
    }
    Ok(all)
}

/// Reads and decodes from this place on, until the end or until nobody wants it.
fn decode<F>(parts: Parts<F>, from_ms: u32, frames: &mpsc::Sender<Frame>) -> Result<(), ClientError>
where
    F: FnMut(u64, u64) -> Result<(Vec<u8>, u64), ClientError>,
{
    let settings = |error: voice::VoiceError| ClientError::Audio(error.to_string());
    let mut decoder = Decoder::new().map_err(settings)?;
    let mut packets = Packets::open(parts, from_ms.saturating_sub(PREROLL_MS))?;
    let mut pending: Vec<i16> = Vec::new();
    while let Some((start_ms, packet)) = packets.next()? {
        let mut samples = [0; PACKET_SAMPLES_MAX];
        // A packet that is broken is passed over: the rest may be whole.
        let Ok(count) = decoder.decode(&packet, &mut samples) else {
            continue;
        };
        let skip_ms = from_ms.saturating_sub(start_ms);
        let skip = (skip_ms as usize).saturating_mul(48).min(count);
        pending.extend_from_slice(samples.get(skip..count).unwrap_or_default());
        while let Some(frame) = pending.first_chunk::<{ mix::FRAME_SAMPLES }>().copied() {
            pending.drain(..mix::FRAME_SAMPLES);
            if frames.blocking_send(frame).is_err() {
                return Ok(());
            }
        }
    }
    if !pending.is_empty() {
        let mut last = SILENCE;
        last.iter_mut()
            .zip(pending)
            .for_each(|(to, from)| *to = from);
        // Nobody may be there to hear it any more.
        let _ = frames.blocking_send(last);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
