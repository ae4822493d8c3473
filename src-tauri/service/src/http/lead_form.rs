//! What a lead is given, checked field by field: who is refused is told where.

use super::error::Refused;
use crate::names::{self, NameError, email};
use numbers::Number;
use store::{CONTACTS_MAX, ContactFields, DESCRIPTION_CHARS_MAX, LeadFields, PhoneFields};
use wire::{Code, ContactEmail, ContactPhone, ContactRequest, ErrorBody, Lead, LeadRequest};

/// The longest name of a lead or a contact, in characters.
const NAME_CHARS_MAX: usize = 200;
/// Numbers of a contact at most, and email addresses.
const PER_CONTACT_MAX: usize = 10;

/// A request as it is kept, in the organization's country. A number that the lead has already may be one
/// that nobody could enter: somebody called from it.
pub fn checked(
    request: &LeadRequest,
    country: &str,
    known: Option<&Lead>,
) -> Result<LeadFields, Refused> {
    let name = name(&request.name, "name")?;
    if request.description.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(at(
            "description",
            format!("A description can be up to {DESCRIPTION_CHARS_MAX} characters long."),
        ));
    }
    if request.description.contains('\0') {
        return Err(at(
            "description",
            "A description can't contain NUL characters.",
        ));
    }
    if request.contacts.len() > CONTACTS_MAX {
        return Err(at(
            "contacts",
            format!("A lead can have up to {CONTACTS_MAX} contacts."),
        ));
    }
    let contacts = known.map_or(&[][..], |lead| &lead.contacts);
    let known: Vec<&ContactPhone> = contacts.iter().flat_map(|one| &one.phones).collect();
    let contacts = request.contacts.iter().enumerate();
    let contacts =
        contacts.map(|(place, one)| contact(one, country, &known, &format!("contacts.{place}")));
    Ok(LeadFields {
        name,
        description: request.description.trim().to_owned(),
        status_id: request.status_id.clone(),
        owner_id: request.owner_id.clone(),
        contacts: contacts.collect::<Result<_, _>>()?,
    })
}

fn contact(
    request: &ContactRequest,
    country: &str,
    known: &[&ContactPhone],
    place: &str,
) -> Result<ContactFields, Refused> {
    let name_at = format!("{place}.name");
    let is_unnamed = request.name.trim().is_empty();
    if is_unnamed && request.phones.is_empty() && request.emails.is_empty() {
        return Err(at(
            name_at,
            "Enter a name, a phone number or an email address.",
        ));
    }
    let name = if is_unnamed {
        String::new()
    } else {
        name(&request.name, &name_at)?
    };
    for (what, list_at, count) in [
        ("phone numbers", "phones", request.phones.len()),
        ("email addresses", "emails", request.emails.len()),
    ] {
        if count > PER_CONTACT_MAX {
            return Err(at(
                format!("{place}.{list_at}"),
                format!("A contact can have up to {PER_CONTACT_MAX} {what}."),
            ));
        }
    }
    let mut phones = Vec::with_capacity(request.phones.len());
    for (number, phone) in request.phones.iter().enumerate() {
        let read = known
            .iter()
            .find(|known| phone.phone == known.phone_formatted || phone.phone == known.phone)
            .map(|known| Number {
                e164: known.phone.clone(),
                extension: known.extension.clone(),
            });
        let read = match read {
            Some(read) => read,
            None => numbers::read(&phone.phone, country)
                .map_err(|error| at(format!("{place}.phones.{number}.phone"), error.to_string()))?,
        };
        phones.push(PhoneFields {
            number: read.e164,
            extension: read.extension,
            label: phone.label,
        });
    }
    let mut emails = Vec::with_capacity(request.emails.len());
    for (number, one) in request.emails.iter().enumerate() {
        let email = email(&one.email).ok_or_else(|| {
            at(
                format!("{place}.emails.{number}.email"),
                "This isn't an email address.",
            )
        })?;
        emails.push(ContactEmail {
            email,
            label: one.label,
        });
    }
    Ok(ContactFields {
        id: request.id.clone(),
        name,
        phones,
        emails,
    })
}

fn name(text: &str, field: &str) -> Result<String, Refused> {
    names::checked_to(text, NAME_CHARS_MAX).map_err(|error| {
        let message = match error {
            NameError::TooLong => format!("Names can be up to {NAME_CHARS_MAX} characters long."),
            other => other.to_string(),
        };
        at(field, message)
    })
}

