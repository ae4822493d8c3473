//! What a charge, the join of a coach, a search among a million leads and a page of them cost the store: on
//! SQLite, or on PostgreSQL with `CALL_COACHING_TEST_DATABASE=postgres`. `LEADS` sets how many there are.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a figure is printed, and a bench fails by panicking"
)]

use std::time::{Duration, Instant};
use store::{ContactFields, Database, LeadFields, PhoneFields};
use usage::Charge;
use wire::*;

const TIMES: u32 = 500;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
    runtime.block_on(measure_leads());
}

fn say(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_micros();
    println!("{what}: {} µs in the middle, {} µs at 99 %", at(50), at(99));
}

async fn measure() {
    let (_folder, store) = store::testing::new_store().await;
    store.seed_demo("hash", 0, NOW).await.unwrap();
    let user = store.credentials("morgan@demo.example").await.unwrap();
    let user = user.unwrap().user_id;
    let me = store.me(&user, NOW).await.unwrap().unwrap();
    let organization = me.organization.id;
    let leads = store.leads(&organization, &LeadQuery::default()).await;
    let lead = leads.unwrap().data.remove(0);
    let call: Call = serde_json::from_value(serde_json::json!({
        "id": "acti_1", "user_id": user, "rep_leg_id": "leg_rep",
        "lead": {"id": lead.id, "display_name": lead.display_name},
        "contact_id": null, "direction": "outbound", "status": "in-progress",
        "local_phone": "+15550001", "local_phone_type": "internal", "remote_phone": "+15551000",
        "date_created": NOW, "date_answered": NOW, "date_ended": null, "duration": 0,
        "hangup_cause": null, "held": false, "muted": false, "recording_url": null,
        "coach_legs": [], "joinability": {"joinable": false, "code": null, "message": null},
    }))
    .unwrap();
    store.save_call(&organization, &call).await.unwrap();
    let (mut charges, mut joins) = (Vec::new(), Vec::new());
    for number in 0..TIMES {
        let charge = Charge {
            kind: LedgerKind::Coaching,
            leg_id: LegId::from_suffix("1").unwrap(),
            user_id: user.clone(),
            minute: number,
            at: NOW,
        };
        let began = Instant::now();
        let written = store.save_charges(&organization, &call.id, &[charge]).await;
        charges.push(began.elapsed());
        assert_eq!(written.unwrap(), 1);
        let leg = CoachLeg {
            id: LegId::from_suffix(&number.to_string()).unwrap(),
            user_id: user.clone(),
            device_id: DeviceId::from_suffix("one").unwrap(),
            status: CoachLegStatus::Connecting,
            mode: CoachMode::Listen,
            muted: false,
            microphone_trouble: false,
            date_created: NOW,
            date_connected: None,
            date_done: None,
            end_reason: None,
            participation_history: Vec::new(),
        };
        // What a join asks and writes: who it is, and the leg.
        let began = Instant::now();
        let member = store.member(&organization, &user).await.unwrap();
        store
            .save_coach_leg(&organization, &call.id, &leg)
            .await
            .unwrap();
        joins.push(began.elapsed());
        assert!(member.is_some());
    }
    say("a charge", charges);
    say("a join", joins);
}

/// Numbers that are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    /// A few are frequent, and most are rare, as names are.
    fn of<'a>(&mut self, words: &'a [String]) -> &'a str {
        let (one, other) = (self.below(words.len()), self.below(words.len()));
        &words[one * other / words.len()]
    }
}

fn made_up(chance: &mut Chance, count: usize, syllables: usize) -> Vec<String> {
    const BEGINNINGS: &[u8] = b"bcdfghjklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    let word = |chance: &mut Chance| {
        (0..syllables)
            .flat_map(|_| {
                let beginning = BEGINNINGS[chance.below(BEGINNINGS.len())];
                [beginning, VOWELS[chance.below(VOWELS.len())]]
            })
            .map(char::from)
            .collect::<String>()
    };
    (0..count).map(|_| word(chance)).collect()
}

struct People {
    chance: Chance,
    companies: Vec<String>,
    first: Vec<String>,
    last: Vec<String>,
}

