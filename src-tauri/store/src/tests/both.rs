//! Lists to their end, what a client reads of a conflict, and a store that moves to PostgreSQL.

use super::*;
use crate::copy::{TABLES, copy_store};
use crate::sql::{Row, sql_of};
use crate::testing::{is_postgres, new_store, new_url};
use crate::{AuditFilter, Kept, Payment, StoreError, Whose};
use std::collections::BTreeSet;
use std::future::Future;

/// Every item of a list, read page by page of three; `between` is done after the first page.
async fn to_its_end<T, F: Future<Output = Result<List<T>, StoreError>>>(
    read: impl Fn(ListQuery) -> F,
    between: impl Future<Output = ()>,
) -> Vec<T> {
    let (mut all, mut cursor, mut between) = (Vec::new(), None, Some(between));
    loop {
        let page = ListQuery {
            limit: Some(3),
            skip: None,
            cursor,
        };
        let list = read(page).await.unwrap();
        assert!(list.data.len() <= 3);
        assert_eq!(list.has_more, list.cursor.is_some());
        all.extend(list.data);
        cursor = list.cursor;
        if let Some(between) = between.take() {
            between.await;
        }
        if cursor.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_list_is_read_to_its_end_though_it_grows_meanwhile() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let add = async |id: &str, name: &str| {
        let mut tx = store.write("test").await.unwrap();
        sql("INSERT INTO lead (id, organization_id, display_name) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(acme.as_str())
            .bind(name)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        // As after a step of the schema.
        store.find_places().await.unwrap();
    };
    // Names that several leads have, and letters that an engine might order by its own lights.
    for number in 0..10 {
        let name = ["Zoe", "anna", "Émile", "Bob"][number % 4];
        add(&format!("lead_{number}"), name).await;
    }
    let leads = to_its_end(
        |page| {
            let (store, acme) = (store.clone(), acme.clone());
            async move { store.leads(&acme, &LeadQuery::of_page(&page)).await }
        },
        // Before what was read: it moves nothing.
        add("lead_new", "Aaron"),
    )
    .await;
    let ids: BTreeSet<_> = leads.iter().map(|lead| lead.id.clone()).collect();
    assert_eq!((leads.len(), ids.len()), (10, 10));
    let names: Vec<&str> = leads.iter().map(|lead| &*lead.display_name).collect();
    let mut sorted = names.clone();
    sorted.sort_by_key(|name| name.replace('É', "e").to_lowercase());
    assert_eq!(
        names, sorted,
        "without capitals and accents on either engine"
    );

    for number in 0..8 {
        // Two at each moment.
        let call = call(&number.to_string(), "1", NOW.plus_millis(number / 2));
        store.save_call(&acme, &call).await.unwrap();
    }
    let calls = to_its_end(
        |page| {
            let (store, acme) = (store.clone(), acme.clone());
            async move { store.calls(&acme, None, &page).await }
        },
        async {
            let newer = call("newer", "1", NOW.plus_millis(1_000));
            store.save_call(&acme, &newer).await.unwrap();
        },
    )
    .await;
    let ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids.len(), 8);
    assert!(ids.windows(2).all(|two| two[0] > two[1]), "{ids:?}");
}

#[tokio::test]
async fn a_cursor_that_no_list_gave_is_refused_as_such() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    // Nothing; no digits; no JSON; too few keys; a number for a text; a text for a number.
    // A part of a search that there is not, or with other keys.
    for cursor in [
        "5b392c315d",
        "5b302c315d",
        "5b302c312c325d",
        "",
        "xy",
        "é",
        "00",
        "5b5d",
        "5b312c325d",
        "5b2261222c2262225d",
    ] {
        let page = ListQuery {
            cursor: Some(cursor.to_owned()),
            ..ListQuery::default()
        };
        let calls = store.calls(&acme, None, &page).await;
        assert_eq!(calls, Err(StoreError::NoCursor), "{cursor}");
        if cursor != "5b2261222c2262225d" && !cursor.starts_with("5b3") {
            let leads = store.leads(&acme, &LeadQuery::of_page(&page)).await;
            assert_eq!(leads, Err(StoreError::NoCursor), "{cursor}");
        }
        let search = LeadQuery {
            query: Some("globex".into()),
            ..LeadQuery::of_page(&page)
        };
        let found = store.leads(&acme, &search).await;
        assert_eq!(found, Err(StoreError::NoCursor), "{cursor}");
    }
}

