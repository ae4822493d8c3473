//! What columns are, by their names as Excel, Google, Outlook, HubSpot and Close write them, or else by
//! what stands in them.

use crate::drafts::Mapping;
use wire::ImportField;

/// What the columns with these names and first rows are.
#[must_use]
pub fn suggest(names: &[String], rows: &[Vec<String>]) -> Mapping {
    if names.is_empty() {
        return by_content(rows);
    }
    let words: Vec<String> = names.iter().map(|name| words(name)).collect();
    let mut fields: Vec<ImportField> = words.iter().map(|name| by_name(name)).collect();
    // A plain "Name" is a person's beside a column of companies, and also where nothing else is there.
    let names_lead = fields.contains(&ImportField::LeadName);
    let names_contact = fields.iter().any(|field| {
        matches!(
            field,
            ImportField::ContactName | ImportField::FirstName | ImportField::LastName
        )
    });
    for (field, name) in fields.iter_mut().zip(&words) {
        if name == "name" {
            *field = if names_contact && !names_lead {
                ImportField::LeadName
            } else {
                ImportField::ContactName
            };
        }
    }
    once_each(&mut fields);
    Mapping(fields)
}

/// Whether a first row has the columns' names: one is known, and none is itself an address or a number.
pub(crate) fn names_columns(cells: &[String]) -> bool {
    let is_known = |cell: &String| {
        let words = words(cell);
        words == "name" || is_ignored(&words) || by_name(&words) != ImportField::Ignored
    };
    let is_value = |cell: &String| is_email(cell) || is_phone(cell);
    !cells.iter().any(is_value) && cells.iter().any(is_known)
}

