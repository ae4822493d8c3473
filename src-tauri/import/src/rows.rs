//! From text to rows, one after another, in memory that doesn't depend on the file.

use crate::bounds::{CELL_BYTES_MAX, COLUMNS_MAX, ROW_BYTES_MAX};
use crate::dialect::{Dialect, byte_of, declared};
use crate::encoding::Text;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::io::{self, Read};
use wire::ImportQuote;

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line that it begins on, from 1.
    pub line: u32,
    /// Its cells.
    pub cells: Vec<String>,
}

/// What comes next in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A row.
    Row(Row),
    /// A row that is beyond the bounds, and was passed over.
    Refused {
        /// The line that it begins on.
        line: u32,
        /// Which bound it's beyond.
        why: Beyond,
    },
}

/// The bound that a row is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// [`ROW_BYTES_MAX`].
    Row,
    /// [`COLUMNS_MAX`].
    Columns,
    /// [`CELL_BYTES_MAX`].
    Cell,
}

impl Beyond {
    /// What happened and what may be the cause, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Row => "This row is longer than 256 KB. A quotation mark may be missing.",
            Self::Columns => "This row has more than 500 cells. A quotation mark may be missing.",
            Self::Cell => "A cell in this row is longer than 32 KB.",
        }
    }
}

/// The rows of a file, the first included.
pub struct Rows<R> {
    text: Text<R>,
    core: Reader,
    /// What was decoded and isn't read yet: from `at`.
    decoded: Vec<u8>,
    at: usize,
    at_end: bool,
    has_begun: bool,
    line: u32,
    /// Whether the last byte was a carriage return, which makes one line's end with a line feed.
    after_return: bool,
    cells: Box<[u8]>,
    ends: Box<[usize]>,
}

