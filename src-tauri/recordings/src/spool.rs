//! A recording on the disk while it is made: the file itself, and beside it what cannot be read from it.
//!
//! `<call>.ogg` plays at any time, as far as it is written. `<call>.marks` begins with whose it is and
//! when it started, and then has two bytes for each 100 ms: the peak, and whether anything is left out.
//! So a recording is finished after the service was killed, with nothing but these two.

use super::ogg::{self, OggOpus, SILENCE};
use super::peaks::{Gaps, PIECE_PACKETS, Peaks};
use super::tap::Taken;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use wire::{CallId, OrganizationId, RecordingGap, RecordingPeaks, Timestamp};

/// Packets of silence that take the place of missing ticks at most: a day.
const MISSING_MAX: u64 = 24 * 3600 * 50;
/// Bytes that are kept in memory while the disk takes nothing: some ten seconds of sound. What comes
/// after them is missing.
const BEHIND_BYTES_MAX: usize = 64 * 1024;
/// A first line of marks is no longer than this.
const HEADER_BYTES_MAX: u64 = 256;

/// What there is to know of a recording that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    pub bytes: u64,
    pub duration_ms: u32,
    pub gaps: Vec<RecordingGap>,
    pub peaks: RecordingPeaks,
}

/// Where a call's recording is spooled.
pub fn path(folder: &Path, call: &CallId) -> PathBuf {
    folder.join(format!("{call}.ogg"))
}

fn marks_path(folder: &Path, call: &CallId) -> PathBuf {
    folder.join(format!("{call}.marks"))
}

/// A recording that is being written. Whatever fails may be tried again: the files then go on where they
/// were whole.
pub struct Spool {
    file: File,
    marks: File,
    ogg: OggOpus,
    out: Vec<u8>,
    marks_out: Vec<u8>,
    written: u64,
    marks_written: u64,
    /// Whether the disk did not take what it was given last.
    is_behind: bool,
    is_synced: bool,
    is_finished: bool,
    next_tick: u64,
    peaks: Peaks,
    gaps: Gaps,
    // The 100 ms that are being gathered.
    piece: Piece,
}

#[derive(Default)]
struct Piece {
    packets: u32,
    peak: u8,
    muffled: bool,
}

impl Spool {
    /// Begins the files of a recording whose first packet was that of this tick.
    pub fn create(
        folder: &Path,
        organization: &OrganizationId,
        call: &CallId,
        started_at: Timestamp,
        first_tick: u64,
    ) -> io::Result<Self> {
        let header = format!("{organization} {}\n", started_at.0);
        let new = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
        // The marks first: a file without them is nobody's.
        let mut marks = new(&marks_path(folder, call))?;
        let file = marks
            .write_all(header.as_bytes())
            .and_then(|()| new(&path(folder, call)));
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                // Half of it would be in the way of the next try.
                let _ = std::fs::remove_file(marks_path(folder, call));
                return Err(error);
            }
        };
        let mut out = Vec::new();
        let mut serial = [0; 4];
        for (to, from) in serial.iter_mut().zip(Sha256::digest(call.as_str())) {
            *to = from;
        }
        let ogg = OggOpus::new(u32::from_le_bytes(serial), &mut out);
        Ok(Self {
            file,
            marks,
            ogg,
            out,
            marks_out: Vec::new(),
            written: 0,
            marks_written: header.len() as u64,
            is_behind: false,
            is_synced: false,
            is_finished: false,
            next_tick: first_tick,
            peaks: Peaks::new(),
            gaps: Gaps::default(),
            piece: Piece::default(),
        })
    }

    /// Takes the next packet, or leaves it out while the disk takes nothing. Ticks that are missing
    /// before it become a gap of silence, so that the file's time is the call's.
    pub fn take(&mut self, taken: &Taken<'_>) -> io::Result<()> {
        let earliest = taken.tick.saturating_sub(MISSING_MAX);
        for tick in self.next_tick.clamp(earliest, taken.tick)..=taken.tick {
            if self.out.len() >= BEHIND_BYTES_MAX {
                if self.is_behind {
                    return Ok(());
                }
                self.write()?;
            }
            self.next_tick = tick.saturating_add(1);
            if tick < taken.tick || taken.muffled {
                self.leave_out();
            } else {
                self.push(taken.opus, taken.peak, false);
            }
        }
        Ok(())
    }

    /// One tick without sound: silence in the file, and a gap (rule R3).
    fn leave_out(&mut self) {
        let at = self.ogg.packets();
        self.gaps.add(at, at + 1);
        self.push(SILENCE, 0, true);
    }

    fn push(&mut self, opus: &[u8], peak: u8, muffled: bool) {
        self.ogg.push(opus, &mut self.out);
        self.peaks.push(peak);
        let piece = &mut self.piece;
        piece.peak = piece.peak.max(peak);
        piece.muffled |= muffled;
        piece.packets += 1;
        if piece.packets >= PIECE_PACKETS {
            self.marks_out.extend([piece.peak, u8::from(piece.muffled)]);
            *piece = Piece::default();
        }
    }

    /// Writes the pages that are full. A process that is killed loses only what was not written.
    pub fn write(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.is_behind = true;
        append(
            &mut self.marks,
            &mut self.marks_written,
            &mut self.marks_out,
        )?;
        append(&mut self.file, &mut self.written, &mut self.out)?;
        self.is_behind = false;
        self.is_synced = false;
        Ok(())
    }

    /// Brings what is written to the disk. A machine that loses its power loses only what came later.
    pub fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.marks.sync_data()?;
            self.file.sync_data()?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Bytes that are in the file and stay as they are.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Ends the file.
    pub fn finish(&mut self) -> io::Result<Whole> {
        if !self.is_finished {
            self.is_finished = true;
            self.ogg.finish(&mut self.out);
        }
        self.write()?;
        self.sync()?;
        Ok(Whole {
            bytes: self.written,
            duration_ms: ogg::duration_ms(self.ogg.packets()),
            gaps: self.gaps.clone().finish(),
            peaks: self.peaks.clone().finish(),
        })
    }

    /// Lets it write into another file, until it gets its own back.
    #[cfg(all(test, target_os = "linux"))]
    pub fn swap_file(&mut self, file: &mut File) {
        std::mem::swap(&mut self.file, file);
    }
}