/// A name in lower case, with single blanks for all that is no letter or digit.
fn words(name: &str) -> String {
    let mut text = String::new();
    let mut after_lower = false;
    for letter in name.chars().take(100) {
        if letter.is_alphanumeric() {
            // `firstName` has two words.
            if letter.is_uppercase() && after_lower {
                text.push(' ');
            }
            after_lower = letter.is_lowercase();
            text.extend(letter.to_lowercase());
        } else {
            after_lower = false;
            text.push(' ');
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// What a column of this name is, when it's told by its name alone.
fn by_name(name: &str) -> ImportField {
    let name = name
        .strip_prefix("primary contact ")
        .or_else(|| name.strip_prefix("contact 1 "))
        .map_or_else(|| name.to_owned(), |rest| format!("contact {rest}"));
    match name.as_str() {
        "lead id" => return ImportField::LeadId,
        "company"
        | "company name"
        | "account"
        | "account name"
        | "organization"
        | "organisation"
        | "organization name"
        | "organisation name"
        | "organization 1 name"
        | "business"
        | "business name"
        | "lead"
        | "lead name"
        | "lead display name"
        | "display name"
        | "associated company"
        | "associated company primary"
        | "primary associated company"
        | "client"
        | "customer"
        | "customer name"
        | "employer"
        | "firma"
        | "unternehmen"
        | "société"
        | "empresa"
        | "azienda" => {
            return ImportField::LeadName;
        }
        "contact" | "contact name" | "full name" | "contact full name" | "person"
        | "person name" | "contact person" | "contacts" => return ImportField::ContactName,
        "first name" | "firstname" | "given name" | "forename" | "contact first name"
        | "vorname" | "prénom" | "nombre" => return ImportField::FirstName,
        "last name" | "lastname" | "surname" | "family name" | "contact last name" | "nachname"
        | "nom" | "apellido" | "apellidos" => return ImportField::LastName,
        "status" | "lead status" | "status label" | "lead status label" => {
            return ImportField::Status;
        }
        "owner" | "lead owner" | "lead owner name" | "contact owner" | "company owner"
        | "account owner" | "owner name" | "owner email" | "assigned to" | "record owner" => {
            return ImportField::Owner;
        }
        "note" | "notes" | "description" | "lead description" | "comment" | "comments"
        | "about" | "notiz" | "notizen" => return ImportField::Description,
        _ => {}
    }
    let parts: Vec<&str> = name.split(' ').collect();
    let has = |wanted: &[&str]| parts.iter().any(|part| wanted.contains(part));
    let only = |allowed: &[&str]| {
        parts.iter().all(|part| {
            allowed.contains(part)
                || COMMON.contains(part)
                || part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let email = &["email", "emails", "mail", "e"];
    let phone = &[
        "phone",
        "phones",
        "fax",
        "telephone",
        "tel",
        "mobile",
        "cell",
        "cellphone",
        "telefon",
        "handy",
        "mobil",
        "téléphone",
        "teléfono",
        "telefono",
        "number",
        "numbers",
        "no",
        "line",
    ];
    if has(&["email", "emails", "mail"]) && only(email) {
        if has(&["home", "personal", "private"]) {
            ImportField::HomeEmail
        } else if has(&["other", "additional", "secondary"]) {
            ImportField::OtherEmail
        } else {
            ImportField::OfficeEmail
        }
    } else if has(&phone[..14]) && only(phone) {
        if has(&["fax"]) {
            ImportField::Fax
        } else if has(&["mobile", "cell", "cellphone", "handy", "mobil"]) {
            ImportField::MobilePhone
        } else if has(&["home", "personal", "private"]) {
            ImportField::HomePhone
        } else if has(&["direct"]) {
            ImportField::DirectPhone
        } else if has(&["other", "additional", "secondary"]) {
            ImportField::OtherPhone
        } else {
            ImportField::OfficePhone
        }
    } else {
        ImportField::Ignored
    }
}

/// What the names of numbers and addresses have beside them.
const COMMON: &[&str] = &[
    "address",
    "addresses",
    "value",
    "work",
    "office",
    "business",
    "home",
    "personal",
    "private",
    "other",
    "additional",
    "primary",
    "secondary",
    "main",
    "direct",
    "contact",
    "lead",
    "company",
    "person",
    "customer",
];

/// Columns that exports have and that are of no use here; they tell that a row has names.
fn is_ignored(words: &str) -> bool {
    matches!(
        words,
        "id" | "record id"
            | "created"
            | "create date"
            | "date created"
            | "date updated"
            | "job title"
            | "title"
            | "city"
            | "country"
            | "state"
            | "zip"
            | "website"
            | "url"
            | "lifecycle stage"
            | "industry"
            | "address"
            | "phone type"
            | "email type"
    )
}

/// What there can be one of is taken from the first column that has it.
fn once_each(fields: &mut [ImportField]) {
    let mut seen = Vec::new();
    for field in fields {
        let is_single = matches!(
            field,
            ImportField::LeadId
                | ImportField::LeadName
                | ImportField::ContactName
                | ImportField::FirstName
                | ImportField::LastName
                | ImportField::Status
                | ImportField::Owner
        );
        if is_single && seen.contains(field) {
            *field = ImportField::Ignored;
        } else if is_single {
            seen.push(*field);
        }
    }
}

fn by_content(rows: &[Vec<String>]) -> Mapping {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut names = [ImportField::LeadName, ImportField::ContactName].into_iter();
    let fields = (0..columns).map(|at| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let cells: Vec<&String> = cells.filter(|cell| !cell.trim().is_empty()).collect();
        let most = |is: fn(&str) -> bool| {
            let count = cells.iter().filter(|cell| is(cell)).count();
            count > 0 && count * 2 >= cells.len()
        };
        if most(is_email) {
            ImportField::OfficeEmail
        } else if most(is_phone) {
            ImportField::OfficePhone
        } else if most(is_words) {
            names.next().unwrap_or(ImportField::Ignored)
        } else {
            ImportField::Ignored
        }
    });
    Mapping(fields.collect())
}

fn is_email(cell: &str) -> bool {
    let parts = cell.trim().split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains(' '))
}

fn is_phone(cell: &str) -> bool {
    let digits = cell.chars().filter(|letter| letter.is_numeric()).count();
    let others = cell.chars().filter(|letter| letter.is_alphabetic()).count();
    (7..=20).contains(&digits) && others < 5
}

fn is_words(cell: &str) -> bool {
    cell.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ImportField::*;

    fn of(names: &str) -> Vec<ImportField> {
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        assert!(names_columns(&names), "{names:?}");
        suggest(&names, &[]).0
    }

    #[test]
    fn l2_columns_of_other_products_are_recognized() {
        for (product, names, fields) in [
            (
                "Excel",
                "Company,Name,Phone,Mobile,E-mail,Notes",
                vec![
                    LeadName,
                    ContactName,
                    OfficePhone,
                    MobilePhone,
                    OfficeEmail,
                    Description,
                ],
            ),
            (
                "Outlook",
                "First Name,Last Name,Company,Business Phone,Home Phone,Mobile Phone,E-mail Address,Business Fax",
                vec![
                    FirstName,
                    LastName,
                    LeadName,
                    OfficePhone,
                    HomePhone,
                    MobilePhone,
                    OfficeEmail,
                    Fax,
                ],
            ),
            (
                "Google",
                "First Name,Last Name,Organization Name,Notes,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Value",
                vec![
                    FirstName,
                    LastName,
                    LeadName,
                    Description,
                    Ignored,
                    OfficeEmail,
                    Ignored,
                    OfficePhone,
                    OfficePhone,
                ],
            ),
            (
                "HubSpot",
                "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Associated Company,Lead Status,Last Activity Date,Marketing contact status,Email Domain",
                vec![
                    Ignored,
                    FirstName,
                    LastName,
                    OfficeEmail,
                    OfficePhone,
                    MobilePhone,
                    Owner,
                    LeadName,
                    Status,
                    Ignored,
                    Ignored,
                    Ignored,
                ],
            ),
            (
                "Close",
                "id,display_name,description,status_label,primary_contact_name,primary_contact_primary_phone,primary_contact_primary_phone_type,primary_contact_other_phones,primary_contact_primary_email,custom.Phone System,lead_owner",
                vec![
                    Ignored,
                    LeadName,
                    Description,
                    Status,
                    ContactName,
                    OfficePhone,
                    Ignored,
                    OtherPhone,
                    OfficeEmail,
                    Ignored,
                    Owner,
                ],
            ),
            (
                "ours",
                "Lead ID,Company,Status,Owner,Description,Contact,Office phone,Mobile phone,Home phone,Direct phone,Fax,Other phone,Office email,Home email,Other email",
                vec![
                    LeadId,
                    LeadName,
                    Status,
                    Owner,
                    Description,
                    ContactName,
                    OfficePhone,
                    MobilePhone,
                    HomePhone,
                    DirectPhone,
                    Fax,
                    OtherPhone,
                    OfficeEmail,
                    HomeEmail,
                    OtherEmail,
                ],
            ),
        ] {
            assert_eq!(of(names), fields, "{product}");
        }
    }

    #[test]
    fn l2_a_plain_name_is_a_persons_unless_the_persons_are_named() {
        assert_eq!(of("Name,Phone"), [ContactName, OfficePhone]);
        assert_eq!(
            of("Name,First name,Phone"),
            [LeadName, FirstName, OfficePhone]
        );
        assert_eq!(
            of("Company,Account,firstName"),
            [LeadName, Ignored, FirstName]
        );
    }

    #[test]
    fn l2_columns_without_names_are_told_by_what_is_in_them() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let rows = [
            row([
                "Globex",
                "Gina Grant",
                "(555) 700-0100",
                "g@globex.example",
                "7",
            ]),
            row(["Initech", "Ivan", "", "i@initech.example", "8"]),
        ];
        let fields = suggest(&[], &rows).0;
        assert_eq!(
            fields,
            [LeadName, ContactName, OfficePhone, OfficeEmail, Ignored]
        );
        assert!(!names_columns(&rows[0]));
        assert!(!names_columns(&row(["Globex", "x", "y", "z", "q"])));
    }
}
