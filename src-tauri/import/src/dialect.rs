//! How a file is written: what stands between cells and around them.

use crate::bounds::HEAD_BYTES;
use crate::rows::{Found, Row, Rows};
use wire::{ImportDelimiter, ImportEncoding, ImportQuote};

/// Rows that are compared to tell one delimiter from another.
const ROWS_COMPARED: usize = 50;
const DELIMITERS: [ImportDelimiter; 4] = [
    ImportDelimiter::Comma,
    ImportDelimiter::Semicolon,
    ImportDelimiter::Tab,
    ImportDelimiter::Pipe,
];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// How its text is encoded.
    pub encoding: ImportEncoding,
    /// What stands between two cells.
    pub delimiter: ImportDelimiter,
    /// What cells are enclosed in.
    pub quote: ImportQuote,
    /// Whether the first row has the columns' names.
    pub header: bool,
}

pub(crate) const fn byte_of(delimiter: ImportDelimiter) -> u8 {
    match delimiter {
        ImportDelimiter::Comma => b',',
        ImportDelimiter::Semicolon => b';',
        ImportDelimiter::Tab => b'\t',
        ImportDelimiter::Pipe => b'|',
    }
}

/// The delimiter that a first line such as `sep=;` names, as Excel writes and reads it.
pub(crate) fn declared(text: &[u8]) -> Option<ImportDelimiter> {
    let (mark, rest) = text.split_at_checked(4)?;
    let (delimiter, rest) = rest.split_first()?;
    let ends = matches!(rest.first(), None | Some(b'\r' | b'\n'));
    let is_declared = mark.eq_ignore_ascii_case(b"sep=") && ends;
    DELIMITERS
        .into_iter()
        .find(|one| is_declared && byte_of(*one) == *delimiter)
}

/// The delimiter of the text that a file begins with: the one that cuts its rows into the same number of
/// cells, and into the most.
pub(crate) fn delimiter(head: &str, quote: ImportQuote) -> ImportDelimiter {
    if let Some(delimiter) = declared(head.as_bytes()) {
        return delimiter;
    }
    let mut best = (0, ImportDelimiter::Comma);
    for delimiter in DELIMITERS {
        let score = score(&rows(head, delimiter, quote));
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

fn score(rows: &[Row]) -> usize {
    let Some(columns) = rows.first().map(|row| row.cells.len()) else {
        return 0;
    };
    if columns < 2 {
        return 0;
    }
    let alike = rows.iter().filter(|row| row.cells.len() == columns).count();
    // How many of a thousand rows are alike comes first, and then how many cells they have.
    (alike * 1_000 / rows.len()) * 1_000 + columns.min(999)
}

/// What cells of the text that a file begins with are enclosed in.
pub(crate) fn quote(head: &str) -> ImportQuote {
    if head.contains('"') {
        return ImportQuote::Double;
    }
    let rows = rows(head, delimiter(head, ImportQuote::None), ImportQuote::None);
    let cells = rows.iter().flat_map(|row| &row.cells);
    let (mut all, mut enclosed) = (0, 0);
    for cell in cells
        .map(|cell| cell.trim())
        .filter(|cell| !cell.is_empty())
    {
        all += 1;
        let is_enclosed = cell.len() > 1 && cell.starts_with('\'') && cell.ends_with('\'');
        enclosed += usize::from(is_enclosed);
    }
    if enclosed > 0 && enclosed * 2 >= all {
        ImportQuote::Single
    } else {
        ImportQuote::Double
    }
}

fn rows(head: &str, delimiter: ImportDelimiter, quote: ImportQuote) -> Vec<Row> {
    let dialect = Dialect {
        encoding: ImportEncoding::Utf8,
        delimiter,
        quote,
        header: false,
    };
    let mut rows = Rows::new(head.as_bytes(), &dialect);
    let mut found = Vec::new();
    while found.len() < ROWS_COMPARED
        && let Ok(Some(next)) = rows.next_row()
    {
        if let Found::Row(row) = next {
            found.push(row);
        }
    }
    // What was cut off says nothing.
    if head.len() >= HEAD_BYTES && found.len() > 1 && found.len() < ROWS_COMPARED {
        found.pop();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_the_delimiter_of_a_file_is_found_out() {
        use ImportDelimiter::{Comma, Pipe, Semicolon, Tab};
        for (head, expected) in [
            ("Company,Phone\nGlobex,1\n", Comma),
            ("Company;Value\nGlobex;1,5\nInitech;2,5\n", Semicolon),
            ("Company\tPhone\nGlobex, Inc\t1\n", Tab),
            ("Company|Phone\nGlobex|1\n", Pipe),
            ("\"Company, full\";Phone\nGlobex;1\n", Semicolon),
            ("sep=;\nCompany,a;b\n", Semicolon),
            ("Company\nGlobex\n", Comma),
            ("", Comma),
            ("sep=", Comma),
        ] {
            assert_eq!(delimiter(head, quote(head)), expected, "{head}");
        }
    }

    #[test]
    fn l2_quotation_marks_are_found_out() {
        assert_eq!(quote("a,b\n1,2\n"), ImportQuote::Double);
        assert_eq!(quote("'a','b'\n'1,5','2'\n"), ImportQuote::Single);
        // A guarded formula is no quotation, and neither is a name.
        assert_eq!(quote("a,b\n'=1,O'Brien\n"), ImportQuote::Double);
    }
}
