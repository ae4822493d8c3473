//! What each row does: whether it's a new lead, adds to one, or says nothing new.
//!
//! Rows are one lead when they name the same id or the same company. A row is about a lead that's there,
//! in the organization or in an earlier row, when it has its id, or one of its phone numbers or email
//! addresses.

use crate::bounds::CONTACTS_MAX;
use crate::drafts::Draft;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use wire::{ImportDuplicates, ImportLine, ImportOutcome, LeadId};

/// A lead that the organization has, as far as rows may be about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: LeadId,
    /// Its name.
    pub name: String,
    /// The id of its status.
    pub status: Option<String>,
    /// The id of who owns it.
    pub owner: Option<String>,
    /// What is known of it.
    pub description: String,
    /// The names of its contacts, also those that are empty.
    pub contacts: Vec<String>,
    /// Their numbers, E.164.
    pub phones: Vec<String>,
    /// Their email addresses.
    pub emails: Vec<String>,
}

/// What the organization has that some rows are about.
#[derive(Debug, Default)]
pub struct Existing {
    leads: HashMap<LeadId, Known>,
    by_phone: HashMap<String, LeadId>,
    by_email: HashMap<String, LeadId>,
}

impl Existing {
    /// With these leads. The first of those that share a number or an address is the one meant.
    #[must_use]
    pub fn new(leads: impl IntoIterator<Item = Known>) -> Self {
        let mut all = Self::default();
        for lead in leads {
            for phone in &lead.phones {
                let first = all.by_phone.entry(phone.clone());
                first.or_insert_with(|| lead.id.clone());
            }
            for email in &lead.emails {
                let first = all.by_email.entry(email.to_lowercase());
                first.or_insert_with(|| lead.id.clone());
            }
            all.leads.insert(lead.id.clone(), lead);
        }
        all
    }
}

/// What is done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Makes this lead of the import.
    Create(u32),
    /// Adds to this lead of the import.
    Update(u32),
    /// Nothing.
    Skip,
}

/// What is done with a row, and what is said of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What is done.
    pub step: Step,
    /// What is said.
    pub line: ImportLine,
}

/// A lead that rows were about so far.
struct Lead {
    /// Its id, once it has one.
    id: Option<LeadId>,
    /// The row that makes it; none when it was there before.
    line: Option<u32>,
    /// Whether what it has is known: not so when an earlier run made it.
    is_known: bool,
    /// How many contacts it has.
    contacts: usize,
    status: u64,
    owner: u64,
}

/// Decides row by row. What it remembers of each is some numbers.
pub struct Planner {
    duplicates: ImportDuplicates,
    leads: Vec<Lead>,
    /// Which lead has this company's name, id, number or address.
    of_key: HashMap<u64, u32>,
    of_id: HashMap<LeadId, u32>,
    /// What leads have.
    had: HashSet<u64>,
}

/// What a key is of, so that a number is not taken for a name.
#[derive(Hash, Clone, Copy)]
enum Of {
    Company,
    Id,
    Phone,
    Email,
    Contact,
    Description,
    Status,
    Owner,
}

