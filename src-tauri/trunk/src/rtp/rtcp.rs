//! Reports (RFC 3550 §6), read and written as compound packets.

const VERSION: u8 = 0x80;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const BLOCK_BYTES: usize = 24;
/// Bytes of what a sender tells of what it sent.
const SENDER_BYTES: usize = 20;
/// The longest name that is written.
const NAME_BYTES_MAX: usize = 32;
/// Bytes that any compound packet of ours fits into.
pub const COMPOUND_BYTES_MAX: usize = 160;
/// Packets in one compound packet that are read.
const PACKETS_MAX: usize = 32;

/// What a receiver tells of one stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    pub ssrc: u32,
    /// What was lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// What was lost since the start; negative when packets came twice. 24 bits.
    pub cumulative_lost: i32,
    /// The highest sequence number, with how often it wrapped above it.
    pub highest_sequence: u32,
    /// Interarrival jitter, in the stream's own clock.
    pub jitter: u32,
    /// The middle of the last sender report's time; 0 when none came.
    pub last_report: u32,
    /// How long ago that came, in 65536ths of a second.
    pub since_last_report: u32,
}

/// What a sender tells of what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// The time, in 2⁻³² s of any clock.
    pub ntp: u64,
    /// The same moment in the stream's clock.
    pub timestamp: u32,
    /// Packets so far; wraps.
    pub packets: u32,
    /// Bytes of payload so far; wraps.
    pub bytes: u32,
}

/// One item of a compound packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcpItem {
    /// A sender's report.
    Sender { ssrc: u32, info: SenderInfo },
    /// What a receiver tells of one stream.
    Received(ReportBlock),
    /// A stream ends.
    Goodbye { ssrc: u32 },
}

/// Reads a compound packet, and tells what stands in it. Nothing is told of one that is not as RFC 3550
/// A.2 wants it; whether it is.
pub fn read(bytes: &[u8], mut tell: impl FnMut(RtcpItem)) -> bool {
    let mut packets = [(0_u8, 0_u8, &bytes[..0]); PACKETS_MAX];
    let mut count = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((first, kind, body, after)) = split(rest) else {
            return false;
        };
        let is_padded = first & 0x20 != 0;
        let starts_well = count > 0 || matches!(kind, SENDER_REPORT | RECEIVER_REPORT);
        let Some(slot) = packets.get_mut(count) else {
            return false;
        };
        // Only the last one may be padded, and the first one never.
        if !starts_well || (is_padded && (count == 0 || !after.is_empty())) {
            return false;
        }
        *slot = (first & 0x1f, kind, body);
        count += 1;
        rest = after;
    }
    for (items, kind, body) in packets.into_iter().take(count) {
        read_one(items, kind, body, &mut tell);
    }
    count > 0
}

/// The first packet of several: its first byte, its kind, its body and what follows.
fn split(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [first, kind, words_high, words_low] = *bytes.first_chunk::<4>()?;
    if first & 0xc0 != VERSION {
        return None;
    }
    let len = 4 + 4 * usize::from(u16::from_be_bytes([words_high, words_low]));
    let (packet, after) = bytes.split_at_checked(len)?;
    Some((first, kind, packet.get(4..)?, after))
}

fn read_one(items: u8, kind: u8, body: &[u8], tell: &mut impl FnMut(RtcpItem)) {
    let blocks = match kind {
        SENDER_REPORT => {
            let (Some(ssrc), Some(ntp_high), Some(ntp_low)) =
                (word(body, 0), word(body, 1), word(body, 2))
            else {
                return;
            };
            let (Some(timestamp), Some(packets), Some(bytes)) =
                (word(body, 3), word(body, 4), word(body, 5))
            else {
                return;
            };
            let ntp = u64::from(ntp_high) << 32 | u64::from(ntp_low);
            let info = SenderInfo {
                ntp,
                timestamp,
                packets,
                bytes,
            };
            tell(RtcpItem::Sender { ssrc, info });
            body.get(4 + SENDER_BYTES..)
        }
        RECEIVER_REPORT => body.get(4..),
        GOODBYE => {
            for at in 0..usize::from(items) {
                if let Some(ssrc) = word(body, at) {
                    tell(RtcpItem::Goodbye { ssrc });
                }
            }
            None
        }
        _ => None,
    };
    let blocks = blocks.unwrap_or_default().chunks_exact(BLOCK_BYTES);
    for block in blocks.take(usize::from(items)) {
        let at = |index| word(block, index).unwrap_or(0);
        let [fraction_lost, lost @ ..] = at(1).to_be_bytes();
        let [high, middle, low] = lost;
        // 24 bits with a sign.
        let cumulative_lost = i32::from_be_bytes([high, middle, low, 0]) >> 8;
        tell(RtcpItem::Received(ReportBlock {
            ssrc: at(0),
            fraction_lost,
            cumulative_lost,
            highest_sequence: at(2),
            jitter: at(3),
            last_report: at(4),
            since_last_report: at(5),
        }));
    }
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    let bytes = bytes.get(4 * index..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

/// A compound packet of this side.
#[derive(Debug, Clone, Copy)]
pub struct Compound<'a> {
    pub ssrc: u32,
    /// What was sent, when anything was.
    pub sender: Option<SenderInfo>,
    /// What came, when anything did.
    pub block: Option<ReportBlock>,
    /// The name of who sends (RFC 7022), at most 32 bytes of it.
    pub name: &'a str,
    /// The stream ends.
    pub goodbye: bool,
}

impl Compound<'_> {
    /// Writes it; how many bytes that makes, or none when they do not fit.
    #[must_use]
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut writer = Writer { out, len: 0 };
        let kind = if self.sender.is_some() {
            SENDER_REPORT
        } else {
            RECEIVER_REPORT
        };
        let report = writer.begin(u8::from(self.block.is_some()), kind)?;
        writer.word(self.ssrc)?;
        if let Some(sender) = self.sender {
            writer.word((sender.ntp >> 32) as u32)?;
            writer.word(sender.ntp as u32)?;
            writer.word(sender.timestamp)?;
            writer.word(sender.packets)?;
            writer.word(sender.bytes)?;
        }
        if let Some(block) = self.block {
            let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff);
            let lost = lost.cast_unsigned() & 0xff_ffff;
            writer.word(block.ssrc)?;
            writer.word(u32::from(block.fraction_lost) << 24 | lost)?;
            writer.word(block.highest_sequence)?;
            writer.word(block.jitter)?;
            writer.word(block.last_report)?;
            writer.word(block.since_last_report)?;
        }
        writer.end(report)?;
        let described = writer.begin(1, SOURCE_DESCRIPTION)?;
        writer.word(self.ssrc)?;
        let name = self.name.as_bytes();
        let name = name.get(..NAME_BYTES_MAX).unwrap_or(name);
        // CNAME, its length, itself, and at least one zero up to the next word.
        writer.bytes(&[1, name.len() as u8])?;
        writer.bytes(name)?;
        let zeros = 4 - (2 + name.len()) % 4;
        writer.bytes([0; 4].get(..zeros)?)?;
        writer.end(described)?;
        if self.goodbye {
            let goodbye = writer.begin(1, GOODBYE)?;
            writer.word(self.ssrc)?;
            writer.end(goodbye)?;
        }
        Some(writer.len)
    }
}

struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len + bytes.len();
        self.out.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.bytes(&word.to_be_bytes())
    }

    /// Begins a packet; where it does.
    fn begin(&mut self, items: u8, kind: u8) -> Option<usize> {
        let start = self.len;
        self.bytes(&[VERSION | items, kind, 0, 0])?;
        Some(start)
    }

    /// Ends it: its length is known.
    fn end(&mut self, start: usize) -> Option<()> {
        let words = u16::try_from((self.len - start) / 4 - 1).ok()?;
        let length = self.out.get_mut(start + 2..start + 4)?;
        length.copy_from_slice(&words.to_be_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 7,
        fraction_lost: 12,
        cumulative_lost: -3,
        highest_sequence: 70_000,
        jitter: 55,
        last_report: 0x1234_5678,
        since_last_report: 65_536,
    };
    const INFO: SenderInfo = SenderInfo {
        ntp: 0x0000_0001_8000_0000,
        timestamp: 960,
        packets: 3,
        bytes: 480,
    };

    fn told(bytes: &[u8]) -> Option<Vec<RtcpItem>> {
        let mut all = Vec::new();
        read(bytes, |told| all.push(told)).then_some(all)
    }

    #[test]
    fn what_was_written_is_read_again() {
        for (sender, block, goodbye) in [
            (Some(INFO), Some(BLOCK), true),
            (None, Some(BLOCK), false),
            (Some(INFO), None, false),
            (None, None, true),
        ] {
            for name in ["", "a", "ab", "abc", "0123456789abcdef0123456789abcdef"] {
                let compound = Compound {
                    ssrc: 9,
                    sender,
                    block,
                    name,
                    goodbye,
                };
                let mut bytes = [0xff; COMPOUND_BYTES_MAX];
                let len = compound.write(&mut bytes).unwrap();
                let mut expected = Vec::new();
                expected.extend(sender.map(|info| RtcpItem::Sender { ssrc: 9, info }));
                expected.extend(block.map(RtcpItem::Received));
                expected.extend(goodbye.then_some(RtcpItem::Goodbye { ssrc: 9 }));
                assert_eq!(told(&bytes[..len]), Some(expected));
                // What is cut is not believed in part, save where a whole packet is missing.
                assert_eq!(told(&bytes[..len - 1]), None);
                assert_eq!(compound.write(&mut bytes[..len - 1]), None);
            }
        }
    }

    #[test]
    fn what_no_receiver_should_believe_is_refused() {
        let mut bytes = [0; COMPOUND_BYTES_MAX];
        let compound = Compound {
            ssrc: 9,
            sender: Some(INFO),
            block: Some(BLOCK),
            name: "name",
            goodbye: true,
        };
        let len = compound.write(&mut bytes).unwrap();
        let good = &bytes[..len];
        let with = |at: usize, byte: u8| {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            told(&bytes)
        };
        assert!(told(good).is_some());
        assert_eq!(told(b""), None);
        assert_eq!(with(0, 0x41), None, "another version");
        assert_eq!(with(1, GOODBYE), None, "begins with no report");
        assert_eq!(with(0, 0xa1), None, "padded first");
        assert_eq!(with(3, 0xff), None, "longer than it is");
        // More blocks than are there are not made up.
        assert_eq!(with(0, 0x9f).unwrap().len(), 3);
        let many = [0x80, SOURCE_DESCRIPTION, 0, 0].repeat(40);
        assert_eq!(told(&[good, &many].concat()), None, "too many");
    }
}
