//! What a file is: how it's written, what its columns are, and its first rows.

use crate::bounds::{COLUMNS_MAX, FILE_BYTES_MAX, HEAD_BYTES, SAMPLE_CHARS, SAMPLE_ROWS};
use crate::dialect::{self, Dialect};
use crate::drafts::Mapping;
use crate::encoding::{Sniffer, Text};
use crate::rows::{Beyond, Found, Rows};
use crate::suggest::{names_columns, suggest};
use std::io::{self, Read};
use wire::{ImportColumn, ImportDuplicates, ImportEncoding, ImportField, ImportSettings};

/// A file that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// How it's written.
    pub dialect: Dialect,
    /// What its columns are.
    pub mapping: Mapping,
    /// Its columns, for people.
    pub columns: Vec<ImportColumn>,
    /// The settings, complete.
    pub settings: ImportSettings,
}

/// Why a file can't be imported at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It has no rows.
    Empty,
    /// It's beyond [`FILE_BYTES_MAX`].
    TooLong,
    /// It's a workbook of a spreadsheet, or another archive.
    Workbook,
    /// It isn't text.
    NoText,
    /// It has more than [`COLUMNS_MAX`] columns.
    TooManyColumns,
    /// Its first row is beyond the bounds of a row.
    FirstRow,
}

impl Unreadable {
    /// What happened and what to do, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Empty => "The file has no rows.",
            Self::TooLong => "Files can be up to 256 MB. Split this one, then import the parts.",
            Self::Workbook => {
                "This is a workbook, not a CSV file. In your spreadsheet, save it as CSV first."
            }
            Self::NoText => "This isn't a CSV file: it doesn't contain text.",
            Self::TooManyColumns => {
                "The file has more than 500 columns. Delete those you don't need, or choose another \
                 delimiter."
            }
            Self::FirstRow => {
                "The first row is longer than 256 KB. Choose another delimiter or quotation mark."
            }
        }
    }
}

/// Reads a file to its end, and says what it is. What the settings leave open is detected.
///
/// # Errors
/// Those of what is read from; and why it can't be imported.
pub fn inspect<R: Read>(
    mut from: R,
    settings: &ImportSettings,
) -> io::Result<Result<Inspection, Unreadable>> {
    let mut head = Vec::new();
    let mut sniffer = Sniffer::new();
    let mut chunk = vec![0; HEAD_BYTES];
    loop {
        let length = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = chunk.get(..length).unwrap_or_default();
        sniffer.push(read);
        let missing = (HEAD_BYTES * 4).saturating_sub(head.len());
        head.extend(read.iter().take(missing));
        if sniffer.length() > FILE_BYTES_MAX {
            return Ok(Err(Unreadable::TooLong));
        }
    }
    Ok(seen(&head, &sniffer, settings))
}

fn seen(
    head: &[u8],
    sniffer: &Sniffer,
    settings: &ImportSettings,
) -> Result<Inspection, Unreadable> {
    if matches!(
        sniffer.begins(),
        [b'P', b'K', 3 | 5, 4 | 6, ..] | [0xD0, 0xCF, 0x11, 0xE0, ..] | [0x1F, 0x8B, ..]
    ) {
        return Err(Unreadable::Workbook);
    }
    let encoding = settings.encoding.unwrap_or_else(|| sniffer.encoding());
    let bytes = beginning(head, encoding);
    let text = String::from_utf8_lossy(&bytes);
    if is_no_text(&text) {
        return Err(Unreadable::NoText);
    }
    let quote = settings.quote.unwrap_or_else(|| dialect::quote(&text));
    let delimiter = settings
        .delimiter
        .unwrap_or_else(|| dialect::delimiter(&text, quote));
    let mut dialect = Dialect {
        encoding,
        delimiter,
        quote,
        header: false,
    };
    let mut rows = first_rows(head, &dialect)?;
    dialect.header = settings
        .header
        .unwrap_or_else(|| rows.first().is_some_and(|row| names_columns(row)));
    let names = if dialect.header {
        rows.remove(0)
    } else {
        rows.truncate(SAMPLE_ROWS);
        Vec::new()
    };
    let count = rows.iter().map(Vec::len).chain([names.len()]).max();
    let suggested = suggest(&names, &rows);
    let mapping = match &settings.columns {
        Some(columns) => columns.clone(),
        None => suggested.0,
    };
    let columns = columns(&names, &rows, &mapping, count.unwrap_or(0));
    let mapping: Vec<ImportField> = columns.iter().map(|column| column.field).collect();
    Ok(Inspection {
        dialect,
        columns,
        settings: ImportSettings {
            encoding: Some(encoding),
            delimiter: Some(delimiter),
            quote: Some(quote),
            header: Some(dialect.header),
            columns: Some(mapping.clone()),
            duplicates: Some(settings.duplicates.unwrap_or(ImportDuplicates::Update)),
        },
        mapping: Mapping(mapping),
    })
}

/// The text that a file begins with.
fn beginning(head: &[u8], encoding: ImportEncoding) -> Vec<u8> {
    let mut text = Text::new(head, encoding);
    let (mut bytes, mut some) = (Vec::new(), Vec::new());
    // From memory, it doesn't fail.
    while bytes.len() < HEAD_BYTES && text.more(&mut some).is_ok() && !some.is_empty() {
        bytes.extend_from_slice(&some);
    }
    bytes.truncate(HEAD_BYTES);
    bytes
}

