//! Files of comma-separated values (RFC 4180).

use super::error::Refused;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use wire::Code;

/// A file to be saved under this name.
///
/// # Errors
/// `internal` when it cannot be written, which memory alone can cause.
pub fn file<const N: usize>(
    name: &str,
    columns: &[&str; N],
    lines: impl Iterator<Item = [String; N]>,
) -> Result<Response, Refused> {
    let text = write(columns, lines).map_err(|error| {
        tracing::error!(%error, "could not write a file");
        Refused::new(Code::Internal, "The file couldn't be written.")
    })?;
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, text).into_response())
}

fn write<const N: usize>(
    columns: &[&str; N],
    lines: impl Iterator<Item = [String; N]>,
) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(columns)?;
    for line in lines {
        writer.write_record(line.iter().map(|cell| harmless(cell)))?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

/// A cell that a spreadsheet would take for a formula begins with an apostrophe; a number stays one.
fn harmless(cell: &str) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula_gets_through() {
        let line = |cells: [&str; 3]| cells.map(str::to_owned);
        let lines = [
            line(["a,b", "say \"x\"", "-0.0040"]),
            line(["=1+1", "@x", "+15550001"]),
        ];
        let text = write(&["one", "two", "three"], lines.into_iter()).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "one,two,three\r\n\"a,b\",\"say \"\"x\"\"\",-0.0040\r\n'=1+1,'@x,+15550001\r\n"
        );
    }
}
