//! Rows as they're written, so that they're read again as they were, and no spreadsheet takes a cell for
//! a formula.

use std::borrow::Cow;

/// What spreadsheets begin a formula with, in any of the forms that they understand, and the blanks that
/// some of them pass over.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Adds a row to a text (RFC 4180).
pub fn row<T: AsRef<str>>(text: &mut String, cells: impl IntoIterator<Item = T>) {
    let before = text.len();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        let cell = guarded(cell.as_ref());
        // Also what another delimiter would cut: a program may open the file with its country's.
        let is_plain = !cell.contains(['"', ',', ';', '\t', '|', '\r', '\n'])
            && cell.trim().len() == cell.len();
        if is_plain {
            text.push_str(&cell);
        } else {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        }
    }
    // An empty line would be no row.
    if text.len() == before {
        text.push_str("\"\"");
    }
    text.push_str("\r\n");
}

/// A cell that a spreadsheet would take for a formula begins with an apostrophe; a number stays one.
fn guarded(cell: &str) -> Cow<'_, str> {
    if cell.trim_start_matches('\'').starts_with(FORMULA) && !is_number(cell) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// The same cell without the apostrophe.
#[must_use]
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        _ => cell,
    }
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.matches('.').count() < 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::inspect::inspect;
    use crate::rows::{Found, Rows};
    use proptest::prelude::*;
    use wire::{ImportDelimiter, ImportEncoding, ImportQuote, ImportSettings};

    const OURS: Dialect = Dialect {
        encoding: ImportEncoding::Utf8,
        delimiter: ImportDelimiter::Comma,
        quote: ImportQuote::Double,
        header: false,
    };

    #[test]
    fn l2_an_export_guards_formulas_and_leaves_numbers() {
        let mut text = String::new();
        row(
            &mut text,
            [
                "=1+1",
                "+15550001",
                "-3.5",
                "'=x",
                "'tis",
                "a;b",
                " a",
                "+1-2",
            ],
        );
        row(&mut text, [""]);
        assert_eq!(
            text,
            "'=1+1,+15550001,-3.5,''=x,'tis,\"a;b\",\" a\",'+1-2\r\n\"\"\r\n"
        );
    }

    fn read_back(text: &str) -> Vec<Vec<String>> {
        let mut rows = Rows::new(text.as_bytes(), &OURS);
        let mut all = Vec::new();
        while let Some(found) = rows.next_row().unwrap() {
            let Found::Row(row) = found else {
                panic!("{found:?}");
            };
            let cells = row.cells.iter();
            all.push(cells.map(|cell| unguarded(cell).to_owned()).collect());
        }
        all
    }

    proptest! {
        #[test]
        fn l2_what_is_written_reads_back_the_same(
            rows in prop::collection::vec(
                prop::collection::vec("[a=+@'\"\\-,;\t\r\n０＝é 1.]{0,6}", 1..5), 1..6)
        ) {
            let mut text = String::new();
            for cells in &rows {
                row(&mut text, cells);
            }
            prop_assert_eq!(read_back(&text), rows);
        }

        #[test]
        fn l2_no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            fixed in any::<bool>()
        ) {
            let settings = ImportSettings {
                encoding: fixed.then_some(ImportEncoding::Utf16Be),
                quote: fixed.then_some(ImportQuote::Single),
                ..ImportSettings::default()
            };
            if let Ok(Ok(seen)) = inspect(&bytes[..], &settings) {
                let mut rows = Rows::new(&bytes[..], &seen.dialect);
                while rows.next_row().unwrap().is_some() {}
            }
            let mut rows = Rows::new(&bytes[..], &OURS);
            while rows.next_row().unwrap().is_some() {}
        }

        #[test]
        fn l2_nor_do_any_that_look_like_a_file(
            text in "[a,;\t|\"'\r\n=é\u{0}\u{feff}@1]{0,200}",
            encoding in 0..4_u8
        ) {
            let bytes: Vec<u8> = match encoding {
                0 => text.into_bytes(),
                1 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                2 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                _ => text.chars().map(|letter| letter as u8).collect(),
            };
            if let Ok(Ok(seen)) = inspect(&bytes[..], &ImportSettings::default()) {
                let mut rows = Rows::new(&bytes[..], &seen.dialect);
                while rows.next_row().unwrap().is_some() {}
            }
        }
    }
}