impl<R: Read> Rows<R> {
    /// The rows of what is read.
    pub fn new(from: R, dialect: &Dialect) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(byte_of(dialect.delimiter));
        match dialect.quote {
            ImportQuote::Double => builder.quote(b'"'),
            ImportQuote::Single => builder.quote(b'\''),
            ImportQuote::None => builder.quoting(false),
        };
        Self {
            text: Text::new(from, dialect.encoding),
            core: builder.build(),
            decoded: Vec::new(),
            at: 0,
            at_end: false,
            has_begun: false,
            line: 1,
            after_return: false,
            cells: vec![0; ROW_BYTES_MAX].into_boxed_slice(),
            ends: vec![0; COLUMNS_MAX].into_boxed_slice(),
        }
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// Those of what is read from.
    pub fn next_row(&mut self) -> io::Result<Option<Found>> {
        if !self.has_begun {
            self.begin()?;
        }
        self.pass_empty_lines()?;
        let line = self.line;
        let (mut bytes, mut cells, mut over) = (0, 0, None);
        loop {
            if self.at == self.decoded.len() && !self.at_end {
                self.fill()?;
            }
            let input = self.decoded.get(self.at..).unwrap_or_default();
            let (result, read, written, ended) = self.core.read_record(
                input,
                self.cells.get_mut(bytes..).unwrap_or_default(),
                self.ends.get_mut(cells..).unwrap_or_default(),
            );
            self.pass(read);
            bytes += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                // The rest of the row is read, and forgotten.
                ReadRecordResult::OutputFull => {
                    over = over.or(Some(Beyond::Row));
                    bytes = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    over = over.or(Some(Beyond::Columns));
                    cells = 0;
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let found = match over {
            Some(why) => Err(why),
            None => self.row(cells),
        };
        Ok(Some(match found {
            Ok(cells) => Found::Row(Row { line, cells }),
            Err(why) => Found::Refused { line, why },
        }))
    }

    fn row(&self, cells: usize) -> Result<Vec<String>, Beyond> {
        let mut from = 0;
        let ends = self.ends.get(..cells).unwrap_or_default();
        ends.iter()
            .map(|end| {
                let cell = self.cells.get(from..*end).unwrap_or_default();
                from = *end;
                if cell.len() > CELL_BYTES_MAX {
                    return Err(Beyond::Cell);
                }
                // It is valid, since it was decoded and is cut at ASCII.
                Ok(String::from_utf8_lossy(cell).into_owned())
            })
            .collect()
    }

    fn begin(&mut self) -> io::Result<()> {
        self.has_begun = true;
        self.fill()?;
        if declared(&self.decoded).is_some() {
            let line = self.decoded.iter().position(|byte| is_end(*byte));
            self.pass(line.unwrap_or(self.decoded.len()));
        }
        Ok(())
    }

    fn pass_empty_lines(&mut self) -> io::Result<()> {
        loop {
            if self.at == self.decoded.len() {
                if self.at_end {
                    return Ok(());
                }
                self.fill()?;
                continue;
            }
            let rest = self.decoded.get(self.at..).unwrap_or_default();
            let empty = rest.iter().take_while(|byte| is_end(**byte)).count();
            if empty == 0 {
                return Ok(());
            }
            self.pass(empty);
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.text.more(&mut self.decoded)?;
        self.at = 0;
        self.at_end = self.decoded.is_empty();
        Ok(())
    }

    /// Counts the lines of what was read.
    fn pass(&mut self, bytes: usize) {
        let read = self
            .decoded
            .get(self.at..self.at + bytes)
            .unwrap_or_default();
        for byte in read {
            let ends = match byte {
                b'\r' => true,
                b'\n' => !self.after_return,
                _ => false,
            };
            self.line = self.line.saturating_add(u32::from(ends));
            self.after_return = *byte == b'\r';
        }
        self.at += bytes;
    }
}

const fn is_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use wire::{ImportDelimiter, ImportEncoding};

    const PLAIN: Dialect = Dialect {
        encoding: ImportEncoding::Utf8,
        delimiter: ImportDelimiter::Comma,
        quote: ImportQuote::Double,
        header: false,
    };

    fn all(bytes: &[u8]) -> Vec<Found> {
        let mut rows = Rows::new(bytes, &PLAIN);
        std::iter::from_fn(|| rows.next_row().unwrap()).collect()
    }

    fn row(line: u32, cells: &[&str]) -> Found {
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        Found::Row(Row { line, cells })
    }

    /// What a quotation mark and `b` often make.
    fn line_of(bytes: u64) -> impl Read {
        Cursor::new(b"a,".to_vec()).chain(io::repeat(b'b').take(bytes))
    }

    #[test]
    fn l2_rows_know_the_line_that_they_begin_on() {
        let text = b"a,b\r\n\r\n\"x\ny\",\"say \"\"z\"\"\"\rlast\n\n\n";
        assert_eq!(
            all(text),
            [
                row(1, &["a", "b"]),
                row(3, &["x\ny", "say \"z\""]),
                row(5, &["last"])
            ]
        );
    }

    #[test]
    fn l2_a_file_of_one_line_has_one_row() {
        assert_eq!(all(b"Globex,+1 555"), [row(1, &["Globex", "+1 555"])]);
        assert_eq!(all(b""), []);
        assert_eq!(all(b"\n\r\n"), []);
        assert_eq!(all(b"\"\""), [row(1, &[""])]);
    }

    #[test]
    fn l2_a_line_of_ten_megabytes_is_one_refused_row() {
        let after = Cursor::new(b"\nGlobex,1\n".to_vec());
        let mut rows = Rows::new(line_of(10 * 1024 * 1024).chain(after), &PLAIN);
        let refused = Found::Refused {
            line: 1,
            why: Beyond::Row,
        };
        assert_eq!(rows.next_row().unwrap(), Some(refused));
        assert_eq!(rows.next_row().unwrap(), Some(row(2, &["Globex", "1"])));
        assert_eq!(rows.next_row().unwrap(), None);
    }

    #[test]
    fn l2_a_quotation_mark_that_is_missing_takes_no_memory() {
        let open = Cursor::new(b"a\n\"".to_vec());
        let mut rows = Rows::new(open.chain(line_of(3_000_000)), &PLAIN);
        assert_eq!(rows.next_row().unwrap(), Some(row(1, &["a"])));
        let found = rows.next_row().unwrap();
        assert!(matches!(found, Some(Found::Refused { line: 2, .. })));
        assert_eq!(rows.next_row().unwrap(), None);
    }

    #[test]
    fn l2_a_row_of_five_thousand_cells_is_refused_and_the_next_is_read() {
        let text = format!("{}\na,b\n", ",".repeat(4_999));
        let refused = Found::Refused {
            line: 1,
            why: Beyond::Columns,
        };
        assert_eq!(all(text.as_bytes()), [refused, row(2, &["a", "b"])]);
        // As many as there may be.
        let text = ",".repeat(COLUMNS_MAX - 1);
        let found = all(text.as_bytes());
        assert!(matches!(&found[..], [Found::Row(row)] if row.cells.len() == COLUMNS_MAX));
    }

    #[test]
    fn l2_a_cell_that_is_too_long_is_refused() {
        let text = format!("a,{}\nb\n", "x".repeat(CELL_BYTES_MAX + 1));
        let refused = Found::Refused {
            line: 1,
            why: Beyond::Cell,
        };
        assert_eq!(all(text.as_bytes()), [refused, row(2, &["b"])]);
    }

    #[test]
    fn l2_a_declared_delimiter_is_no_row() {
        let mut rows = Rows::new(&b"sep=,\r\na,b\r\n"[..], &PLAIN);
        assert_eq!(rows.next_row().unwrap(), Some(row(2, &["a", "b"])));
    }
}
