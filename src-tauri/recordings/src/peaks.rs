//! What is gathered of a recording on the way: its waveform, and what was left out.

use wire::{RecordingGap, RecordingPeaks};

/// Values of a waveform at most: an hour at 100 ms each. Longer ones get longer pieces.
const VALUES_MAX: usize = 36_000;
/// Packets of the shortest piece, and their milliseconds.
pub const PIECE_PACKETS: u32 = 5;
const PACKET_MS: u32 = 20;
/// Gaps that are told apart. Later ones lengthen the last.
const GAPS_MAX: usize = 1000;

/// A waveform that grows.
#[derive(Debug, Clone)]
pub struct Peaks {
    piece_packets: u32,
    values: Vec<u8>,
    loudest: u8,
    taken: u32,
}

impl Peaks {
    pub const fn new() -> Self {
        Self {
            piece_packets: PIECE_PACKETS,
            values: Vec::new(),
            loudest: 0,
            taken: 0,
        }
    }

    /// Takes the loudest sample of the next packet, 0 to 255.
    pub fn push(&mut self, peak: u8) {
        self.loudest = self.loudest.max(peak);
        self.taken += 1;
        if self.taken < self.piece_packets {
            return;
        }
        self.end_piece();
        if self.values.len() >= VALUES_MAX {
            let pairs = self.values.chunks(2);
            self.values = pairs
                .filter_map(|pair| pair.iter().max().copied())
                .collect();
            self.piece_packets = self.piece_packets.saturating_mul(2);
        }
    }

    /// The waveform, with the piece that is not full.
    pub fn finish(mut self) -> RecordingPeaks {
        if self.taken > 0 {
            self.end_piece();
        }
        RecordingPeaks {
            interval_ms: self.piece_packets.saturating_mul(PACKET_MS),
            peaks: self.values,
        }
    }

    fn end_piece(&mut self) {
        self.values.push(self.loudest);
        self.loudest = 0;
        self.taken = 0;
    }
}

/// Stretches that were left out: pauses, holds, and what was lost on the way to the disk.
#[derive(Debug, Clone, Default)]
pub struct Gaps(Vec<RecordingGap>);

impl Gaps {
    /// The packets from the one to the other were left out.
    pub fn add(&mut self, from_packet: u64, to_packet: u64) {
        let ms = |packet: u64| {
            let ms = packet.saturating_mul(u64::from(PACKET_MS));
            u32::try_from(ms).unwrap_or(u32::MAX)
        };
        let (from_ms, to_ms) = (ms(from_packet), ms(to_packet));
        let is_full = self.0.len() >= GAPS_MAX;
        match self.0.last_mut() {
            Some(last) if last.to_ms >= from_ms || is_full => last.to_ms = to_ms,
            _ => self.0.push(RecordingGap { from_ms, to_ms }),
        }
    }

    pub fn finish(self) -> Vec<RecordingGap> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_a_waveform_has_a_value_each_100_ms_and_never_too_many() {
        let mut peaks = Peaks::new();
        for packet in 0..23 {
            peaks.push(if packet == 7 { 200 } else { 3 });
        }
        let short = peaks.finish();
        assert_eq!(short.interval_ms, 100);
        assert_eq!(short.peaks, [3, 200, 3, 3, 3]);

        let mut peaks = Peaks::new();
        // Three hours, one packet of which is loud.
        for packet in 0..3 * 3600 * 50 {
            peaks.push(if packet == 400_000 { 255 } else { 1 });
        }
        let long = peaks.finish();
        assert_eq!(long.interval_ms, 400);
        assert_eq!(long.peaks.len(), 27_000);
        assert_eq!(long.peaks[400_000 / 20], 255);
        assert_eq!(long.peaks.iter().filter(|peak| **peak == 255).count(), 1);
    }

    #[test]
    fn gaps_that_touch_are_one_and_there_are_never_too_many() {
        let mut gaps = Gaps::default();
        gaps.add(10, 20);
        gaps.add(20, 21);
        gaps.add(50, 60);
        assert_eq!(
            gaps.clone().finish(),
            [
                RecordingGap {
                    from_ms: 200,
                    to_ms: 420
                },
                RecordingGap {
                    from_ms: 1000,
                    to_ms: 1200
                },
            ]
        );
        for at in 0..5000 {
            gaps.add(100 + 2 * at, 101 + 2 * at);
        }
        assert_eq!(gaps.0.len(), GAPS_MAX);
    }
}
