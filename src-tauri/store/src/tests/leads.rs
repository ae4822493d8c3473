//! Leads: entered, changed, merged, and found.

use super::*;
use crate::testing::new_store;
use crate::{ContactFields, LeadFields, Missing, PhoneFields, StoreError};
use std::collections::BTreeSet;

fn phone(number: &str) -> PhoneFields {
    PhoneFields {
        number: number.into(),
        extension: None,
        label: ContactLabel::Mobile,
    }
}

fn email(email: &str) -> ContactEmail {
    ContactEmail {
        email: email.into(),
        label: ContactLabel::Office,
    }
}

fn contact(name: &str, phones: &[&str], emails: &[&str]) -> ContactFields {
    ContactFields {
        id: None,
        name: name.into(),
        phones: phones.iter().copied().map(phone).collect(),
        emails: emails.iter().copied().map(email).collect(),
    }
}

fn named(name: &str, contacts: Vec<ContactFields>) -> LeadFields {
    LeadFields {
        name: name.into(),
        contacts,
        ..LeadFields::default()
    }
}

async fn create(store: &Database, of: &OrganizationId, fields: &LeadFields) -> Lead {
    store.create_lead(of, fields, NOW).await.unwrap().unwrap()
}

/// What a lead is given to be as it is.
fn as_it_is(lead: &Lead) -> LeadFields {
    LeadFields {
        name: lead.display_name.clone(),
        description: lead.description.clone(),
        status_id: lead.status_id.clone(),
        owner_id: lead.owner_id.clone(),
        contacts: lead
            .contacts
            .iter()
            .map(|contact| ContactFields {
                id: Some(contact.id.clone()),
                name: contact.name.clone(),
                phones: contact
                    .phones
                    .iter()
                    .map(|phone| PhoneFields {
                        number: phone.phone.clone(),
                        extension: phone.extension.clone(),
                        label: phone.label,
                    })
                    .collect(),
                emails: contact.emails.clone(),
            })
            .collect(),
    }
}