/// Writes at the end of what is whole, over what a try that failed may have left there.
fn append(file: &mut File, written: &mut u64, out: &mut Vec<u8>) -> io::Result<()> {
    file.seek(SeekFrom::Start(*written))?;
    file.write_all(out)?;
    *written += out.len() as u64;
    out.clear();
    Ok(())
}

/// A recording that an earlier service left behind, ended where it was cut off.
pub struct Recovered {
    pub organization: OrganizationId,
    pub started_at: Timestamp,
    /// None when there is no sound in it.
    pub whole: Option<Whole>,
}

/// Ends what an earlier service left behind.
///
/// # Errors
/// When the files cannot be read or written, or are none of ours.
pub fn recover(folder: &Path, call: &CallId) -> io::Result<Recovered> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "the marks can't be read");
    let mut marks = BufReader::new(File::open(marks_path(folder, call))?);
    let mut header = String::new();
    marks
        .by_ref()
        .take(HEADER_BYTES_MAX)
        .read_line(&mut header)?;
    let fields = header.trim_end().split_once(' ').ok_or_else(malformed)?;
    let organization = OrganizationId::parse(fields.0).map_err(|_| malformed())?;
    let started_at = Timestamp(fields.1.parse().map_err(|_| malformed())?);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path(folder, call))?;
    let Some(closed) = ogg::close(&mut file)? else {
        return Ok(Recovered {
            organization,
            started_at,
            whole: None,
        });
    };
    file.set_len(closed.bytes)?;
    file.sync_all()?;
    let (mut peaks, mut gaps) = (Peaks::new(), Gaps::default());
    let mut mark = [0; 2];
    for packet in (0..closed.packets).step_by(PIECE_PACKETS as usize) {
        // What was not written any more was silence, as far as anybody knows.
        if marks.read_exact(&mut mark).is_err() {
            mark = [0; 2];
        }
        let [peak, muffled] = mark;
        let end = (packet + u64::from(PIECE_PACKETS)).min(closed.packets);
        (packet..end).for_each(|_| peaks.push(peak));
        if muffled != 0 {
            gaps.add(packet, end);
        }
    }
    Ok(Recovered {
        organization,
        started_at,
        whole: Some(Whole {
            bytes: closed.bytes,
            duration_ms: ogg::duration_ms(closed.packets),
            gaps: gaps.finish(),
            peaks: peaks.finish(),
        }),
    })
}

/// The calls whose recordings an earlier service left behind.
pub fn left_behind(folder: &Path) -> io::Result<Vec<CallId>> {
    let mut calls = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "ogg")
            && let Some(call) = path.file_stem().and_then(|name| name.to_str())
            && let Ok(call) = CallId::parse(call)
        {
            calls.push(call);
        }
    }
    Ok(calls)
}