impl People {
    fn lead(&mut self) -> LeadFields {
        const KINDS: [&str; 6] = ["Company", "Inc", "GmbH", "Ltd", "Solutions", "LLC"];
        let company = self.chance.of(&self.companies).to_owned();
        let name = format!(
            "{company} {} {}",
            self.chance.of(&self.companies),
            KINDS[self.chance.below(KINDS.len())]
        );
        let (first, last) = (self.chance.of(&self.first), self.chance.of(&self.last));
        let contact = ContactFields {
            id: None,
            name: format!("{first} {last}"),
            phones: vec![PhoneFields {
                number: format!(
                    "+1{}{:07}",
                    201 + self.chance.below(780),
                    2_000_000 + self.chance.below(7_999_999)
                ),
                extension: None,
                label: ContactLabel::Office,
            }],
            emails: vec![ContactEmail {
                email: format!("{first}.{last}@{company}.example"),
                label: ContactLabel::Office,
            }],
        };
        LeadFields {
            name,
            contacts: vec![contact],
            ..LeadFields::default()
        }
    }
}

async fn measure_leads() {
    let count = std::env::var("LEADS").map_or(1_000_000, |count| count.parse().unwrap());
    let (_folder, store) = store::testing::new_store().await;
    let organization = OrganizationId::from_suffix("acme").unwrap();
    store.add_organization(&organization).await.unwrap();
    let mut chance = Chance(7);
    let mut people = People {
        companies: made_up(&mut chance, 20_000, 3),
        first: made_up(&mut chance, 1_000, 2),
        last: made_up(&mut chance, 20_000, 4),
        chance,
    };
    let began = Instant::now();
    let mut some = Vec::new();
    for at in 0..count {
        some.push(people.lead());
        if some.len() == 10_000 || at + 1 == count {
            store.fill_leads(&organization, &some, NOW).await.unwrap();
            some.clear();
        }
    }
    store.analyze().await.unwrap();
    println!(
        "{count} leads are entered in {} s",
        began.elapsed().as_secs()
    );
    searches(&store, &organization, &mut people).await;
    pages(&store, &organization).await;
}

/// What people type: names letter by letter, words of several kinds, numbers from both ends.
async fn searches(store: &Database, organization: &OrganizationId, people: &mut People) {
    let mut took = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    for at in 0..1_200 {
        let lead = people.lead();
        let contact = &lead.contacts[0];
        let number = &contact.phones[0].number;
        let begin = |text: &str, length: usize| text.chars().take(length).collect::<String>();
        let query = match at % 12 {
            length @ 0..=4 => begin(&lead.name, length + 1),
            5 => contact.name.clone(),
            6 => begin(contact.name.split(' ').next_back().unwrap(), 3),
            7 => contact.emails[0].email.clone(),
            8 => begin(&number[2..], 3 + at / 12 % 8),
            9 => number[number.len() - 4..].to_owned(),
            10 => format!("{} company", begin(&contact.name, 2)),
            _ => begin("company solutions example", 1 + at / 12 % 25),
        };
        let query = LeadQuery {
            limit: Some(50),
            ..LeadQuery::named(&query)
        };
        let began = Instant::now();
        store.leads(organization, &query).await.unwrap();
        let one = began.elapsed();
        if one > slowest.0 {
            slowest = (one, query.query.unwrap_or_default());
        }
        took.push(one);
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    println!(
        "lead_search_p99_ms: {:.1} ({:.1} in the middle; the slowest, {:.1}, was \"{}\")",
        at(99),
        at(50),
        slowest.0.as_secs_f64() * 1_000.0,
        slowest.1
    );
}

/// The first page, and how long each of the next hundred takes.
async fn pages(store: &Database, organization: &OrganizationId) {
    let mut query = LeadQuery {
        limit: Some(50),
        ..LeadQuery::default()
    };
    let mut took = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        let page = store.leads(organization, &query).await.unwrap();
        took.push(began.elapsed());
        query.cursor = page.cursor;
    }
    println!(
        "leads_page_ms: {:.1}, the first",
        took[0].as_secs_f64() * 1_000.0
    );
    say("a page of leads", took);
}
