//! Records what the real service answers to the user interface's tests and scenes, so that its fake can
//! replay it: `ui/src/fake/tape.json`. `UPDATE_FIXTURES=1` writes the file; without it a stale one fails.
//!
//! A story begins in a store of the demonstration that has a past. Each step of it is a write; what a
//! step changed in the answers to reads is recorded as the state after it. Ids that the service makes up,
//! tokens and the time of day of the recording are replaced, so that it comes out the same every time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on is a test that failed"
)]

use crate::support::{Service, config, hooks, text};
use reqwest::Method;
use serde_json::{Map, Value, json};
use service::Config;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use wire::Timestamp;
use wire::route::{self, RULES, Rule};

const FILE: &str = "../../ui/src/fake/tape.json";
/// What the tape takes for now. Everything recorded is dated by it.
const NOW: &str = "2026-06-15T12:00:00.000Z";
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

const PEOPLE: &[(&str, &str)] = &[
    ("user_riley", "riley@demo.example"),
    ("user_morgan", "morgan@demo.example"),
    ("user_casey", "casey@demo.example"),
    ("user_jordan", "jordan@demo.example"),
    ("user_taylor", "taylor@demo.example"),
    ("user_sam", "sam@demo.example"),
    ("user_alex", "admin@demo.example"),
];
/// Who does every step of the stories, unless it is done without being signed in.
const ADMIN: &str = "user_alex";

/// Routes that are not recorded, since they depend on a call in progress, which the fake's view has, or on
/// an import, which goes on by itself.
const LIVE: &[&str] = &[
    "LIST_INVITATION_TARGETS",
    "RECEIVE_SIMULATED_CALL",
    "LOOK_UP_NUMBER",
    "CREATE_IMPORT",
    "GET_IMPORT",
    "PREVIEW_IMPORT",
    "LIST_IMPORT_LINES",
    "START_IMPORT",
    "CANCEL_IMPORT",
    "UNDO_IMPORT",
];

/// Lists that are not read as a whole after each step: they hold the time, or what is written later.
const NARROWED: &[&str] = &["USAGE", "LIST_LEDGER", "LIST_AUDIT"];

fn now() -> i64 {
    let now: Timestamp = serde_json::from_value(json!(NOW)).unwrap();
    now.0
}

/// When the demonstration's leads were entered.
fn entered() -> String {
    ago(30 * DAY_MS)
}

fn ago(millis: i64) -> String {
    Timestamp(now() - millis).to_string()
}

/// One request: a route by its name, the id in its path, and its query or body.
#[derive(Clone)]
struct Ask {
    route: &'static str,
    id: Option<String>,
    input: Value,
}

fn ask(route: &'static str, id: Option<&str>, input: Value) -> Ask {
    let id = id.map(str::to_owned);
    Ask { route, id, input }
}

fn rule(name: &str) -> &'static Rule {
    let found = RULES.iter().copied().find(|rule| rule.name == name);
    found.unwrap_or_else(|| panic!("there is no route {name}"))
}

/// Everything that a page reads. What is asked for more than once differs by its input.
fn reads() -> Vec<Ask> {
    let plain = RULES
        .iter()
        .filter(|rule| rule.window && rule.method == route::Method::Get)
        .filter(|rule| !rule.path.contains("{id}"))
        .filter(|rule| !NARROWED.contains(&rule.name) && !LIVE.contains(&rule.name))
        .map(|rule| rule.name);
    // The first two are in the view that the shell pushes.
    let mut reads: Vec<Ask> = ["ME", "LIST_USERS"]
        .into_iter()
        .chain(plain)
        .map(|route| ask(route, None, json!({})))
        .collect();
    // The last one is entered in a story.
    for lead in ["globex", "hooli", "initech", "vandelay", "new1"] {
        let id = format!("lead_{lead}");
        reads.push(ask("GET_LEAD", Some(&id), json!({})));
        reads.push(ask("LIST_CALLS", None, json!({"lead_id": id})));
    }
    reads.push(ask("RECORDING_PEAKS", Some("acti_past1"), json!({})));
    for days in [7, 30, 90, 365] {
        let from = json!({"from": ago(days * DAY_MS)});
        reads.push(ask("USAGE", None, from.clone()));
        reads.push(ask("LIST_LEDGER", None, from));
    }
    reads
}

