//! How leads are found among a million: by the beginning of their name, by numbers, and by words.
//!
//! A search has up to four parts, one after another; whoever was found in one is not found again in those
//! after it. Each reads an index in its order, so that a page takes as long as it has rows, whatever there
//! is: no part sorts what it found. Where the engines differ, which is where words are looked for, is here
//! and nowhere else.

use crate::StoreError;
use crate::database::Database;
use crate::random::id_suffix;
use crate::sql::{Engine, Key, Row, Sql, Tx, Value, cursor_of, read_cursor, sql, sql_of};
use crate::words::{Document, Range, Search};
use wire::{LeadId, LeadQuery, List, ListQuery, OrganizationId, Timestamp};

/// Rows that are read at once, also of those that are skipped.
const READ_MAX: usize = 1_000;
/// Leads that get their place at once.
const PLACED_AT_ONCE: u32 = 500;
/// Rows of one statement.
const ROWS_AT_ONCE: usize = 100;
/// PostgreSQL looks for words in so much of all places first, which are random: in one of 64 parts.
const WINDOW: i64 = i64::MAX / 64;
/// The lengths of beginnings that PostgreSQL keeps of a word.
const BEGINNINGS: [usize; 4] = [2, 4, 6, 8];

/// The parts of a search, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The name begins so.
    Names,
    /// A number begins so.
    Forward,
    /// A number ends so.
    Backward,
    /// Each word is there.
    Words,
}

/// Where a part is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Everywhere, in order.
    All,
    /// Until this place, in order.
    Until(i64),
    /// After this place, to be sorted.
    Beyond(i64),
}

const PARTS: [Part; 4] = [Part::Names, Part::Forward, Part::Backward, Part::Words];

/// A statement that is put together from its parts.
#[derive(Default)]
struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The place of a value.
    fn of(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn within(&mut self, column: &str, (from, until): &Range) -> String {
        let (from, until) = (self.of(from), self.of(until));
        format!("{column} >= {from} AND {column} < {until}")
    }

    fn sql(self) -> Sql {
        sql_of(self.text).bind_all(self.values)
    }
}

