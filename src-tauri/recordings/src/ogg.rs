//! Ogg Opus (RFC 3533, RFC 7845): one mono stream of 20 ms packets, in pages of half a second.
//!
//! A small writer of ours rather than a crate's, because a file that was cut off has to be found whole
//! as far as it goes, and closed where it ends.

use std::io::{self, Read, Seek, SeekFrom, Write};

/// Samples that a decoder leaves out at the start: what the encoder looks ahead.
const PRE_SKIP_SAMPLES: u64 = 312;
/// Samples of a packet, and packets of a second.
const PACKET_SAMPLES: u64 = 960;
/// Packets in a page: half a second, so that less than a second is lost with what is not written yet.
const PAGE_PACKETS: usize = 25;
const HEADER_BYTES: usize = 27;
const FIRST: u8 = 2;
const LAST: u8 = 4;
/// Where in a page's header these stand.
const FLAGS_AT: usize = 5;
const GRANULE_AT: usize = 6;
const CRC_AT: usize = 22;

/// 20 ms of silence, as every Opus decoder knows it.
pub const SILENCE: &[u8] = &[0xf8, 0xff, 0xfe];

/// Writes the pages of one stream.
pub struct OggOpus {
    serial: u32,
    sequence: u32,
    lacing: Vec<u8>,
    body: Vec<u8>,
    in_page: usize,
    packets: u64,
}

impl OggOpus {
    /// Puts the two headers out. They name nobody.
    pub fn new(serial: u32, out: &mut Vec<u8>) -> Self {
        let mut ogg = Self {
            serial,
            sequence: 0,
            lacing: Vec::new(),
            body: Vec::new(),
            in_page: 0,
            packets: 0,
        };
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend((PRE_SKIP_SAMPLES as u16).to_le_bytes());
        head.extend(48_000_u32.to_le_bytes());
        // No gain, one channel.
        head.extend([0, 0, 0]);
        let vendor = b"Call Coaching";
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor);
        tags.extend(0_u32.to_le_bytes());
        ogg.add(&head);
        ogg.page(FIRST, out);
        ogg.add(&tags);
        ogg.page(0, out);
        ogg
    }

    /// Takes the next packet of 20 ms. A page goes out when another packet follows it, so that there
    /// is always one left to end the stream with.
    pub fn push(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        if self.in_page >= PAGE_PACKETS {
            self.page(0, out);
        }
        self.add(packet);
        self.packets += 1;
        self.in_page += 1;
    }

    /// Puts out the last page.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.page(LAST, out);
    }

    /// Packets so far.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    fn add(&mut self, packet: &[u8]) {
        // A packet ends with the first segment of less than 255 bytes. None of ours has more than
        // 1275, so that 25 of them fit the 255 segments of a page.
        self.lacing
            .extend(std::iter::repeat_n(255, packet.len() / 255));
        self.lacing.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }

    fn page(&mut self, flags: u8, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend(b"OggS\0");
        out.push(flags);
        out.extend((self.packets * PACKET_SAMPLES).to_le_bytes());
        out.extend(self.serial.to_le_bytes());
        out.extend(self.sequence.to_le_bytes());
        out.extend([0; 4]);
        out.push(self.lacing.len() as u8);
        out.append(&mut self.lacing);
        out.append(&mut self.body);
        if let Some(page) = out.get_mut(from..) {
            seal(page);
        }
        self.sequence += 1;
        self.in_page = 0;
    }
}

/// How long so many packets play.
pub fn duration_ms(packets: u64) -> u32 {
    let samples = (packets * PACKET_SAMPLES).saturating_sub(PRE_SKIP_SAMPLES);
    u32::try_from(samples / 48).unwrap_or(u32::MAX)
}

/// What was left of a file that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    pub packets: u64,
    pub bytes: u64,
}

/// Ends a file that was cut off after its last whole page; none when there is no sound in it. One that
/// has its end already stays as it is.
pub fn close(file: &mut (impl Read + Write + Seek)) -> io::Result<Option<Closed>> {
    let mut bytes = 0;
    let mut last: Option<(u64, Vec<u8>)> = None;
    file.seek(SeekFrom::Start(0))?;
    let mut reader = io::BufReader::new(&mut *file);
    while let Some(page) = read_page(&mut reader)? {
        let at = bytes;
        bytes += page.len() as u64;
        last = Some((at, page));
    }
    let Some((at, mut page)) = last else {
        return Ok(None);
    };
    let granule = page.get(GRANULE_AT..GRANULE_AT + 8);
    let granule = granule.and_then(|field| field.try_into().ok());
    let packets = granule.map_or(0, u64::from_le_bytes) / PACKET_SAMPLES;
    if packets == 0 {
        return Ok(None);
    }
    if let Some(flags) = page.get_mut(FLAGS_AT) {
        *flags |= LAST;
    }
    seal(&mut page);
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&page)?;
    Ok(Some(Closed { packets, bytes }))
}

