//! How much of anything a file may have.

/// The longest file, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The most rows that are imported from one file.
pub const ROWS_MAX: u32 = 500_000;
/// The most columns.
pub const COLUMNS_MAX: usize = 500;
/// The longest row, in bytes of UTF-8.
pub const ROW_BYTES_MAX: usize = 256 * 1024;
/// The longest cell, in bytes of UTF-8.
pub const CELL_BYTES_MAX: usize = 32 * 1024;
/// The most phone numbers, and the most email addresses, that a contact has.
pub const ITEMS_MAX: usize = 10;
/// The most contacts that a lead has.
pub const CONTACTS_MAX: usize = 100;

/// What is looked at to find out how a file is written, in bytes.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// How many of the first rows are shown.
pub(crate) const SAMPLE_ROWS: usize = 5;
/// How much of a cell is shown, in characters.
pub(crate) const SAMPLE_CHARS: usize = 100;