impl Database {
    /// The ids of the leads that a search finds, a page of them.
    pub(crate) async fn found_leads(
        &self,
        organization: &OrganizationId,
        search: &Search,
        query: &LeadQuery,
    ) -> Result<List<LeadId>, StoreError> {
        let page: ListQuery = query.page();
        let (mut part, mut after) = match &page.cursor {
            Some(cursor) => place_of(cursor)?,
            None => (0, None),
        };
        let limit = page.limit() as usize;
        let mut skip = page.skip() as usize;
        // One row more tells whether there are more.
        let mut found: Vec<(LeadId, Vec<Key>)> = Vec::new();
        while part < PARTS.len() && found.len() <= limit {
            let wanted = (skip + limit + 1 - found.len()).min(READ_MAX);
            let rows = self
                .part(
                    organization,
                    search,
                    query,
                    PARTS[part],
                    after.as_deref(),
                    wanted,
                )
                .await?;
            let is_over = rows.len() < wanted;
            after = rows.last().map(|(_, keys)| keys.clone()).or(after);
            let skipped = skip.min(rows.len());
            skip -= skipped;
            found.extend(rows.into_iter().skip(skipped).map(|(id, keys)| {
                let number = i64::try_from(part).unwrap_or(i64::MAX);
                let place = [vec![Key::Int(number)], keys].concat();
                (id, place)
            }));
            if is_over {
                (part, after) = (part + 1, None);
            }
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        let cursor = match found.last().filter(|_| has_more) {
            Some((_, keys)) => Some(cursor_of(keys)?),
            None => None,
        };
        Ok(List {
            data: found.into_iter().map(|(id, _)| id).collect(),
            has_more,
            cursor,
        })
    }

    /// Leads of one part of a search, each with its place in it.
    async fn part(
        &self,
        organization: &OrganizationId,
        search: &Search,
        query: &LeadQuery,
        part: Part,
        after: Option<&[Key]>,
        limit: usize,
    ) -> Result<Vec<(LeadId, Vec<Key>)>, StoreError> {
        if part != Part::Words || self.reader.engine() == Engine::Sqlite {
            let all = self.within(organization, search, query, part, after, limit, Within::All);
            return all.await;
        }
        // What is frequent is found in a small part, which is walked through. What isn't there often enough
        // is rare, so that the index of words finds all of it, and it is sorted. The planner cannot tell
        // which it is when it is asked for several words.
        let from = match after {
            Some([Key::Int(place)]) => *place,
            _ => 0,
        };
        let edge = from.saturating_add(WINDOW);
        let near = Within::Until(edge);
        let near = self.within(organization, search, query, part, after, limit, near);
        let mut found = near.await?;
        if found.len() < limit {
            let (limit, far) = (limit - found.len(), Within::Beyond(edge));
            let far = self.within(organization, search, query, part, None, limit, far);
            found.extend(far.await?);
        }
        Ok(found)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one part, of one search, from one place on"
    )]
    async fn within(
        &self,
        organization: &OrganizationId,
        search: &Search,
        query: &LeadQuery,
        part: Part,
        after: Option<&[Key]>,
        limit: usize,
        within: Within,
    ) -> Result<Vec<(LeadId, Vec<Key>)>, StoreError> {
        let mut text = Statement::default();
        let organization_at = text.of(organization.as_str());
        let numbers = search.numbers.as_ref();
        // What was found before.
        let mut before = Vec::new();
        if part != Part::Names {
            let named = text.within("lead.sort_name", &search.names);
            before.push(format!("NOT ({named})"));
        }
        let order = match (part, numbers) {
            (Part::Names, _) => {
                let named = text.within("lead.sort_name", &search.names);
                text.add(&format!(
                    "SELECT lead.id, lead.sort_name FROM lead
                     WHERE lead.organization_id = {organization_at} AND {named}"
                ));
                "lead.sort_name, lead.id"
            }
            (Part::Forward | Part::Backward, None) => return Ok(Vec::new()),
            (Part::Forward | Part::Backward, Some([forward, backward])) => {
                let range = if part == Part::Forward {
                    forward
                } else {
                    before.push(without(&mut text, "lead_key.place", forward, None));
                    backward
                };
                // A lead with several such numbers is found by the first.
                let first = "lead_key.key";
                before.push(without(&mut text, "lead_key.place", range, Some(first)));
                let within = text.within("lead_key.key", range);
                text.add(&format!(
                    "SELECT lead.id, lead_key.key, lead_key.place FROM lead_key CROSS JOIN lead
                     WHERE lead_key.organization_id = {organization_at} AND {within}
                         AND lead.place = lead_key.place"
                ));
                "lead_key.key, lead_key.place"
            }
            (Part::Words, _) => {
                if search.words.is_empty() {
                    return Ok(Vec::new());
                }
                for range in numbers.into_iter().flatten() {
                    before.push(without(&mut text, "lead.place", range, None));
                }
                let engine = self.reader.engine();
                let words = text.of(query_of(engine, organization, &search.words));
                let (found, matching, place) = match (engine, within) {
                    (Engine::Sqlite, _) => (
                        "lead_search".to_owned(),
                        format!("lead_search MATCH {words} AND"),
                        "lead_search.rowid",
                    ),
                    (Engine::Postgres, Within::All | Within::Until(_)) => (
                        "lead_search".to_owned(),
                        format!("lead_search.words @@ CAST({words} AS tsquery) AND"),
                        "lead_search.place",
                    ),
                    // No index has the order of what is computed, so none is walked through. Rows of leads
                    // are read once theirs is known.
                    (Engine::Postgres, Within::Beyond(edge)) => {
                        let edge = text.of(edge);
                        let sorted = format!(
                            "(SELECT place + 0 AS place FROM lead_search
                              WHERE words @@ CAST({words} AS tsquery) AND place > {edge}
                              ORDER BY 1) AS found"
                        );
                        (sorted, String::new(), "found.place")
                    }
                };
                text.add(&format!(
                    "SELECT lead.id, {place} AS place FROM {found} CROSS JOIN lead
                     WHERE {matching} lead.place = {place}
                         AND lead.organization_id = {organization_at}"
                ));
                place
            }
        };
        let filter = filter_in(&mut text, query);
        text.add(&filter);
        for condition in before {
            text.add(&format!(" AND {condition}"));
        }
        if let Some(keys) = after {
            let places: Vec<String> = keys.iter().map(|key| text.of(key.clone())).collect();
            text.add(&format!(" AND ({order}) > ({})", places.join(", ")));
        }
        if let Within::Until(edge) = within {
            let edge = text.of(edge);
            text.add(&format!(" AND {order} <= {edge}"));
        }
        let limit = text.of(i64::try_from(limit).unwrap_or(i64::MAX));
        text.add(&format!(" ORDER BY {order} LIMIT {limit}"));
        let rows = text.sql().planned_anew().all(&self.reader).await?;
        rows.iter()
            .map(|row| Ok((row.named("id")?, keys_of(part, row)?)))
            .collect()
    }

    /// Gives leads that have none their place among those that are found: after a step of the schema, or
    /// when they were written by other hands.
    pub(crate) async fn find_places(&self) -> Result<(), StoreError> {
        loop {
            let mut tx = self.write("lead_search").await?;
            let rows = sql("SELECT id FROM lead WHERE place = 0 ORDER BY id LIMIT $1")
                .bind(PLACED_AT_ONCE)
                .all(&mut tx)
                .await?;
            for row in &rows {
                let lead: LeadId = row.named("id")?;
                date(&mut tx, &lead).await?;
                place(&mut tx, &lead).await?;
            }
            tx.commit().await?;
            if rows.len() < PLACED_AT_ONCE as usize {
                return Ok(());
            }
        }
    }
}