#[tokio::test]
async fn what_an_engine_says_of_a_conflict_reaches_no_client() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let refused = store.add_organization(&acme).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}");
    let orphan = store
        .save_coach_leg(&acme, &call_id("none"), &leg("1"))
        .await
        .unwrap_err();
    for refused in [refused, orphan] {
        let told = ErrorBody::from(refused).error.message;
        for word in [
            "organization",
            "UNIQUE",
            "unique",
            "constraint",
            "key",
            "FOREIGN",
        ] {
            assert!(!told.contains(word), "{told}");
        }
    }
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let Some(url) = new_url().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Database::open(folder.path(), 0, false).await.unwrap();
    let postgres = Database::connect(&url, false).await.unwrap();
    let columns = |rows: Vec<Row>| -> BTreeSet<(String, String)> {
        rows.iter()
            .map(|row| (row.text("of").unwrap(), row.text("name").unwrap()))
            .collect()
    };
    let here = sql(
        "SELECT tables.name AS of, columns.name AS name FROM sqlite_schema AS tables
         JOIN pragma_table_xinfo(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE '\\_%' ESCAPE '\\'
             AND tables.name NOT LIKE 'sqlite%' AND tables.name NOT LIKE 'lead\\_search%' ESCAPE '\\'",
    )
    .all(&sqlite.reader);
    let there = sql(
        "SELECT CAST(table_name AS TEXT) AS of, CAST(column_name AS TEXT) AS name
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'
             AND table_name <> 'lead_search'",
    )
    .all(&postgres.reader);
    let (here, there) = (columns(here.await.unwrap()), columns(there.await.unwrap()));
    assert_eq!(here, there);
    let tables: BTreeSet<&str> = here.iter().map(|(table, _)| &**table).collect();
    let mut copied: BTreeSet<&str> = TABLES.iter().copied().collect();
    copied.extend(["balance", "write_probe", "lead_key"]);
    assert_eq!(tables, copied, "a new table is copied too");
}

/// A store with something in every table.
async fn filled(store: &Database) {
    store.seed_demo("hash", 3, NOW).await.unwrap();
    with_managers(store, "acme", 2).await;
    let acme = organization("acme");
    invite(store, "acme", [1; 32]).await;
    invite(store, "acme", [2; 32]).await;
    let new = new_member("nora", [1; 32], "nora@demo.example");
    store.accept_invite(new).await.unwrap();
    let group = GroupId::from_suffix("one").unwrap();
    let request = GroupRequest {
        name: "One".into(),
        members: vec![user("nora")],
    };
    store
        .create_group(&acme, group.clone(), &request)
        .await
        .unwrap()
        .unwrap();
    let new = NewInvite {
        id: MemberInviteId::from_suffix("grouped").unwrap(),
        token_hash: [3; 32],
        email: Some("later@demo.example".into()),
        role_id: RoleId::parse("role_acme").unwrap(),
        group_ids: vec![group],
        inviter_id: user("acme0"),
        now: NOW,
        expires_at: NOW.plus_millis(DAY_MS),
    };
    store.create_invite(&acme, new).await.unwrap().unwrap();
    store
        .lead_who_calls(&acme, Some("+1 (555) 12-34"), NOW)
        .await
        .unwrap();
    store.lead_who_calls(&acme, None, NOW).await.unwrap();
    let fields = crate::LeadFields {
        name: "Hooli".into(),
        owner_id: Some(user("acme0")),
        contacts: vec![crate::ContactFields {
            emails: vec![ContactEmail {
                email: "hana@hooli.example".into(),
                label: ContactLabel::Office,
            }],
            ..crate::ContactFields::default()
        }],
        ..crate::LeadFields::default()
    };
    let entered = store.create_lead(&acme, &fields, NOW).await;
    entered.unwrap().unwrap();
    let bodies = call("1", "1", NOW);
    store.save_call(&acme, &bodies).await.unwrap();
    store
        .save_coach_leg(&acme, &bodies.id, &leg("1"))
        .await
        .unwrap();
    let invitation = Invitation {
        id: InvitationId::from_suffix("1").unwrap(),
        call_id: bodies.id.clone(),
        lead: bodies.lead.clone(),
        inviter_id: user("acme0"),
        invitee_id: user("acme1"),
        status: InvitationStatus::Open,
        date_created: NOW,
        date_expires: NOW.plus_millis(60_000),
    };
    store.save_invitation(&acme, &invitation).await.unwrap();
    let charges = [charge("1", 0), charge("1", 1)];
    store
        .save_charges(&acme, &bodies.id, &charges)
        .await
        .unwrap();
    let payment = Payment {
        micro_dollars: MicroDollars(1_000_000),
        user_id: user("acme0"),
        request_id: "one".into(),
        at: NOW,
    };
    store.pay(&acme, &payment).await.unwrap();
    store.save_alive(NOW).await.unwrap();
    let farewell = crate::KeptFarewell {
        call: bodies.id.clone(),
        trunk: "first".into(),
        bye: "BYE".into(),
    };
    store.save_farewell(&farewell).await.unwrap();
    let kept = Kept {
        organization: acme.clone(),
        call: bodies.id.clone(),
        recording: CallRecording {
            status: RecordingStatus::Stored,
            date_started: NOW,
            duration_ms: 1_000,
            bytes: 10,
            gaps: Vec::new(),
        },
        key: Some("acme/1.ogg".into()),
    };
    let peaks = RecordingPeaks {
        interval_ms: 100,
        peaks: vec![0, 127, 255],
    };
    store.save_recording(&kept, Some(&peaks)).await.unwrap();
    let line = |id: &str| AuditEntry {
        id: AuditEntryId::from_suffix(id).unwrap(),
        date: NOW,
        action: AuditAction::CoachJoin,
        allowed: false,
        code: Some(Code::PlanRequired),
        user_id: Some(user("nora")),
        device_id: None,
        address: Some("127.0.0.1".into()),
        call_id: Some(bodies.id.clone()),
        target: None,
        detail: None,
    };
    let whose = Whose::Organization(acme);
    let lines = [(whose.clone(), line("1")), (whose, line("2"))];
    store.append_audit(&lines).await.unwrap();
}