/// What is asked for in the first state only: every way to narrow a list down that a page offers; and
/// the audit log, which is written a moment after what it tells of.
fn narrowed() -> Vec<Ask> {
    let mut reads = Vec::new();
    for name in ["globex", "hooli", "initech", "vandelay", "nobody"] {
        for length in 1..=name.len() {
            reads.push(ask("LIST_LEADS", None, json!({"query": name[..length]})));
        }
    }
    let leads = |filter| ask("LIST_LEADS", None, filter);
    for digits in ["0100", "5557", "(555) 700-0"] {
        reads.push(leads(json!({"query": digits})));
    }
    reads.push(leads(json!({"status_id": "stat_qualified"})));
    reads.push(leads(json!({"status_id": "stat_potential"})));
    reads.push(leads(json!({"owner_id": "user_riley"})));
    reads.push(leads(
        json!({"owner_id": "user_riley", "status_id": "stat_qualified"}),
    ));
    reads.push(leads(json!({"owner_id": "user_morgan"})));
    let audit = |filter| ask("LIST_AUDIT", None, filter);
    reads.push(audit(json!({})));
    for (person, _) in PEOPLE {
        reads.push(audit(json!({"user_id": person})));
    }
    for action in ["sign_in", "coach_mode", "coach_join", "member_changed"] {
        reads.push(audit(json!({"action": action})));
    }
    for allowed in [true, false] {
        reads.push(audit(json!({"allowed": allowed})));
    }
    for days in [1, 7, 30, 90] {
        reads.push(audit(json!({"from": ago(days * DAY_MS)})));
    }
    for call in ["acti_past1", "acti_past2", "acti_past3"] {
        reads.push(ask("GET_CALL", Some(call), json!({})));
    }
    // As one page narrows it down step by step.
    let mut filter = json!({"user_id": "user_taylor", "action": "coach_mode"});
    reads.push(audit(filter.clone()));
    filter["from"] = json!(ago(DAY_MS));
    reads.push(audit(filter.clone()));
    filter["allowed"] = json!(false);
    reads.push(audit(filter.clone()));
    filter["call_id"] = json!("acti_past1");
    reads.push(audit(filter));
    reads.push(audit(json!({"call_id": "acti_past1"})));
    reads
}

