//! From a row to what it says of a lead.

use crate::bounds::ITEMS_MAX;
use crate::rows::Row;
use crate::write::unguarded;
use wire::{ContactLabel, ImportField};

/// The longest text that says what was left out, in bytes.
const PROBLEMS_BYTES_MAX: usize = 400;
/// How much of a cell such a text repeats, in characters.
const QUOTED_CHARS: usize = 40;

/// Who reads what stands in a cell, as the fields of a form are read; an error is for people.
pub trait Fields {
    /// A lead's or a contact's name.
    ///
    /// # Errors
    /// Why it can't be one.
    fn name(&self, text: &str) -> Result<String, String>;

    /// A phone number, as E.164, and its extension.
    ///
    /// # Errors
    /// Why it isn't one.
    fn phone(&self, text: &str) -> Result<(String, Option<String>), String>;

    /// An email address.
    ///
    /// # Errors
    /// Why it isn't one.
    fn email(&self, text: &str) -> Result<String, String>;

    /// The id of the status with this name.
    ///
    /// # Errors
    /// Why there's none.
    fn status(&self, text: &str) -> Result<String, String>;

    /// The id of the member with this name or email address.
    ///
    /// # Errors
    /// Why there's none.
    fn owner(&self, text: &str) -> Result<String, String>;

    /// What is known of a lead.
    ///
    /// # Errors
    /// Why it can't be that.
    fn description(&self, text: &str) -> Result<String, String>;
}

/// What the columns of a file are, from the first on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping(pub Vec<ImportField>);

/// A phone number or an email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it reaches them.
    pub label: ContactLabel,
    /// E.164, or the address.
    pub value: String,
    /// A number's extension.
    pub extension: Option<String>,
}

/// What a row says of a lead and of one contact there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// The line that the row begins on.
    pub line: u32,
    /// The lead's id, where the file has one.
    pub lead_id: Option<String>,
    /// The lead's name: the company's, or else what there is.
    pub name: String,
    /// Whether the name is of a column that names leads, so that rows with it belong together.
    pub is_company: bool,
    /// The contact's name, where there's one.
    pub contact: Option<String>,
    /// The contact's phone numbers.
    pub phones: Vec<Item>,
    /// The contact's email addresses.
    pub emails: Vec<Item>,
    /// The id of the lead's status.
    pub status: Option<String>,
    /// The id of who owns it.
    pub owner: Option<String>,
    /// What is known of the lead.
    pub description: Option<String>,
    /// What was left out and why, in words.
    pub problems: String,
}

impl Draft {
    /// Reads a row; none of it may be of use.
    ///
    /// # Errors
    /// Why nothing comes of it, in words.
    pub fn read(row: &Row, mapping: &Mapping, fields: &impl Fields) -> Result<Self, String> {
        let mut reading = Reading::default();
        for (field, cell) in mapping.0.iter().zip(&row.cells) {
            let cell = unguarded(cell).trim();
            if !cell.is_empty() {
                reading.cell(*field, cell, fields);
            }
        }
        let beyond = row.cells.get(mapping.0.len()..).unwrap_or_default();
        if beyond.iter().any(|cell| !cell.trim().is_empty()) {
            return Err(
                "This row has more cells than the first row. A quotation mark may be missing."
                    .into(),
            );
        }
        reading.finish(row.line)
    }
}

/// What was read of a row so far.
#[derive(Default)]
struct Reading {
    draft: Draft,
    company: Option<String>,
    first: Option<String>,
    last: Option<String>,
}

impl Reading {
    fn cell(&mut self, field: ImportField, cell: &str, fields: &impl Fields) {
        match field {
            ImportField::Ignored => {}
            ImportField::LeadId => self.draft.lead_id = Some(cell.to_owned()),
            ImportField::LeadName => self.company = self.name(cell, fields),
            ImportField::ContactName => self.draft.contact = self.name(cell, fields),
            ImportField::FirstName => self.first = self.name(cell, fields),
            ImportField::LastName => self.last = self.name(cell, fields),
            ImportField::OfficePhone => self.phones(ContactLabel::Office, cell, fields),
            ImportField::MobilePhone => self.phones(ContactLabel::Mobile, cell, fields),
            ImportField::HomePhone => self.phones(ContactLabel::Home, cell, fields),
            ImportField::DirectPhone => self.phones(ContactLabel::Direct, cell, fields),
            ImportField::Fax => self.phones(ContactLabel::Fax, cell, fields),
            ImportField::OtherPhone => self.phones(ContactLabel::Other, cell, fields),
            ImportField::OfficeEmail => self.emails(ContactLabel::Office, cell, fields),
            ImportField::HomeEmail => self.emails(ContactLabel::Home, cell, fields),
            ImportField::OtherEmail => self.emails(ContactLabel::Other, cell, fields),
            ImportField::Status => self.draft.status = self.kept(cell, fields.status(cell)),
            ImportField::Owner => self.draft.owner = self.kept(cell, fields.owner(cell)),
            ImportField::Description => self.description(cell, fields),
        }
    }

