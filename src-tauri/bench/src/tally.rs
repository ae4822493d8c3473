//! The plain header of RTP (RFC 3550 §5.1), which SRTP leaves in the clear, and gaps in its numbers.

/// The parts of the header that are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Sequence number; wraps.
    pub sequence: u16,
    /// Synchronization source.
    pub ssrc: u32,
    /// Where the payload begins, header extension passed over.
    pub payload_at: usize,
}

/// Reads the header of a datagram; `None` when it is not RTP: STUN, DTLS and RTCP share the port
/// (RFC 7983, RFC 5761).
pub fn parse(datagram: &[u8]) -> Option<Header> {
    let fixed: &[u8; 12] = datagram.first_chunk()?;
    if fixed[0] >> 6 != 2 || (192..=223).contains(&fixed[1]) {
        return None;
    }
    let mut payload_at = 12 + 4 * usize::from(fixed[0] & 0x0f);
    if fixed[0] & 0x10 != 0 {
        let words: &[u8; 2] = datagram.get(payload_at + 2..)?.first_chunk()?;
        payload_at += 4 + 4 * usize::from(u16::from_be_bytes(*words));
    }
    (payload_at <= datagram.len()).then_some(Header {
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        payload_at,
    })
}

/// Writes a header without extension before a payload and returns the length of both.
pub fn write(
    out: &mut [u8],
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &[u8],
) -> Option<usize> {
    let len = 12 + payload.len();
    let out = out.get_mut(..len)?;
    out[0] = 0x80;
    out[1] = payload_type & 0x7f;
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
    out[12..].copy_from_slice(payload);
    Some(len)
}

/// Counts what came of one stream, and what did not, by sequence number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that came, each once.
    pub received: u64,
    /// Packets that are missing between the first and the newest one.
    pub missing: u64,
    newest: Option<u16>,
    /// Bit n: whether the packet n before the newest one came.
    came: u128,
    ssrc: Option<u32>,
}

impl Tally {
    /// Takes the header of a packet. Another SSRC starts a new stream; the counts go on.
    pub fn count(&mut self, header: &Header) {
        let newest = match self.newest {
            Some(newest) if self.ssrc == Some(header.ssrc) => newest,
            _ => {
                self.ssrc = Some(header.ssrc);
                self.newest = Some(header.sequence);
                self.came = 1;
                self.received += 1;
                return;
            }
        };
        let ahead = header.sequence.wrapping_sub(newest);
        if (1..0x8000).contains(&ahead) {
            self.missing += u64::from(ahead) - 1;
            self.newest = Some(header.sequence);
            self.came = self.came.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.received += 1;
            return;
        }
        let bit = 1_u128
            .checked_shl(u32::from(newest.wrapping_sub(header.sequence)))
            .unwrap_or(0);
        // A late packet was counted as missing; one that is too old to tell from a duplicate, too.
        if bit != 0 && self.came & bit == 0 {
            self.came |= bit;
            self.received += 1;
            self.missing = self.missing.saturating_sub(1);
        }
    }

    /// Forgets the counts but not where the stream stands: what is missing next is counted from here.
    pub fn restart(&mut self) {
        self.received = 0;
        self.missing = 0;
        // What came before the restart is no longer waited for.
        self.came = u128::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(sequences: impl IntoIterator<Item = u16>) -> (u64, u64) {
        let mut tally = Tally::default();
        for sequence in sequences {
            tally.count(&Header {
                sequence,
                ssrc: 7,
                payload_at: 12,
            });
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
    fn a_late_packet_is_not_missing_and_a_duplicate_makes_up_for_nothing() {
        assert_eq!(tally([1, 2, 4, 3, 5]), (5, 0));
        assert_eq!(tally([1, 2, 4, 2, 5]), (4, 1));
        assert_eq!(tally([1, 2, 4, 3, 3, 6]), (5, 1));
        // 200 back: too old to tell.
        assert_eq!(tally([1000, 1200, 1000]), (2, 199));
    }

    #[test]
    fn a_new_stream_is_no_gap() {
        let mut tally = Tally::default();
        tally.count(&Header {
            sequence: 9,
            ssrc: 1,
            payload_at: 12,
        });
        tally.count(&Header {
            sequence: 4000,
            ssrc: 2,
            payload_at: 12,
        });
        tally.count(&Header {
            sequence: 4001,
            ssrc: 2,
            payload_at: 12,
        });
        assert_eq!((tally.received, tally.missing), (3, 0));
    }

    #[test]
    fn a_restart_counts_from_where_the_stream_stands() {
        let mut tally = Tally::default();
        for sequence in [5, 9] {
            tally.count(&Header {
                sequence,
                ssrc: 1,
                payload_at: 12,
            });
        }
        tally.restart();
        for sequence in [7, 10, 12] {
            tally.count(&Header {
                sequence,
                ssrc: 1,
                payload_at: 12,
            });
        }
        assert_eq!((tally.received, tally.missing), (2, 1));
    }

    #[test]
    fn a_header_is_read_as_it_is_written_and_extensions_are_passed_over() {
        let mut buffer = [0; 64];
        let len = write(&mut buffer, 111, 77, 960, 0xdead_beef, b"opus").unwrap();
        let header = parse(&buffer[..len]).unwrap();
        assert_eq!((header.sequence, header.ssrc), (77, 0xdead_beef));
        assert_eq!(&buffer[header.payload_at..len], b"opus");

        let mut extended = buffer[..12].to_vec();
        extended[0] |= 0x10;
        extended.extend([0xbe, 0xde, 0, 1, 0x10, 2, 0, 0, 42]);
        assert_eq!(parse(&extended).unwrap().payload_at, 20);
        extended.truncate(18);
        assert_eq!(parse(&extended), None);
    }

    #[test]
    fn stun_dtls_and_rtcp_are_not_rtp() {
        let mut datagram = [0_u8; 40];
        assert_eq!(parse(&datagram), None, "STUN");
        datagram[0] = 22;
        assert_eq!(parse(&datagram), None, "DTLS");
        datagram[0] = 0x80;
        datagram[1] = 200;
        assert_eq!(parse(&datagram), None, "RTCP");
        datagram[1] = 111;
        assert!(parse(&datagram).is_some());
        assert_eq!(parse(&datagram[..11]), None, "truncated");
    }
}
