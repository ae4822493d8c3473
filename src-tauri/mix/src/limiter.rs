//! From a wide sum to one 16-bit frame: the only place where samples are narrowed.

use crate::frame::{FRAME_SAMPLES, Frame};

/// The exact sum of up to [`MAX_PARTIES`](crate::MAX_PARTIES) frames; no sum of so few overflows.
pub(crate) type Sum = [i32; FRAME_SAMPLES];

/// Samples between two points of the gain's curve: 1 ms.
const BLOCK_SAMPLES: usize = 48;
/// How much gain comes back in one block: all of it in half a second.
const RELEASE_PER_BLOCK: f32 = 0.002;
const PEAK: f32 = i16::MAX as f32;

/// A limiter of one mix: bit-exact while no sum overflows, and a gain without steps when one does.
///
/// The gain falls within 1 ms (the rest of that millisecond saturates) and comes back in half a
/// second. It knows only the samples that it was given: one limiter serves one mix, so that nothing
/// can be told from a mix's loudness about what that mix does not hear.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    pub(crate) fn narrow(&mut self, sum: &Sum, out: &mut Frame) {
        let (low, high) = extremes(sum);
        if self.gain >= 1.0 && low >= i32::from(i16::MIN) && high <= i32::from(i16::MAX) {
            for (out, sample) in out.iter_mut().zip(sum) {
                *out = *sample as i16;
            }
            return;
        }
        let (blocks, _) = sum.as_chunks::<BLOCK_SAMPLES>();
        let (outs, _) = out.as_chunks_mut::<BLOCK_SAMPLES>();
        for (index, (block, out)) in blocks.iter().zip(outs).enumerate() {
            // Both ends of the ramp are low enough for this block, and its end for the next one
            // too; only the first block of a frame can be met by a gain that is still too high.
            let ahead = blocks.get(index + 1).map_or(1.0, allowed);
            let end = (self.gain + RELEASE_PER_BLOCK)
                .min(allowed(block))
                .min(ahead);
            let step = (end - self.gain) / BLOCK_SAMPLES as f32;
            for (at, (out, sample)) in out.iter_mut().zip(block).enumerate() {
                // A cast from floating point saturates.
                *out = (*sample as f32 * (self.gain + step * at as f32)) as i16;
            }
            self.gain = end;
        }
    }
}

/// The highest gain, up to 1, at which the block does not overflow.
fn allowed(block: &[i32; BLOCK_SAMPLES]) -> f32 {
    let (low, high) = extremes(block);
    if low >= i32::from(i16::MIN) && high <= i32::from(i16::MAX) {
        return 1.0;
    }
    PEAK / high.max(-low) as f32
}

fn extremes(samples: &[i32]) -> (i32, i32) {
    samples.iter().fold((0, 0), |(low, high), &sample| {
        (low.min(sample), high.max(sample))
    })
}

#[cfg(test)]
mod tests;