/// Where a lead has no other key that was found, or none before this one.
fn without(text: &mut Statement, place: &str, range: &Range, first: Option<&str>) -> String {
    let within = text.within("other.key", range);
    let earlier = first.map_or_else(String::new, |key| format!(" AND other.key < {key}"));
    format!(
        "NOT EXISTS (SELECT 1 FROM lead_key AS other
                     WHERE other.place = {place} AND {within}{earlier})"
    )
}

fn filter_in(text: &mut Statement, query: &LeadQuery) -> String {
    let mut filter = String::new();
    if let Some(status) = &query.status_id {
        let place = text.of(status.as_str());
        filter.push_str(&format!(" AND lead.status_id = {place}"));
    }
    if let Some(owner) = &query.owner_id {
        let place = text.of(owner.as_str());
        filter.push_str(&format!(" AND lead.owner_id = {place}"));
    }
    filter
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Int(number) => number.into(),
            Key::Text(text) => text.into(),
        }
    }
}

fn keys_of(part: Part, row: &Row) -> Result<Vec<Key>, StoreError> {
    Ok(match part {
        Part::Names => vec![
            Key::Text(row.text("sort_name")?),
            Key::Text(row.text("id")?),
        ],
        Part::Forward | Part::Backward => {
            vec![Key::Text(row.text("key")?), Key::Int(row.int("place")?)]
        }
        Part::Words => vec![Key::Int(row.int("place")?)],
    })
}

/// The part that a cursor names, and the place in it.
fn place_of(cursor: &str) -> Result<(usize, Option<Vec<Key>>), StoreError> {
    let keys = read_cursor(cursor)?;
    // What a client made up must not reach the engine with columns that it cannot compare.
    match keys.as_slice() {
        [Key::Int(0), Key::Text(_), Key::Text(_)] => Ok((0, Some(keys[1..].to_vec()))),
        [Key::Int(part @ 1..=2), Key::Text(_), Key::Int(_)] => {
            let part = usize::try_from(*part).map_err(|_| StoreError::NoCursor)?;
            Ok((part, Some(keys[1..].to_vec())))
        }
        [Key::Int(3), Key::Int(_)] => Ok((3, Some(keys[1..].to_vec()))),
        _ => Err(StoreError::NoCursor),
    }
}