/// Paths of steps from the beginning. Those that begin alike share their states.
fn stories() -> Vec<Vec<Ask>> {
    let member = |id, patch| ask("CHANGE_MEMBER", Some(id), patch);
    let role = |request| ask("CREATE_ROLE", None, request);
    let delete = |route, id| ask(route, Some(id), json!({}));
    let organization = |patch| ask("CHANGE_ORGANIZATION", Some("orga_acme"), patch);
    let invite = |role: &str, groups: Value, hours: u32| {
        let body = json!({"role_id": role, "group_ids": groups, "expires_in_hours": hours});
        ask("CREATE_MEMBER_INVITE", None, body)
    };
    let look_up = || ask("LOOK_UP_INVITE", None, json!({"token": "token_new1"}));
    let accept = ask(
        "ACCEPT_INVITE",
        None,
        json!({"token": "token_new1", "email": "jamie@demo.example", "first_name": "Jamie",
               "last_name": "Jones", "password": "five-otters-juggle", "client_type": "native"}),
    );
    let number = json!({"number": "+15550199", "label": "Desk", "type": "external",
                        "user_id": "user_sam", "user_ids": ["user_riley"]});
    let stark = |phone: &str| {
        ask(
            "CREATE_LEAD",
            None,
            json!({"name": "Stark Industries", "description": "Met at the fair.",
                   "status_id": "stat_qualified", "owner_id": "user_sam",
                   "contacts": [{"name": "Pepper Potts",
                                 "phones": [{"phone": phone, "type": "mobile"}],
                                 "emails": [{"email": "pepper@stark.example", "type": "office"}]}]}),
        )
    };
    let globex = json!({"name": "Globex Corporation", "status_id": "stat_qualified",
        "owner_id": "user_riley", "date_updated": entered(),
        "contacts": [{"id": "cont_gina", "name": "Gina Grant",
                      "phones": [{"phone": "(555) 700-0100", "type": "office"}],
                      "emails": [{"email": "gina@globex.example", "type": "office"}]}]});
    let status = |label: &str| json!({"label": label});
    let mut relabelled = number.clone();
    relabelled["label"] = json!("Sam's desk");
    vec![
        vec![member("memb_1", json!({"role_id": "role_Trainee"}))],
        vec![
            member("memb_1", json!({"active": false})),
            member("memb_1", json!({"active": true})),
        ],
        vec![member("memb_6", json!({"recording": "off"}))],
        vec![
            member("memb_6", json!({"role_id": "role_peer"})),
            delete("DELETE_ROLE", "role_peer"),
            member("memb_6", json!({"role_id": "role_User"})),
            delete("DELETE_ROLE", "role_peer"),
        ],
        vec![role(
            json!({"name": "Trainer", "permissions": ["call_coach_listen", "call_coach_barge"]}),
        )],
        vec![ask(
            "CHANGE_ROLE",
            Some("role_peer"),
            json!({"name": "Peer", "permissions": []}),
        )],
        vec![
            invite("role_Trainee", json!(["group_Sales"]), 24),
            look_up(),
            accept,
        ],
        vec![invite("role_User", json!([]), 24), look_up()],
        vec![
            invite("role_User", json!([]), 1),
            delete("REVOKE_MEMBER_INVITE", "minv_new1"),
            look_up(),
        ],
        vec![
            ask(
                "CREATE_GROUP",
                None,
                json!({"name": "New hires", "members": ["user_taylor"]}),
            ),
            ask(
                "CHANGE_GROUP",
                Some("group_new1"),
                json!({"name": "Hires", "members": []}),
            ),
            delete("DELETE_GROUP", "group_new1"),
        ],
        vec![
            ask("CREATE_PHONE_NUMBER", None, number.clone()),
            delete("DELETE_PHONE_NUMBER", "phon_new1"),
        ],
        vec![
            ask("CREATE_PHONE_NUMBER", None, number),
            ask("CHANGE_PHONE_NUMBER", Some("phon_new1"), relabelled),
            delete("DELETE_PHONE_NUMBER", "phon_new1"),
        ],
        vec![organization(json!({"plan": "professional"}))],
        vec![organization(json!({
            "name": "Acme Sales",
            "recording": {"enabled": false, "announced": true, "retention_days": 30},
        }))],
        vec![organization(
            json!({"low_balance_micro_dollars": 10_000_000}),
        )],
        vec![ask(
            "TOP_UP",
            None,
            json!({"micro_dollars": 2_500_000, "request_id": "request_1"}),
        )],
        vec![ask(
            "CHANGE_PROFILE",
            None,
            json!({"first_name": "Alexa", "last_name": "Ash"}),
        )],
        vec![delete("END_SIGN_IN", "devi_browser")],
        vec![ask(
            "SIGN_OUT_EVERYWHERE",
            None,
            json!({"also_here": false}),
        )],
        vec![
            ask("CREATE_PASSWORD_RESET", Some("memb_1"), json!({})),
            ask(
                "LOOK_UP_PASSWORD_RESET",
                None,
                json!({"token": "token_new1"}),
            ),
            ask(
                "RESET_PASSWORD",
                None,
                json!({"token": "token_new1", "password": "correct horse battery staple"}),
            ),
        ],
        vec![delete("REMOVE_MEMBERS_SECOND_FACTOR", "memb_1")],
        vec![delete("DELETE_RECORDING", "acti_past1")],
        vec![delete("DELETE_LEAD", "lead_vandelay")],
        vec![
            ask("CREATE_OUTCOME", None, json!({"name": "Demo booked"})),
            ask(
                "CHANGE_OUTCOME",
                Some("outcome_new1"),
                json!({"name": "Demo"}),
            ),
            delete("DELETE_OUTCOME", "outcome_new1"),
        ],
        vec![ask("CREATE_OUTCOME", None, json!({"name": "connected"}))],
        vec![ask(
            "CHANGE_CALL",
            Some("acti_past1"),
            json!({"outcome_id": "outcome_connected", "note": "Wants a demo"}),
        )],
        vec![stark("not a number"), stark("212 555 0142 x7")],
        vec![ask("CHANGE_LEAD", Some("lead_globex"), globex)],
        vec![ask(
            "MERGE_LEADS",
            None,
            json!({"source": "lead_hooli", "destination": "lead_globex"}),
        )],
        vec![
            ask("CREATE_LEAD_STATUS", None, status("Lost")),
            ask("CHANGE_LEAD_STATUS", Some("stat_new1"), status("Gone")),
            delete("DELETE_LEAD_STATUS", "stat_new1"),
        ],
        vec![
            delete("DELETE_LEAD_STATUS", "stat_potential"),
            ask(
                "DELETE_LEAD_STATUS",
                Some("stat_potential"),
                json!({"replacement_id": "stat_customer"}),
            ),
        ],
    ]
}

/// A service on a copy of the prepared store, and what it called the things that it made since.
struct Stage {
    service: Service,
    tokens: HashMap<String, String>,
    began: i64,
    /// The recording's names of what the service made, by the service's own, and the other way.
    named: HashMap<String, String>,
    real: HashMap<String, String>,
    counts: HashMap<String, u32>,
}

