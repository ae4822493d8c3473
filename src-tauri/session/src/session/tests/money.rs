//! What coaching costs, and the balance of those who manage the organization.

use std::time::Duration;

use mix::Mode;
use wire::{Balance, CoachLeg, MicroDollars, Permission, Timestamp};

use super::world::{SERVICE_NOW, World, leg, me};
use crate::*;

/// What the service's ledger takes for a leg that goes on from there until then.
fn charged(connected: Timestamp, until: Timestamp) -> i64 {
    let leg = leg(Mode::Listen, 0);
    let (kind, dates) = (wire::LedgerKind::Coaching, (connected, until));
    usage::charges(kind, &leg.id, &leg.user_id, dates, 0, usage::MINUTE_MS)
        .map(|charge| charge.price().0)
        .sum()
}

fn cost(world: &World) -> i64 {
    let coaching = world.session.view().coaching.as_ref();
    coaching.expect("coaching").cost.0
}

/// A coach whose sound was connected as the service's clock showed what it shows now.
fn coaching() -> World {
    let mut world = World::coaching();
    world.input_me(me(&[Permission::CallCoachListen]));
    world.leg_event(CoachLeg {
        date_connected: Some(SERVICE_NOW),
        ..leg(Mode::Listen, 1)
    });
    world
}

#[test]
fn b2_what_the_coach_is_shown_is_what_the_ledger_takes() {
    let mut world = coaching();
    let mut elapsed_ms = 0;
    assert_eq!(cost(&world), 4_000, "the first minute is charged at once");
    // On both sides of the end of a minute.
    for until_ms in [
        1, 59_999, 60_000, 60_001, 119_999, 120_000, 120_001, 300_000,
    ] {
        world.pass(Duration::from_millis(until_ms - elapsed_ms));
        elapsed_ms = until_ms;
        let until = SERVICE_NOW.plus_millis(until_ms as i64);
        assert_eq!(cost(&world), charged(SERVICE_NOW, until), "{until_ms} ms");
    }
    assert_eq!(cost(&world), 20_000, "five minutes are two cents (B1)");
}

#[test]
fn b2_a_minute_that_is_charged_is_told_without_being_asked() {
    let mut world = coaching();
    let told = |notice: &Notice| matches!(notice, Notice::Coaching(c) if c.cost.0 == 8_000);
    world.pass(Duration::from_millis(60_000));
    assert!(!world.said(told));
    world.pass(Duration::from_millis(1));
    assert!(world.said(told));
}

#[test]
fn b2_nothing_is_charged_before_the_coach_is_connected() {
    let mut world = World::coaching();
    world.input_me(me(&[Permission::CallCoachListen]));
    world.pass(Duration::from_secs(200));
    assert_eq!(cost(&world), 0);
}

const BALANCE: Balance = Balance {
    balance_micro_dollars: MicroDollars(25_000_000),
    low_balance_micro_dollars: MicroDollars(5_000_000),
    is_low: false,
};

fn is_balance(request: &Request) -> bool {
    *request == Request::Balance
}

#[test]
fn b4_only_those_who_manage_are_shown_the_balance() {
    let mut world = World::online();
    world.input_me(me(&[Permission::CallCoachBarge]));
    assert!(world.asked_all(is_balance).is_empty());
    world.input_me(me(&[Permission::ManageOrganization]));
    let (id, _) = world.asked(is_balance);
    world.answer(id, Ok(Reply::Balance(BALANCE)));
    assert_eq!(world.session.view().balance, Some(BALANCE));
    world.input_me(me(&[Permission::ManageOrganization]));
    assert_eq!(world.asked_all(is_balance).len(), 1, "it comes as events");
    world.input_me(me(&[]));
    assert_eq!(world.session.view().balance, None);
}

#[test]
fn b4_an_event_about_the_balance_is_newer_than_the_answer() {
    let mut world = World::online();
    world.input_me(me(&[Permission::ManageOrganization]));
    let (id, _) = world.asked(is_balance);
    let newer = Balance {
        is_low: true,
        ..BALANCE
    };
    world.event(wire::Event::BalanceChanged { balance: newer });
    world.answer(id, Ok(Reply::Balance(BALANCE)));
    assert_eq!(world.session.view().balance, Some(newer));
}
