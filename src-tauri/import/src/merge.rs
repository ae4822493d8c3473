//! What comes of a lead when rows add to it: nothing of it is lost, and nothing is there twice.

use crate::bounds::{CONTACTS_MAX, ITEMS_MAX};
use crate::drafts::{Draft, Item};

/// The longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 10_000;

/// A lead, as far as rows can change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// What is known of it.
    pub description: String,
    /// The id of its status.
    pub status: Option<String>,
    /// The id of who owns it.
    pub owner: Option<String>,
    /// Its contacts; those that rows add come last.
    pub people: Vec<Person>,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Their name; empty when it isn't known.
    pub name: String,
    /// Their phone numbers.
    pub phones: Vec<Item>,
    /// Their email addresses.
    pub emails: Vec<Item>,
    /// Whether rows changed them.
    pub is_changed: bool,
}

impl Merged {
    /// Adds what a row says; whether that changed anything.
    pub fn add(&mut self, draft: &Draft) -> bool {
        let mut changed = self.add_person(draft);
        if let Some(text) = &draft.description
            && !self.description.contains(text)
        {
            let whole = if self.description.is_empty() {
                text.clone()
            } else {
                format!("{}\n\n{text}", self.description)
            };
            if whole.chars().count() <= DESCRIPTION_CHARS_MAX {
                self.description = whole;
                changed = true;
            }
        }
        for (now, said) in [
            (&mut self.status, &draft.status),
            (&mut self.owner, &draft.owner),
        ] {
            if said.is_some() && now != said {
                now.clone_from(said);
                changed = true;
            }
        }
        changed
    }

    fn add_person(&mut self, draft: &Draft) -> bool {
        let name = draft.contact.as_deref().unwrap_or_default();
        if name.is_empty() && draft.phones.is_empty() && draft.emails.is_empty() {
            return false;
        }
        let known = self.place(name, draft);
        let at = match known {
            Some(at) => at,
            None if self.people.len() < CONTACTS_MAX => {
                self.people.push(Person::default());
                self.people.len() - 1
            }
            None => return false,
        };
        let Some(person) = self.people.get_mut(at) else {
            return false;
        };
        let mut changed = known.is_none();
        if person.name.is_empty() && !name.is_empty() {
            name.clone_into(&mut person.name);
            changed = true;
        }
        changed |= add_items(&mut person.phones, &draft.phones);
        changed |= add_items(&mut person.emails, &draft.emails);
        person.is_changed |= changed;
        changed
    }

    /// Whom a row is about: who has its name, or, where one of the two has none, shares a number or an
    /// address.
    fn place(&self, name: &str, draft: &Draft) -> Option<usize> {
        let shares = |person: &Person| {
            has_any(&person.phones, &draft.phones) || has_any(&person.emails, &draft.emails)
        };
        let lower = name.to_lowercase();
        let named = |person: &Person| !name.is_empty() && person.name.to_lowercase() == lower;
        let people = &self.people;
        people.iter().position(named).or_else(|| {
            let unnamed = |person: &Person| name.is_empty() || person.name.is_empty();
            people
                .iter()
                .position(|person| unnamed(person) && shares(person))
        })
    }
}

fn is_same(one: &Item, other: &Item) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}

fn has_any(has: &[Item], wanted: &[Item]) -> bool {
    wanted
        .iter()
        .any(|item| has.iter().any(|other| is_same(other, item)))
}

fn add_items(to: &mut Vec<Item>, new: &[Item]) -> bool {
    let before = to.len();
    for item in new {
        if to.len() < ITEMS_MAX && !to.iter().any(|other| is_same(other, item)) {
            to.push(item.clone());
        }
    }
    to.len() > before
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ContactLabel;

    fn draft(contact: &str, phone: &str) -> Draft {
        Draft {
            contact: Some(contact.to_owned()).filter(|name| !name.is_empty()),
            phones: phone
                .split_whitespace()
                .map(|value| Item {
                    label: ContactLabel::Office,
                    value: value.to_owned(),
                    extension: None,
                })
                .collect(),
            ..Draft::default()
        }
    }

    fn people(merged: &Merged) -> Vec<(&str, usize)> {
        let people = merged.people.iter();
        people
            .map(|person| (person.name.as_str(), person.phones.len()))
            .collect()
    }

    #[test]
    fn l2_a_row_adds_to_the_contact_it_is_about() {
        let mut lead = Merged::default();
        assert!(lead.add(&draft("Gina", "+1")));
        assert!(!lead.add(&draft("GINA", "+1")));
        assert!(lead.add(&draft("Gina", "+2")));
        // Two people may share the number of their company.
        assert!(lead.add(&draft("Greg", "+1")));
        // Who has no name is whoever has the number.
        assert!(lead.add(&draft("", "+2 +3")));
        assert!(lead.add(&draft("", "+9")));
        assert!(lead.add(&draft("Gus", "+9")));
        assert!(!lead.add(&draft("", "")));
        assert_eq!(people(&lead), [("Gina", 3), ("Greg", 1), ("Gus", 1)]);
    }

    #[test]
    fn l2_a_description_grows_and_says_nothing_twice() {
        let mut lead = Merged {
            description: "Likes tea".into(),
            ..Merged::default()
        };
        let with = |text: &str| Draft {
            description: Some(text.to_owned()),
            ..Draft::default()
        };
        assert!(!lead.add(&with("tea")));
        assert!(lead.add(&with("Since 1999")));
        assert!(!lead.add(&with(&"x".repeat(DESCRIPTION_CHARS_MAX))));
        assert_eq!(lead.description, "Likes tea\n\nSince 1999");
    }

    #[test]
    fn l2_status_and_owner_follow_the_file() {
        let mut lead = Merged::default();
        let row = Draft {
            status: Some("stat_won".into()),
            owner: Some("user_1".into()),
            ..Draft::default()
        };
        assert!(lead.add(&row));
        assert!(!lead.add(&row));
        assert!(!lead.add(&Draft::default()));
        assert_eq!(lead.status.as_deref(), Some("stat_won"));
    }

    #[test]
    fn l2_a_lead_has_so_many_contacts_at_most() {
        let mut lead = Merged::default();
        for number in 0..CONTACTS_MAX + 5 {
            lead.add(&draft(&format!("P{number}"), ""));
        }
        assert_eq!(lead.people.len(), CONTACTS_MAX);
        for number in 0..ITEMS_MAX + 5 {
            lead.add(&draft("P0", &format!("+{number}")));
        }
        assert_eq!(lead.people[0].phones.len(), ITEMS_MAX);
    }
}