async fn with_statuses(store: &Database, name: &str) -> Vec<LeadStatus> {
    let id = organization(name);
    let mut tx = store.write(id.as_str()).await.unwrap();
    crate::lead_statuses::default_lead_statuses(&mut tx, &id, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let statuses = store.lead_statuses(&id, &ListQuery::default()).await;
    statuses.unwrap().data
}

/// The names that a search finds, read in pages of two.
async fn found(store: &Database, of: &OrganizationId, query: LeadQuery) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = LeadQuery {
            limit: Some(2),
            cursor,
            ..query.clone()
        };
        let list = store.leads(of, &page).await.unwrap();
        assert_eq!(list.has_more, list.cursor.is_some());
        names.extend(list.data.into_iter().map(|lead| lead.display_name));
        cursor = list.cursor;
        if cursor.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn l1_a_lead_is_entered_and_changed_as_a_whole() {
    let (_folder, store) = new_store().await;
    with_managers(&store, "acme", 1).await;
    let acme = organization("acme");
    let statuses = with_statuses(&store, "acme").await;
    let mut fields = named(
        "Globex",
        vec![contact(
            "Gina Grant",
            &["+12125550100", "+442079460958"],
            &["gina@globex.example"],
        )],
    );
    fields.contacts[0].phones[0].extension = Some("42".into());
    fields.owner_id = Some(user("acme0"));
    fields.description = "Met at the fair.".into();
    let lead = create(&store, &acme, &fields).await;
    assert_eq!(lead.status_id.as_ref(), Some(&statuses[0].id), "the first");
    assert_eq!(lead.status_label.as_deref(), Some("Potential"));
    assert_eq!((lead.date_created, lead.date_updated), (NOW, NOW));
    let gina = &lead.contacts[0];
    let shown: Vec<&str> = gina
        .phones
        .iter()
        .map(|phone| &*phone.phone_formatted)
        .collect();
    assert_eq!(shown, ["(212) 555-0100 ext. 42", "+44 20 7946 0958"]);
    assert_eq!(
        store.lead(&acme, &lead.id).await.unwrap().as_ref(),
        Some(&lead)
    );

    let mut changed = as_it_is(&lead);
    changed.name = "Globex, Inc.".into();
    changed.owner_id = None;
    changed.status_id = Some(statuses[2].id.clone());
    changed.contacts[0].phones.remove(0);
    changed
        .contacts
        .insert(0, contact("", &["+12125550199"], &[]));
    let later = NOW.plus_millis(5);
    let read = Some(lead.date_updated);
    let after = store.change_lead(&acme, &lead.id, &changed, read, later);
    let after = after.await.unwrap().unwrap();
    assert_eq!(after.status_label.as_deref(), Some("Customer"));
    assert_eq!((after.owner_id.as_ref(), after.date_updated), (None, later));
    assert_eq!(after.contacts[0].display_name, "(212) 555-0199");
    assert_eq!(after.contacts[1].id, gina.id, "it keeps its id");
    assert_eq!(after.contacts[1].phones.len(), 1);

    // Whoever read it before that does not write over it.
    let again = store.change_lead(&acme, &lead.id, &changed, read, later);
    assert!(matches!(again.await, Err(StoreError::Conflict(_))));
    let mut twice = as_it_is(&after);
    twice.contacts.push(twice.contacts[0].clone());
    for (fields, missing) in [
        (twice, Missing::Contact),
        (
            LeadFields {
                owner_id: Some(user("stranger")),
                ..as_it_is(&after)
            },
            Missing::Owner,
        ),
        (
            LeadFields {
                status_id: Some(LeadStatusId::from_suffix("none").unwrap()),
                ..as_it_is(&after)
            },
            Missing::Status,
        ),
    ] {
        let refused = store.change_lead(&acme, &lead.id, &fields, None, later);
        assert_eq!(refused.await.unwrap(), Err(missing));
    }
    let kept = store.lead(&acme, &lead.id).await.unwrap();
    assert_eq!(kept, Some(after), "nothing of what was refused");
}

#[tokio::test]
async fn a3_l1_leads_statuses_and_owners_of_another_organization_are_not_there() {
    let (_folder, store) = new_store().await;
    for name in ["acme", "elsewhere"] {
        with_managers(&store, name, 1).await;
    }
    let (acme, elsewhere) = (organization("acme"), organization("elsewhere"));
    let theirs = with_statuses(&store, "elsewhere").await;
    let ours = with_statuses(&store, "acme").await;
    let lead = create(
        &store,
        &elsewhere,
        &named(
            "Globex",
            vec![contact("Gina", &["+12125550100"], &["g@globex.example"])],
        ),
    )
    .await;
    assert_eq!(store.lead(&acme, &lead.id).await.unwrap(), None);
    for query in ["glo", "gina", "212555", "0100", "g@globex.example"] {
        assert_eq!(
            found(&store, &elsewhere, LeadQuery::named(query)).await,
            ["Globex"]
        );
        assert!(
            found(&store, &acme, LeadQuery::named(query))
                .await
                .is_empty()
        );
    }
    let phones = ["+12125550100".to_owned()];
    let had = store.leads_that_have(&acme, &phones, &[]).await.unwrap();
    assert_eq!(had, []);
    let had = store.leads_that_have(&elsewhere, &phones, &[]).await;
    assert_eq!(had.unwrap(), [(phones[0].clone(), lead.id.clone())]);
    let fields = as_it_is(&lead);
    let changed = store.change_lead(&acme, &lead.id, &fields, None, NOW).await;
    assert_eq!(changed.unwrap(), Err(Missing::Lead));
    assert!(!store.delete_lead(&acme, &lead.id).await.unwrap());
    let own = create(&store, &acme, &named("Own", Vec::new())).await;
    for (source, destination) in [(&lead.id, &own.id), (&own.id, &lead.id)] {
        let merged = store.merge_leads(&acme, source, destination, NOW).await;
        assert_eq!(merged.unwrap(), None);
    }
    for fields in [
        LeadFields {
            status_id: Some(theirs[0].id.clone()),
            ..named("x", Vec::new())
        },
        LeadFields {
            owner_id: Some(user("elsewhere0")),
            ..named("x", Vec::new())
        },
        named(
            "x",
            vec![ContactFields {
                id: Some(lead.contacts[0].id.clone()),
                ..ContactFields::default()
            }],
        ),
    ] {
        let refused = store.create_lead(&acme, &fields, NOW).await.unwrap();
        assert!(refused.is_err(), "{fields:?}");
    }
    let changed = store.change_lead_status(&acme, &theirs[0].id, "Ours").await;
    assert_eq!(changed.unwrap(), None);
    let deleted = store.delete_lead_status(&acme, &theirs[0].id, None).await;
    assert_eq!(deleted.unwrap(), None);
    let replaced = store.delete_lead_status(&acme, &ours[0].id, Some(&theirs[0].id));
    assert_eq!(replaced.await.unwrap(), None);
    assert_eq!(store.lead(&elsewhere, &lead.id).await.unwrap(), Some(lead));
}

#[tokio::test]
async fn l1_a_merged_lead_gives_its_contacts_and_calls_to_the_one_that_stays() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let mut fields = named("Globex", vec![contact("Gina", &["+12125550100"], &[])]);
    fields.description = "One.".into();
    let stays = create(&store, &acme, &fields).await;
    let mut fields = named("Globex Inc", vec![contact("Hank", &["+12125550101"], &[])]);
    fields.description = "Two.".into();
    let goes = create(&store, &acme, &fields).await;
    let suffix = goes.id.as_str().strip_prefix("lead_").unwrap();
    let call = call("1", suffix, NOW);
    store.save_call(&acme, &call).await.unwrap();

    let merged = store.merge_leads(&acme, &goes.id, &stays.id, NOW).await;
    let merged = merged.unwrap().unwrap();
    let names: Vec<&str> = merged.contacts.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["Gina", "Hank"]);
    assert_eq!(merged.description, "One.\n\nTwo.");
    assert_eq!(merged.contacts[1].id, goes.contacts[0].id);
    assert_eq!(store.lead(&acme, &goes.id).await.unwrap(), None);
    let calls = store
        .calls(&acme, Some(&stays.id), &ListQuery::default())
        .await;
    let calls = calls.unwrap().data;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].lead.id, stays.id);
    assert_eq!(calls[0].lead.display_name, "Globex");
    assert_eq!(
        found(&store, &acme, LeadQuery::named("hank")).await,
        ["Globex"]
    );
    assert_eq!(found(&store, &acme, LeadQuery::named("inc")).await, [""; 0]);
    let who = store.lead_who_calls(&acme, Some("+12125550101"), NOW).await;
    assert_eq!(who.unwrap().lead.id, stays.id);

    let itself = store.merge_leads(&acme, &stays.id, &stays.id, NOW).await;
    assert!(matches!(itself, Err(StoreError::Conflict(_))));
    let many = (0..crate::CONTACTS_MAX).map(|_| contact("Many", &[], &[]));
    let many = create(&store, &acme, &named("Many", many.collect())).await;
    let full = store.merge_leads(&acme, &many.id, &stays.id, NOW).await;
    assert!(matches!(full, Err(StoreError::Conflict(_))));
}

