//! How an organization begins, and what whoever runs the service does to it.

use super::*;
use crate::testing::new_store;
use crate::{
    Founder, NewOrganization, NewSetupLink, NumberAdded, Operation, OrganizationSummary, StoreError,
};

const HOUR_MS: i64 = 3_600_000;

fn link(token: u8, organization: Option<OrganizationId>) -> NewSetupLink {
    NewSetupLink {
        token_hash: [token; 32],
        organization_id: organization,
        plan: Plan::Enterprise,
        top_up_allowed: true,
        now: NOW,
        expires_at: NOW.plus_millis(HOUR_MS),
    }
}

fn founder(token: u8, name: &str, email: &str) -> Founder {
    Founder {
        token_hash: [token; 32],
        organization_id: organization(name),
        organization_name: format!("{name} Ltd"),
        country: "DE".into(),
        time_zone: "Europe/Berlin".into(),
        account: new_account(name, email),
        now: NOW,
    }
}

fn new_organization(name: &str) -> NewOrganization {
    NewOrganization {
        id: organization(name),
        name: name.to_owned(),
        plan: Plan::Startup,
        country: "FR".into(),
        time_zone: "Europe/Paris".into(),
        top_up_allowed: false,
        now: NOW,
    }
}

async fn summaries(store: &Database) -> Vec<OrganizationSummary> {
    store
        .organizations(&ListQuery::default())
        .await
        .unwrap()
        .data
}

#[tokio::test]
async fn o1_a_link_makes_an_organization_with_an_admin_who_can_do_everything_once() {
    let (_folder, store) = new_store().await;
    store.create_setup_link(&link(1, None)).await.unwrap();
    let offer = store.setup_offer(&[1; 32], NOW).await.unwrap().unwrap();
    assert_eq!(offer.organization_name, None);
    assert_eq!(store.setup_offer(&[2; 32], NOW).await.unwrap(), None);

    let acme = store.set_up(&founder(1, "acme", "ada@acme.example")).await;
    assert_eq!(acme.unwrap(), Some(organization("acme")));
    let me = store.me(&user("acme"), NOW).await.unwrap().unwrap();
    assert_eq!(me.role.name, "Admin");
    assert!(
        me.role
            .permissions
            .contains(&Permission::ManageOrganization)
    );
    let of = &me.organization;
    assert_eq!(
        (&*of.name, &*of.country, &*of.time_zone),
        ("acme Ltd", "DE", "Europe/Berlin")
    );
    assert!(!of.plan_change_allowed);
    let roles = store
        .roles(&organization("acme"), &ListQuery::default())
        .await
        .unwrap();
    let names: Vec<_> = roles.data.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(names, ["Admin", "Manager", "Trainee", "User"]);

    // Used, it is as if it had never been.
    assert_eq!(store.setup_offer(&[1; 32], NOW).await.unwrap(), None);
    let again = store
        .set_up(&founder(1, "second", "eve@second.example"))
        .await;
    assert_eq!(again.unwrap(), None);
    assert_eq!(summaries(&store).await.len(), 1);
}

