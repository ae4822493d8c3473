//! A person's own account: refreshed sign-ins, links, passwords.

use super::*;
use crate::testing::new_store;
use crate::{LinkKind, NewLink, REPEAT_MS, Rotated, Rotation, SignInState};

fn hash(byte: u8) -> [u8; 32] {
    [byte; 32]
}

/// Shows a token of the sign-in `first`, for new ones with these hashes.
fn rotation(shown: u8, next: u8, now: Timestamp) -> Rotation {
    Rotation {
        id: "first".into(),
        shown_hash: hash(shown),
        successor_key: hash(next),
        refresh_hash: hash(next),
        refresh_expires_at: now.plus_millis(DAY_MS),
        access_hash: hash(next + 100),
        access_expires_at: now.plus_millis(60_000),
        lifetime_ms: 3 * DAY_MS,
        address: Some("192.0.2.1".into()),
        now,
    }
}

async fn signed_in(store: &Database) {
    with_managers(store, "acme", 2).await;
    let mut new = sign_in("first", user("acme0"));
    new.refresh_hash = hash(1);
    new.access_hash = hash(101);
    store.begin_sign_in(new).await.unwrap();
}

fn is_done(rotated: &Rotated) -> bool {
    matches!(rotated, Rotated::Done { .. })
}

fn repeats(rotated: &Rotated, key: u8) -> bool {
    matches!(rotated, Rotated::Repeated { successor_key, .. } if *successor_key == hash(key))
}

#[tokio::test]
async fn o3_a_refresh_whose_answer_was_lost_is_repeated_for_a_minute_and_no_longer() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let rotate = async |rotation| store.rotate_sign_in(rotation).await.unwrap();
    assert!(is_done(&rotate(rotation(1, 2, NOW)).await));
    let last = NOW.plus_millis(REPEAT_MS - 1);
    for again in [NOW, last] {
        let rotated = rotate(rotation(1, 9, again)).await;
        assert!(repeats(&rotated, 2), "{rotated:?}");
    }
    // What was given is what holds.
    assert!(store.principal(&hash(102), last).await.unwrap().is_some());
    assert!(store.principal(&hash(109), last).await.unwrap().is_none());
    let late = rotate(rotation(1, 9, NOW.plus_millis(REPEAT_MS))).await;
    assert!(matches!(late, Rotated::Reused { .. }), "{late:?}");
    let newest = rotate(rotation(2, 3, NOW.plus_millis(REPEAT_MS))).await;
    assert_eq!(newest, Rotated::Unknown);
}

#[tokio::test]
async fn o3_a_refresh_is_not_repeated_once_its_tokens_were_used() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let rotate = async |rotation| store.rotate_sign_in(rotation).await.unwrap();
    assert!(is_done(&rotate(rotation(1, 2, NOW)).await));
    // A request of before that is still under way says nothing of the new ones.
    store.note_use("first", &hash(101), NOW).await.unwrap();
    assert!(repeats(&rotate(rotation(1, 9, NOW)).await, 2));
    // The new refresh token is used.
    assert!(is_done(&rotate(rotation(2, 3, NOW)).await));
    assert!(repeats(&rotate(rotation(2, 9, NOW)).await, 3));
    // The new access token is used.
    let who = store.principal(&hash(103), NOW).await.unwrap().unwrap();
    assert!(!who.noted);
    store.note_use("first", &hash(103), NOW).await.unwrap();
    let who = store.principal(&hash(103), NOW).await.unwrap().unwrap();
    assert!(who.noted);
    let reused = rotate(rotation(2, 9, NOW)).await;
    assert!(matches!(reused, Rotated::Reused { .. }), "{reused:?}");
    assert!(store.principal(&hash(103), NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn o3_a_token_of_longer_ago_ends_the_sign_in_at_once() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let rotate = async |rotation| store.rotate_sign_in(rotation).await.unwrap();
    assert!(is_done(&rotate(rotation(1, 2, NOW)).await));
    assert!(is_done(&rotate(rotation(2, 3, NOW)).await));
    let reused = rotate(rotation(1, 9, NOW)).await;
    assert!(matches!(reused, Rotated::Reused { .. }), "{reused:?}");
}

#[tokio::test]
async fn o3_a_sign_in_ends_however_often_it_is_refreshed() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let rotate = async |rotation| store.rotate_sign_in(rotation).await.unwrap();
    let near = NOW.plus_millis(3 * DAY_MS - 1);
    for (shown, at) in [
        (1, NOW.plus_millis(DAY_MS - 1)),
        (2, NOW.plus_millis(2 * DAY_MS - 2)),
        (3, near),
    ] {
        let rotated = rotate(rotation(shown, shown + 1, at)).await;
        let Rotated::Done {
            access_expires_at, ..
        } = rotated
        else {
            panic!("{rotated:?}");
        };
        assert!(access_expires_at <= NOW.plus_millis(3 * DAY_MS));
    }
    let end = NOW.plus_millis(3 * DAY_MS);
    assert!(store.principal(&hash(104), near).await.unwrap().is_some());
    assert!(store.principal(&hash(104), end).await.unwrap().is_none());
    let state = store.sign_in_state("first", end).await.unwrap();
    assert_eq!(state, SignInState::Over);
    assert_eq!(rotate(rotation(4, 5, end)).await, Rotated::Unknown);
}