/// The first row, and those that are shown.
fn first_rows(head: &[u8], dialect: &Dialect) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut rows = Rows::new(head, dialect);
    let mut found = Vec::new();
    while found.len() <= SAMPLE_ROWS
        && let Ok(Some(next)) = rows.next_row()
    {
        match next {
            Found::Row(row) => found.push(row.cells),
            Found::Refused { why, .. } if found.is_empty() => {
                return Err(match why {
                    Beyond::Columns => Unreadable::TooManyColumns,
                    Beyond::Row | Beyond::Cell => Unreadable::FirstRow,
                });
            }
            Found::Refused { .. } => {}
        }
    }
    if found.is_empty() {
        return Err(Unreadable::Empty);
    }
    Ok(found)
}

fn columns(
    names: &[String],
    rows: &[Vec<String>],
    mapping: &[ImportField],
    count: usize,
) -> Vec<ImportColumn> {
    (0..count.min(COLUMNS_MAX))
        .map(|at| ImportColumn {
            name: names.get(at).map(|name| short(name)).unwrap_or_default(),
            field: mapping.get(at).copied().unwrap_or(ImportField::Ignored),
            sample: rows
                .iter()
                .map(|row| row.get(at).map(|cell| short(cell)).unwrap_or_default())
                .collect(),
        })
        .collect()
}

fn short(cell: &str) -> String {
    cell.trim().chars().take(SAMPLE_CHARS).collect()
}

/// Whether so much of it is control characters that no one wrote it.
fn is_no_text(text: &str) -> bool {
    let is_odd = |letter: &char| {
        letter.is_control() && !matches!(letter, '\t' | '\r' | '\n') || *letter == '\u{FFFD}'
    };
    let odd = text.chars().filter(is_odd).count();
    odd > 8 && odd * 10 > text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{ImportDelimiter, ImportQuote};

    fn of(bytes: &[u8]) -> Result<Inspection, Unreadable> {
        inspect(bytes, &ImportSettings::default()).unwrap()
    }

    #[test]
    fn l2_a_file_is_detected_and_each_setting_can_be_changed() {
        let text = "Firma;Telefon\nGlöbex;1,5\n";
        let western: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        let seen = of(&western).unwrap();
        assert_eq!(
            seen.dialect,
            Dialect {
                encoding: ImportEncoding::Windows1252,
                delimiter: ImportDelimiter::Semicolon,
                quote: ImportQuote::Double,
                header: true,
            }
        );
        assert_eq!(seen.columns[0].sample, ["Glöbex"]);
        let settings = ImportSettings {
            encoding: Some(ImportEncoding::Utf8),
            delimiter: Some(ImportDelimiter::Comma),
            quote: Some(ImportQuote::None),
            header: Some(false),
            columns: Some(vec![ImportField::Description]),
            duplicates: Some(ImportDuplicates::Skip),
        };
        let seen = inspect(&western[..], &settings).unwrap().unwrap();
        let fields: Vec<_> = seen.columns.iter().map(|column| column.field).collect();
        assert_eq!(fields, [ImportField::Description, ImportField::Ignored]);
        assert_eq!(seen.columns[0].sample, ["Firma;Telefon", "Gl\u{FFFD}bex;1"]);
        let all = ImportSettings {
            columns: Some(fields),
            ..settings
        };
        assert_eq!(seen.settings, all);
    }

    #[test]
    fn l2_files_that_are_no_csv_are_refused_with_words() {
        let mut noise: Vec<u8> = (0..2_000_u32).map(|at| (at * 7 % 32) as u8).collect();
        noise.retain(|byte| *byte != 0);
        for (bytes, why) in [
            (b"".to_vec(), Unreadable::Empty),
            (b"\r\n\n".to_vec(), Unreadable::Empty),
            (b"\0\0\0\0".to_vec(), Unreadable::Empty),
            (b"PK\x03\x04rest".to_vec(), Unreadable::Workbook),
            (b"\xD0\xCF\x11\xE0rest".to_vec(), Unreadable::Workbook),
            (noise, Unreadable::NoText),
            (",".repeat(4_999).into_bytes(), Unreadable::TooManyColumns),
            (vec![b'a'; 10 * 1024 * 1024], Unreadable::FirstRow),
        ] {
            assert_eq!(of(&bytes), Err(why));
            assert!(why.words().ends_with('.'));
        }
    }

    #[test]
    fn l2_a_file_of_two_gigabytes_is_given_up_early() {
        /// Counts what is taken of it.
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                into.fill(b'\n');
                self.0 += into.len() as u64;
                Ok(into.len())
            }
        }
        let mut endless = Endless(0);
        let seen = inspect(&mut endless, &ImportSettings::default()).unwrap();
        assert_eq!(seen, Err(Unreadable::TooLong));
        assert!(endless.0 < FILE_BYTES_MAX + 1_000_000);
    }

    #[test]
    fn l2_a_file_of_one_line_is_data_when_it_names_nothing() {
        let seen = of(b"Globex,+1 555 700 0100").unwrap();
        assert!(!seen.dialect.header);
        assert_eq!(seen.columns[0].sample, ["Globex"]);
        let fields: Vec<_> = seen.columns.iter().map(|column| column.field).collect();
        assert_eq!(fields, [ImportField::LeadName, ImportField::OfficePhone]);
        // One that names columns has no rows, which the check of its rows says.
        assert!(of(b"Company,Phone").unwrap().dialect.header);
    }
}