#[tokio::test]
async fn l1_a_status_that_leads_have_is_deleted_with_a_replacement_only() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let statuses = with_statuses(&store, "acme").await;
    let labels: Vec<&str> = statuses.iter().map(|status| &*status.label).collect();
    assert_eq!(labels, crate::DEFAULT_LEAD_STATUSES);
    let lead = create(&store, &acme, &named("Globex", Vec::new())).await;
    let id = |name: &str| LeadStatusId::from_suffix(name).unwrap();
    let new = store.create_lead_status(&acme, id("new"), "Lost").await;
    assert_eq!(new.unwrap().label, "Lost");
    let taken = store.create_lead_status(&acme, id("other"), "lost").await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))));
    let taken = store
        .change_lead_status(&acme, &id("new"), "CUSTOMER")
        .await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))));
    let renamed = store.change_lead_status(&acme, &id("new"), "Gone").await;
    assert_eq!(renamed.unwrap().unwrap().label, "Gone");
    let used = store.delete_lead_status(&acme, &statuses[0].id, None).await;
    assert!(matches!(used, Err(StoreError::Conflict(_))));
    let replaced = store
        .delete_lead_status(&acme, &statuses[0].id, Some(&id("new")))
        .await;
    assert_eq!(replaced.unwrap().as_deref(), Some("Potential"));
    let lead = store.lead(&acme, &lead.id).await.unwrap().unwrap();
    assert_eq!(lead.status_label.as_deref(), Some("Gone"));
    let filter = LeadQuery {
        status_id: Some(id("new")),
        ..LeadQuery::default()
    };
    assert_eq!(found(&store, &acme, filter).await, ["Globex"]);
    for status in &statuses[1..] {
        let deleted = store.delete_lead_status(&acme, &status.id, None).await;
        assert!(deleted.unwrap().is_some());
    }
    let last = store
        .delete_lead_status(&acme, &id("new"), Some(&id("new")))
        .await;
    assert!(matches!(last, Err(StoreError::Conflict(_))));
}

