//! Leads from a CSV file, and what becomes of each of its rows (L2).

use crate::{ImportId, LeadId, Timestamp, UserId};
use wire_macros::wire_type;

/// How the text of a CSV file is encoded.
#[wire_type(Copy, Hash)]
pub enum ImportEncoding {
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first: Excel's "Unicode Text".
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Windows-1252, which is Excel's plain "CSV" in Western countries.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What stands between two cells.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ImportDelimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Pipe,
}

/// What a cell is enclosed in when it contains a delimiter or a line break.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ImportQuote {
    /// `"`
    Double,
    /// `'`
    Single,
    /// Nothing: quotation marks are ordinary characters.
    None,
}

/// What to do with a row whose phone, email address or lead id the organization already has.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ImportDuplicates {
    /// Add what's new to the lead that's there.
    Update,
    /// Leave the lead as it is.
    Skip,
}

/// What a column of the file is.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ImportField {
    /// Not imported.
    Ignored,
    /// The lead's id, as an export has it.
    LeadId,
    /// The lead's name, which is a company's in most cases. Rows with the same name become one lead.
    LeadName,
    /// A contact's whole name.
    ContactName,
    /// A contact's first name.
    FirstName,
    /// A contact's last name.
    LastName,
    /// A contact's phone number at work.
    OfficePhone,
    /// A contact's mobile number.
    MobilePhone,
    /// A contact's phone number at home.
    HomePhone,
    /// A contact's direct number at work.
    DirectPhone,
    /// A contact's fax number.
    Fax,
    /// Another phone number of a contact.
    OtherPhone,
    /// A contact's email address at work.
    OfficeEmail,
    /// A contact's private email address.
    HomeEmail,
    /// Another email address of a contact.
    OtherEmail,
    /// The lead's status, by its name.
    Status,
    /// The member who owns the lead, by name or email address.
    Owner,
    /// What is known of the lead.
    Description,
}

/// Where an import stands.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Its file is being uploaded.
    Uploading,
    /// Its rows are being checked; nothing is changed.
    Previewing,
    /// Its rows were checked, and it can be started.
    Ready,
    /// Leads are being created and updated.
    Running,
    /// It's complete.
    Done,
    /// It was cancelled. What it did until then stays, and can be undone.
    Cancelled,
    /// The service stopped meanwhile. It can be started again, which continues it, or be undone.
    Interrupted,
    /// What it did is being taken back.
    Undoing,
    /// What it did was taken back.
    Undone,
    /// It failed; `message` says why. What it did until then stays, and can be undone.
    Failed,
}

/// Creates an import. Its file is uploaded next.
#[wire_type]
pub struct ImportRequest {
    /// The file's name, for people; up to 200 characters.
    pub file_name: String,
    /// The file's length in bytes, up to 256 MiB.
    #[specta(type = u32)]
    pub bytes: u64,
}

/// How a file is read and what its columns are. What is left out is detected.
#[wire_type(Default)]
pub struct ImportSettings {
    /// How its text is encoded.
    #[serde(default)]
    pub encoding: Option<ImportEncoding>,
    /// What stands between two cells.
    #[serde(default)]
    pub delimiter: Option<ImportDelimiter>,
    /// What cells are enclosed in.
    #[serde(default)]
    pub quote: Option<ImportQuote>,
    /// Whether the first row has the columns' names.
    #[serde(default)]
    pub header: Option<bool>,
    /// What the columns are, from the first to the last. Those that are missing at the end are ignored.
    #[serde(default)]
    pub columns: Option<Vec<ImportField>>,
    /// What to do with rows about leads that are already there; `update` when left out.
    #[serde(default)]
    pub duplicates: Option<ImportDuplicates>,
}

/// A column of the file, as it's read.
#[wire_type]
pub struct ImportColumn {
    /// Its name in the first row; empty when that has no names.
    pub name: String,
    /// What it is.
    pub field: ImportField,
    /// Its first cells, each up to 100 characters.
    pub sample: Vec<String>,
}

/// How a file is read: the settings with what was detected, and its columns.
#[wire_type]
pub struct ImportPreview {
    /// The import, whose rows are being checked now.
    pub import: Import,
    /// Its settings, complete.
    pub settings: ImportSettings,
    /// Its columns.
    pub columns: Vec<ImportColumn>,
}

/// What became of rows, or what will.
#[wire_type(Copy, Default)]
pub struct ImportCounts {
    /// Rows that were read.
    pub rows: u32,
    /// Rows that create a lead.
    pub created: u32,
    /// Rows that add something to a lead.
    pub updated: u32,
    /// Rows that change nothing.
    pub skipped: u32,
}

/// An import of leads.
#[wire_type]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// The file's name.
    pub file_name: String,
    /// The file's length in bytes.
    pub bytes: u32,
    /// How many of them were uploaded.
    pub bytes_uploaded: u32,
    /// Where it stands.
    pub state: ImportState,
    /// Why it failed, in words; null otherwise.
    pub message: Option<String>,
    /// What the check of its rows found.
    pub planned: ImportCounts,
    /// What was done so far.
    pub done: ImportCounts,
    /// Whether it can be undone.
    pub undoable: bool,
    /// Leads that its undoing left as they are, because they were changed or called since.
    pub kept: u32,
    /// Who created it.
    pub user_id: UserId,
    /// When.
    pub date_created: Timestamp,
    /// When it ended: was done, cancelled, undone or failed.
    pub date_ended: Option<Timestamp>,
}

/// What a row does.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// Creates a lead.
    Created,
    /// Adds something to a lead: one that is there, or one of an earlier row.
    Updated,
    /// Changes nothing.
    Skipped,
}

/// What one row of the file does, and why.
#[wire_type]
pub struct ImportLine {
    /// The line of the file that the row begins on, from 1.
    pub line: u32,
    /// What it does.
    pub outcome: ImportOutcome,
    /// The lead's name; empty for a row that couldn't be read.
    pub name: String,
    /// The lead it adds to, where that was there before the import.
    pub lead_id: Option<LeadId>,
    /// Why, and what of the row was left out, in words; empty where there's nothing to say.
    pub why: String,
}

crate::list::list_query! {
    /// Filters the rows of an import.
    ImportLineQuery {
        /// Only rows that do this.
        pub outcome: Option<ImportOutcome>,
    }
}

/// Which part of a file is uploaded.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    specta::Type,
    utoipa::IntoParams,
)]
#[into_params(parameter_in = Query)]
pub struct ImportPart {
    /// Where the part begins, in bytes: how many were uploaded so far.
    #[param(minimum = 0, maximum = 268_435_456)]
    pub offset: u32,
}