/// The word that stands for an organization. No word of people's begins like it.
fn word_of(organization: &OrganizationId) -> String {
    let suffix = organization.as_str().strip_prefix(OrganizationId::PREFIX);
    format!("_{}", suffix.unwrap_or_default())
}

/// What an engine keeps of a lead's words.
fn kept(engine: Engine, organization: &OrganizationId, words: &[String]) -> String {
    let organization = word_of(organization);
    match engine {
        // It keeps the beginnings of words by itself.
        Engine::Sqlite => format!("{organization} {}", words.join(" ")),
        // Only whole lexemes are found without reading all that begin alike, and only their number is
        // known to the planner: so beginnings are kept as lexemes, each with its length before it.
        Engine::Postgres => {
            let mut lexemes = vec![format!("'{organization}'")];
            for word in words {
                for length in BEGINNINGS {
                    let beginning: String = word.chars().take(length).collect();
                    lexemes.push(format!("'{length}:{beginning}'"));
                }
                if word.chars().count() > BEGINNINGS[BEGINNINGS.len() - 1] {
                    lexemes.push(format!("'0:{word}'"));
                }
            }
            lexemes.sort_unstable();
            lexemes.dedup();
            lexemes.join(" ")
        }
    }
}

/// How an engine is asked for leads of the organization in which each of these words begins one.
fn query_of(engine: Engine, organization: &OrganizationId, words: &[String]) -> String {
    let organization = word_of(organization);
    let begun = words.iter().map(|word| match engine {
        Engine::Sqlite => format!(" AND \"{word}\" *"),
        Engine::Postgres => {
            let length = word.chars().count();
            match BEGINNINGS.iter().find(|kept| **kept >= length) {
                Some(kept) if *kept == length => format!(" & '{kept}:{word}'"),
                Some(kept) => format!(" & '{kept}:{word}':*"),
                None => format!(" & '0:{word}':*"),
            }
        }
    });
    let begun: String = begun.collect();
    match engine {
        Engine::Sqlite => format!("\"{organization}\"{begun}"),
        Engine::Postgres => format!("'{organization}'{begun}"),
    }
}

/// A new place, for `lead.place`: the next one on SQLite, which adds words fastest in their order; a random
/// one on PostgreSQL, which then finds what is frequent anywhere.
pub(crate) const NEW_PLACE: &str = "coalesce($1, (SELECT coalesce(max(place), 0) + 1 FROM lead))";

/// What is bound to `$1` there.
pub(crate) fn random_place(tx: &Tx) -> Option<i64> {
    match tx.engine() {
        Engine::Sqlite => None,
        Engine::Postgres => Some(crate::random::place()),
    }
}

/// Takes a lead out of what is found.
pub(crate) async fn forget(tx: &mut Tx, place: i64) -> Result<(), StoreError> {
    sql("DELETE FROM lead_key WHERE place = $1")
        .bind(place)
        .execute(&mut *tx)
        .await?;
    let words = match tx.engine() {
        Engine::Sqlite => sql("DELETE FROM lead_search WHERE rowid = $1"),
        Engine::Postgres => sql("DELETE FROM lead_search WHERE place = $1"),
    };
    words.bind(place).execute(tx).await?;
    Ok(())
}

/// New places for many leads, as [`NEW_PLACE`] gives them one by one.
pub(crate) struct NewPlaces(Option<i64>);

impl NewPlaces {
    pub(crate) async fn of(tx: &mut Tx) -> Result<Self, StoreError> {
        let next = match tx.engine() {
            Engine::Sqlite => {
                let free = sql("SELECT coalesce(max(place), 0) + 1 AS count FROM lead");
                Some(free.count(tx).await?)
            }
            Engine::Postgres => None,
        };
        Ok(Self(next))
    }

    pub(crate) fn take(&mut self) -> i64 {
        match &mut self.0 {
            Some(free) => {
                *free += 1;
                *free - 1
            }
            None => crate::random::place(),
        }
    }
}

