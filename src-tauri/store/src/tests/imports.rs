//! What an import does to leads, and how it's taken back.

use super::*;
use crate::testing::new_store;
use crate::{ImportWork, StoreError};
use import::{Draft, Item};

fn import_id(name: &str) -> ImportId {
    ImportId::from_suffix(name).unwrap()
}

fn lead_id(name: &str) -> LeadId {
    LeadId::from_suffix(name).unwrap()
}

fn new_import(name: &str) -> Import {
    Import {
        id: import_id(name),
        file_name: "leads.csv".into(),
        bytes: 10,
        bytes_uploaded: 10,
        state: ImportState::Uploading,
        message: None,
        planned: ImportCounts::default(),
        done: ImportCounts::default(),
        undoable: false,
        kept: 0,
        user_id: user("admin"),
        date_created: NOW,
        date_ended: None,
    }
}

async fn set(store: &Database, name: &str, state: ImportState) {
    let change = |kept: &mut crate::KeptImport| {
        kept.import.state = state;
        Ok(())
    };
    let (acme, id) = (organization("acme"), import_id(name));
    let changed = store.change_import(&acme, &id, NOW, change).await;
    assert_eq!(changed.unwrap().unwrap().import.state, state);
}

/// A store with an organization that has statuses, and a running import.
async fn running() -> (tempfile::TempDir, Database) {
    let (folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    store.create_import(&acme, &new_import("1")).await.unwrap();
    set(&store, "1", ImportState::Running).await;
    (folder, store)
}

fn draft(line: u32, company: &str, contact: &str, phone: &str) -> Draft {
    Draft {
        line,
        name: company.into(),
        is_company: true,
        contact: Some(contact.into()),
        phones: vec![Item {
            label: ContactLabel::Mobile,
            value: phone.into(),
            extension: None,
        }],
        ..Draft::default()
    }
}

fn work(lead: &str, is_new: bool, draft: Draft) -> ImportWork {
    ImportWork {
        lead_id: lead_id(lead),
        is_new,
        draft,
    }
}

async fn done(store: &Database, now: Timestamp, work: Vec<ImportWork>, rows: u32) -> bool {
    let counts = ImportCounts {
        rows,
        created: rows,
        ..ImportCounts::default()
    };
    let (acme, id) = (organization("acme"), import_id("1"));
    let worked = store.work_on_import(&acme, &id, work, counts, now).await;
    worked.unwrap()
}

async fn undone(store: &Database, limit: u32) -> Import {
    set(store, "1", ImportState::Undoing).await;
    let acme = organization("acme");
    while store
        .undo_some_of_import(&acme, &import_id("1"), limit, NOW.plus_millis(99))
        .await
        .unwrap()
        > 0
    {}
    store
        .import(&acme, &import_id("1"))
        .await
        .unwrap()
        .unwrap()
        .import
}

async fn lead(store: &Database, name: &str) -> Option<Lead> {
    store
        .lead(&organization("acme"), &lead_id(name))
        .await
        .unwrap()
}

async fn found(store: &Database, query: &str) -> usize {
    let query = LeadQuery::named(query);
    let leads = store.leads(&organization("acme"), &query).await.unwrap();
    leads.data.len()
}

#[tokio::test]
async fn l2_rows_become_leads_that_are_found_and_undone() {
    let (_folder, store) = running().await;
    let rows = vec![
        work("1", true, draft(2, "Globex", "Gina", "+12125550101")),
        work("2", true, draft(3, "Initech", "Ivan", "+12125550102")),
        work("1", false, draft(4, "Globex", "Greg", "+12125550103")),
    ];
    assert!(done(&store, NOW, rows, 3).await);
    let globex = lead(&store, "1").await.unwrap();
    assert_eq!(globex.contacts.len(), 2);
    assert_eq!(globex.contacts[1].phones[0].phone, "+12125550103");
    assert_eq!(globex.contacts[1].phones[0].label, ContactLabel::Mobile);
    for query in ["Globex", "Greg", "2125550103", "+12125550101"] {
        assert_eq!(found(&store, query).await, 1, "{query}");
    }
    let made = store.made_by_import(&import_id("1")).await.unwrap();
    let made: Vec<_> = made
        .iter()
        .map(|made| (made.line, made.name.as_str()))
        .collect();
    assert_eq!(made, [(2, "Globex"), (3, "Initech")]);

    let import = undone(&store, 1).await;
    assert_eq!(import.kept, 0);
    assert!(lead(&store, "1").await.is_none() && lead(&store, "2").await.is_none());
    assert_eq!(
        found(&store, "Globex").await + found(&store, "2125550103").await,
        0
    );
}

#[tokio::test]
async fn l2_a_lead_that_was_there_is_restored_as_it_was() {
    let (_folder, store) = running().await;
    done(
        &store,
        NOW,
        vec![work("1", true, draft(2, "Globex", "Gina", "+12125550101"))],
        1,
    )
    .await;
    let before = lead(&store, "1").await.unwrap();
    store
        .create_import(&organization("acme"), &new_import("2"))
        .await
        .unwrap();
    // It was there before the second import, which adds to it in two steps.
    set(&store, "2", ImportState::Running).await;
    for (row, moment) in [
        (draft(2, "Globex", "Gina", "+12125550109"), 5),
        (draft(3, "Globex", "Greg", "+12125550110"), 6),
    ] {
        let mut row = row;
        row.description = Some(format!("Line {}", row.line));
        let (acme, id) = (organization("acme"), import_id("2"));
        let rows = vec![work("1", false, row)];
        let (counts, now) = (ImportCounts::default(), NOW.plus_millis(moment));
        let worked = store.work_on_import(&acme, &id, rows, counts, now).await;
        assert!(worked.unwrap());
    }
    let changed = lead(&store, "1").await.unwrap();
    assert_eq!(changed.description, "Line 2\n\nLine 3");
    assert_eq!(
        (changed.contacts.len(), changed.contacts[0].phones.len()),
        (2, 2)
    );
    assert_eq!(changed.contacts[0].id, before.contacts[0].id);
    set(&store, "2", ImportState::Undoing).await;
    store
        .undo_some_of_import(
            &organization("acme"),
            &import_id("2"),
            10,
            NOW.plus_millis(9),
        )
        .await
        .unwrap();
    let restored = lead(&store, "1").await.unwrap();
    assert_eq!(
        Lead {
            date_updated: before.date_updated,
            ..restored
        },
        before
    );
    assert_eq!(found(&store, "2125550110").await, 0);
    // The first import finds it changed, if only by the second, and leaves it.
    let import = undone(&store, 10).await;
    assert_eq!(import.kept, 1);
}

#[tokio::test]
async fn l2_what_someone_changed_between_two_steps_is_not_taken_back() {
    let (_folder, store) = running().await;
    done(
        &store,
        NOW,
        vec![work("1", true, draft(2, "Globex", "Gina", "+12125550101"))],
        1,
    )
    .await;
    store
        .meddle("UPDATE lead SET description = 'by hand', date_updated = date_updated + 1")
        .await
        .unwrap();
    done(
        &store,
        NOW.plus_millis(5),
        vec![work("1", false, draft(3, "Globex", "Greg", "+12125550102"))],
        2,
    )
    .await;
    let import = undone(&store, 10).await;
    assert_eq!(import.kept, 1);
    assert!(
        lead(&store, "1")
            .await
            .unwrap()
            .description
            .starts_with("by hand")
    );
}

#[tokio::test]
async fn l2_a_step_is_done_while_the_import_runs_and_not_after() {
    let (_folder, store) = running().await;
    set(&store, "1", ImportState::Cancelled).await;
    let rows = || vec![work("1", true, draft(2, "Globex", "Gina", "+12125550101"))];
    assert!(!done(&store, NOW, rows(), 1).await);
    assert!(lead(&store, "1").await.is_none());
    set(&store, "1", ImportState::Running).await;
    assert!(done(&store, NOW, rows(), 1).await);
    // A lead that's gone meanwhile is not made again.
    let acme = organization("acme");
    store.delete_lead(&acme, &lead_id("1")).await.unwrap();
    let more = vec![work("1", false, draft(3, "Globex", "Greg", "+12125550102"))];
    assert!(done(&store, NOW, more, 2).await);
    assert!(lead(&store, "1").await.is_none());
}

#[tokio::test]
async fn l2_leads_are_known_by_id_phone_and_email_and_to_their_organization_alone() {
    let (_folder, store) = running().await;
    let mut row = draft(2, "Globex", "Gina", "+12125550101");
    row.emails.push(Item {
        label: ContactLabel::Office,
        value: "Gina@Globex.example".into(),
        extension: None,
    });
    done(&store, NOW, vec![work("1", true, row)], 1).await;
    let other = organization("other");
    store.add_organization(&other).await.unwrap();
    let by_phone = draft(1, "X", "Y", "+12125550101");
    let mut by_email = draft(1, "X", "Y", "+1");
    by_email.emails.push(Item {
        label: ContactLabel::Other,
        value: "gina@globex.EXAMPLE".into(),
        extension: None,
    });
    let mut by_id = draft(1, "X", "Y", "+1");
    by_id.lead_id = Some("lead_1".into());
    let none = draft(1, "Globex", "Gina", "+442125550101");
    for (row, count) in [(by_phone, 1), (by_email, 1), (by_id, 1), (none, 0)] {
        let acme = organization("acme");
        let known = store.known_to_import(&acme, [&row].into_iter()).await;
        let known = known.unwrap();
        assert_eq!(known.len(), count, "{row:?}");
        if let Some(lead) = known.first() {
            assert_eq!(lead.contacts, ["Gina"]);
            assert_eq!(lead.emails, ["Gina@Globex.example"]);
        }
        let known = store.known_to_import(&other, [&row].into_iter());
        assert_eq!(known.await.unwrap(), []);
    }
}

#[tokio::test]
async fn l2_an_organization_has_so_many_imports_at_a_time() {
    let (_folder, store) = running().await;
    let acme = organization("acme");
    for name in ["2", "3"] {
        store.create_import(&acme, &new_import(name)).await.unwrap();
    }
    let refused = store.create_import(&acme, &new_import("4")).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    set(&store, "2", ImportState::Done).await;
    store.create_import(&acme, &new_import("4")).await.unwrap();
    let page = ListQuery::default();
    let listed = store.imports(&acme, &page).await.unwrap();
    assert_eq!(listed.data.len(), 4);
    let listed = store.imports(&organization("other"), &page).await.unwrap();
    assert_eq!(listed.data.len(), 0);
    let running = store.imports_in(&[ImportState::Running]).await.unwrap();
    assert_eq!(running.len(), 1);
}
