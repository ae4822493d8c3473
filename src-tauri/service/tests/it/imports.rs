//! Leads from CSV files: uploaded, checked, imported, undone and exported (L2).

use crate::support::{PATIENCE, Service, code, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{Duration, Instant};

const ADMIN: &str = "admin@demo.example";
const OTHER: &str = "other@other.example";

/// A service, and who manages an organization there.
struct Stage {
    service: Service,
    token: String,
}

impl Stage {
    async fn set() -> Self {
        let service = Service::start().await;
        let token = service.token_of(ADMIN).await;
        Self { service, token }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.service.post(path, Some(&self.token), body).await;
        (status.as_u16(), body)
    }

    async fn create(&self, bytes: u64) -> (u16, Value) {
        let body = json!({"file_name": "leads.csv", "bytes": bytes});
        self.post("/api/v1/import/", body).await
    }

    async fn part(&self, id: &str, offset: usize, bytes: &[u8]) -> (u16, Value) {
        let path = format!("/api/v1/import/{id}/part/?offset={offset}");
        let sent = self
            .service
            .upload(&path, Some(&self.token), bytes.to_vec());
        let (status, body) = sent.await;
        (status.as_u16(), body)
    }

    /// An import with this file.
    async fn upload(&self, bytes: &[u8]) -> String {
        let (status, import) = self.create(bytes.len() as u64).await;
        assert_eq!(status, 201, "{import}");
        let id = text(&import["id"]);
        let (status, import) = self.part(&id, 0, bytes).await;
        assert_eq!(status, 200, "{import}");
        assert_eq!(import["bytes_uploaded"], bytes.len());
        id
    }

    async fn get(&self, id: &str) -> Value {
        let path = format!("/api/v1/import/{id}/");
        self.service.get(&path, &self.token).await
    }

    /// The import once it's at rest.
    async fn rest(&self, id: &str) -> Value {
        let since = Instant::now();
        loop {
            let import = self.get(id).await;
            let state = import["state"].as_str().unwrap();
            if !matches!(state, "previewing" | "running" | "undoing") {
                return import;
            }
            assert!(since.elapsed() < PATIENCE * 3, "{import}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn preview(&self, id: &str, settings: Value) -> (u16, Value) {
        let path = format!("/api/v1/import/{id}/preview/");
        self.post(&path, settings).await
    }

    /// The import once its rows were checked.
    async fn check(&self, id: &str) -> Value {
        let (status, preview) = self.preview(id, json!({})).await;
        assert_eq!(status, 200, "{preview}");
        let import = self.rest(id).await;
        assert_eq!(import["state"], "ready", "{import}");
        import
    }

    async fn act(&self, id: &str, what: &str) -> (u16, Value) {
        let path = format!("/api/v1/import/{id}/{what}/");
        self.post(&path, json!({})).await
    }

    /// The import once it's done.
    async fn run(&self, id: &str) -> Value {
        let (status, import) = self.act(id, "start").await;
        assert_eq!(status, 200, "{import}");
        self.rest(id).await
    }

    /// All of it at once.
    async fn import(&self, bytes: &[u8]) -> (String, Value) {
        let id = self.upload(bytes).await;
        self.check(&id).await;
        let import = self.run(&id).await;
        assert_eq!(import["state"], "done", "{import}");
        (id, import)
    }

    async fn undo(&self, id: &str) -> Value {
        let (status, import) = self.act(id, "undo").await;
        assert_eq!(status, 200, "{import}");
        self.rest(id).await
    }

    async fn lines(&self, id: &str, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/import/{id}/line/?{query}");
        let lines = self.service.get(&path, &self.token).await;
        lines["data"].as_array().unwrap().clone()
    }

    async fn lead(&self, name: &str) -> Option<Value> {
        let path = format!("/api/v1/lead/?query={name}");
        let leads = self.service.get(&path, &self.token).await;
        let leads = leads["data"].as_array().unwrap();
        leads
            .iter()
            .find(|lead| lead["display_name"] == name)
            .cloned()
    }

    async fn leads(&self) -> usize {
        let (mut count, mut cursor) = (0, String::new());
        loop {
            let path = format!("/api/v1/lead/?_limit=200{cursor}");
            let page = self.service.get(&path, &self.token).await;
            count += page["data"].as_array().unwrap().len();
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&_cursor={next}"),
                None => return count,
            }
        }
    }

    async fn export(&self) -> String {
        let path = "/api/v1/lead/csv/";
        let asked = self.service.ask(Method::GET, path, Some(&self.token), None);
        let (status, file) = asked.await;
        assert_eq!(status, 200, "{file}");
        text(&file)
    }
}

fn outcomes(lines: &[Value]) -> Vec<(&str, u64)> {
    let lines = lines.iter();
    lines
        .map(|line| {
            let number = line["line"].as_u64().unwrap();
            (line["outcome"].as_str().unwrap(), number)
        })
        .collect()
}

const FILE: &str = "Company,Contact,Phone,Email,Note\r\n\
    Umbrella,Uma Unger,(212) 555-0190,uma@umbrella.example,\"Met, in May\"\r\n\
    umbrella,Ulf Unger,+12125550191,,\r\n\
    Soylent,Sol Roth,nonsense,sol@soylent.example,=1+1\r\n\
    ,,,,only a note\r\n\
    ,Una,212 555 0190,,\r\n";

#[tokio::test]
async fn l2_a_file_is_checked_imported_and_undone() {
    let stage = Stage::set().await;
    let before = stage.leads().await;
    let id = stage.upload(FILE.as_bytes()).await;
    let (status, preview) = stage.preview(&id, json!({})).await;
    assert_eq!(status, 200, "{preview}");
    assert_eq!(preview["settings"]["delimiter"], "comma");
    assert_eq!(preview["settings"]["header"], true);
    assert_eq!(preview["columns"][1]["field"], "contact_name");
    assert_eq!(preview["columns"][4]["sample"][0], "Met, in May");
    let ready = stage.rest(&id).await;
    let counts = json!({"rows": 5, "created": 2, "updated": 2, "skipped": 1});
    assert_eq!(ready["planned"], counts, "{ready}");
    let planned = stage.lines(&id, "").await;
    let expected = [
        ("created", 2),
        ("updated", 3),
        ("created", 4),
        ("skipped", 5),
        ("updated", 6),
    ];
    assert_eq!(outcomes(&planned), expected);
    assert!(text(&planned[2]["why"]).contains("Left out “nonsense”"));
    assert!(text(&planned[3]["why"]).starts_with("This row has no name"));
    let skipped = stage.lines(&id, "outcome=skipped").await;
    assert_eq!(outcomes(&skipped), [("skipped", 5)]);
    assert_eq!(stage.leads().await, before, "nothing is changed by a check");

    let done = stage.run(&id).await;
    assert_eq!((&done["state"], &done["done"]), (&json!("done"), &counts));
    assert_eq!(outcomes(&stage.lines(&id, "").await), expected);
    let lead = stage.lead("Umbrella").await.unwrap();
    let names: Vec<&Value> = lead["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| &contact["name"])
        .collect();
    assert_eq!(names, ["Uma Unger", "Ulf Unger", "Una"]);
    assert_eq!(lead["contacts"][0]["phones"][0]["phone"], "+12125550190");
    assert_eq!(lead["description"], "Met, in May");
    let soylent = stage.lead("Soylent").await.unwrap();
    assert_eq!(soylent["description"], "=1+1", "a formula is text");

    let undone = stage.undo(&id).await;
    assert_eq!(
        (&undone["state"], &undone["kept"]),
        (&json!("undone"), &json!(0))
    );
    assert_eq!(stage.leads().await, before);
    assert!(stage.lead("Umbrella").await.is_none());
    let (status, again) = stage.act(&id, "undo").await;
    assert_eq!((status, code(&again)), (409, "conflict"));
}

#[tokio::test]
async fn l2_leads_that_are_there_are_updated_and_restored() {
    let stage = Stage::set().await;
    let before = stage.lead("Globex").await.unwrap();
    let phone = text(&before["contacts"][0]["phones"][0]["phone"]);
    let file = format!(
        "Name,Phone,Mobile,Notes,Company\n\
         Gina Grant,{phone},+12125550177,Likes tea,Globex Corporation\n\
         Greg,{phone},,,\n\
         Gina Grant,{phone},,,\n"
    );
    let (id, import) = stage.import(file.as_bytes()).await;
    let counts = json!({"rows": 3, "created": 0, "updated": 2, "skipped": 1});
    assert_eq!(import["done"], counts);
    let lines = stage.lines(&id, "").await;
    assert_eq!(lines[0]["lead_id"], before["id"]);
    let after = stage.lead("Globex").await.unwrap();
    assert_eq!(after["description"], "Likes tea");
    assert_eq!(after["contacts"].as_array().unwrap().len(), 2);
    assert_eq!(after["contacts"][0]["phones"].as_array().unwrap().len(), 2);

    let undone = stage.undo(&id).await;
    assert_eq!(undone["state"], "undone");
    let restored = stage.lead("Globex").await.unwrap();
    for what in [
        "display_name",
        "description",
        "status_id",
        "owner_id",
        "contacts",
    ] {
        assert_eq!(restored[what], before[what], "{what}");
    }

    // Left alone, when that is chosen.
    let id = stage.upload(file.as_bytes()).await;
    stage.preview(&id, json!({"duplicates": "skip"})).await;
    let import = stage.rest(&id).await;
    assert_eq!(import["planned"]["skipped"], 3);
}

#[tokio::test]
async fn l2_what_was_touched_since_stays_when_an_import_is_undone() {
    let stage = Stage::set().await;
    let (id, _) = stage
        .import(b"Company,Contact\nChanged,A\nCalled,B\nUntouched,C\nDeleted,D\n")
        .await;
    let changed = stage.lead("Changed").await.unwrap();
    let path = format!("/api/v1/lead/{}/", text(&changed["id"]));
    let body = json!({"name": "Changed", "description": "by hand", "contacts": []});
    let asked = stage
        .service
        .ask(Method::PUT, &path, Some(&stage.token), Some(&body));
    assert_eq!(asked.await.0, 200);
    let deleted = stage.lead("Deleted").await.unwrap();
    let path = format!("/api/v1/lead/{}/", text(&deleted["id"]));
    let asked = stage
        .service
        .ask(Method::DELETE, &path, Some(&stage.token), None);
    assert_eq!(asked.await.0, 204);
    let called = stage.lead("Called").await.unwrap();
    let store = stage.service.store().await;
    let call = call_with(&called);
    let me = stage.service.get("/api/v1/me/", &stage.token).await;
    let organization = serde_json::from_value(me["organization"]["id"].clone()).unwrap();
    store.save_call(&organization, &call).await.unwrap();
    store.close().await;

    let undone = stage.undo(&id).await;
    assert_eq!(
        (&undone["state"], &undone["kept"]),
        (&json!("undone"), &json!(2))
    );
    assert!(stage.lead("Changed").await.is_some());
    assert!(stage.lead("Called").await.is_some());
    assert!(stage.lead("Untouched").await.is_none());
}

fn call_with(lead: &Value) -> wire::Call {
    serde_json::from_value(json!({
        "id": "acti_1", "user_id": "user_1", "rep_leg_id": "leg_rep",
        "lead": {"id": lead["id"], "display_name": lead["display_name"]},
        "contact_id": null, "direction": "outbound", "status": "completed",
        "local_phone": "+15550001", "local_phone_type": "internal", "remote_phone": "+15551000",
        "date_created": store::clock::now(), "date_answered": null, "date_ended": null,
        "duration": 0, "hangup_cause": null, "held": false, "muted": false,
        "recording_url": null, "coach_legs": [],
        "joinability": {"joinable": false, "code": null, "message": null},
    }))
    .unwrap()
}

#[tokio::test]
async fn l2_an_export_can_be_imported_again() {
    let stage = Stage::set().await;
    let file = "Company,Contact,Phone,Mobile,Email,Description,Owner,Status\n\
        \"Quote \"\"Q\"\", Inc\",Zoë,+12125550111 ext. 42,\"+12125550112; +12125550113\",z@q.example,\"Line 1\nLine 2\",riley@demo.example,Qualified\n\
        =cmd,@at,,,plus@x.example,-dash,,\n\
        \"''=quoted\",,,,quoted@x.example,\"a;b\",,\n\
        Same name,One,,,one@x.example,,,\n";
    stage.import(file.as_bytes()).await;
    let export = stage.export().await;
    let begins = export.trim_start_matches('\u{FEFF}');
    assert!(begins.starts_with("Lead ID,Company,"), "{export}");
    assert!(export.contains("'=cmd"), "{export}");
    let count = stage.leads().await;

    // Here again: nothing in it is new.
    let (_, import) = stage.import(export.as_bytes()).await;
    assert_eq!(
        import["done"]["rows"], import["done"]["skipped"],
        "{import}"
    );
    assert_eq!(stage.leads().await, count);
    assert_eq!(stage.export().await, export);

    // In an organization that has none of them, they become what they were.
    let other = Stage {
        token: stage.service.token_of(OTHER).await,
        service: stage.service,
    };
    let before = other.leads().await;
    let (_, import) = other.import(export.as_bytes()).await;
    assert_eq!(import["done"]["created"], count, "{import}");
    assert_eq!(other.leads().await, before + count);
    let again = other.export().await;
    for cell in [
        "\"Quote \"\"Q\"\", Inc\"",
        "+12125550111 ext. 42",
        "''=quoted",
        "'-dash",
    ] {
        assert!(again.contains(cell), "{cell} in {again}");
    }
}

#[tokio::test]
async fn l2_files_in_other_encodings_are_read() {
    let stage = Stage::set().await;
    let text = "Firma;Kontakt;E-Mail\r\nMüller;Zoë;zoe@m.example\r\n";
    let text = text
        .replace("Firma", "Company")
        .replace("Kontakt", "Contact");
    let western: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    let wide = format!("\u{FEFF}{text}");
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, encoding) in [
        (western, "windows-1252"),
        (wide, "utf-16le"),
        (text.into_bytes(), "utf-8"),
    ] {
        let id = stage.upload(&bytes).await;
        let (_, preview) = stage.preview(&id, json!({})).await;
        assert_eq!(preview["settings"]["encoding"], encoding);
        assert_eq!(preview["columns"][0]["sample"][0], "Müller");
        stage.rest(&id).await;
        let import = stage.run(&id).await;
        assert_eq!(import["done"]["created"], 1, "{encoding}: {import}");
        stage.undo(&id).await;
    }
}

#[tokio::test]
async fn l2_a_file_of_two_gigabytes_is_refused_before_it_comes() {
    let stage = Stage::set().await;
    for bytes in [2_147_483_648, 268_435_457, u64::MAX] {
        let (status, refused) = stage.create(bytes).await;
        assert_eq!((status, code(&refused)), (413, "too_large"), "{refused}");
    }
    let (status, refused) = stage.create(0).await;
    assert_eq!((status, code(&refused)), (400, "invalid_request"));
    // Nor can one that was declared shorter become longer.
    let (_, import) = stage.create(4).await;
    let id = text(&import["id"]);
    let (status, refused) = stage.part(&id, 0, b"a,b,c").await;
    assert_eq!((status, code(&refused)), (413, "too_large"));
}

#[tokio::test]
async fn l2_a_file_of_one_line_is_one_lead_or_none() {
    let stage = Stage::set().await;
    let (_, import) = stage.import(b"Lonely Inc,lonely@x.example").await;
    assert_eq!(import["done"]["created"], 1);
    assert!(stage.lead("Lonely Inc").await.is_some());
    let (_, import) = stage.import(b"Company,Email").await;
    assert_eq!(import["done"]["rows"], 0, "only the columns' names");
}

#[tokio::test]
async fn l2_a_line_of_ten_megabytes_is_one_row_that_is_skipped() {
    let stage = Stage::set().await;
    let mut file = b"Company,Email\nFirst,first@x.example\n".to_vec();
    file.extend(vec![b'x'; 10 * 1024 * 1024]);
    file.extend(b"\nLast,last@x.example\n");
    let (id, import) = stage.import(&file).await;
    let counts = json!({"rows": 3, "created": 2, "updated": 0, "skipped": 1});
    assert_eq!(import["done"], counts);
    let lines = stage.lines(&id, "outcome=skipped").await;
    assert_eq!(lines[0]["line"], 3);
    assert!(text(&lines[0]["why"]).contains("longer than 256 KB"));
    // Where it's the first, the file can't be read.
    let id = stage.upload(&vec![b'x'; 10 * 1024 * 1024]).await;
    let (status, refused) = stage.preview(&id, json!({})).await;
    assert_eq!((status, code(&refused)), (400, "invalid_request"));
    assert!(text(&refused["error"]["message"]).contains("first row"));
}

#[tokio::test]
async fn l2_nul_bytes_are_left_out() {
    let stage = Stage::set().await;
    let (_, import) = stage
        .import(b"Company,Email\nNu\0ll \0Inc,n@x.example\0\n")
        .await;
    assert_eq!(import["done"]["created"], 1, "{import}");
    assert!(stage.lead("Null Inc").await.is_some());
    let id = stage.upload(&[0; 4_096]).await;
    let (status, refused) = stage.preview(&id, json!({})).await;
    assert_eq!((status, code(&refused)), (400, "invalid_request"));
}

#[tokio::test]
async fn l2_a_file_with_five_thousand_columns_is_refused_with_words() {
    let stage = Stage::set().await;
    let columns: Vec<String> = (0..5_000)
        .map(|number| format!("Column {number}"))
        .collect();
    let id = stage.upload(columns.join(",").as_bytes()).await;
    let (status, refused) = stage.preview(&id, json!({})).await;
    assert_eq!((status, code(&refused)), (400, "invalid_request"));
    assert!(text(&refused["error"]["message"]).contains("more than 500 columns"));
    let fields = vec!["ignored"; 501];
    let (status, refused) = stage.preview(&id, json!({"columns": fields})).await;
    assert_eq!((status, code(&refused)), (400, "invalid_request"));
}

#[tokio::test]
async fn l2_a_workbook_is_refused_with_words() {
    let stage = Stage::set().await;
    let id = stage.upload(b"PK\x03\x04 and the rest of a workbook").await;
    let (status, refused) = stage.preview(&id, json!({})).await;
    assert_eq!((status, code(&refused)), (400, "invalid_request"));
    assert!(text(&refused["error"]["message"]).contains("save it as CSV"));
}

#[tokio::test]
async fn l2_an_upload_goes_on_where_it_was_cut_off_and_nowhere_else() {
    let stage = Stage::set().await;
    let (_, import) = stage.create(FILE.len() as u64).await;
    let id = text(&import["id"]);
    let (half, rest) = FILE.as_bytes().split_at(FILE.len() / 2);
    let (status, refused) = stage.preview(&id, json!({})).await;
    assert_eq!(
        (status, code(&refused)),
        (409, "conflict"),
        "it's not there yet"
    );
    stage.part(&id, 0, half).await;
    for offset in [0, half.len() - 1, half.len() + 1] {
        let (status, refused) = stage.part(&id, offset, rest).await;
        assert_eq!((status, code(&refused)), (409, "conflict"), "{offset}");
    }
    let (status, import) = stage.part(&id, half.len(), rest).await;
    assert_eq!(
        (status, &import["bytes_uploaded"]),
        (200, &json!(FILE.len()))
    );
    let import = stage.check(&id).await;
    assert_eq!(import["planned"]["rows"], 5);
    let (status, refused) = stage.part(&id, FILE.len(), b"").await;
    assert_eq!(
        (status, code(&refused)),
        (409, "conflict"),
        "it was checked"
    );
}

#[tokio::test]
async fn l2_an_organization_has_three_imports_at_a_time_and_sees_no_other() {
    let stage = Stage::set().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (status, import) = stage.create(10).await;
        assert_eq!(status, 201);
        ids.push(text(&import["id"]));
    }
    let (status, refused) = stage.create(10).await;
    assert_eq!((status, code(&refused)), (409, "conflict"));
    let (status, cancelled) = stage.act(&ids[0], "cancel").await;
    assert_eq!((status, &cancelled["state"]), (200, &json!("cancelled")));
    assert_eq!(stage.create(10).await.0, 201);
    let listed = stage.service.get("/api/v1/import/", &stage.token).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 4);

    let other = stage.service.token_of(OTHER).await;
    let listed = stage.service.get("/api/v1/import/", &other).await;
    assert_eq!(listed["data"], json!([]));
    let path = format!("/api/v1/import/{}/part/?offset=0", ids[1]);
    let (status, refused) = stage
        .service
        .upload(&path, Some(&other), b"x".to_vec())
        .await;
    assert_eq!((status.as_u16(), code(&refused)), (404, "not_found"));
}

