//! What a lead hears that is not the call: music, silence, the tones of keys.

use mix::{FRAME_SAMPLES, SILENCE};
use voice::{Codec, Encoder, EncoderSettings, G711Encoder, Law, MAX_PACKET_BYTES};

use super::PhoneError;
use crate::rtp::event::{KEY_TICKS, KeyTick, frequencies_hz};

/// Frames of music that are taken: five minutes.
const FRAMES_MAX: usize = 5 * 60 * 50;
/// Frames after which an encoder has forgotten how it began.
const SETTLING_FRAMES: usize = 10;

/// Each of a key's two tones: about -8 dBm0, well within ITU-T Q.23.
const KEY_AMPLITUDE: f32 = 9_000.0;

/// What a held lead hears, and the tones of keys, encoded once for each codec, and shared.
pub struct HoldSound {
    /// Silence in each codec, and music in each.
    silence: Clips,
    music: Option<Clips>,
    /// By code: for a phone that takes keys as sound only.
    keys: Vec<Clips>,
}

struct Clips {
    opus: Clip,
    pcma: Clip,
    pcmu: Clip,
}

/// Packets of 20 ms, one after the other.
#[derive(Default)]
struct Clip {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Clip {
    fn push(&mut self, packet: &[u8]) {
        self.bytes.extend_from_slice(packet);
        self.ends.push(self.bytes.len());
    }

    /// The packet of a place, which goes round.
    fn packet(&self, at: u64) -> &[u8] {
        let Some(at) = at.checked_rem(self.ends.len() as u64) else {
            return &[];
        };
        let at = at as usize;
        let end = self.ends.get(at).copied().unwrap_or(0);
        let start = at.checked_sub(1).and_then(|at| self.ends.get(at)).copied();
        self.bytes.get(start.unwrap_or(0)..end).unwrap_or_default()
    }
}

impl Clips {
    /// Encodes frames, without the first ones where the encoder was still settling.
    fn new(samples: &[i16], skipped: usize) -> Result<Self, PhoneError> {
        let mut opus = Encoder::new(&EncoderSettings::default())?;
        let (mut a_law, mut mu_law) = (G711Encoder::new(Law::A)?, G711Encoder::new(Law::Mu)?);
        let mut clips = Self {
            opus: Clip::default(),
            pcma: Clip::default(),
            pcmu: Clip::default(),
        };
        let mut packet = [0; MAX_PACKET_BYTES];
        for (at, chunk) in samples.chunks(FRAME_SAMPLES).take(FRAMES_MAX).enumerate() {
            let mut frame = SILENCE;
            for (sample, given) in frame.iter_mut().zip(chunk) {
                *sample = *given;
            }
            let len = opus.encode(&frame, &mut packet)?;
            let (a, mu) = (a_law.encode(&frame), mu_law.encode(&frame));
            if at >= skipped {
                clips.opus.push(packet.get(..len).unwrap_or_default());
                clips.pcma.push(&a);
                clips.pcmu.push(&mu);
            }
        }
        Ok(clips)
    }

    fn packet(&self, codec: Codec, at: u64) -> &[u8] {
        match codec {
            Codec::Opus => self.opus.packet(at),
            Codec::Pcma => self.pcma.packet(at),
            Codec::Pcmu => self.pcmu.packet(at),
            Codec::ComfortNoise => &[],
        }
    }
}

impl HoldSound {
    /// Silence.
    ///
    /// # Errors
    /// [`PhoneError::Codec`].
    pub fn silence() -> Result<Self, PhoneError> {
        let quiet = vec![0; (SETTLING_FRAMES + 1) * FRAME_SAMPLES];
        let keys = (0..).map_while(frequencies_hz).map(|tones_hz| {
            let samples = key_samples(tones_hz);
            Clips::new(&samples, SETTLING_FRAMES)
        });
        Ok(Self {
            silence: Clips::new(&quiet, SETTLING_FRAMES)?,
            music: None,
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Music, 48 kHz mono, again and again. Of more than five minutes only the first are taken; none
    /// at all is silence.
    ///
    /// # Errors
    /// [`PhoneError::Codec`].
    pub fn music(samples: &[i16]) -> Result<Self, PhoneError> {
        let music = Clips::new(samples, 0)?;
        Ok(Self {
            music: (!samples.is_empty()).then_some(music),
            ..Self::silence()?
        })
    }

    /// The packet that is sent in a held lead's tick.
    pub(super) fn held(&self, codec: Codec, at: u64) -> &[u8] {
        self.music
            .as_ref()
            .unwrap_or(&self.silence)
            .packet(codec, at)
    }

    /// The packet of a key that is sent as sound.
    pub(super) fn key(&self, codec: Codec, tick: KeyTick) -> &[u8] {
        let clips = self.keys.get(usize::from(tick.code));
        clips.map_or(&[], |clips| clips.packet(codec, tick.at.into()))
    }

    /// The packet that says nothing.
    pub(super) fn nothing(&self, codec: Codec) -> &[u8] {
        self.silence.packet(codec, 0)
    }
}

/// A key's tones and the pause after them, behind silence in which encoders settle.
fn key_samples((low_hz, high_hz): (f32, f32)) -> Vec<i16> {
    let mut samples = vec![0; SETTLING_FRAMES * FRAME_SAMPLES];
    for at in 0..KEY_TICKS {
        let sounds = KeyTick { code: 0, at }.sounds();
        samples.extend((0..FRAME_SAMPLES).map(|sample| {
            let seconds = (usize::from(at) * FRAME_SAMPLES + sample) as f32 / 48_000.0;
            let wave = |hz: f32| (seconds * hz * std::f32::consts::TAU).sin() * KEY_AMPLITUDE;
            if sounds {
                (wave(low_hz) + wave(high_hz)) as i16
            } else {
                0
            }
        }));
    }
    samples
}

impl std::fmt::Debug for HoldSound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HoldSound")
            .field("has_music", &self.music.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_goes_round_and_silence_is_silent_in_each_codec() {
        let samples: Vec<i16> = (0..FRAME_SAMPLES * 3 + 1)
            .map(|at| ((at as f32 * 0.06).sin() * 9000.0) as i16)
            .collect();
        let sound = HoldSound::music(&samples).unwrap();
        for codec in [Codec::Opus, Codec::Pcma, Codec::Pcmu] {
            let packets: Vec<_> = (0..8).map(|at| sound.held(codec, at)).collect();
            assert_eq!(packets[..4], packets[4..]);
            assert_ne!(packets[1], packets[2]);
            assert_ne!(packets[1], sound.nothing(codec));
            let quiet = HoldSound::silence().unwrap();
            assert_eq!(quiet.held(codec, 7), sound.nothing(codec));
            assert!(!quiet.nothing(codec).is_empty());
        }
        assert_eq!(sound.nothing(Codec::Pcmu), [0xff; 160]);
        assert_eq!(sound.nothing(Codec::Pcma), [0xd5; 160]);
        let none = HoldSound::music(&[]).unwrap();
        assert_eq!(none.held(Codec::Pcmu, 3), [0xff; 160]);
    }
}