    /// Several columns of it are one text.
    fn description(&mut self, cell: &str, fields: &impl Fields) {
        let before = self.draft.description.take();
        let whole = match &before {
            Some(before) => format!("{before}\n{cell}"),
            None => cell.to_owned(),
        };
        let read = fields.description(&whole);
        self.draft.description = self.kept(cell, read).or(before);
    }

    /// A name stands on one line, whatever the cell does.
    fn name(&mut self, cell: &str, fields: &impl Fields) -> Option<String> {
        let line = cell
            .split(|letter: char| letter.is_whitespace() || letter.is_control())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let read = fields.name(&line);
        self.kept(cell, read)
    }

    fn phones(&mut self, label: ContactLabel, cell: &str, fields: &impl Fields) {
        // In an extension, a semicolon parts nothing (RFC 3966).
        let cell = cell.replace(";ext=", " ext. ");
        for part in parts(&cell, &[";", "\n", "|", " ::: "]) {
            // A comma may be of one number.
            if let Ok(number) = fields.phone(part) {
                self.add(true, label, number);
                continue;
            }
            for part in parts(part, &[",", " / "]) {
                let read = fields.phone(part);
                if let Some(number) = self.kept(part, read) {
                    self.add(true, label, number);
                }
            }
        }
    }

    fn emails(&mut self, label: ContactLabel, cell: &str, fields: &impl Fields) {
        for part in parts(cell, &[";", "\n", "|", " ::: ", ","]) {
            let read = fields.email(part);
            if let Some(value) = self.kept(part, read) {
                self.add(false, label, (value, None));
            }
        }
    }

    fn add(
        &mut self,
        is_phone: bool,
        label: ContactLabel,
        (value, extension): (String, Option<String>),
    ) {
        let items = if is_phone {
            &mut self.draft.phones
        } else {
            &mut self.draft.emails
        };
        if items.iter().any(|item| item.value == value) {
            return;
        }
        if items.len() < ITEMS_MAX {
            items.push(Item {
                label,
                value,
                extension,
            });
        } else {
            self.left_out(&value, "This row has too many of them.");
        }
    }

    fn kept<T>(&mut self, cell: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|why| self.left_out(cell, &why)).ok()
    }

    fn left_out(&mut self, cell: &str, why: &str) {
        let mut quoted: String = cell.chars().take(QUOTED_CHARS).collect();
        if quoted.len() < cell.len() {
            quoted.push('…');
        }
        let text = format!("Left out “{quoted}”: {why}");
        let problems = &mut self.draft.problems;
        if problems.len() + text.len() < PROBLEMS_BYTES_MAX {
            if !problems.is_empty() {
                problems.push(' ');
            }
            problems.push_str(&text);
        }
    }

    fn finish(self, line: u32) -> Result<Draft, String> {
        let Self {
            mut draft,
            company,
            first,
            last,
        } = self;
        draft.line = line;
        if draft.contact.is_none() {
            let names: Vec<String> = first.into_iter().chain(last).collect();
            draft.contact = Some(names.join(" ")).filter(|name| !name.is_empty());
        }
        draft.is_company = company.is_some();
        let reached = draft.emails.first().or(draft.phones.first());
        let name = company
            .or_else(|| draft.contact.clone())
            .or_else(|| reached.map(|item| item.value.clone()));
        match name {
            Some(name) => {
                draft.name = name;
                Ok(draft)
            }
            None if draft.problems.is_empty() => {
                Err("This row has no name, phone number or email address.".into())
            }
            None => Err(draft.problems),
        }
    }
}