impl Stage {
    async fn set(prepared: &Prepared) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(prepared.folder.path(), folder.path());
        Self {
            service: Service::start_in(folder, prepared.config.clone(), hooks()).await,
            tokens: prepared.tokens.clone(),
            began: prepared.began,
            named: HashMap::new(),
            real: HashMap::new(),
            counts: HashMap::new(),
        }
    }

    /// Asks as that person, or as nobody; the answer as it is recorded.
    async fn ask(&mut self, who: Option<&str>, ask: &Ask) -> Value {
        let rule = rule(ask.route);
        let input = self.to_real(&ask.input);
        let mut path = rule.path.to_owned();
        if let Some(id) = &ask.id {
            let id = self.to_real(&json!(id));
            path = path.replace("{id}", id.as_str().unwrap());
        }
        let method: Method = rule.method.as_str().parse().unwrap();
        let body = (method != Method::GET && method != Method::DELETE).then_some(&input);
        if rule.takes == route::Takes::Query {
            path.push_str(&query(&input));
        }
        let token = who.map(|who| self.tokens[who].clone());
        let asked = self.service.ask(method, &path, token.as_deref(), body);
        let (status, mut answer) = asked.await;
        if let (Some(token), Some(user)) = (
            answer["access_token"].as_str().map(str::to_owned),
            answer["user_id"].as_str().map(str::to_owned),
        ) {
            // Somebody signed in. What it was answered with stays in the shell.
            let user = text(&self.recorded(&json!(user)));
            self.tokens.insert(user.clone(), token);
            answer = json!({"user_id": user});
        }
        if status.is_success() {
            if answer == "" {
                answer = Value::Null;
            }
            json!({"ok": self.recorded(&answer)})
        } else {
            assert!(answer["error"]["code"].is_string(), "{path}: {answer}");
            let error = &answer["error"];
            let mut told = json!({"code": error["code"], "message": error["message"]});
            if error["field"].is_string() {
                told["field"] = error["field"].clone();
            }
            json!({"error": told})
        }
    }

    fn to_real(&self, value: &Value) -> Value {
        map_strings(value, &mut |text| {
            self.real.get(text).cloned().unwrap_or_else(|| text.into())
        })
    }

    fn recorded(&mut self, value: &Value) -> Value {
        let began = self.began;
        let mut value = map_strings(value, &mut |text| self.name(text, began));
        sort_ids(&mut value);
        value
    }

    /// A string as it is recorded: times since the beginning are whole hours from `NOW` on, and what the
    /// service made up is counted.
    fn name(&mut self, text: &str, began: i64) -> String {
        if let Ok(time) = serde_json::from_value::<Timestamp>(json!(text)) {
            let since = time.0 - began;
            return if since < 0 {
                text.to_owned()
            } else {
                Timestamp(now() + since.div_euclid(HOUR_MS) * HOUR_MS).to_string()
            };
        }
        let kind = match text.split_once('_') {
            _ if text.len() >= 40 && is_made_up(text) => "token",
            Some((prefix, rest)) if rest.len() == 32 && is_made_up(rest) => prefix,
            _ => return text.to_owned(),
        };
        if let Some(name) = self.named.get(text) {
            return name.clone();
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let name = format!("{kind}_new{count}");
        self.named.insert(text.to_owned(), name.clone());
        self.real.insert(name.clone(), text.to_owned());
        name
    }
}

