//! One Opus encoder for each distinct mix, from a pool so that a tick never allocates one.

use mix::{Frame, MixKey};
use voice::{Encoder, EncoderSettings, VoiceError};

/// Spare encoders: this many of a worker's coaches can begin to barge within one tick without missing
/// a frame.
pub(crate) const SPARE_ENCODERS: usize = 16;

/// Encoders without a mix.
pub(crate) struct EncoderPool {
    /// For receivers who lose nothing. Its loss is what is prepared for at all times.
    settings: EncoderSettings,
    spare: Vec<Encoder>,
}

impl EncoderPool {
    pub(crate) fn new(settings: EncoderSettings) -> Self {
        let mut pool = Self {
            settings,
            // Room for what a call of the largest size gives back at once.
            spare: Vec::with_capacity(SPARE_ENCODERS + 2 * mix::MAX_MIXES),
        };
        pool.balance();
        pool
    }

    /// The settings of a mix whose worst receiver loses so many packets.
    fn settings(&self, lost_percent: u8) -> EncoderSettings {
        let always = self.settings.expected_loss_percent;
        self.settings.against_loss(lost_percent.max(always))
    }

    /// Refills what ticks took and drops what they gave back in excess. Allocates, so only between ticks.
    pub(crate) fn balance(&mut self) {
        self.spare.truncate(2 * SPARE_ENCODERS);
        while self.spare.len() < SPARE_ENCODERS {
            match Encoder::new(&self.settings) {
                Ok(encoder) => self.spare.push(encoder),
                Err(error) => {
                    tracing::error!(%error, "could not create another encoder");
                    return;
                }
            }
        }
    }
}

/// The encoders of one call's mixes.
pub(crate) struct MixEncoders {
    mixes: Vec<MixEncoder>,
}

struct MixEncoder {
    key: MixKey,
    encoder: Encoder,
    /// The last tick that wanted it.
    wanted: u64,
}

impl MixEncoders {
    pub(crate) fn new() -> Self {
        Self {
            mixes: Vec::with_capacity(mix::MAX_MIXES),
        }
    }

    /// Makes sure that a mix has an encoder. A new one continues from the state of `source`'s, if
    /// given, so that its listeners hear no break; otherwise it starts from silence. Call this for every
    /// mix of a tick before encoding the first. `false` when the pool is
    /// empty.
    ///
    /// It encodes for the listener who loses most, `lost_percent` of the packets: one encode serves all.
    pub(crate) fn want(
        &mut self,
        pool: &mut EncoderPool,
        tick: u64,
        key: MixKey,
        source: Option<MixKey>,
        lost_percent: u8,
    ) -> bool {
        let settings = pool.settings(lost_percent);
        if let Some(mix) = self.mixes.iter_mut().find(|mix| mix.key == key) {
            mix.wanted = tick;
            return mix.encoder.apply(&settings).is_ok();
        }
        let Some(mut encoder) = pool.spare.pop() else {
            return false;
        };
        match self.mixes.iter().find(|mix| Some(mix.key) == source) {
            Some(source) => encoder.copy_state_from(&source.encoder),
            None => encoder.reset(),
        }
        let applied = encoder.apply(&settings);
        self.mixes.push(MixEncoder {
            key,
            encoder,
            wanted: tick,
        });
        applied.is_ok()
    }

    /// Encodes the mix; `None` when it has no encoder.
    pub(crate) fn encode(
        &mut self,
        key: MixKey,
        frame: &Frame,
        out: &mut [u8],
    ) -> Option<Result<usize, VoiceError>> {
        let mix = self.mixes.iter_mut().find(|mix| mix.key == key)?;
        Some(mix.encoder.encode(frame, out))
    }

    /// Returns the encoders of mixes that this tick did not want.
    pub(crate) fn release(&mut self, pool: &mut EncoderPool, tick: u64) {
        let mut at = 0;
        while let Some(mix) = self.mixes.get(at) {
            if mix.wanted == tick {
                at += 1;
                continue;
            }
            let unwanted = self.mixes.swap_remove(at);
            if pool.spare.len() < pool.spare.capacity() {
                pool.spare.push(unwanted.encoder);
            }
        }
    }
}