#[tokio::test]
async fn l3_a_lead_is_found_by_name_contact_number_and_email_and_each_once() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let leads = [
        (
            "Globex",
            contact(
                "Émile Grant",
                &["+442079460958", "+442079460959"],
                &["emile@globex.example"],
            ),
        ),
        ("Initech 207", contact("Ivan", &["+12075550100"], &[])),
        ("The Globe", contact("Globa Glob", &["+12125550207"], &[])),
        (
            "Hooli",
            contact("", &["+15557000300"], &["hana.holt@hooli.example"]),
        ),
        ("東京カフェ", contact("Ōe", &[], &[])),
    ];
    for (name, contact) in leads {
        create(&store, &acme, &named(name, vec![contact])).await;
    }
    for (query, names) in [
        // Names that begin so, then words.
        ("glob", vec!["Globex", "The Globe"]),
        ("GLOBEX", vec!["Globex"]),
        ("emile", vec!["Globex"]),
        ("grant é", vec!["Globex"]),
        ("grant ivan", vec![]),
        ("obex", vec![]),
        ("emile@globex.example", vec!["Globex"]),
        ("hana.holt@", vec!["Hooli"]),
        // The number's beginning, its end, then the word.
        ("207", vec!["Globex", "Initech 207", "The Globe"]),
        ("+44 20 7946", vec!["Globex"]),
        ("020 7946 0958", vec!["Globex"]),
        ("(207) 555", vec!["Initech 207"]),
        ("0300", vec!["Hooli"]),
        ("+1 555-700-0300", vec!["Hooli"]),
        ("99999", vec![]),
        ("カフェ", vec!["東京カフェ"]),
        ("oe", vec!["東京カフェ"]),
        ("%", vec![]),
        ("'\" ) OR * -", vec![]),
        (
            "\u{0}",
            vec!["Globex", "Hooli", "Initech 207", "The Globe", "東京カフェ"],
        ),
    ] {
        let mut found = found(&store, &acme, LeadQuery::named(query)).await;
        if query == "207" {
            // The word stands in a name too; each lead is there once.
            found.sort_unstable();
        }
        assert_eq!(found, names, "{query}");
    }
}

