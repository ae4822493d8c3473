//! A file that is read in parts as they are needed, and looks like one on disk.

use std::collections::BTreeMap;
use std::io::{Error, Read, Result, Seek, SeekFrom};

use crate::error::ClientError;

/// The length of a part, in bytes: some sixteen seconds of a call.
const PART_BYTES: u64 = 64 * 1024;
/// Parts that are kept: 16 MiB, some hour of a call. The farthest behind gives way.
const PARTS_MAX: usize = 256;

/// The file. `fetch` is given the first and the last byte that are wanted, and gives them, or fewer at
/// the end, and the whole length.
pub struct Parts<F> {
    fetch: F,
    kept: BTreeMap<u64, Vec<u8>>,
    length: Option<u64>,
    position: u64,
}

impl<F> Parts<F>
where
    F: FnMut(u64, u64) -> std::result::Result<(Vec<u8>, u64), ClientError>,
{
    pub const fn new(fetch: F) -> Self {
        Self {
            fetch,
            kept: BTreeMap::new(),
            length: None,
            position: 0,
        }
    }

    fn length(&mut self) -> Result<u64> {
        match self.length {
            Some(length) => Ok(length),
            None => {
                self.part(0)?;
                Ok(self.length.unwrap_or(0))
            }
        }
    }

    /// The part of this number, counted from 0.
    fn part(&mut self, number: u64) -> Result<&[u8]> {
        if !self.kept.contains_key(&number) {
            let from = number * PART_BYTES;
            let asked = (self.fetch)(from, from + PART_BYTES - 1);
            let (bytes, length) = asked.map_err(Error::other)?;
            self.length = Some(length);
            if self.kept.len() >= PARTS_MAX {
                let first = self.kept.first_key_value().map(|(first, _)| *first);
                let last = self.kept.last_key_value().map(|(last, _)| *last);
                let far = first.filter(|first| *first < number).or(last);
                far.and_then(|far| self.kept.remove(&far));
            }
            self.kept.insert(number, bytes);
        }
        Ok(self.kept.get(&number).map_or(&[], Vec::as_slice))
    }
}

impl<F> Read for Parts<F>
where
    F: FnMut(u64, u64) -> std::result::Result<(Vec<u8>, u64), ClientError>,
{
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.position >= self.length()? {
            return Ok(0);
        }
        let within = usize::try_from(self.position % PART_BYTES).unwrap_or(usize::MAX);
        let part = self.part(self.position / PART_BYTES)?;
        let rest = part.get(within..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl<F> Seek for Parts<F>
where
    F: FnMut(u64, u64) -> std::result::Result<(Vec<u8>, u64), ClientError>,
{
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length()?.checked_add_signed(by),
        };
        self.position = to.ok_or_else(|| Error::other("before the start"))?;
        Ok(self.position)
    }
}
