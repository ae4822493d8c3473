//! How much of an RTP stream arrived, told by its sequence numbers.

use trunk::rtp::{RtpHeader, is_rtcp};

/// The header of an RTP packet, which SRTP leaves in the clear, and where its payload begins. `None`
/// for anything else: STUN, DTLS and RTCP share the port (RFC 7983, RFC 5761).
pub fn rtp_header(datagram: &[u8]) -> Option<(RtpHeader, usize)> {
    RtpHeader::parse(datagram).filter(|_| !is_rtcp(datagram))
}

/// Counts the packets of one stream that arrived, and those that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Distinct packets that arrived.
    pub received: u64,
    /// Packets missing between the first and the newest.
    pub missing: u64,
    newest: Option<u16>,
    /// Bit n: whether the packet n before the newest arrived.
    arrived: u128,
    ssrc: Option<u32>,
}

impl Tally {
    /// A new SSRC starts a new stream without resetting the counts.
    pub fn count(&mut self, header: &RtpHeader) {
        let newest = match self.newest {
            Some(newest) if self.ssrc == Some(header.ssrc) => newest,
            _ => {
                self.ssrc = Some(header.ssrc);
                self.newest = Some(header.sequence);
                self.arrived = 1;
                self.received += 1;
                return;
            }
        };
        let ahead = header.sequence.wrapping_sub(newest);
        if (1..0x8000).contains(&ahead) {
            self.missing += u64::from(ahead) - 1;
            self.newest = Some(header.sequence);
            self.arrived = self.arrived.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.received += 1;
            return;
        }
        let bit = 1_u128
            .checked_shl(u32::from(newest.wrapping_sub(header.sequence)))
            .unwrap_or(0);
        // A late packet was counted as missing. One too old to tell from a duplicate stays missing.
        if bit != 0 && self.arrived & bit == 0 {
            self.arrived |= bit;
            self.received += 1;
            self.missing = self.missing.saturating_sub(1);
        }
    }

    /// Resets the counts, but not the position in the stream.
    pub fn restart(&mut self) {
        self.received = 0;
        self.missing = 0;
        // Packets from before the restart are no longer awaited.
        self.arrived = u128::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn header(ssrc: u32, sequence: u16) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 111,
            sequence,
            timestamp: 960,
            ssrc,
        }
    }

    fn tally(sequences: impl IntoIterator<Item = u16>) -> (u64, u64) {
        let mut tally = Tally::default();
        for sequence in sequences {
            tally.count(&header(7, sequence));
        }
        (tally.received, tally.missing)
    }

    #[test]
    fn gaps_are_counted_across_the_wrap() {
        assert_eq!(tally(65_530..=65_535), (6, 0));
        assert_eq!(tally((65_530..=65_535).chain(0..5)), (11, 0));
        assert_eq!(tally([65_534, 1]), (2, 2));
        assert_eq!(tally([10, 11, 15]), (3, 3));
    }

    #[test]
    fn a_late_packet_is_not_missing_and_duplicates_do_not_count() {
        assert_eq!(tally([1, 2, 4, 3, 5]), (5, 0));
        assert_eq!(tally([1, 2, 4, 2, 5]), (4, 1));
        assert_eq!(tally([1, 2, 4, 3, 3, 6]), (5, 1));
        // 200 back: too old to tell.
        assert_eq!(tally([1000, 1200, 1000]), (2, 199));
    }

    #[test]
    fn a_new_stream_is_no_gap() {
        let mut tally = Tally::default();
        tally.count(&header(1, 9));
        tally.count(&header(2, 4000));
        tally.count(&header(2, 4001));
        assert_eq!((tally.received, tally.missing), (3, 0));
    }

    #[test]
    fn a_restart_keeps_the_position_in_the_stream() {
        let mut tally = Tally::default();
        for sequence in [5, 9] {
            tally.count(&header(1, sequence));
        }
        tally.restart();
        for sequence in [7, 10, 12] {
            tally.count(&header(1, sequence));
        }
        assert_eq!((tally.received, tally.missing), (2, 1));
    }

    #[test]
    fn a_payload_is_found_behind_header_and_extension() {
        let mut buffer = [0; 64];
        let len = header(0xdead_beef, 77).write(b"opus", &mut buffer).unwrap();
        let (read, payload_at) = rtp_header(&buffer[..len]).unwrap();
        assert_eq!(read, header(0xdead_beef, 77));
        assert_eq!(&buffer[payload_at..len], b"opus");

        let mut extended = buffer[..12].to_vec();
        extended[0] |= 0x10;
        extended.extend([0xbe, 0xde, 0, 1, 0x10, 2, 0, 0, 42]);
        assert_eq!(rtp_header(&extended).unwrap().1, 20);
        extended.truncate(18);
        assert_eq!(rtp_header(&extended), None);
    }

    #[test]
    fn stun_dtls_and_rtcp_are_not_rtp() {
        let mut datagram = [0_u8; 40];
        assert_eq!(rtp_header(&datagram), None, "STUN");
        datagram[0] = 22;
        assert_eq!(rtp_header(&datagram), None, "DTLS");
        datagram[0] = 0x80;
        datagram[1] = 200;
        assert_eq!(rtp_header(&datagram), None, "RTCP");
        datagram[1] = 111;
        assert!(rtp_header(&datagram).is_some());
        assert_eq!(rtp_header(&datagram[..11]), None, "truncated");
    }
}