#[tokio::test]
async fn o3_a_person_sees_their_own_sign_ins_and_ends_them() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let mut second = sign_in("second", user("acme0"));
    second.device_name = Some("laptop".into());
    second.now = NOW.plus_millis(1);
    store.begin_sign_in(second).await.unwrap();
    let stranger = sign_in("strange", user("acme1"));
    store.begin_sign_in(stranger).await.unwrap();
    store
        .rotate_sign_in(rotation(1, 2, NOW.plus_millis(5)))
        .await
        .unwrap();
    let places = store.sign_ins(&user("acme0"), NOW).await.unwrap();
    let seen: Vec<_> = places
        .iter()
        .map(|place| {
            (
                place.device_id.as_str(),
                place.device_name.as_deref(),
                place.address.as_deref(),
                place.date_used,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("devi_first", None, Some("192.0.2.1"), NOW.plus_millis(5)),
            ("devi_second", Some("laptop"), None, NOW.plus_millis(1)),
        ]
    );
    // Another person's is not theirs to end.
    let strange = DeviceId::from_suffix("strange").unwrap();
    assert!(!store.end_device(&user("acme0"), &strange).await.unwrap());
    let ended = store.end_sign_ins(&user("acme0"), Some("second")).await;
    assert_eq!(ended.unwrap(), [DeviceId::from_suffix("first").unwrap()]);
    let ended = store.end_sign_ins(&user("acme0"), None).await;
    assert_eq!(ended.unwrap(), [DeviceId::from_suffix("second").unwrap()]);
    assert_eq!(store.sign_ins(&user("acme1"), NOW).await.unwrap().len(), 1);
}

fn reset(token: u8, now: Timestamp) -> NewLink {
    NewLink {
        token_hash: hash(token),
        kind: LinkKind::ResetByAdmin,
        email: None,
        creator: Some(user("acme1")),
        now,
        expires_at: now.plus_millis(3_600_000),
    }
}