/// Every row of a table, each column of it as a text.
async fn rows(store: &Database, table: &str, columns: &[String]) -> BTreeSet<Vec<String>> {
    let all = sql_of(format!("SELECT * FROM {table}"))
        .all(&store.reader)
        .await;
    let text = |row: &Row, column: &str| match row.optional_text(column) {
        Ok(text) => format!("{text:?}"),
        Err(_) => match row.optional_int(column) {
            Ok(number) => format!("{number:?}"),
            Err(_) => format!("{:?}", row.optional_bytes(column).unwrap()),
        },
    };
    all.unwrap()
        .iter()
        .map(|row| columns.iter().map(|column| text(row, column)).collect())
        .collect()
}

#[tokio::test]
async fn a_store_is_copied_to_postgresql_row_by_row_and_only_into_nothing() {
    let Some(url) = new_url().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    copy_store(folder.path(), &url)
        .await
        .expect_err("there is no store");
    let from = Database::open(folder.path(), 0, false).await.unwrap();
    filled(&from).await;
    // Where there is demo data, none is made.
    let link = "INSERT INTO setup_link (token_hash, plan, top_up_allowed, created_at, expires_at)
                VALUES (x'01', 'startup', 0, 1, 2)";
    from.meddle(link).await.unwrap();
    let copied = copy_store(folder.path(), &url).await.unwrap();
    let to = Database::connect(&url, false).await.unwrap();
    let mut count = 0;
    for table in TABLES.iter().chain(&["balance"]) {
        let columns = sql("SELECT name FROM pragma_table_xinfo($1)").bind(*table);
        let columns = columns.all(&from.reader).await.unwrap();
        let columns: Vec<String> = columns
            .iter()
            .map(|row| row.text("name").unwrap())
            // Each engine gives its own.
            .filter(|name| name != "place")
            .collect();
        let before = rows(&from, table, &columns).await;
        assert!(
            !before.is_empty(),
            "{table} is empty: nothing is shown by it"
        );
        assert_eq!(rows(&to, table, &columns).await, before, "{table}");
        count += before.len() as u64;
        if *table == "balance" {
            count -= before.len() as u64;
        }
    }
    assert_eq!(copied, count);
    let demo = sql("SELECT id FROM organization WHERE name = 'Acme Sales'");
    let demo = demo.one(&to.reader).await.unwrap();
    let demo: OrganizationId = demo.named("id").unwrap();
    let found = to.leads(&demo, &LeadQuery::named("glob")).await;
    assert_eq!(found.unwrap().data.len(), 1, "what was copied is found");
    assert_eq!(to.wrong_balances().await.unwrap(), []);
    // What is added then comes after what was there.
    let acme = organization("acme");
    let page = ListQuery::default();
    let log = async |store: &Database| {
        let all = AuditFilter::default();
        store.audit_entries(&acme, &all, &page).await.unwrap().data
    };
    let mut newest = log(&from).await[0].clone();
    newest.id = AuditEntryId::from_suffix("3").unwrap();
    let line = (Whose::Organization(acme.clone()), newest.clone());
    to.append_audit(&[line]).await.unwrap();
    let after = log(&to).await;
    assert_eq!(after[0], newest);
    assert_eq!(after[1..], log(&from).await);
    let again = copy_store(folder.path(), &url).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
}

#[tokio::test]
async fn the_tests_run_on_the_engine_that_they_were_asked_to() {
    let (_folder, store) = new_store().await;
    let is_there = matches!(store.reader, crate::sql::Pool::Postgres(_));
    assert_eq!(is_there, is_postgres());
}

#[tokio::test]
async fn what_is_owed_to_a_phone_is_kept_once_until_it_is_said() {
    let (_folder, store) = new_store().await;
    let kept = |call: &str, bye: &str| crate::KeptFarewell {
        call: call_id(call),
        trunk: "first".into(),
        bye: bye.into(),
    };
    store.save_farewell(&kept("1", "BYE here")).await.unwrap();
    store.save_farewell(&kept("2", "BYE")).await.unwrap();
    // The phone moved.
    store.save_farewell(&kept("1", "BYE there")).await.unwrap();
    let all = store.farewells().await.unwrap();
    assert!(all == [kept("1", "BYE there"), kept("2", "BYE")]);
    store.forget_farewell(&call_id("1")).await.unwrap();
    store.forget_farewell(&call_id("1")).await.unwrap();
    assert!(store.farewells().await.unwrap() == [kept("2", "BYE")]);
}
