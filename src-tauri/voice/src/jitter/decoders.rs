//! The decoders of one stream, and the way from one to the other.

use super::conceal::Concealment;
use super::noise::Noise;
use super::types::Codec;
use crate::g711::{Law, TELEPHONE_HZ};
use crate::opus::{Decoder, PACKET_SAMPLES_MAX, VoiceError};
use crate::resample::Resampler;
use mix::SAMPLE_RATE_HZ;

/// Samples at 48 kHz for each of a telephone's.
pub(super) const RATIO: usize = (SAMPLE_RATE_HZ / TELEPHONE_HZ) as usize;
/// The longest packet of a telephone, and so its bytes in G.711.
const NARROW_MAX: usize = PACKET_SAMPLES_MAX / RATIO;
/// Over how many samples one decoder fades into the other: 5 ms, as much as libopus conceals at least
/// twice.
const FADE: usize = 240;

/// How many samples at 48 kHz a packet of G.711 holds; none when it is empty or longer than 120 ms.
pub(super) fn g711_samples(payload: &[u8]) -> Option<usize> {
    (1..=NARROW_MAX)
        .contains(&payload.len())
        .then_some(payload.len() * RATIO)
}

/// Sound at 8 kHz on its way to 48 kHz: G.711 and comfort noise.
struct Telephone {
    resampler: Resampler,
    concealment: Concealment,
    noise: Noise,
    /// Whether noise was made last.
    noisy: bool,
    narrow: Box<[i16; NARROW_MAX]>,
    wide: Vec<i16>,
}

impl Telephone {
    fn new() -> Result<Self, VoiceError> {
        let mut resampler = Resampler::new(TELEPHONE_HZ, SAMPLE_RATE_HZ)?;
        resampler.reserve(NARROW_MAX);
        Ok(Self {
            resampler,
            concealment: Concealment::new(),
            noise: Noise::new(),
            noisy: false,
            narrow: Box::new([0; NARROW_MAX]),
            wide: Vec::with_capacity(PACKET_SAMPLES_MAX),
        })
    }

    fn reset(&mut self) {
        self.resampler.reset();
        self.concealment.reset();
        self.noisy = false;
    }

    fn decode(&mut self, law: Law, payload: &[u8], out: &mut [i16]) -> usize {
        let len = payload.len().min(NARROW_MAX);
        let (wave, _) = self.narrow.split_at_mut(len);
        for (sample, byte) in wave.iter_mut().zip(payload) {
            *sample = law.decode(*byte);
        }
        self.concealment.resume(wave);
        self.noisy = false;
        self.widen(len, out)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        let len = (out.len() / RATIO).min(NARROW_MAX);
        let (wave, _) = self.narrow.split_at_mut(len);
        self.concealment.conceal(wave);
        self.widen(len, out);
    }

    fn fill_with_noise(&mut self, out: &mut [i16]) {
        let len = (out.len() / RATIO).min(NARROW_MAX);
        let (wave, _) = self.narrow.split_at_mut(len);
        self.noise.fill(wave);
        if self.noisy {
            self.concealment.resume(wave);
        } else {
            self.concealment.replace(wave);
        }
        self.noisy = true;
        self.widen(len, out);
    }

    /// Brings the first `len` narrow samples to 48 kHz.
    fn widen(&mut self, len: usize, out: &mut [i16]) -> usize {
        self.wide.clear();
        let narrow = self.narrow.get(..len).unwrap_or(&[]);
        self.resampler.process(narrow, &mut self.wide);
        for (to, from) in out.iter_mut().zip(&self.wide) {
            *to = *from;
        }
        self.wide.len().min(out.len())
    }
}

/// What decodes a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Opus,
    Telephone,
}

/// Every decoder that a stream may need; the one used last conceals. Allocates nothing after its
/// start.
pub(super) struct Decoders {
    opus: Decoder,
    telephone: Telephone,
    source: Source,
    /// How the sound of the decoder before would have gone on, and how much of it is played.
    tail: [i16; FADE],
    tail_played: usize,
}

impl Decoders {
    pub fn new() -> Result<Self, VoiceError> {
        Ok(Self {
            opus: Decoder::new()?,
            telephone: Telephone::new()?,
            source: Source::Opus,
            tail: [0; FADE],
            tail_played: FADE,
        })
    }

    /// Forgets everything heard so far.
    pub fn reset(&mut self) {
        self.opus.reset();
        self.telephone.reset();
        self.tail_played = FADE;
    }

    /// Whether the packet decoded last was a telephone's: nothing of it is ever sent twice.
    pub fn is_telephone(&self) -> bool {
        self.source == Source::Telephone
    }

    /// Decodes one packet into `out` and returns the number of samples; none for comfort noise, whose
    /// level is kept for [`Decoders::fill_with_noise`].
    pub fn decode(
        &mut self,
        codec: Codec,
        payload: &[u8],
        out: &mut [i16],
    ) -> Result<usize, VoiceError> {
        let samples = match codec {
            Codec::Opus => {
                self.switch(Source::Opus);
                self.opus.decode(payload, out)?
            }
            Codec::Pcma => self.decode_g711(Law::A, payload, out),
            Codec::Pcmu => self.decode_g711(Law::Mu, payload, out),
            Codec::ComfortNoise => {
                self.switch(Source::Telephone);
                self.telephone.noise.set_level(payload);
                return Ok(0);
            }
        };
        self.fade(out.get_mut(..samples).unwrap_or(&mut []));
        Ok(samples)
    }

    fn decode_g711(&mut self, law: Law, payload: &[u8], out: &mut [i16]) -> usize {
        self.switch(Source::Telephone);
        self.telephone.decode(law, payload, out)
    }

    /// Fills `out` with the frame before an Opus packet, from the copy that this carries.
    pub fn recover(&mut self, payload: &[u8], out: &mut [i16]) -> Result<(), VoiceError> {
        self.switch(Source::Opus);
        self.opus.recover(payload, out)?;
        self.fade(out);
        Ok(())
    }

    /// Fills `out` with what may have been there. Its length is a multiple of 2.5 ms.
    pub fn conceal(&mut self, out: &mut [i16]) -> Result<(), VoiceError> {
        match self.source {
            Source::Opus => {
                self.opus.conceal(out)?;
            }
            Source::Telephone => self.telephone.conceal(out),
        }
        self.fade(out);
        Ok(())
    }

    /// Fills `out` with noise at the level that was told last. Its length is a multiple of
    /// [`RATIO`].
    pub fn fill_with_noise(&mut self, out: &mut [i16]) {
        self.switch(Source::Telephone);
        self.telephone.fill_with_noise(out);
        self.fade(out);
    }

    /// Goes over to another decoder, which begins from nothing while the one before fades away.
    fn switch(&mut self, to: Source) {
        if self.source == to {
            return;
        }
        let mut tail = [0; FADE];
        if self.conceal(&mut tail).is_err() {
            tail.fill(0);
        }
        self.opus.reset();
        self.telephone.reset();
        self.source = to;
        self.tail = tail;
        self.tail_played = 0;
    }

    /// Blends the start of what a decoder gave with the tail of the one before.
    fn fade(&mut self, out: &mut [i16]) {
        let rest = self.tail.get(self.tail_played..).unwrap_or(&[]);
        for (step, (sample, old)) in (self.tail_played..).zip(out.iter_mut().zip(rest)) {
            let (old, new) = (i32::from(*old), i32::from(*sample));
            *sample = (old + (new - old) * step as i32 / FADE as i32) as i16;
        }
        self.tail_played = (self.tail_played + out.len()).min(FADE);
    }
}