#[tokio::test]
async fn l3_a_search_goes_with_filters_and_what_changed_is_found_as_it_is() {
    let (_folder, store) = new_store().await;
    with_managers(&store, "acme", 2).await;
    let acme = organization("acme");
    let statuses = with_statuses(&store, "acme").await;
    let mut ids = Vec::new();
    for (at, name) in ["Acme One", "Acme Two", "Big Acme"].into_iter().enumerate() {
        let fields = LeadFields {
            owner_id: Some(user(if at == 0 { "acme0" } else { "acme1" })),
            status_id: Some(statuses[at].id.clone()),
            ..named(name, vec![contact("Zoe", &["+12125550100"], &[])])
        };
        ids.push(create(&store, &acme, &fields).await.id);
    }
    for search in [
        None,
        Some("acme"),
        Some("zoe"),
        Some("212555"),
        Some("0100"),
    ] {
        let filter = |status: Option<usize>, owner: Option<&str>| LeadQuery {
            query: search.map(str::to_owned),
            status_id: status.map(|at| statuses[at].id.clone()),
            owner_id: owner.map(user),
            ..LeadQuery::default()
        };
        let names = found(&store, &acme, filter(None, Some("acme1"))).await;
        let names: BTreeSet<String> = names.into_iter().collect();
        let both = ["Acme Two", "Big Acme"].map(str::to_owned);
        assert_eq!(names, BTreeSet::from(both), "{search:?}");
        assert_eq!(
            found(&store, &acme, filter(Some(2), Some("acme1"))).await,
            ["Big Acme"]
        );
        assert_eq!(
            found(&store, &acme, filter(Some(2), Some("acme0"))).await,
            [""; 0]
        );
        assert_eq!(
            found(&store, &acme, filter(Some(0), None)).await,
            ["Acme One"]
        );
    }
    let fields = named("Other", vec![contact("Yan", &["+12125550199"], &[])]);
    let changed = store.change_lead(&acme, &ids[0], &fields, None, NOW).await;
    changed.unwrap().unwrap();
    assert!(store.delete_lead(&acme, &ids[1]).await.unwrap());
    for (query, name) in [
        ("acme", "Big Acme"),
        ("zoe", "Big Acme"),
        ("0100", "Big Acme"),
    ] {
        assert_eq!(found(&store, &acme, LeadQuery::named(query)).await, [name]);
    }
    for query in ["oth", "yan", "5550199"] {
        assert_eq!(
            found(&store, &acme, LeadQuery::named(query)).await,
            ["Other"]
        );
    }
}

#[tokio::test]
async fn l3_every_lead_that_is_found_is_reached_by_cursor_and_by_skipping() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    for at in 0..25 {
        // Found by name, by the number's beginning, by its end, or by a word.
        let (name, number) = match at % 4 {
            0 => (format!("2125 {at}"), "+13105550000".to_owned()),
            1 => (format!("Lead {at}"), format!("+12125550{at:03}")),
            2 => (format!("Lead {at}"), format!("+1310{at:03}2125")),
            _ => (format!("Lead 21255 {at}"), "+13105550000".to_owned()),
        };
        create(
            &store,
            &acme,
            &named(&name, vec![contact("", &[&number], &[])]),
        )
        .await;
    }
    let all = found(&store, &acme, LeadQuery::named("2125")).await;
    let once: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (25, 25));
    for skip in [0, 1, 6, 7, 13, 24, 25, 2_000] {
        let query = LeadQuery {
            skip: Some(skip),
            ..LeadQuery::named("2125")
        };
        let list = store.leads(&acme, &query).await.unwrap();
        let names: Vec<String> = list
            .data
            .into_iter()
            .map(|lead| lead.display_name)
            .collect();
        assert_eq!(names, all[all.len().min(skip as usize)..], "{skip}");
    }
}

#[tokio::test]
async fn l3_leads_that_were_there_before_they_could_be_found_are_found() {
    let (_folder, store) = new_store().await;
    store.seed_demo("hash", 0, NOW).await.unwrap();
    let acme = sql("SELECT id FROM organization WHERE name = 'Acme Sales'");
    let acme = acme.one(&store.reader).await.unwrap();
    let acme: OrganizationId = acme.named("id").unwrap();
    for statement in [
        "DELETE FROM lead_search",
        "DELETE FROM lead_key",
        "UPDATE lead SET place = 0, sort_name = '', date_created = 0, date_updated = 0",
    ] {
        store.meddle(statement).await.unwrap();
    }
    assert_eq!(
        found(&store, &acme, LeadQuery::named("gina")).await,
        [""; 0]
    );
    store.find_places().await.unwrap();
    for query in ["gina", "glo", "0100"] {
        assert_eq!(
            found(&store, &acme, LeadQuery::named(query)).await,
            ["Globex"]
        );
    }
    let all = store
        .leads(&acme, &LeadQuery::default())
        .await
        .unwrap()
        .data;
    assert!(
        all.iter().all(|lead| lead.date_created == NOW),
        "as their ids say"
    );
}