/// Lets a lead be found, by its new place.
pub(crate) async fn remember(
    tx: &mut Tx,
    organization: &OrganizationId,
    place: i64,
    document: &Document,
) -> Result<(), StoreError> {
    remember_all(tx, organization, &[(place, document)]).await
}

/// Lets leads be found, each by its new place.
pub(crate) async fn remember_all(
    tx: &mut Tx,
    organization: &OrganizationId,
    documents: &[(i64, &Document)],
) -> Result<(), StoreError> {
    let rows = documents.iter().flat_map(|(place, document)| {
        let row = |key: &String| vec![(*place).into(), key.into(), organization.as_str().into()];
        document.keys.iter().map(row)
    });
    insert(
        tx,
        "INSERT INTO lead_key (place, key, organization_id) VALUES",
        rows.collect(),
    )
    .await?;
    let engine = tx.engine();
    for (place, document) in documents {
        let words = match engine {
            Engine::Sqlite => sql("INSERT INTO lead_search (rowid, words) VALUES ($1, $2)"),
            Engine::Postgres => {
                sql("INSERT INTO lead_search (place, words) VALUES ($1, CAST($2 AS tsvector))")
            }
        };
        words
            .bind(*place)
            .bind(kept(engine, organization, &document.words))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Rows, with few statements.
pub(crate) async fn insert(
    tx: &mut Tx,
    into: &str,
    rows: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    for some in rows.chunks(ROWS_AT_ONCE) {
        let mut text = Statement::default();
        text.add(into);
        for (at, row) in some.iter().enumerate() {
            let places: Vec<String> = row.iter().map(|value| text.of(value.clone())).collect();
            let comma = if at == 0 { "" } else { "," };
            text.add(&format!("{comma} ({})", places.join(", ")));
        }
        text.sql().execute(&mut *tx).await?;
    }
    Ok(())
}

/// Lets a lead be found by what it holds now.
pub(crate) async fn place(tx: &mut Tx, lead: &LeadId) -> Result<(), StoreError> {
    let row = sql("SELECT organization_id, display_name, place FROM lead WHERE id = $1")
        .bind(lead.as_str())
        .one(&mut *tx)
        .await?;
    let organization: OrganizationId = row.named("organization_id")?;
    let mut document = Document::new(&row.text("display_name")?);
    let contacts = sql("SELECT display_name FROM contact WHERE lead_id = $1")
        .bind(lead.as_str())
        .all(&mut *tx)
        .await?;
    for contact in &contacts {
        document.contact(&contact.text("display_name")?);
    }
    let phones = sql("SELECT number FROM contact_phone
         JOIN contact ON contact.id = contact_phone.contact_id WHERE lead_id = $1")
    .bind(lead.as_str())
    .all(&mut *tx)
    .await?;
    for phone in &phones {
        document.phone(&phone.text("number")?);
    }
    let emails = sql("SELECT email FROM contact_email
         JOIN contact ON contact.id = contact_email.contact_id WHERE lead_id = $1")
    .bind(lead.as_str())
    .all(&mut *tx)
    .await?;
    for email in &emails {
        document.email(&email.text("email")?);
    }
    let document = document.done();
    let old = row.int("place")?;
    if old != 0 {
        forget(tx, old).await?;
    }
    let update = format!(
        "UPDATE lead SET place = {NEW_PLACE}, sort_name = $2 WHERE id = $3 RETURNING place"
    );
    let new = sql_of(update)
        .bind(random_place(tx))
        .bind(&document.sort_name)
        .bind(lead.as_str())
        .one(&mut *tx)
        .await?
        .int("place")?;
    remember(tx, &organization, new, &document).await
}

/// A lead that was entered before its date was kept has it in its id.
async fn date(tx: &mut Tx, lead: &LeadId) -> Result<(), StoreError> {
    let suffix = lead
        .as_str()
        .strip_prefix(LeadId::PREFIX)
        .unwrap_or_default();
    let is_timed = suffix.len() == id_suffix(Timestamp(0)).len();
    let digits = suffix.get(..12).filter(|_| is_timed).unwrap_or_default();
    let entered = i64::from_str_radix(digits, 16).unwrap_or(0);
    sql("UPDATE lead SET date_created = $1, date_updated = $1 WHERE id = $2 AND date_created = 0")
        .bind(entered)
        .bind(lead.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Enters many leads of an empty store, row by row of many.
#[cfg(any(test, feature = "testing"))]
pub(crate) async fn fill(
    tx: &mut Tx,
    organization: &OrganizationId,
    leads: &[crate::LeadFields],
    now: Timestamp,
) -> Result<(), StoreError> {
    let first = sql("SELECT coalesce(max(place), 0) + 1 AS count FROM lead")
        .count(&mut *tx)
        .await?;
    let engine = tx.engine();
    let id = |prefix: &str| format!("{prefix}{}", id_suffix(now));
    for (some, chunk) in leads.chunks(ROWS_AT_ONCE).zip(0_i64..) {
        let mut rows: [Vec<Vec<Value>>; 5] = Default::default();
        let mut words = Statement::default();
        words.add(match engine {
            Engine::Sqlite => "INSERT INTO lead_search (rowid, words) VALUES",
            Engine::Postgres => "INSERT INTO lead_search (place, words) VALUES",
        });
        for (lead, at) in some.iter().zip(0_i64..) {
            let place = match engine {
                Engine::Sqlite => first + chunk * ROWS_AT_ONCE as i64 + at,
                Engine::Postgres => crate::random::place(),
            };
            let mut document = Document::new(&lead.name);
            let lead_id = id("lead_");
            for (contact, position) in lead.contacts.iter().zip(0_i64..) {
                let contact_id = id("cont_");
                document.contact(&contact.name);
                rows[1].push(vec![
                    (&contact_id).into(),
                    organization.as_str().into(),
                    (&lead_id).into(),
                    position.into(),
                    (&contact.name).into(),
                ]);
                for (phone, position) in contact.phones.iter().zip(0_i64..) {
                    document.phone(&phone.number);
                    rows[2].push(vec![
                        (&contact_id).into(),
                        position.into(),
                        (&phone.number).into(),
                    ]);
                }
                for (email, position) in contact.emails.iter().zip(0_i64..) {
                    document.email(&email.email);
                    rows[3].push(vec![
                        (&contact_id).into(),
                        position.into(),
                        (&email.email).into(),
                        "office".into(),
                    ]);
                }
            }
            let document = document.done();
            rows[0].push(vec![
                (&lead_id).into(),
                organization.as_str().into(),
                (&lead.name).into(),
                (&document.sort_name).into(),
                lead.status_id.as_ref().map(|id| id.as_str()).into(),
                lead.owner_id.as_ref().map(|id| id.as_str()).into(),
                place.into(),
                now.0.into(),
                now.0.into(),
            ]);
            for key in &document.keys {
                rows[4].push(vec![place.into(), key.into(), organization.as_str().into()]);
            }
            let comma = if at == 0 { "" } else { "," };
            let kept = kept(engine, organization, &document.words);
            let (place, kept) = (words.of(place), words.of(kept));
            let kept = match engine {
                Engine::Sqlite => kept,
                Engine::Postgres => format!("CAST({kept} AS tsvector)"),
            };
            words.add(&format!("{comma} ({place}, {kept})"));
        }
        let into = [
            "INSERT INTO lead (id, organization_id, display_name, sort_name, status_id, owner_id, place,
                               date_created, date_updated) VALUES",
            "INSERT INTO contact (id, organization_id, lead_id, position, display_name) VALUES",
            "INSERT INTO contact_phone (contact_id, position, number) VALUES",
            "INSERT INTO contact_email (contact_id, position, email, kind) VALUES",
            "INSERT INTO lead_key (place, key, organization_id) VALUES",
        ];
        for (into, rows) in into.into_iter().zip(rows) {
            insert(tx, into, rows).await?;
        }
        words.sql().execute(&mut *tx).await?;
    }
    Ok(())
}