fn key(of: Of, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    text.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

fn of_lead(lead: u32, key: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (lead, key).hash(&mut hasher);
    hasher.finish()
}

impl Planner {
    /// For a file of which nothing was read yet.
    #[must_use]
    pub fn new(duplicates: ImportDuplicates) -> Self {
        Self {
            duplicates,
            leads: Vec::new(),
            of_key: HashMap::new(),
            of_id: HashMap::new(),
            had: HashSet::new(),
        }
    }

    /// A lead that an earlier run of this import made of this row, under this name: later rows with it
    /// add to it.
    pub fn remember(&mut self, line: u32, name: &str, id: LeadId) {
        let lead = self.add(Some(id.clone()), Some(line));
        self.of_id.insert(id, lead);
        self.of_key.entry(key(Of::Company, name)).or_insert(lead);
    }

    /// The lead's id: that of one that was there before, or that was told by [`Planner::created`].
    #[must_use]
    pub fn id_of(&self, lead: u32) -> Option<&LeadId> {
        self.leads.get(lead as usize)?.id.as_ref()
    }

    /// A lead of the import was given this id.
    pub fn created(&mut self, lead: u32, id: LeadId) {
        if let Some(lead) = self.leads.get_mut(lead as usize) {
            lead.id = Some(id);
        }
    }

    /// What is done with a row, and what is said of it.
    pub fn plan(&mut self, draft: &Draft, known: &Existing) -> Planned {
        let Some((lead, reason)) = self.find(draft, known) else {
            let lead = self.add(None, Some(draft.line));
            self.learn(lead, draft, known);
            if let Some(lead) = self.leads.get_mut(lead as usize) {
                lead.contacts = 1;
            }
            return planned(draft, Step::Create(lead), None, String::new());
        };
        let (id, line) = match self.leads.get(lead as usize) {
            Some(found) => (found.id.clone(), found.line),
            None => (None, None),
        };
        let of_whom = match line {
            Some(line) => format!("the lead of line {line}"),
            None => "a lead you already have".to_owned(),
        };
        let id = id.filter(|_| line.is_none());
        if line.is_none() && self.duplicates == ImportDuplicates::Skip {
            self.name(lead, draft);
            let why = format!("{reason} {of_whom}.");
            return planned(draft, Step::Skip, id, why);
        }
        if self.adds_contact(lead, draft) {
            let found = self.leads.get_mut(lead as usize);
            if let Some(found) = found.filter(|found| found.contacts < CONTACTS_MAX) {
                found.contacts += 1;
            } else {
                let why = format!("{reason} {of_whom}, which can't have more contacts.");
                return planned(draft, Step::Skip, id, why);
            }
        }
        if self.learn(lead, draft, known) {
            let why = format!("{reason} {of_whom}.");
            planned(draft, Step::Update(lead), id, why)
        } else {
            let why = format!("{reason} {of_whom}, and nothing in it is new.");
            planned(draft, Step::Skip, id, why)
        }
    }

    /// Which lead a row is about, and how that's known.
    fn find(&mut self, draft: &Draft, known: &Existing) -> Option<(u32, &'static str)> {
        const SAME_ID: &str = "This row has the id of";
        const SAME_PHONE: &str = "This row has a phone number of";
        const SAME_EMAIL: &str = "This row has an email address of";
        if let Some(id) = &draft.lead_id {
            let there = LeadId::parse(id).ok();
            if let Some(lead) = there.and_then(|id| known.leads.get(&id)) {
                return Some((self.there(lead), SAME_ID));
            }
            // Of another organization, it's as good as a name for those that belong together.
            if let Some(lead) = self.of_key.get(&key(Of::Id, id)) {
                return Some((*lead, SAME_ID));
            }
        }
        let phones = draft.phones.iter().map(|phone| &phone.value);
        for (phone, found) in phones.map(|phone| (phone, known.by_phone.get(phone))) {
            if let Some(lead) = self.of_key.get(&key(Of::Phone, phone)) {
                return Some((*lead, SAME_PHONE));
            }
            if let Some(lead) = found.and_then(|id| known.leads.get(id)) {
                return Some((self.there(lead), SAME_PHONE));
            }
        }
        for email in draft.emails.iter().map(|email| email.value.to_lowercase()) {
            if let Some(lead) = self.of_key.get(&key(Of::Email, &email)) {
                return Some((*lead, SAME_EMAIL));
            }
            let found = known.by_email.get(&email);
            if let Some(lead) = found.and_then(|id| known.leads.get(id)) {
                return Some((self.there(lead), SAME_EMAIL));
            }
        }
        // Two leads with ids of their own may well have one name.
        if !draft.is_company || draft.lead_id.is_some() {
            return None;
        }
        let lead = self.of_key.get(&key(Of::Company, &draft.name))?;
        Some((*lead, "This row names the company of"))
    }

    fn add(&mut self, id: Option<LeadId>, line: Option<u32>) -> u32 {
        let lead = u32::try_from(self.leads.len()).unwrap_or(u32::MAX);
        self.leads.push(Lead {
            // What the import makes has what its rows say.
            is_known: id.is_none(),
            id,
            line,
            contacts: 0,
            status: 0,
            owner: 0,
        });
        lead
    }

    /// A lead that was there before.
    fn there(&mut self, known: &Known) -> u32 {
        let lead = match self.of_id.get(&known.id) {
            Some(lead) => *lead,
            None => {
                let lead = self.add(Some(known.id.clone()), None);
                self.of_id.insert(known.id.clone(), lead);
                lead
            }
        };
        let found = self.leads.get_mut(lead as usize);
        let is_known = found.map(|found| std::mem::replace(&mut found.is_known, true));
        if is_known == Some(true) {
            return lead;
        }
        for phone in &known.phones {
            self.has(lead, key(Of::Phone, phone));
        }
        for email in &known.emails {
            self.has(lead, key(Of::Email, email));
        }
        let texts = known.contacts.iter().map(|name| key(Of::Contact, name));
        for text in texts {
            self.had.insert(of_lead(lead, text));
        }
        if let Some(lead) = self.leads.get_mut(lead as usize) {
            let code = |of, text: &Option<String>| text.as_ref().map_or(0, |text| key(of, text));
            lead.status = code(Of::Status, &known.status);
            lead.owner = code(Of::Owner, &known.owner);
            lead.contacts = known.contacts.len();
        }
        lead
    }

    /// A number or an address that a lead has; whether it's new there.
    fn has(&mut self, lead: u32, key: u64) -> bool {
        if let Entry::Vacant(free) = self.of_key.entry(key) {
            free.insert(lead);
        }
        self.had.insert(of_lead(lead, key))
    }

    /// Whether a row is about someone whom the lead doesn't have.
    fn adds_contact(&self, lead: u32, draft: &Draft) -> bool {
        let has = |key| self.had.contains(&of_lead(lead, key));
        let phones = draft.phones.iter().map(|item| key(Of::Phone, &item.value));
        let emails = draft.emails.iter().map(|item| key(Of::Email, &item.value));
        match &draft.contact {
            Some(name) => !has(key(Of::Contact, name)),
            None => {
                let mut items = phones.chain(emails).peekable();
                items.peek().is_some() && !items.any(has)
            }
        }
    }

    /// What a row calls a lead, other rows may call it, too.
    fn name(&mut self, lead: u32, draft: &Draft) {
        if draft.is_company {
            self.of_key
                .entry(key(Of::Company, &draft.name))
                .or_insert(lead);
        }
        if let Some(id) = &draft.lead_id {
            self.of_key.entry(key(Of::Id, id)).or_insert(lead);
        }
    }

    /// Takes in what a row says of a lead; whether any of it is new.
    fn learn(&mut self, lead: u32, draft: &Draft, known: &Existing) -> bool {
        let mut is_new = false;
        for phone in &draft.phones {
            is_new |= self.has(lead, key(Of::Phone, &phone.value));
        }
        for email in &draft.emails {
            is_new |= self.has(lead, key(Of::Email, &email.value));
        }
        let contact = draft.contact.iter().map(|name| key(Of::Contact, name));
        let there = self.id_of(lead).and_then(|id| known.leads.get(id));
        let text = draft
            .description
            .iter()
            .filter(|text| !there.is_some_and(|there| there.description.contains(*text)))
            .map(|text| key(Of::Description, text));
        for text in contact.chain(text) {
            is_new |= self.had.insert(of_lead(lead, text));
        }
        self.name(lead, draft);
        if let Some(lead) = self.leads.get_mut(lead as usize) {
            for (now, of, said) in [
                (&mut lead.status, Of::Status, &draft.status),
                (&mut lead.owner, Of::Owner, &draft.owner),
            ] {
                if let Some(said) = said.as_ref().map(|said| key(of, said))
                    && said != *now
                {
                    *now = said;
                    is_new = true;
                }
            }
        }
        is_new
    }
}

fn planned(draft: &Draft, step: Step, lead_id: Option<LeadId>, mut why: String) -> Planned {
    if !draft.problems.is_empty() {
        if !why.is_empty() {
            why.push(' ');
        }
        why.push_str(&draft.problems);
    }
    let outcome = match step {
        Step::Create(_) => ImportOutcome::Created,
        Step::Update(_) => ImportOutcome::Updated,
        Step::Skip => ImportOutcome::Skipped,
    };
    Planned {
        step,
        line: ImportLine {
            line: draft.line,
            outcome,
            name: draft.name.clone(),
            lead_id,
            why,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::Item;
    use wire::ContactLabel;

    fn draft(line: u32, company: &str, contact: &str, phone: &str, email: &str) -> Draft {
        let items = |value: &str| {
            let values = value.split(' ').filter(|value| !value.is_empty());
            let item = |value: &str| Item {
                label: ContactLabel::Office,
                value: value.to_owned(),
                extension: None,
            };
            values.map(item).collect()
        };
        let name = [company, contact, email, phone];
        Draft {
            line,
            name: name
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap()
                .into(),
            is_company: !company.is_empty(),
            contact: Some(contact.to_owned()).filter(|name| !name.is_empty()),
            phones: items(phone),
            emails: items(email),
            ..Draft::default()
        }
    }

    fn globex() -> Existing {
        Existing::new([Known {
            id: LeadId::parse("lead_globex").unwrap(),
            name: "Globex".into(),
            status: Some("stat_new".into()),
            owner: None,
            description: "Likes tea".into(),
            contacts: vec!["Gina Grant".into()],
            phones: vec!["+15557000100".into()],
            emails: vec!["Gina@Globex.example".into()],
        }])
    }

    fn outcomes(planner: &mut Planner, known: &Existing, drafts: &[Draft]) -> Vec<Step> {
        drafts
            .iter()
            .map(|draft| planner.plan(draft, known).step)
            .collect()
    }

    #[test]
    fn l2_rows_with_one_company_become_one_lead() {
        let drafts = [
            draft(2, "Globex", "Gina", "+1", ""),
            draft(3, "GLOBEX", "Greg", "+2", ""),
            draft(4, "Initech", "Ivan", "+3", ""),
            // People without a company are leads of their own, whatever they're called.
            draft(5, "", "Globex", "+4", ""),
            draft(6, "Globex", "Gina", "+1", ""),
        ];
        let mut planner = Planner::new(ImportDuplicates::Update);
        let steps = outcomes(&mut planner, &Existing::default(), &drafts);
        use Step::{Create, Skip, Update};
        assert_eq!(steps, [Create(0), Update(0), Create(1), Create(2), Skip]);
        let line = planner.plan(&drafts[1], &Existing::default()).line;
        assert_eq!(
            line.why,
            "This row has a phone number of the lead of line 2, and nothing in it is new."
        );
    }

    #[test]
    fn l2_duplicates_in_the_file_are_found_by_phone_and_email() {
        let drafts = [
            draft(2, "Globex", "Gina", "+1 +9", "g@globex.example"),
            draft(3, "", "Gina G.", "+9", ""),
            draft(4, "Other name", "", "", "G@globex.example"),
            draft(5, "", "", "+8", "g@globex.example"),
            draft(6, "", "", "+8", ""),
        ];
        let mut planner = Planner::new(ImportDuplicates::Skip);
        let steps = outcomes(&mut planner, &Existing::default(), &drafts);
        use Step::{Create, Skip, Update};
        assert_eq!(steps, [Create(0), Update(0), Skip, Update(0), Skip]);
    }

    #[test]
    fn l2_leads_that_are_there_are_updated_or_left_as_chosen() {
        let same = draft(
            2,
            "Globex Inc",
            "gina grant",
            "+15557000100",
            "gina@globex.example",
        );
        let new = draft(3, "", "Greg", "", "GINA@globex.example");
        let known = globex();
        let mut planner = Planner::new(ImportDuplicates::Update);
        let first = planner.plan(&same, &known);
        assert_eq!(first.step, Step::Skip);
        assert_eq!(
            first.line.lead_id,
            Some(LeadId::parse("lead_globex").unwrap())
        );
        let second = planner.plan(&new, &known);
        assert_eq!(second.step, Step::Update(0));
        assert_eq!(
            second.line.why,
            "This row has an email address of a lead you already have."
        );
        assert_eq!(planner.id_of(0), second.line.lead_id.as_ref());
        // What the file calls it belongs to it from then on.
        let third = draft(4, "Globex Inc", "Gus", "", "");
        assert_eq!(planner.plan(&third, &known).step, Step::Update(0));

        let mut planner = Planner::new(ImportDuplicates::Skip);
        for draft in [same, new] {
            assert_eq!(planner.plan(&draft, &known).step, Step::Skip);
        }
    }

    #[test]
    fn l2_status_owner_and_note_make_a_row_new() {
        let known = globex();
        let mut planner = Planner::new(ImportDuplicates::Update);
        let mut row = draft(2, "Globex", "", "+15557000100", "");
        row.status = Some("stat_new".into());
        row.description = Some("Likes tea".into());
        assert_eq!(planner.plan(&row, &known).step, Step::Skip);
        for change in [
            |row: &mut Draft| row.status = Some("stat_won".into()),
            |row: &mut Draft| row.owner = Some("user_1".into()),
            |row: &mut Draft| row.description = Some("Likes coffee".into()),
        ] {
            change(&mut row);
            assert_eq!(planner.plan(&row, &known).step, Step::Update(0));
            assert_eq!(planner.plan(&row, &known).step, Step::Skip);
        }
    }

    #[test]
    fn l2_a_lead_is_given_no_more_contacts_than_it_can_have() {
        let mut planner = Planner::new(ImportDuplicates::Update);
        let mut last = Step::Skip;
        for number in 0..=CONTACTS_MAX {
            let row = draft(2, "Globex", &format!("P{number}"), "", "");
            last = planner.plan(&row, &Existing::default()).step;
            assert_eq!(last == Step::Skip, number == CONTACTS_MAX);
        }
        assert_eq!(last, Step::Skip);
    }

    #[test]
    fn l2_an_id_tells_leads_of_one_name_apart() {
        let with_id = |line, id: &str, company: &str, contact: &str| Draft {
            lead_id: Some(id.to_owned()),
            ..draft(line, company, contact, "", "")
        };
        let drafts = [
            with_id(2, "lead_a", "Globex", "Gina"),
            with_id(3, "lead_a", "Globex", "Greg"),
            with_id(4, "lead_b", "Globex", "Gus"),
            with_id(5, "lead_globex", "Globex", "Gina Grant"),
            with_id(6, "not an id", "Globex", "Gert"),
        ];
        let mut planner = Planner::new(ImportDuplicates::Update);
        let steps = outcomes(&mut planner, &globex(), &drafts);
        use Step::{Create, Skip, Update};
        assert_eq!(steps, [Create(0), Update(0), Create(1), Skip, Create(3)]);
    }

    #[test]
    fn l2_an_import_that_goes_on_knows_what_it_made() {
        let mut planner = Planner::new(ImportDuplicates::Skip);
        let id = LeadId::parse("lead_globex").unwrap();
        planner.remember(2, "Globex", id.clone());
        let step = planner.plan(&draft(900, "Globex", "Greg", "", ""), &Existing::default());
        assert_eq!(step.step, Step::Update(0));
        assert_eq!(planner.id_of(0), Some(&id));
        let same = draft(901, "", "Gina Grant", "+15557000100", "");
        assert_eq!(planner.plan(&same, &globex()).step, Step::Skip);
        let new = draft(902, "", "Gina Grant", "+15557000100 +1", "");
        assert_eq!(planner.plan(&new, &globex()).step, Step::Update(0));
        let step = planner.plan(&draft(903, "Initech", "", "", ""), &Existing::default());
        assert_eq!(step.step, Step::Create(1));
        planner.created(1, LeadId::parse("lead_2").unwrap());
        assert!(planner.id_of(1).is_some());
    }
}