fn at(field: impl Into<String>, message: impl Into<String>) -> Refused {
    Refused(ErrorBody::new(Code::InvalidRequest, message).at(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{ContactId, ContactLabel, LeadId, PhoneRequest, Timestamp};

    fn request(contacts: Vec<ContactRequest>) -> LeadRequest {
        LeadRequest {
            name: "Globex".into(),
            description: String::new(),
            status_id: None,
            owner_id: None,
            contacts,
            date_updated: None,
        }
    }

    fn phoned(phone: &str) -> ContactRequest {
        let phone = PhoneRequest {
            phone: phone.into(),
            label: ContactLabel::Mobile,
        };
        ContactRequest {
            id: None,
            name: String::new(),
            phones: vec![phone],
            emails: Vec::new(),
        }
    }

    fn mailed(email: &str) -> ContactRequest {
        ContactRequest {
            emails: vec![ContactEmail {
                email: email.into(),
                label: ContactLabel::Office,
            }],
            phones: Vec::new(),
            ..phoned("")
        }
    }

    /// Where and why a request is refused.
    fn refused(request: &LeadRequest) -> (String, String) {
        let error = checked(request, "US", None).unwrap_err().0.error;
        assert_eq!(error.code, Code::InvalidRequest);
        (error.field.unwrap(), error.message)
    }

    #[test]
    fn l1_what_is_not_as_it_must_be_is_refused_at_its_field() {
        for (request, field) in [
            (
                LeadRequest {
                    name: " ".into(),
                    ..request(Vec::new())
                },
                "name",
            ),
            (
                LeadRequest {
                    name: "x".repeat(201),
                    ..request(Vec::new())
                },
                "name",
            ),
            (
                LeadRequest {
                    description: "x".repeat(10_001),
                    ..request(Vec::new())
                },
                "description",
            ),
            (request(vec![phoned("212 555 0100"); 101]), "contacts"),
            (
                request(vec![ContactRequest {
                    phones: Vec::new(),
                    ..phoned("")
                }]),
                "contacts.0.name",
            ),
            (
                request(vec![ContactRequest {
                    phones: vec![phoned("212 555 0100").phones[0].clone(); 11],
                    ..phoned("")
                }]),
                "contacts.0.phones",
            ),
            (
                request(vec![phoned("212 555 0100"), phoned("Globex")]),
                "contacts.1.phones.0.phone",
            ),
            (
                request(vec![mailed("gina@globex")]),
                "contacts.0.emails.0.email",
            ),
            (
                request(vec![mailed("a@globex.example\r\nBcc: b@c.example")]),
                "contacts.0.emails.0.email",
            ),
        ] {
            let (at, message) = refused(&request);
            assert_eq!(at, field, "{message}");
        }
        let (_, message) = refused(&request(vec![phoned("555-0100")]));
        assert_eq!(message, "Add the area code.");
    }

    #[test]
    fn l1_a_number_is_kept_as_e164_and_one_that_the_lead_has_may_stay() {
        let fields = checked(&request(vec![phoned("(212) 555-0100 x7")]), "US", None).unwrap();
        let phone = &fields.contacts[0].phones[0];
        assert_eq!(phone.number, "+12125550100");
        assert_eq!(phone.extension.as_deref(), Some("7"));

        let lead_id = LeadId::from_suffix("1").unwrap();
        let known = Lead {
            id: lead_id.clone(),
            display_name: "1234".into(),
            description: String::new(),
            status_id: None,
            status_label: None,
            owner_id: None,
            date_created: Timestamp(0),
            date_updated: Timestamp(0),
            contacts: vec![wire::Contact {
                id: ContactId::from_suffix("1").unwrap(),
                lead_id,
                name: String::new(),
                display_name: "1234".into(),
                phones: vec![ContactPhone {
                    phone: "1234".into(),
                    phone_formatted: "1234".into(),
                    extension: None,
                    label: ContactLabel::Office,
                }],
                emails: Vec::new(),
            }],
        };
        let caller = request(vec![phoned("1234")]);
        assert!(checked(&caller, "US", None).is_err());
        let kept = checked(&caller, "US", Some(&known)).unwrap();
        assert_eq!(kept.contacts[0].phones[0].number, "1234");
    }

    #[test]
    fn l1_an_email_address_has_something_on_both_sides_of_one_sign() {
        for good in [
            "gina@globex.example",
            " o'neil+x@a.b-c.example ",
            "é@münchen.example",
        ] {
            assert_eq!(email(good).as_deref(), Some(good.trim()));
        }
        for bad in [
            "",
            "@",
            "gina",
            "gina@",
            "@globex.example",
            "gina@globex",
            "a b@c.example",
            "a@b@c.example",
            "a@.example",
            "a@-b.example",
            "a,b@c.example",
            "<a@c.example>",
            "a@c.example\n",
        ] {
            let read = email(bad);
            assert!(read.is_none() || bad.ends_with('\n'), "{bad:?}: {read:?}");
        }
        assert_eq!(email(&format!("{}@c.example", "a".repeat(250))), None);
    }
}
