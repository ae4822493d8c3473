//! What each row of a file does, as a file of its own: one line of JSON for each row, read from anywhere.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use wire::{ImportLine, ImportLineQuery, List, ListQuery};

/// The longest line that's read, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;

/// Writes lines.
pub struct Lines(BufWriter<File>);

impl Lines {
    pub fn new(file: File) -> Self {
        Self(BufWriter::new(file))
    }

    /// # Errors
    /// When the disk doesn't take it.
    pub fn add(&mut self, line: &ImportLine) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        self.0.write_all(b"\n")
    }

    /// # Errors
    /// When the disk doesn't take what was added.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A page of lines. The cursor is where the next one begins, in bytes.
///
/// # Errors
/// None where the cursor isn't ours.
pub fn page(file: File, query: &ImportLineQuery) -> io::Result<Option<List<ImportLine>>> {
    let page: ListQuery = query.page();
    let Ok(from) = page.cursor.as_deref().unwrap_or("0").parse::<u32>() else {
        return Ok(None);
    };
    let from = u64::from(from);
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(from))?;
    let (mut at, mut skip) = (from, page.skip());
    let mut list = List::whole(Vec::new());
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = file
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut text)? as u64;
        // The last line may be half written.
        if read == 0 || text.last() != Some(&b'\n') {
            return Ok(Some(list));
        }
        let Ok(line) = serde_json::from_slice::<ImportLine>(&text) else {
            return Ok(None);
        };
        let is_wanted = query.outcome.is_none_or(|outcome| outcome == line.outcome);
        if is_wanted && skip > 0 {
            skip -= 1;
        } else if is_wanted && list.data.len() == page.limit() as usize {
            list.has_more = true;
            list.cursor = Some(at.to_string());
            return Ok(Some(list));
        } else if is_wanted {
            list.data.push(line);
        }
        at += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ImportOutcome;

    fn written(count: u32) -> File {
        let file = tempfile::tempfile().unwrap();
        let mut lines = Lines::new(file.try_clone().unwrap());
        for line in 1..=count {
            let outcome = match line % 3 {
                0 => ImportOutcome::Skipped,
                _ => ImportOutcome::Created,
            };
            let line = ImportLine {
                line,
                outcome,
                name: "Globex".into(),
                lead_id: None,
                why: String::new(),
            };
            lines.add(&line).unwrap();
        }
        lines.flush().unwrap();
        file
    }

    fn query(outcome: Option<ImportOutcome>, cursor: Option<String>) -> ImportLineQuery {
        ImportLineQuery {
            outcome,
            limit: Some(4),
            skip: None,
            cursor,
        }
    }

    #[test]
    fn l2_lines_are_read_page_by_page() {
        let file = written(10);
        for outcome in [
            None,
            Some(ImportOutcome::Skipped),
            Some(ImportOutcome::Created),
        ] {
            let (mut all, mut cursor) = (Vec::new(), None);
            loop {
                let list = page(file.try_clone().unwrap(), &query(outcome, cursor)).unwrap();
                let list = list.unwrap();
                assert!(list.data.len() <= 4);
                all.extend(list.data.into_iter().map(|line| line.line));
                cursor = list.cursor;
                if !list.has_more {
                    break;
                }
            }
            let wanted = (1..=10).filter(|line| match outcome {
                None => true,
                Some(ImportOutcome::Skipped) => line % 3 == 0,
                Some(_) => line % 3 != 0,
            });
            assert_eq!(all, wanted.collect::<Vec<u32>>());
        }
    }

    #[test]
    fn l2_a_cursor_from_elsewhere_is_none() {
        for cursor in ["x", "-1", "3", "99999999999999999999"] {
            let read = page(written(10), &query(None, Some(cursor.into()))).unwrap();
            assert_eq!(read, None, "{cursor}");
        }
        let beyond = page(written(10), &query(None, Some("999999".into()))).unwrap();
        assert_eq!(beyond, Some(List::whole(Vec::new())));
    }
}
