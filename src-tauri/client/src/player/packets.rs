//! The Opus packets of an Ogg file (RFC 7845), each with its place, from any place on.

use std::collections::VecDeque;

use ogg::PacketReader;
use voice::Decoder;

use super::parts::Parts;
use crate::error::ClientError;

/// Packets of one page, at most: as many as a page has segments (RFC 3533, section 6).
const PAGE_PACKETS_MAX: usize = 255;

/// Reads packet after packet.
pub struct Packets<F>
where
    F: FnMut(u64, u64) -> Result<(Vec<u8>, u64), ClientError>,
{
    reader: PacketReader<Parts<F>>,
    /// Samples at the start that are not of the recording (RFC 7845, section 4.2).
    pre_skip: u64,
    page: VecDeque<(u32, Vec<u8>)>,
}

impl<F> Packets<F>
where
    F: FnMut(u64, u64) -> Result<(Vec<u8>, u64), ClientError>,
{
    /// From the page that holds this place on.
    pub fn open(parts: Parts<F>, from_ms: u32) -> Result<Self, ClientError> {
        let mut reader = PacketReader::new(parts);
        let head = reader.read_packet_expected().map_err(unreadable)?;
        let pre_skip = match head.data.get(..12) {
            Some(
                [
                    b'O',
                    b'p',
                    b'u',
                    b's',
                    b'H',
                    b'e',
                    b'a',
                    b'd',
                    _,
                    _,
                    low,
                    high,
                ],
            ) => u64::from(u16::from_le_bytes([*low, *high])),
            _ => return Err(ClientError::Protocol("this isn't a recording".into())),
        };
        if from_ms > 0 {
            let place = u64::from(from_ms) * 48 + pre_skip;
            let found = reader.seek_absgp(None, place).map_err(unreadable)?;
            if !found {
                // Beyond the end: there is nothing to play.
                reader
                    .seek_bytes(std::io::SeekFrom::End(0))
                    .map_err(|error| unreadable(error.into()))?;
            }
        }
        Ok(Self {
            reader,
            pre_skip,
            page: VecDeque::new(),
        })
    }

    /// The next packet, and where its first sample lies; none at the end.
    pub fn next(&mut self) -> Result<Option<(u32, Vec<u8>)>, ClientError> {
        while self.page.is_empty() {
            if !self.read_page()? {
                return Ok(None);
            }
        }
        Ok(self.page.pop_front())
    }

    /// Reads the packets that end on one page: only the last one's place is written there.
    fn read_page(&mut self) -> Result<bool, ClientError> {
        let mut packets = Vec::new();
        while packets.len() < PAGE_PACKETS_MAX {
            let packet = match self.reader.read_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                // A file that was cut off ends within a page.
                Err(ogg::OggReadError::ReadError(error))
                    if error.kind() == std::io::ErrorKind::UnexpectedEof =>
                {
                    break;
                }
                Err(error) => return Err(unreadable(error)),
            };
            let (last, end) = (packet.last_in_page(), packet.absgp_page());
            if !packet.data.starts_with(b"OpusHead") && !packet.data.starts_with(b"OpusTags") {
                packets.push(packet.data);
            }
            if last {
                self.place(packets, end);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn place(&mut self, packets: Vec<Vec<u8>>, end: u64) {
        let mut at = end.saturating_sub(self.pre_skip);
        let mut placed = VecDeque::with_capacity(packets.len());
        for packet in packets.into_iter().rev() {
            at = at.saturating_sub(Decoder::samples(&packet) as u64);
            let at_ms = u32::try_from(at / 48).unwrap_or(u32::MAX);
            placed.push_front((at_ms, packet));
        }
        self.page = placed;
    }
}

/// What could not be read: the network's own reason, when it is that.
fn unreadable(error: ogg::OggReadError) -> ClientError {
    if let ogg::OggReadError::ReadError(error) = error {
        return match error.downcast::<ClientError>() {
            Ok(error) => error,
            Err(error) => ClientError::Protocol(error.to_string()),
        };
    }
    ClientError::Protocol(format!("the recording can't be read: {error}"))
}
