//! One Opus encoder for each distinct mix, taken from a pool so that a tick never allocates one.

use mix::{Frame, MixKey};
use voice::{Encoder, EncoderSettings, VoiceError};

/// Encoders that wait for a mix: so many coaches of a worker's calls may begin to barge within the
/// same tick, and none misses a frame.
pub(crate) const SPARE_ENCODERS: usize = 16;

/// Encoders without a mix.
pub(crate) struct EncoderPool {
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

    /// Fills up what ticks took and drops what they gave back in excess. Allocates: between ticks.
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
    /// The call's tick in which it was last wanted.
    wanted: u64,
}

impl MixEncoders {
    pub(crate) fn new() -> Self {
        Self {
            mixes: Vec::with_capacity(mix::MAX_MIXES),
        }
    }

    /// Makes sure that a mix has an encoder. A new one goes on where that of `source` stands, if
    /// given, so that whoever listened to that mix hears no break; without it, it starts from
    /// silence. To be called for every mix of a tick before the first is encoded. `false` when the
    /// pool is empty.
    pub(crate) fn want(
        &mut self,
        pool: &mut EncoderPool,
        tick: u64,
        key: MixKey,
        source: Option<MixKey>,
    ) -> bool {
        if let Some(mix) = self.mixes.iter_mut().find(|mix| mix.key == key) {
            mix.wanted = tick;
            return true;
        }
        let Some(mut encoder) = pool.spare.pop() else {
            return false;
        };
        match self.mixes.iter().find(|mix| Some(mix.key) == source) {
            Some(source) => encoder.copy_state_from(&source.encoder),
            None => encoder.reset(),
        }
        self.mixes.push(MixEncoder {
            key,
            encoder,
            wanted: tick,
        });
        true
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

    /// Gives back the encoders of mixes that were not wanted in this tick.
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