/// The parts of a cell that has several of something.
fn parts<'a>(cell: &'a str, marks: &[&str]) -> Vec<&'a str> {
    let mut parts = vec![cell];
    for mark in marks {
        parts = parts.iter().flat_map(|part| part.split(mark)).collect();
    }
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Reads as simply as can be.
    pub(crate) struct Simple;

    impl Fields for Simple {
        fn name(&self, text: &str) -> Result<String, String> {
            Ok(text.to_owned())
        }

        fn phone(&self, text: &str) -> Result<(String, Option<String>), String> {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            if (5..=15).contains(&digits.len()) {
                Ok((format!("+{digits}"), None))
            } else {
                Err("This isn't a phone number.".into())
            }
        }

        fn email(&self, text: &str) -> Result<String, String> {
            if text.contains('@') {
                Ok(text.to_lowercase())
            } else {
                Err("This isn't an email address.".into())
            }
        }

        fn status(&self, text: &str) -> Result<String, String> {
            Ok(text.to_lowercase())
        }

        fn owner(&self, text: &str) -> Result<String, String> {
            if text == "Riley" {
                Ok("user_riley".into())
            } else {
                Err("No member has this name.".into())
            }
        }

        fn description(&self, text: &str) -> Result<String, String> {
            Ok(text.to_owned())
        }
    }

    fn read(cells: &[(ImportField, &str)]) -> Result<Draft, String> {
        let row = Row {
            line: 2,
            cells: cells.iter().map(|(_, cell)| (*cell).to_owned()).collect(),
        };
        let mapping = Mapping(cells.iter().map(|(field, _)| *field).collect());
        Draft::read(&row, &mapping, &Simple)
    }

    fn item(label: ContactLabel, value: &str) -> Item {
        Item {
            label,
            value: value.to_owned(),
            extension: None,
        }
    }

    #[test]
    fn l2_a_row_becomes_a_lead_with_a_contact() {
        use ImportField::*;
        let draft = read(&[
            (LeadName, "  Globex\n Inc "),
            (FirstName, "Gina"),
            (LastName, "Grant"),
            (MobilePhone, "555-70001"),
            (OfficePhone, "55570002;55570003"),
            (OfficeEmail, "Gina@globex.example, g@globex.example"),
            (Owner, "Riley"),
            (Description, "One"),
            (Description, "Two\nThree"),
            (Ignored, "whatever"),
        ])
        .unwrap();
        assert_eq!(
            (draft.name.as_str(), draft.is_company),
            ("Globex Inc", true)
        );
        assert_eq!(draft.contact.as_deref(), Some("Gina Grant"));
        let phones = [
            item(ContactLabel::Mobile, "+55570001"),
            item(ContactLabel::Office, "+55570002"),
            item(ContactLabel::Office, "+55570003"),
        ];
        assert_eq!(draft.phones, phones);
        assert_eq!(draft.emails.len(), 2);
        assert_eq!(draft.owner.as_deref(), Some("user_riley"));
        assert_eq!(draft.description.as_deref(), Some("One\nTwo\nThree"));
        assert_eq!((draft.line, draft.problems.as_str()), (2, ""));
    }

    #[test]
    fn l2_what_cannot_be_read_is_left_out_and_said() {
        use ImportField::*;
        let draft = read(&[
            (ContactName, "Gina"),
            (OfficePhone, "none; 555 70001"),
            (Owner, "Nobody"),
        ])
        .unwrap();
        assert_eq!((draft.name.as_str(), draft.is_company), ("Gina", false));
        assert_eq!(draft.phones, [item(ContactLabel::Office, "+55570001")]);
        assert_eq!(
            draft.problems,
            "Left out “none”: This isn't a phone number. \
             Left out “Nobody”: No member has this name."
        );
        let why = read(&[(Description, "no one"), (LeadName, "  ")]).unwrap_err();
        assert_eq!(why, "This row has no name, phone number or email address.");
        let why = read(&[(OfficePhone, "x")]).unwrap_err();
        assert_eq!(why, "Left out “x”: This isn't a phone number.");
    }

    #[test]
    fn l2_a_lead_without_a_name_is_called_by_what_there_is() {
        use ImportField::*;
        let draft = read(&[(OfficePhone, "555 70001"), (OfficeEmail, "a@b.example")]).unwrap();
        assert_eq!(
            (draft.name.as_str(), draft.is_company),
            ("a@b.example", false)
        );
        let draft = read(&[(OfficePhone, "555 70001")]).unwrap();
        assert_eq!((draft.name.as_str(), draft.contact), ("+55570001", None));
    }

    #[test]
    fn l2_formulas_are_plain_text() {
        use ImportField::*;
        for (cell, name) in [
            ("=1+1", "=1+1"),
            ("'=1+1", "=1+1"),
            ("@home", "@home"),
            ("-x", "-x"),
            ("'tis", "'tis"),
        ] {
            assert_eq!(read(&[(LeadName, cell)]).unwrap().name, name);
        }
    }

    #[test]
    fn l2_a_row_with_more_cells_than_columns_is_refused() {
        let mapping = Mapping(vec![ImportField::LeadName]);
        let row = |cells: [&str; 2]| Row {
            line: 1,
            cells: cells.map(str::to_owned).to_vec(),
        };
        assert!(Draft::read(&row(["Globex", "Inc"]), &mapping, &Simple).is_err());
        assert!(Draft::read(&row(["Globex", " "]), &mapping, &Simple).is_ok());
    }

    #[test]
    fn l2_a_row_adds_so_many_numbers_at_most() {
        let numbers: Vec<String> = (0..50).map(|number| format!("55570{number:03}")).collect();
        let draft = read(&[(ImportField::OtherPhone, &numbers.join(";"))]).unwrap();
        assert_eq!(draft.phones.len(), ITEMS_MAX);
        assert!(draft.problems.len() < PROBLEMS_BYTES_MAX);
        assert!(draft.problems.contains("too many"));
    }
}