#[tokio::test]
async fn o1_a_link_that_is_too_old_or_comes_with_a_known_address_makes_nothing() {
    let (_folder, store) = new_store().await;
    store.create_setup_link(&link(1, None)).await.unwrap();
    let late = Founder {
        now: NOW.plus_millis(HOUR_MS),
        ..founder(1, "late", "ada@acme.example")
    };
    assert_eq!(store.set_up(&late).await.unwrap(), None);
    store
        .set_up(&founder(1, "acme", "ada@acme.example"))
        .await
        .unwrap()
        .unwrap();

    store.create_setup_link(&link(2, None)).await.unwrap();
    let known = store.set_up(&founder(2, "other", "ada@acme.example")).await;
    assert!(matches!(known, Err(StoreError::Conflict(_))), "{known:?}");
    assert_eq!(summaries(&store).await.len(), 1, "all or nothing");
    // It was not used up by that.
    let other = store
        .set_up(&founder(2, "other", "eve@other.example"))
        .await;
    assert_eq!(other.unwrap(), Some(organization("other")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o1_of_many_who_use_one_link_at_once_one_sets_the_organization_up() {
    let (_folder, store) = new_store().await;
    store.create_setup_link(&link(1, None)).await.unwrap();
    let tries: Vec<_> = (0..16)
        .map(|number| {
            let store = store.clone();
            let name = format!("try{number}");
            let founder = founder(1, &name, &format!("{name}@acme.example"));
            tokio::spawn(async move { store.set_up(&founder).await.unwrap() })
        })
        .collect();
    let mut done = 0;
    for one in tries {
        done += usize::from(one.await.unwrap().is_some());
    }
    assert_eq!((done, summaries(&store).await.len()), (1, 1));
}

#[tokio::test]
async fn o5_an_organization_that_was_created_waits_for_its_first_admin_only() {
    let (_folder, store) = new_store().await;
    store
        .create_organization(&new_organization("acme"))
        .await
        .unwrap();
    let of = Some(organization("acme"));
    let unknown = store
        .create_setup_link(&link(9, Some(organization("none"))))
        .await;
    assert!(matches!(unknown, Err(StoreError::Conflict(_))));
    for token in [1, 2] {
        store
            .create_setup_link(&link(token, of.clone()))
            .await
            .unwrap();
    }
    let offer = store.setup_offer(&[1; 32], NOW).await.unwrap().unwrap();
    assert_eq!(offer.organization_name.as_deref(), Some("acme"));
    assert_eq!(offer.country.as_deref(), Some("FR"));
    let done = store.set_up(&founder(1, "ada", "ada@acme.example")).await;
    assert_eq!(done.unwrap(), of);
    let me = store.me(&user("ada"), NOW).await.unwrap().unwrap();
    // The operator's plan stays; where it is, its admin says.
    assert_eq!(
        (me.organization.plan, &*me.organization.country),
        (Plan::Startup, "DE")
    );
    // The second link would bring a stranger into an organization that has its people.
    let second = store.set_up(&founder(2, "eve", "eve@acme.example")).await;
    assert!(matches!(second, Err(StoreError::Conflict(_))), "{second:?}");
    let late = store.create_setup_link(&link(3, of)).await;
    assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
}

#[tokio::test]
async fn o2_demo_data_and_real_organizations_do_not_meet() {
    let (_folder, store) = new_store().await;
    assert_eq!(store.holds().await.unwrap(), (false, false));
    store.seed_demo("hash", 0, NOW).await.unwrap();
    assert_eq!(store.holds().await.unwrap(), (true, false));
    let refused = store.create_setup_link(&link(1, None)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    let refused = store.create_organization(&new_organization("acme")).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));

    let (_folder, store) = new_store().await;
    store
        .create_organization(&new_organization("acme"))
        .await
        .unwrap();
    assert_eq!(store.holds().await.unwrap(), (false, true));
    assert!(!store.seed_demo("hash", 0, NOW).await.unwrap());
}

#[tokio::test]
async fn o5_what_the_operator_does_is_found_by_the_running_service_and_audited() {
    let (_folder, store) = new_store().await;
    for name in ["acme", "other"] {
        store
            .create_organization(&new_organization(name))
            .await
            .unwrap();
    }
    let acme = organization("acme");
    let begin = store.operated().await.unwrap();
    let credit = |micro_dollars, note: &str| Operation::Credit {
        micro_dollars: MicroDollars(micro_dollars),
        note: note.into(),
    };
    for operation in [
        Operation::Plan(Plan::Enterprise),
        credit(5_000_000, "Invoice 7"),
        credit(-1_000_000, "Invoice 7 was too high"),
        Operation::TopUpAllowed(true),
        Operation::Suspended(true),
    ] {
        store.operate(&acme, &operation, NOW).await.unwrap();
    }
    let unknown = store
        .operate(&organization("none"), &Operation::Suspended(true), NOW)
        .await;
    assert!(matches!(unknown, Err(StoreError::Conflict(_))));

    let found = store.operated_since(begin, 10).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0].1, found[0].2), (&acme, true));
    assert_eq!(found[0].0, store.operated().await.unwrap());
    assert_eq!(store.operated_since(found[0].0, 10).await.unwrap(), []);

    let all = summaries(&store).await;
    let one = all.iter().find(|one| one.id == acme).unwrap();
    assert_eq!(one.balance, MicroDollars(4_000_000));
    assert!(one.suspended && one.top_up_allowed && one.plan == Plan::Enterprise);
    assert!(store.wrong_balances().await.unwrap().is_empty());
    let span = (NOW, NOW.plus_millis(1));
    let lines = store
        .ledger_entries(&acme, span, &ListQuery::default())
        .await
        .unwrap();
    let mut kinds: Vec<_> = lines
        .data
        .iter()
        .map(|line| (line.kind, line.note.clone()))
        .collect();
    kinds.sort_by_key(|(kind, _)| *kind == LedgerKind::Correction);
    assert_eq!(kinds[0], (LedgerKind::Credit, Some("Invoice 7".into())));
    assert_eq!(kinds[1].0, LedgerKind::Correction);
    let (all, page) = (crate::AuditFilter::default(), ListQuery::default());
    let audit = store.audit_entries(&acme, &all, &page).await.unwrap();
    assert_eq!(audit.data.len(), 5);
}

#[tokio::test]
async fn o5_an_admin_can_use_only_numbers_that_were_assigned() {
    let (_folder, store) = new_store().await;
    for name in ["acme", "other"] {
        store
            .create_organization(&new_organization(name))
            .await
            .unwrap();
    }
    let (acme, other) = (organization("acme"), organization("other"));
    let assign = Operation::Assign {
        number: "+4930123456".into(),
        label: "Main line".into(),
        kind: PhoneNumberKind::Internal,
    };
    store.operate(&acme, &assign, NOW).await.unwrap();
    let numbers = store
        .phone_numbers(&acme, &ListQuery::default())
        .await
        .unwrap()
        .data;
    assert_eq!(numbers.len(), 1, "it can be called from at once");
    let taken = store.operate(&other, &assign, NOW).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))));

    let request = PhoneNumberRequest {
        number: "+4930123456".into(),
        label: "Main".into(),
        kind: PhoneNumberKind::Internal,
        user_id: None,
        user_ids: Vec::new(),
    };
    let id = |name: &str| PhoneNumberId::from_suffix(name).unwrap();
    for (organization, number) in [(&other, "+4930123456"), (&acme, "+4930999999")] {
        let request = PhoneNumberRequest {
            number: number.into(),
            ..request.clone()
        };
        let claimed = store
            .create_number(organization, id("claim"), &request)
            .await;
        assert_eq!(claimed.unwrap(), NumberAdded::NotAssigned);
    }
    // One that was deleted is still the organization's to use.
    assert!(store.delete_number(&acme, &numbers[0].id).await.unwrap());
    let back = store
        .create_number(&acme, id("back"), &request)
        .await
        .unwrap();
    assert!(matches!(back, NumberAdded::Done(_)), "{back:?}");

    let unassign = Operation::Unassign {
        number: "+4930123456".into(),
    };
    assert!(store.operate(&other, &unassign, NOW).await.is_err());
    store.operate(&acme, &unassign, NOW).await.unwrap();
    let found = store.number_called(None, "+4930123456").await.unwrap();
    assert_eq!(found, None, "a call to it belongs to nobody");
}