/// Ids end in hexadecimal digits, and secrets are of nothing else.
fn is_made_up(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn map_strings(value: &Value, map: &mut dyn FnMut(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(map(text)),
        Value::Array(items) => items.iter().map(|item| map_strings(item, map)).collect(),
        Value::Object(fields) => {
            // In one order, whatever the map keeps: names are counted as they come.
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let mapped = sorted.into_iter();
            let mapped = mapped.map(|(name, value)| (name.clone(), map_strings(value, map)));
            Value::Object(mapped.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Lists of ids come in the order of ids, which differs from one recording to the next.
fn sort_ids(value: &mut Value) {
    match value {
        Value::Array(items) => {
            let all_ids = items.iter().all(|item| {
                item.as_str()
                    .is_some_and(|text| text.starts_with("user_") || text.starts_with("group_"))
            });
            if all_ids {
                items.sort_by_key(|item| item.as_str().map(str::to_owned));
            }
            items.iter_mut().for_each(sort_ids);
        }
        Value::Object(fields) => fields.values_mut().for_each(sort_ids),
        _ => {}
    }
}

fn query(input: &Value) -> String {
    let fields = input.as_object().unwrap().iter();
    let pairs: Vec<String> = fields
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

struct Prepared {
    folder: TempDir,
    config: Config,
    tokens: HashMap<String, String>,
    began: i64,
}

/// The demonstration as the user interface's tests know it, with everybody signed in.
async fn prepare() -> Prepared {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let began = i64::try_from(since.as_millis()).unwrap();
    let mut service = Service::start_with(config()).await;
    let mut tokens = HashMap::new();
    let mut devices = Vec::new();
    for (user, email) in PEOPLE {
        let signed_in = service.sign_in_as(email, "native").await;
        devices.push((
            text(&signed_in["device_id"]),
            user.replace("user_", "devi_"),
        ));
        tokens.insert((*user).to_owned(), text(&signed_in["access_token"]));
    }
    // The admin has a browser, too.
    let browser = service.sign_in_as("admin@demo.example", "web").await;
    devices.push((text(&browser["device_id"]), "devi_browser".to_owned()));
    let admin = tokens[ADMIN].clone();
    let mut renamed = names(&service, &admin).await;
    renamed.extend(devices);
    service.stop().await;
    let mut store = file(&service.folder).await;
    rename(&mut store, &renamed).await;
    for statement in past() {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.as_str()))
            .execute(&mut store)
            .await;
        done.unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    store.close().await.unwrap();
    let kept = service.folder.path().join("recordings/store/orga_acme");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("acti_past1.ogg"), b"sound").unwrap();
    Prepared {
        folder: service.folder,
        config: config(),
        tokens,
        began,
    }
}

/// The ids that the demonstration was given, each with the name that it has on the tape.
async fn names(service: &Service, admin: &str) -> Vec<(String, String)> {
    let get = async |name: &str| service.get(rule(name).path, admin).await;
    let list = async |name: &str| get(name).await["data"].as_array().unwrap().clone();
    let mut names = Vec::new();
    let organization = text(&get("ME").await["organization"]["id"]);
    names.push((organization, "orga_acme".to_owned()));
    for member in list("LIST_MEMBERS").await {
        let email = text(&member["user"]["email"]);
        let at = PEOPLE.iter().position(|(_, of)| *of == email).unwrap();
        names.push((text(&member["user"]["id"]), PEOPLE[at].0.to_owned()));
        let id = format!("memb_{}", at + 1);
        names.push((text(&member["membership_id"]), id));
    }
    for (route, prefix) in [("LIST_ROLES", "role"), ("LIST_GROUPS", "group")] {
        for item in list(route).await {
            let id = format!("{prefix}_{}", text(&item["name"]));
            names.push((text(&item["id"]), id));
        }
    }
    for outcome in list("LIST_OUTCOMES").await {
        let name = text(&outcome["name"]).to_lowercase().replace(' ', "_");
        names.push((text(&outcome["id"]), format!("outcome_{name}")));
    }
    for lead in list("LIST_LEADS").await {
        let id = format!("lead_{}", text(&lead["display_name"]).to_lowercase());
        for contact in lead["contacts"].as_array().unwrap() {
            let (first, _) = contact["display_name"]
                .as_str()
                .unwrap()
                .split_once(' ')
                .unwrap();
            let id = format!("cont_{}", first.to_lowercase());
            names.push((text(&contact["id"]), id));
        }
        names.push((text(&lead["id"]), id));
    }
    for status in list("LIST_LEAD_STATUSES").await {
        let name = text(&status["label"]).to_lowercase().replace(' ', "_");
        names.push((text(&status["id"]), format!("stat_{name}")));
    }
    for number in list("LIST_PHONE_NUMBERS").await {
        let id = match number["label"].as_str().unwrap() {
            "Main line" => "phon_main",
            "Caller id only" => "phon_ext",
            "Forwards" => "phon_virtual",
            _ => "phon_riley",
        };
        names.push((text(&number["id"]), id.to_owned()));
    }
    names
}

async fn file(folder: &TempDir) -> SqliteConnection {
    let path = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sqlite")
        })
        .expect("the store's file");
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Puts other ids in the place of those that the demonstration was given, wherever they stand.
async fn rename(store: &mut SqliteConnection, names: &[(String, String)]) {
    let triggers: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE '%adds_up'",
    )
    .fetch_all(&mut *store)
    .await
    .unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT tables.name, columns.name FROM sqlite_master AS tables,
             pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND columns.type = 'TEXT'
             AND (columns.name = 'id' OR columns.name LIKE '%\\_id' ESCAPE '\\')",
    )
    .fetch_all(&mut *store)
    .await
    .unwrap();
    let drops = triggers
        .iter()
        .map(|name| format!("DROP TRIGGER {name}"))
        .chain(["DELETE FROM audit".into(), "DELETE FROM ledger".into()]);
    let updates = names.iter().flat_map(|(old, new)| {
        columns.iter().map(move |(table, column)| {
            format!("UPDATE {table} SET {column} = '{new}' WHERE {column} = '{old}'")
        })
    });
    let statements: Vec<String> = drops.chain(updates).collect();
    let all = format!("BEGIN; {}; COMMIT", statements.join("; "));
    sqlx::raw_sql(sqlx::AssertSqlSafe(all))
        .execute(store)
        .await
        .unwrap();
}

/// A past for the demonstration: calls, a recording, money, and lines of the audit log.
fn past() -> Vec<String> {
    let mut past: Vec<String> = [
        "INSERT INTO lead (id, organization_id, display_name, status_id)
         VALUES ('lead_vandelay', 'orga_acme', 'Vandelay', 'stat_potential')",
        "UPDATE lead SET owner_id = 'user_riley', status_id = 'stat_qualified'
         WHERE id = 'lead_initech'",
        // They're found by their new ids from the next start on.
        "DELETE FROM lead_search",
        "DELETE FROM lead_key",
        "INSERT INTO role (id, organization_id, name) VALUES ('role_peer', 'orga_acme', 'Peer')",
        "INSERT INTO role_permission (role_id, permission)
         VALUES ('role_peer', 'call_coach_listen')",
        "DELETE FROM phone_number_user WHERE phone_number_id = 'phon_riley'",
        "DELETE FROM phone_number WHERE id = 'phon_riley'",
        "UPDATE phone_number SET account_id = 'user_riley' WHERE id = 'phon_main'",
        "INSERT INTO phone_number_user (phone_number_id, account_id)
         VALUES ('phon_virtual', 'user_riley'), ('phon_virtual', 'user_sam')",
        "UPDATE organization SET low_balance = 1000000 WHERE id = 'orga_acme'",
        "UPDATE balance SET micro_dollars = 0",
        "INSERT INTO assigned_number (number, organization_id) VALUES ('+15550199', 'orga_acme')",
    ]
    .map(str::to_owned)
    .into();
    past.push(format!(
        "UPDATE lead SET place = 0, date_created = {at}, date_updated = {at}",
        at = now() - 30 * DAY_MS
    ));
    let leg = json!({
        "id": "leg_past1", "user_id": "user_morgan", "device_id": "devi_1", "status": "done",
        "mode": "barge", "muted": false, "date_created": ago(55 * MINUTE_MS),
        "date_connected": ago(55 * MINUTE_MS), "date_done": ago(50 * MINUTE_MS),
        "end_reason": "left",
        "participation_history": [
            {"action": "listen", "timestamp": ago(55 * MINUTE_MS)},
            {"action": "whisper", "timestamp": ago(53 * MINUTE_MS)},
            {"action": "barge", "timestamp": ago(52 * MINUTE_MS)},
        ],
    });
    let globex = json!({"id": "lead_globex", "display_name": "Globex"});
    let initech = json!({"id": "lead_initech", "display_name": "Initech"});
    let outbound = |id: &str, user: &str, lead: &Value, minutes: i64, duration_s: i64| {
        let began = minutes * MINUTE_MS;
        json!({
            "id": id, "user_id": user, "rep_leg_id": format!("leg_rep_{id}"), "lead": lead,
            "contact_id": null, "direction": "outbound", "status": "completed",
            "local_phone": "+15550001", "local_phone_type": "internal",
            "remote_phone": "+15557000100", "date_created": ago(began),
            "date_answered": ago(began), "date_ended": ago(began - duration_s * 1000),
            "duration": duration_s, "hangup_cause": "rep", "held": false, "muted": false,
            "recording_url": null, "recording": null, "coach_legs": [],
            "joinability": {"joinable": false},
        })
    };
    let recording = |status: &str, minutes: i64, duration_ms: i64, gaps: Value| {
        json!({"status": status, "date_started": ago(minutes * MINUTE_MS),
               "duration_ms": duration_ms, "bytes": 1_560_000, "gaps": gaps})
    };
    let mut stored = outbound("acti_past1", "user_riley", &globex, 56, 384);
    let gap = json!([{"from_ms": 300_000, "to_ms": 330_000}]);
    stored["recording"] = recording("stored", 56, 384_000, gap);
    stored["recording_url"] = json!("/api/v1/activity/call/acti_past1/recording/");
    let mut unanswered = outbound("acti_past2", "user_sam", &globex, 1500, 0);
    unanswered["status"] = json!("no-answer");
    unanswered["hangup_cause"] = json!("no_answer");
    unanswered["date_answered"] = Value::Null;
    let mut deleted = outbound("acti_past3", "user_riley", &globex, 60 * 24 * 9, 61);
    deleted["direction"] = json!("inbound");
    deleted["recording"] = recording("deleted", 60 * 24 * 9, 61_000, json!([]));
    let mut calls = vec![stored, unanswered, deleted];
    // Coached calls, whose every started minute was charged: days ago, who coached, minutes.
    let coached = [
        (9, "user_morgan", 5),
        (4, "user_casey", 12),
        (1, "user_morgan", 7),
    ];
    past.push(line(
        20 * DAY_MS,
        "ledg_paid",
        5_000_000,
        "'top_up', NULL, NULL, 'user_alex', NULL, 'demo'",
    ));
    for (days, coach, minutes) in coached {
        let id = format!("acti_day{days}");
        calls.push(outbound(
            &id,
            "user_riley",
            &initech,
            days * 24 * 60,
            minutes * 60,
        ));
        for minute in 0..minutes {
            let before = days * DAY_MS - minute * MINUTE_MS;
            let of = |kind: &str, leg: &str, user: &str| {
                format!("'{kind}', '{id}', '{leg}_{id}', '{user}', {minute}, NULL")
            };
            let ledger_id = |kind: &str| format!("ledg_{days}_{minute:02}_{kind}");
            let call = of("call", "leg_rep", "user_riley");
            past.push(line(before, &ledger_id("call"), -13_000, &call));
            let coaching = of("coaching", "leg_coach", coach);
            past.push(line(before, &ledger_id("coaching"), -4_000, &coaching));
        }
    }
    for call in calls {
        let created: Timestamp = serde_json::from_value(call["date_created"].clone()).unwrap();
        past.push(format!(
            "INSERT INTO call (id, organization_id, lead_id, is_over, date_created, body)
             VALUES ('{}', 'orga_acme', '{}', 1, {}, '{call}')",
            text(&call["id"]),
            text(&call["lead"]["id"]),
            created.0,
        ));
    }
    let joined = now() - 55 * MINUTE_MS;
    past.push(format!(
        "INSERT INTO coach_leg (id, call_id, organization_id, date_created, body)
         VALUES ('leg_past1', 'acti_past1', 'orga_acme', {joined}, '{leg}')"
    ));
    let peaks: String = (0..384_u32)
        .map(|second| {
            // Speech, more or less, and silence in the gap.
            let loud = 40 + (second * 37) % 90 + (second * second) % 60;
            let silent = (300..330).contains(&second);
            format!("{:02x}", if silent { 0 } else { loud })
        })
        .collect();
    past.push(format!(
        "INSERT INTO recording (call_id, organization_id, status, object_key, date_started,
                                duration_ms, bytes, gaps, peaks, peak_interval_ms)
         VALUES ('acti_past1', 'orga_acme', 'stored', 'orga_acme/acti_past1.ogg', {},
                 384000, 1560000, '300000-330000', x'{peaks}', 1000)",
        now() - 56 * MINUTE_MS
    ));
    // From the oldest to the newest.
    let audited = [
        (
            "phone_number_changed",
            1,
            "",
            "user_alex",
            "",
            "phon_old",
            "+15550001999",
        ),
        (
            "role_changed",
            1,
            "",
            "user_alex",
            "",
            "role_peer",
            "Peer: call_coach_listen call_coach_barge",
        ),
        ("recording_deleted", 1, "", "", "acti_past1", "", ""),
        (
            "member_changed",
            1,
            "",
            "user_alex",
            "",
            "user_taylor",
            "role",
        ),
        ("coach_join", 1, "", "user_taylor", "acti_past1", "", ""),
        (
            "coach_mode",
            0,
            "permission_required",
            "user_taylor",
            "acti_past1",
            "",
            "whisper",
        ),
        (
            "coach_mode",
            1,
            "",
            "user_morgan",
            "acti_past1",
            "",
            "whisper",
        ),
        (
            "coach_moved_to_listen",
            1,
            "",
            "user_morgan",
            "acti_past1",
            "",
            "",
        ),
        ("sign_in", 1, "", "user_alex", "", "", ""),
    ];
    let newest = audited.len() as i64;
    for (at, (action, allowed, code, user, call, target, detail)) in (0..).zip(audited) {
        let date = now() - (newest - at) * 7 * MINUTE_MS;
        past.push(format!(
            "INSERT INTO audit (id, organization_id, date, action, allowed, code, account_id,
                                device_id, address, call_id, target, detail)
             VALUES ('audi_{at}', 'orga_acme', {date}, '{action}', {allowed}, nullif('{code}', ''),
                     nullif('{user}', ''), 'devi_1', '127.0.0.1', nullif('{call}', ''),
                     nullif('{target}', ''), nullif('{detail}', ''))"
        ));
    }
    past
}