fn many(rows: usize) -> Vec<u8> {
    let mut file = "Company,Contact,Phone,Email\n".to_owned();
    for row in 0..rows {
        let company = row % (rows * 9 / 10);
        let _ = writeln!(
            file,
            "Company {company},Person {row},+1212{:07},p{row}@many.example",
            2_000_000 + row
        );
    }
    file.into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_an_import_that_was_interrupted_goes_on_and_does_nothing_twice() {
    const ROWS: usize = 6_000;
    let mut stage = Stage::set().await;
    let before = stage.leads().await;
    let id = stage.upload(&many(ROWS)).await;
    stage.check(&id).await;
    stage.act(&id, "start").await;
    // Somewhere in the middle, or not yet, or no more.
    while stage.get(&id).await["done"]["rows"] == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stage.service.restart_with(|_| {}).await;
    stage.token = stage.service.token_of(ADMIN).await;
    let stopped = stage.get(&id).await;
    if stopped["state"] == "interrupted" {
        assert_eq!(stopped["undoable"], true);
        let rows = stopped["done"]["rows"].as_u64().unwrap();
        assert!(
            rows < ROWS as u64 && rows.is_multiple_of(1_000),
            "{stopped}"
        );
        stage.run(&id).await;
    }
    let done = stage.get(&id).await;
    assert_eq!(done["state"], "done", "{done}");
    let leads = ROWS * 9 / 10;
    let counts = json!({"rows": ROWS, "created": leads, "updated": ROWS - leads, "skipped": 0});
    assert_eq!(done["done"], counts);
    assert_eq!(stage.leads().await, before + leads);
    let undone = stage.undo(&id).await;
    assert_eq!(
        (&undone["state"], &undone["kept"]),
        (&json!("undone"), &json!(0))
    );
    assert_eq!(stage.leads().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_cancelled_import_stops_where_it_is_and_can_be_undone() {
    let stage = Stage::set().await;
    let before = stage.leads().await;
    let id = stage.upload(&many(6_000)).await;
    stage.check(&id).await;
    stage.act(&id, "start").await;
    while stage.get(&id).await["done"]["rows"] == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (status, answer) = stage.act(&id, "cancel").await;
    // It may have been quicker.
    assert!(status == 200 || code(&answer) == "conflict", "{answer}");
    let import = stage.rest(&id).await;
    let rows = import["done"]["created"].as_u64().unwrap();
    assert_eq!(stage.leads().await, before + usize::try_from(rows).unwrap());
    let (status, refused) = stage.act(&id, "start").await;
    assert_eq!((status, code(&refused)), (409, "conflict"));
    stage.undo(&id).await;
    assert_eq!(stage.leads().await, before);
}

#[tokio::test]
async fn l2_a4_imports_undoing_and_exports_are_in_the_audit_log() {
    let stage = Stage::set().await;
    let (id, _) = stage.import(FILE.as_bytes()).await;
    stage.undo(&id).await;
    stage.export().await;
    let since = Instant::now();
    loop {
        let log = stage.service.get("/api/v1/audit/", &stage.token).await;
        let lines = log["data"].as_array().unwrap().iter();
        let seen: Vec<(&str, &str)> = lines
            .map(|line| {
                let action = line["action"].as_str().unwrap();
                (action, line["detail"].as_str().unwrap_or_default())
            })
            .collect();
        let wanted = [
            ("leads_imported", "5 rows"),
            ("lead_import_undone", "5 rows"),
            ("data_exported", "leads"),
        ];
        if wanted.iter().all(|line| seen.contains(line)) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn l2_the_template_is_read_without_a_choice() {
    let stage = Stage::set().await;
    let path = "/api/v1/import/template/";
    let asked = stage
        .service
        .ask(Method::GET, path, Some(&stage.token), None);
    let (status, template) = asked.await;
    assert_eq!(status, 200);
    let (_, import) = stage.import(text(&template).as_bytes()).await;
    assert_eq!(import["done"]["created"], 1);
    let lead = stage.lead("Example Inc.").await.unwrap();
    assert_eq!(lead["contacts"][0]["name"], "Alex Example");
}
