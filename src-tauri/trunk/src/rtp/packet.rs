//! One RTP packet (RFC 3550 §5.1), read in place.

/// Bytes of a header without sources and extension.
pub const HEADER_BYTES: usize = 12;

/// The fixed part of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpHeader {
    /// Whether something begins here: a stretch of speech, or a key.
    pub marker: bool,
    /// What the payload is, 0 to 127.
    pub payload_type: u8,
    /// Counts packets; wraps.
    pub sequence: u16,
    /// When it was captured, in the payload's own clock; wraps.
    pub timestamp: u32,
    /// Whose stream it is.
    pub ssrc: u32,
}

impl RtpHeader {
    /// Reads a header, and tells how long it is with its sources and its extension. Of an encrypted
    /// packet all of it is in the clear.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] =
            *bytes.first_chunk::<HEADER_BYTES>()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut len = HEADER_BYTES + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let [_, _, words_high, words_low] = *bytes.get(len..)?.first_chunk::<4>()?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([words_high, words_low]));
        }
        let header = Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
        };
        (bytes.len() >= len).then_some((header, len))
    }

    /// Writes it, and the payload after it; how many bytes that makes, or none when they do not fit.
    #[must_use]
    pub fn write(&self, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let len = HEADER_BYTES + payload.len();
        let (head, rest) = out.get_mut(..len)?.split_at_mut_checked(HEADER_BYTES)?;
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [r0, r1, r2, r3] = self.ssrc.to_be_bytes();
        let second = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        head.copy_from_slice(&[0x80, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]);
        rest.copy_from_slice(payload);
        Some(len)
    }
}

/// A packet, read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    pub header: RtpHeader,
    /// What it carries, without padding.
    pub payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet; none when it is no RTP of version 2, or its parts do not fit into it.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, len) = RtpHeader::parse(bytes)?;
        let mut payload = bytes.get(len..)?;
        let is_padded = bytes.first()? & 0x20 != 0;
        if is_padded {
            // The last byte counts the padding, itself too.
            let padding = usize::from(*payload.last()?);
            let kept = payload.len().checked_sub(padding).filter(|_| padding > 0)?;
            payload = payload.get(..kept)?;
        }
        Some(Self { header, payload })
    }
}

/// Whether a datagram of a shared port is RTCP (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: RtpHeader = RtpHeader {
        marker: true,
        payload_type: 96,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xdead_beef,
    };

    #[test]
    fn what_was_written_is_read_again() {
        let mut bytes = [0; 64];
        let len = HEADER.write(b"sound", &mut bytes).unwrap();
        let packet = RtpPacket::parse(&bytes[..len]).unwrap();
        assert_eq!(packet.header, HEADER);
        assert_eq!(packet.payload, b"sound");
        assert_eq!(HEADER.write(&[0; 60], &mut bytes), None);
    }

    #[test]
    fn sources_extension_and_padding_are_passed_over() {
        let mut bytes = [0; 12];
        let len = HEADER.write(b"", &mut bytes).unwrap();
        let mut bytes = bytes[..len].to_vec();
        bytes[0] = 0x80 | 0x20 | 0x10 | 2;
        bytes.extend([0; 8]);
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        bytes.extend(b"sound");
        bytes.extend([0, 0, 3]);
        assert_eq!(RtpPacket::parse(&bytes).unwrap().payload, b"sound");
        // Each cut is no packet any more, or one of a shorter payload that is padded differently.
        for len in 0..28 {
            assert_eq!(RtpPacket::parse(&bytes[..len]), None, "{len}");
        }
    }

    #[test]
    fn padding_longer_than_the_payload_or_of_nothing_is_no_packet() {
        let mut bytes = [0; 16];
        HEADER.write(&[0, 0, 0, 5], &mut bytes).unwrap();
        bytes[0] |= 0x20;
        assert_eq!(RtpPacket::parse(&bytes), None);
        bytes[15] = 0;
        assert_eq!(RtpPacket::parse(&bytes), None);
        bytes[15] = 4;
        assert_eq!(RtpPacket::parse(&bytes).unwrap().payload, b"");
        bytes[0] = 0x40;
        assert_eq!(RtpPacket::parse(&bytes), None);
    }

    #[test]
    fn rtcp_is_told_apart_from_rtp_on_a_shared_port() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x81, 203]));
        assert!(!is_rtcp(&[0x80, 0x80 | 96]) && !is_rtcp(&[0x80, 0]) && !is_rtcp(&[0x80]));
    }
}