/// The next page; none at the end, or where what follows is not whole.
fn read_page(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut page = vec![0; HEADER_BYTES];
    if !fill(reader, &mut page)? || !page.starts_with(b"OggS\0") {
        return Ok(None);
    }
    for _ in 0..2 {
        let segments = page.get(HEADER_BYTES..).unwrap_or_default();
        let more = if segments.is_empty() {
            usize::from(page.last().copied().unwrap_or(0))
        } else {
            segments.iter().map(|length| usize::from(*length)).sum()
        };
        let from = page.len();
        page.resize(from + more, 0);
        if !fill(reader, page.get_mut(from..).unwrap_or_default())? {
            return Ok(None);
        }
    }
    let mut sealed = page.clone();
    seal(&mut sealed);
    Ok((sealed == page).then_some(page))
}

fn fill(reader: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets a page's checksum.
fn seal(page: &mut [u8]) {
    if let Some(field) = page.get_mut(CRC_AT..CRC_AT + 4) {
        field.fill(0);
    }
    let crc = page.iter().fold(0_u32, |crc, byte| {
        let at = (crc >> 24) as u8 ^ *byte;
        crc << 8 ^ CRC.get(usize::from(at)).copied().unwrap_or(0)
    });
    if let Some(field) = page.get_mut(CRC_AT..CRC_AT + 4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// CRC-32 with the polynomial 0x04c11db7, neither reflected nor inverted (RFC 3533).
#[expect(
    clippy::indexing_slicing,
    reason = "in a constant, where it cannot fail at run time"
)]
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x04c1_1db7
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn stream(packets: usize, finished: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut ogg = OggOpus::new(7, &mut out);
        for _ in 0..packets {
            ogg.push(SILENCE, &mut out);
        }
        if finished {
            ogg.finish(&mut out);
        }
        out
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // The first page of a file made by the reference tools has this head and this checksum.
        let mut page = b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x01A".to_vec();
        seal(&mut page);
        let bitwise = {
            let mut copy = page.clone();
            copy[CRC_AT..CRC_AT + 4].fill(0);
            copy.iter().fold(0_u32, |crc, byte| {
                (0..8).rev().fold(crc, |crc, bit| {
                    let feedback = crc >> 31 != u32::from(byte >> bit & 1);
                    crc << 1 ^ if feedback { 0x04c1_1db7 } else { 0 }
                })
            })
        };
        assert_eq!(page[CRC_AT..CRC_AT + 4], bitwise.to_le_bytes());
    }

    #[test]
    fn r2_a_file_cut_off_anywhere_ends_after_its_last_whole_page() {
        let whole = stream(130, false);
        // Five pages of 25 went out: the sixth has only five packets so far.
        for cut in 0..=whole.len() {
            let mut file = Cursor::new(whole[..cut].to_vec());
            let Some(closed) = close(&mut file).unwrap() else {
                assert!(cut < stream(26, false).len(), "cut at {cut}");
                continue;
            };
            assert!(closed.bytes as usize <= cut);
            assert_eq!(closed.packets % 25, 0);
            let mut kept = file.into_inner();
            kept.truncate(closed.bytes as usize);
            let again = close(&mut Cursor::new(kept.clone())).unwrap().unwrap();
            assert_eq!(again, closed);
            let expected = stream(closed.packets as usize, true);
            assert_eq!(kept, expected, "cut at {cut}");
        }
    }

    #[test]
    fn r2_what_is_damaged_ends_the_file_there() {
        let mut bytes = stream(130, true);
        let two_pages = stream(51, false).len();
        bytes[two_pages + 60] ^= 1;
        let closed = close(&mut Cursor::new(bytes)).unwrap().unwrap();
        assert_eq!(closed.packets, 50);
    }

    #[test]
    fn a_packet_may_be_as_long_as_opus_makes_them() {
        let mut out = Vec::new();
        let mut ogg = OggOpus::new(7, &mut out);
        for _ in 0..60 {
            ogg.push(&[0xfc; 1275], &mut out);
        }
        ogg.finish(&mut out);
        let closed = close(&mut Cursor::new(out.clone())).unwrap().unwrap();
        assert_eq!((closed.packets, closed.bytes as usize), (60, out.len()));
        assert_eq!(duration_ms(50), 993);
    }
}