/// Removes a call's files.
pub fn remove(folder: &Path, call: &CallId) -> io::Result<()> {
    for path in [path(folder, call), marks_path(folder, call)] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> (OrganizationId, CallId) {
        (
            OrganizationId::parse("orga_acme").unwrap(),
            CallId::parse("acti_1").unwrap(),
        )
    }

    fn say(spool: &mut Spool, tick: u64, muffled: bool) {
        let taken = Taken {
            tick,
            peak: if muffled { 0 } else { 100 },
            muffled,
            opus: if muffled { &[] } else { SILENCE },
        };
        spool.take(&taken).unwrap();
    }

    #[test]
    fn r3_missing_ticks_become_a_gap_of_their_length() {
        let folder = tempfile::tempdir().unwrap();
        let (organization, call) = names();
        let mut spool =
            Spool::create(folder.path(), &organization, &call, Timestamp(5), 1000).unwrap();
        for tick in (1000..1050).chain(1100..1150) {
            say(&mut spool, tick, false);
        }
        let whole = spool.finish().unwrap();
        assert_eq!(whole.duration_ms, ogg::duration_ms(150));
        let gap = RecordingGap {
            from_ms: 1000,
            to_ms: 2000,
        };
        assert_eq!(whole.gaps, [gap]);
        let mut expected = vec![100; 10];
        expected.extend([0; 10]);
        expected.extend([100; 10]);
        assert_eq!(whole.peaks.peaks, expected);
        let gap = RecordingGap {
            from_ms: 1000,
            to_ms: 2000,
        };
        assert_eq!(whole.gaps, [gap]);
        let length = std::fs::metadata(path(folder.path(), &call)).unwrap().len();
        assert_eq!(length, whole.bytes);
    }

    /// Packets as long as those of speech.
    #[cfg(target_os = "linux")]
    fn talk(spool: &mut Spool, ticks: std::ops::Range<u64>) {
        for tick in ticks {
            let taken = Taken {
                tick,
                peak: 100,
                muffled: false,
                opus: &[0xf8; 80],
            };
            spool.take(&taken).unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn r3_what_a_full_disk_did_not_take_is_a_gap_and_the_rest_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (organization, call) = names();
        let mut spool =
            Spool::create(folder.path(), &organization, &call, Timestamp(5), 0).unwrap();
        talk(&mut spool, 0..500);
        spool.write().unwrap();
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        spool.swap_file(&mut full);
        // A minute, of which some seconds have room in memory.
        for second in 10..70 {
            talk(&mut spool, second * 50..(second + 1) * 50);
            assert!(spool.write().is_err());
        }
        assert!(spool.out.len() < 2 * BEHIND_BYTES_MAX, "it is bounded");
        spool.swap_file(&mut full);
        spool.write().unwrap();
        talk(&mut spool, 3500..4000);
        let whole = spool.finish().unwrap();
        assert_eq!(whole.duration_ms, ogg::duration_ms(4000));
        let [gap] = &whole.gaps[..] else {
            panic!("{:?}", whole.gaps);
        };
        assert_eq!(gap.to_ms, 70_000);
        assert!((15_000..40_000).contains(&gap.from_ms), "{gap:?}");
        let peaks = &whole.peaks.peaks;
        assert_eq!(
            peaks[..gap.from_ms as usize / 100 - 1],
            vec![100; gap.from_ms as usize / 100 - 1]
        );
        assert_eq!(peaks[700..], [100; 100]);
        // Every page of it is read again.
        let mut file = File::open(path(folder.path(), &call)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, whole.bytes);
        let closed = ogg::close(&mut io::Cursor::new(bytes)).unwrap().unwrap();
        assert_eq!((closed.packets, closed.bytes), (4000, whole.bytes));
    }

    #[test]
    fn r2_what_was_cut_off_is_finished_as_it_would_have_been() {
        let folder = tempfile::tempdir().unwrap();
        let (organization, call) = names();
        let mut spool =
            Spool::create(folder.path(), &organization, &call, Timestamp(77), 0).unwrap();
        for tick in 0..130 {
            say(&mut spool, tick, (50..75).contains(&tick));
            spool.write().unwrap();
        }
        // Killed: nothing is finished.
        drop(spool);
        assert_eq!(
            left_behind(folder.path()).unwrap(),
            std::slice::from_ref(&call)
        );
        let recovered = recover(folder.path(), &call).unwrap();
        assert_eq!(recovered.organization, organization);
        assert_eq!(recovered.started_at, Timestamp(77));
        let whole = recovered.whole.unwrap();
        // At most a page and a packet of the 2.6 s are lost.
        assert_eq!(whole.duration_ms, ogg::duration_ms(125));
        assert_eq!(
            whole.gaps,
            [RecordingGap {
                from_ms: 1000,
                to_ms: 1500
            }]
        );
        assert_eq!(whole.peaks.peaks.len(), 25);
        assert_eq!(whole.peaks.peaks[9..16], [100, 0, 0, 0, 0, 0, 100]);
        remove(folder.path(), &call).unwrap();
        assert!(left_behind(folder.path()).unwrap().is_empty());
    }
}
