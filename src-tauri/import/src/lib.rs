//! Leads in CSV files (L2): how a file is read, what its rows are of, and how it's written so that it
//! can be read again.
//!
//! `import` knows nothing of the store, of HTTP, or of files: it's given bytes to read, someone who reads
//! numbers, addresses and names, and what the organization has already. It answers row by row, and holds
//! no more of a file than one row and what tells rows apart.

mod bounds;
mod dialect;
mod drafts;
mod encoding;
mod inspect;
mod merge;
mod plan;
mod rows;
mod suggest;
mod write;

pub use bounds::{
    CELL_BYTES_MAX, COLUMNS_MAX, CONTACTS_MAX, FILE_BYTES_MAX, ITEMS_MAX, ROW_BYTES_MAX, ROWS_MAX,
};
pub use dialect::Dialect;
pub use drafts::{Draft, Fields, Item, Mapping};
pub use inspect::{Inspection, Unreadable, inspect};
pub use merge::{Merged, Person};
pub use plan::{Existing, Known, Planned, Planner, Step};
pub use rows::{Beyond, Found, Row, Rows};
pub use suggest::suggest;
pub use write::{row as write_row, unguarded};