#[tokio::test]
async fn o3_a_reset_link_works_once_within_its_hour_and_ends_every_sign_in() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let acme = organization("acme");
    let member = MembershipId::from_suffix("acme0").unwrap();
    let make = async |token, now| {
        let made = store.create_reset(&acme, &member, &reset(token, now)).await;
        assert_eq!(made.unwrap(), Some(user("acme0")));
    };
    make(7, NOW).await;
    let end = NOW.plus_millis(3_600_000);
    let offered = async |token, now| store.reset_offer(&hash(token), now).await.unwrap();
    let offer = offered(7, NOW.plus_millis(3_599_999)).await.unwrap();
    assert_eq!(offer.email, "acme0@demo.example");
    assert_eq!(offered(7, end).await, None);
    assert_eq!(store.use_reset(&hash(7), "new", end).await.unwrap(), None);
    // A newer one takes its place.
    make(8, NOW).await;
    assert_eq!(offered(7, NOW).await, None);
    let used = store
        .use_reset(&hash(8), "new", NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(used.ended, [DeviceId::from_suffix("first").unwrap()]);
    assert_eq!(used.user_id, user("acme0"));
    assert_eq!(store.use_reset(&hash(8), "other", NOW).await.unwrap(), None);
    let account = store.account(&user("acme0")).await.unwrap().unwrap();
    assert_eq!(account.credentials.password_hash, "new");
    assert!(
        store
            .sign_ins(&user("acme0"), NOW)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn o3_a_reset_link_is_none_of_another_organization_of_oneself_or_of_who_was_put_out() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    with_managers(&store, "other", 1).await;
    let (acme, other) = (organization("acme"), organization("other"));
    let member = |name: &str| MembershipId::from_suffix(name).unwrap();
    let none = store
        .create_reset(&other, &member("acme0"), &reset(7, NOW))
        .await;
    assert_eq!(none.unwrap(), None);
    let own = store
        .create_reset(&acme, &member("acme1"), &reset(7, NOW))
        .await;
    assert!(
        matches!(own, Err(crate::StoreError::Conflict(_))),
        "{own:?}"
    );
    store
        .create_reset(&acme, &member("acme0"), &reset(7, NOW))
        .await
        .unwrap();
    // Its maker may not manage the organization any more.
    let out = MembershipPatch {
        active: Some(false),
        ..MembershipPatch::default()
    };
    store
        .patch_membership(&acme, &member("acme1"), &out)
        .await
        .unwrap();
    assert_eq!(store.reset_offer(&hash(7), NOW).await.unwrap(), None);
    assert_eq!(store.use_reset(&hash(7), "new", NOW).await.unwrap(), None);
    let inactive = store
        .create_reset(&acme, &member("acme1"), &reset(8, NOW))
        .await;
    assert!(
        matches!(inactive, Err(crate::StoreError::Conflict(_))),
        "{inactive:?}"
    );
}

#[tokio::test]
async fn o3_an_address_is_one_persons_also_across_organizations() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    with_managers(&store, "other", 1).await;
    let set = async |email: &str| store.set_email(&user("acme0"), email).await.unwrap();
    assert!(!set("other0@demo.example").await);
    assert!(set("new@demo.example").await);
    assert!(set("new@demo.example").await, "their own is theirs");
    let account = store.account(&user("acme0")).await.unwrap().unwrap();
    assert_eq!(account.user.email, "new@demo.example");
    assert!(
        store
            .account_of("acme0@demo.example")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn o3_a_link_is_made_once_in_a_while_and_a_new_password_ends_it() {
    let (_folder, store) = new_store().await;
    signed_in(&store).await;
    let link = |token: u8, now| NewLink {
        kind: LinkKind::ResetByMail,
        creator: None,
        ..reset(token, now)
    };
    let make = async |token, now: Timestamp| {
        let after = now.plus_millis(-300_000);
        let (who, link) = (user("acme0"), link(token, now));
        store.create_link(&who, &link, after).await.unwrap()
    };
    assert!(make(7, NOW).await);
    assert!(!make(8, NOW.plus_millis(1)).await);
    assert!(store.reset_offer(&hash(7), NOW).await.unwrap().is_some());
    assert!(make(9, NOW.plus_millis(300_000)).await);
    assert!(store.reset_offer(&hash(7), NOW).await.unwrap().is_none());
    let ended = store
        .set_password(&user("acme0"), "new", Some("first"))
        .await;
    assert!(ended.unwrap().is_empty());
    assert!(store.reset_offer(&hash(9), NOW).await.unwrap().is_none());
    assert_eq!(store.sign_ins(&user("acme0"), NOW).await.unwrap().len(), 1);
}