fn line(before: i64, id: &str, micro_dollars: i64, rest: &str) -> String {
    format!(
        "INSERT INTO ledger (id, organization_id, date, micro_dollars, kind, call_id, leg_id,
                             account_id, minute, request_id)
         VALUES ('{id}', 'orga_acme', {}, {micro_dollars}, {rest})",
        now() - before
    )
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What each person was answered: one answer under `*` that most got, and the others by who got them.
fn told(answers: Vec<(String, Value)>) -> Value {
    let count = |answer: &Value| answers.iter().filter(|(_, other)| other == answer).count();
    let most = answers.iter().max_by_key(|(_, answer)| count(answer));
    let most = most.unwrap().1.clone();
    let mut told = Map::new();
    for (who, answer) in answers {
        if answer != most {
            told.insert(who, answer);
        }
    }
    told.insert("*".into(), most);
    Value::Object(told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tape_of_the_user_interfaces_fake_is_not_stale() {
    // It is recorded from a store that is filled as SQLite alone can be.
    if store::testing::is_postgres() {
        return;
    }
    let prepared = prepare().await;
    let everybody: Vec<&str> = PEOPLE.iter().map(|(user, _)| *user).collect();
    // Which state is after which.
    let mut after = Map::new();
    let mut reads_told: Vec<Value> = Vec::new();
    let mut writes: Vec<Value> = Vec::new();

    let mut stage = Stage::set(&prepared).await;
    for read in reads().into_iter().chain(narrowed()) {
        let mut answers = Vec::new();
        for who in &everybody {
            answers.push(((*who).to_owned(), stage.ask(Some(who), &read).await));
        }
        let mut line = recorded("start", &read);
        line["as"] = told(answers);
        reads_told.push(line);
    }
    stage.service.stop().await;
    // What whoever comes later is answered unless it is recorded otherwise.
    let usual: Vec<Value> = reads_told
        .iter()
        .map(|line| line["as"]["*"].clone())
        .collect();

    for story in stories() {
        let mut stage = Stage::set(&prepared).await;
        let mut state = "start".to_owned();
        let mut path = String::new();
        let mut before = HashMap::new();
        for (at, read) in reads().iter().enumerate() {
            before.insert((ADMIN.to_owned(), at), stage.ask(Some(ADMIN), read).await);
        }
        let mut readers = vec![ADMIN.to_owned()];
        for step in story {
            let is_signed_in = !rule(step.route).path.starts_with("/api/v1/auth/");
            let answer = stage.ask(is_signed_in.then_some(ADMIN), &step).await;
            if let Some(joined) = answer["ok"]["user_id"].as_str()
                && !is_signed_in
            {
                readers.push(joined.to_owned());
            }
            let id = step.id.as_deref().unwrap_or_default();
            path = format!("{path}/{} {id} {}", step.route, step.input);
            let mut changed = Vec::new();
            for (at, read) in reads().iter().enumerate() {
                let mut told = Map::new();
                for reader in &readers {
                    let now = stage.ask(Some(reader), read).await;
                    let then = before.insert((reader.clone(), at), now.clone());
                    if then.as_ref().unwrap_or(&usual[at]) != &now {
                        told.insert(reader.clone(), now);
                    }
                }
                if !told.is_empty() {
                    let mut line = recorded(&path, read);
                    line["as"] = Value::Object(told);
                    changed.push(line);
                }
            }
            let next = match changed.is_empty() {
                true => state.clone(),
                false => path.clone(),
            };
            let mut write = recorded(&state, &step);
            write["answer"] = answer;
            write["then"] = json!(next);
            if !writes.contains(&write) {
                writes.push(write);
            }
            if next != state && !after.contains_key(&next) {
                after.insert(next.clone(), json!(state));
                reads_told.extend(changed);
            }
            state = next;
        }
        stage.service.stop().await;
    }

    let new = format!(
        "{{\"now\":\"{NOW}\",\n\"after\":{},\n\"reads\":[\n{}\n],\n\"writes\":[\n{}\n]}}\n",
        map_strings(&Value::Object(after), &mut str::to_owned),
        lines(&reads_told),
        lines(&writes),
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&file, &new).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = kept
        .lines()
        .zip(new.lines())
        .find(|(kept, new)| kept != new);
    assert!(
        kept == new,
        "{FILE} is stale: run UPDATE_FIXTURES=1 cargo test --package service the_tape. The first \
         difference: {differs:?}"
    );
}

fn recorded(state: &str, ask: &Ask) -> Value {
    json!({"in": state, "route": ask.route, "id": ask.id, "input": ask.input})
}

/// One a line, so that a change is a line of a diff.
fn lines(entries: &[Value]) -> String {
    let line = |entry| map_strings(entry, &mut str::to_owned).to_string();
    entries.iter().map(line).collect::<Vec<_>>().join(",\n")
}

#[test]
fn the_tape_has_every_route_that_the_window_reads() {
    let reads = reads().into_iter().chain(narrowed());
    let asked: Vec<&str> = reads.map(|read| read.route).collect();
    let written: Vec<&str> = stories().iter().flatten().map(|step| step.route).collect();
    for rule in RULES.iter().filter(|rule| rule.window) {
        let has = asked.contains(&rule.name) || written.contains(&rule.name);
        assert!(
            has || LIVE.contains(&rule.name),
            "{} is not on the tape",
            rule.name
        );
    }
}
