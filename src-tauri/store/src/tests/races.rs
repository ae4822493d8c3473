//! Sixteen who write at once.

use super::*;
use crate::testing::new_store;
use crate::{Accepted, Operation, Payment, StoreError};
use std::future::Future;

const WRITERS: u64 = 16;

/// What all of them came to, each with a seed of its own, which is printed.
async fn at_once<F, T>(seed: u64, write: impl Fn(u64) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    println!("seed {seed}");
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(seed * WRITERS + writer)))
        .collect();
    let mut done = Vec::new();
    for writer in writers {
        done.push(writer.await.unwrap());
    }
    done
}

/// The next of a row of numbers that look random.
fn next(random: &mut u64) -> usize {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*random >> 33) as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b2_many_who_charge_and_pay_charge_each_minute_once() {
    const LEGS: [&str; 3] = ["one", "two", "three"];
    const MINUTES: usize = 8;
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let written = at_once(1, |mut random| {
        let (store, acme) = (store.clone(), acme.clone());
        async move {
            let (mut written, mut round) = (0, 0);
            // Each sees to every minute, beginning anywhere, one or a few at a time.
            let from = next(&mut random);
            while round < LEGS.len() * MINUTES {
                let few = 1 + next(&mut random) % 3;
                let charges: Vec<_> = (round..(round + few).min(LEGS.len() * MINUTES))
                    .map(|at| (from + at) % (LEGS.len() * MINUTES))
                    .map(|at| charge(LEGS[at / MINUTES], (at % MINUTES) as u32))
                    .collect();
                round += charges.len();
                let call = call_id("1");
                written += store.save_charges(&acme, &call, &charges).await.unwrap();
                let payment = Payment {
                    micro_dollars: MicroDollars(1_000),
                    user_id: user("admin"),
                    request_id: format!("payment{}", next(&mut random) % 4),
                    at: NOW,
                };
                store.pay(&acme, &payment).await.unwrap();
            }
            written
        }
    })
    .await;
    assert_eq!(written.iter().sum::<u64>(), (LEGS.len() * MINUTES) as u64);
    let span = (Timestamp(0), Timestamp(i64::MAX));
    let lines = store
        .named_ledger_entries(&acme, span, 1_000)
        .await
        .unwrap();
    let mut charged = std::collections::BTreeSet::new();
    let mut sum = 0;
    for (line, ..) in &lines {
        sum += line.micro_dollars.0;
        if let Some(leg) = &line.leg_id {
            assert!(charged.insert((leg.clone(), line.minute)), "{line:?}");
        }
    }
    assert_eq!(charged.len(), LEGS.len() * MINUTES);
    assert_eq!(lines.len(), charged.len() + 4, "each payment once");
    let balance = store.balance(&acme).await.unwrap().balance_micro_dollars;
    assert_eq!(balance, MicroDollars(sum));
    assert_eq!(store.wrong_balances().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_of_many_who_put_managers_out_none_puts_out_the_last() {
    for seed in 1..=4 {
        let (_folder, store) = new_store().await;
        let members = with_managers(&store, "acme", 6).await;
        let acme = organization("acme");
        at_once(seed, |mut random| {
            let (store, acme, members) = (store.clone(), acme.clone(), members.clone());
            async move {
                for _ in 0..8 {
                    let of = &members[next(&mut random) % members.len()];
                    let patch = MembershipPatch {
                        active: Some(false),
                        ..MembershipPatch::default()
                    };
                    match store.patch_membership(&acme, of, &patch).await {
                        Ok(change) => assert!(change.is_some()),
                        Err(StoreError::Conflict(_)) => {}
                        Err(other) => panic!("{other}"),
                    }
                    let left = store.members(&acme).await.unwrap().len();
                    assert!(left > 0, "nobody is left");
                }
            }
        })
        .await;
        assert_eq!(store.members(&acme).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_of_many_who_use_one_link_one_comes_in() {
    let (_folder, store) = new_store().await;
    with_managers(&store, "acme", 1).await;
    invite(&store, "acme", [7; 32]).await;
    let accepted = at_once(0, |writer| {
        let store = store.clone();
        async move {
            let name = format!("new{writer}");
            let email = format!("{name}@demo.example");
            let new = new_member(&name, [7; 32], &email);
            store.accept_invite(new).await.unwrap()
        }
    })
    .await;
    let done = |one: &&Accepted| matches!(one, Accepted::Done(_));
    assert_eq!(accepted.iter().filter(done).count(), 1, "{accepted:?}");
    let acme = store.members(&organization("acme")).await.unwrap();
    assert_eq!(acme.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a3_one_address_comes_into_one_organization_only() {
    let (_folder, store) = new_store().await;
    for (name, token) in [("acme", 1), ("elsewhere", 2)] {
        with_managers(&store, name, 1).await;
        invite(&store, name, [token; 32]).await;
    }
    let accepted = at_once(0, |writer| {
        let store = store.clone();
        async move {
            let token = [1 + (writer % 2) as u8; 32];
            let new = new_member(&format!("new{writer}"), token, "nora@demo.example");
            store.accept_invite(new).await
        }
    })
    .await;
    let done = |one: &&Result<Accepted, _>| matches!(one, Ok(Accepted::Done(_)));
    assert_eq!(accepted.iter().filter(done).count(), 1, "{accepted:?}");
    for refused in accepted.iter().filter(|one| !done(one)) {
        match refused {
            Ok(Accepted::NotOpen) => {}
            Err(StoreError::Conflict(text)) => assert!(text.starts_with("This email"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a3_one_number_belongs_to_one_organization_only() {
    let (_folder, store) = new_store().await;
    for name in ["acme", "elsewhere"] {
        store.add_organization(&organization(name)).await.unwrap();
    }
    let made = at_once(0, |writer| {
        let store = store.clone();
        async move {
            let of = organization(["acme", "elsewhere"][(writer % 2) as usize]);
            let assign = Operation::Assign {
                number: "+15550009".into(),
                label: "Main".into(),
                kind: PhoneNumberKind::Internal,
            };
            store.operate(&of, &assign, NOW).await
        }
    })
    .await;
    assert_eq!(made.iter().filter(|one| one.is_ok()).count(), 1, "{made:?}");
    for refused in made.iter().filter_map(|one| one.as_ref().err()) {
        let text = refused.to_string();
        assert!(text.contains("is assigned to"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_save_one_leg_and_one_call_leave_one_of_each() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    at_once(0, |_| {
        let (store, acme) = (store.clone(), acme.clone());
        async move {
            for _ in 0..4 {
                store.save_call(&acme, &call("1", "1", NOW)).await.unwrap();
                store
                    .save_coach_leg(&acme, &call_id("1"), &leg("1"))
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    let kept = store.calls(&acme, None, &ListQuery::default()).await;
    let kept = kept.unwrap().data;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].coach_legs, [leg("1")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o3_all_who_show_one_refresh_token_at_once_get_the_same_tokens() {
    let (_folder, store) = new_store().await;
    with_managers(&store, "acme", 1).await;
    let new = sign_in("first", user("acme0"));
    let shown_hash = new.refresh_hash;
    store.begin_sign_in(new).await.unwrap();
    let rotated = at_once(0, |writer| {
        let store = store.clone();
        async move {
            let next = sign_in(&format!("next{writer}"), user("acme0"));
            let rotation = crate::Rotation {
                id: "first".into(),
                shown_hash,
                successor_key: [writer as u8; 32],
                refresh_hash: next.refresh_hash,
                refresh_expires_at: next.refresh_expires_at,
                access_hash: next.access_hash,
                access_expires_at: next.access_expires_at,
                lifetime_ms: DAY_MS,
                address: None,
                now: NOW,
            };
            (
                [writer as u8; 32],
                store.rotate_sign_in(rotation).await.unwrap(),
            )
        }
    })
    .await;
    let first = |(key, one): &([u8; 32], crate::Rotated)| {
        matches!(one, crate::Rotated::Done { .. }).then_some(*key)
    };
    let keys: Vec<_> = rotated.iter().filter_map(first).collect();
    assert_eq!(keys.len(), 1, "{rotated:?}");
    for (_, other) in rotated.iter().filter(|one| first(one).is_none()) {
        let same = matches!(other, crate::Rotated::Repeated { successor_key, .. }
            if *successor_key == keys[0]);
        assert!(same, "{other:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l5_many_who_change_a_past_call_at_once_are_all_kept() {
    let (_folder, store) = new_store().await;
    let acme = organization("acme");
    store.add_organization(&acme).await.unwrap();
    let before = call("1", "1", NOW);
    store.save_call(&acme, &before).await.unwrap();
    at_once(5, |writer| {
        let (store, acme) = (store.clone(), acme.clone());
        async move {
            let change = |call: &mut Call| {
                call.duration += 1;
                call.note = format!("{}{writer} ", call.note);
            };
            let revised = store.revise_call(&acme, &call_id("1"), change).await;
            assert!(revised.unwrap().is_some());
        }
    })
    .await;
    let after = store.call(&acme, &before.id).await.unwrap().unwrap();
    assert_eq!(after.duration, WRITERS);
    assert_eq!(after.note.split_whitespace().count() as u64, WRITERS);
    let elsewhere = organization("elsewhere");
    let change = |call: &mut Call| call.note.clear();
    let revised = store.revise_call(&elsewhere, &before.id, change).await;
    assert_eq!(revised.unwrap(), None);
}
