//! What must hold on both engines, also when many write at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accounts;
mod both;
mod failing;
mod founding;
mod imports;
mod leads;
mod races;

use crate::sql::sql;
use crate::{Database, NewAccount, NewInvite, NewMember, NewSignIn};
use usage::Charge;
use wire::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const DAY_MS: i64 = 86_400_000;

fn organization(name: &str) -> OrganizationId {
    OrganizationId::from_suffix(name).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::from_suffix(name).unwrap()
}

fn call_id(name: &str) -> CallId {
    CallId::from_suffix(name).unwrap()
}

fn leg(name: &str) -> CoachLeg {
    CoachLeg {
        id: LegId::from_suffix(name).unwrap(),
        user_id: user("coach"),
        device_id: DeviceId::from_suffix("coach").unwrap(),
        status: CoachLegStatus::Connected,
        mode: CoachMode::Listen,
        muted: false,
        microphone_trouble: false,
        date_created: NOW,
        date_connected: Some(NOW),
        date_done: None,
        end_reason: None,
        participation_history: Vec::new(),
    }
}

fn call(name: &str, lead: &str, date_created: Timestamp) -> Call {
    Call {
        id: call_id(name),
        user_id: user("rep"),
        rep_leg_id: LegId::from_suffix(&format!("{name}rep")).unwrap(),
        lead: LeadBrief {
            id: LeadId::from_suffix(lead).unwrap(),
            display_name: "Globex".into(),
        },
        contact_id: None,
        direction: Direction::Outbound,
        status: CallStatus::InProgress,
        local_phone: "+15550001".into(),
        local_phone_type: PhoneNumberKind::Internal,
        remote_phone: "+15551000".into(),
        date_created,
        date_answered: Some(date_created),
        date_ended: None,
        duration: 0,
        hangup_cause: None,
        held: false,
        muted: false,
        rep_reconnecting: false,
        microphone_trouble: false,
        recording_url: None,
        recording: None,
        outcome_id: None,
        disposition: None,
        note: String::new(),
        coach_legs: Vec::new(),
        joinability: Joinability {
            joinable: false,
            code: None,
            message: None,
        },
    }
}

fn charge(leg: &str, minute: u32) -> Charge {
    Charge {
        kind: LedgerKind::Coaching,
        leg_id: LegId::from_suffix(leg).unwrap(),
        user_id: user("coach"),
        minute,
        at: NOW.plus_millis(i64::from(minute) * 60_000),
    }
}

fn sign_in(name: &str, of: UserId) -> NewSignIn {
    let mut hash = [0; 32];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    let mut access_hash = hash;
    access_hash[31] = 1;
    NewSignIn {
        id: name.to_owned(),
        user_id: of,
        device_id: DeviceId::from_suffix(name).unwrap(),
        client_type: ClientType::Native,
        device_name: None,
        address: None,
        refresh_hash: hash,
        refresh_expires_at: NOW.plus_millis(DAY_MS),
        access_hash,
        access_expires_at: NOW.plus_millis(DAY_MS),
        now: NOW,
    }
}

fn new_member(name: &str, token_hash: [u8; 32], email: &str) -> NewMember {
    NewMember {
        token_hash,
        account: NewAccount {
            last_name: name.to_owned(),
            ..new_account(name, email)
        },
        sign_in: sign_in(name, user(name)),
    }
}

fn new_account(name: &str, email: &str) -> NewAccount {
    NewAccount {
        user_id: user(name),
        membership_id: MembershipId::from_suffix(name).unwrap(),
        email: email.to_owned(),
        first_name: "Nora".into(),
        last_name: String::new(),
        password_hash: "hash".into(),
    }
}

/// An organization with this id, a role that may manage it, and active members who hold it.
async fn with_managers(store: &Database, name: &str, managers: usize) -> Vec<MembershipId> {
    let id = organization(name);
    store.add_organization(&id).await.unwrap();
    let mut tx = store.write(id.as_str()).await.unwrap();
    let role = format!("role_{name}");
    sql("INSERT INTO role (id, organization_id, name, built_in) VALUES ($1, $2, 'Admin', 1)")
        .bind(&role)
        .bind(id.as_str())
        .execute(&mut tx)
        .await
        .unwrap();
    sql("INSERT INTO role_permission (role_id, permission) VALUES ($1, 'manage_organization')")
        .bind(&role)
        .execute(&mut tx)
        .await
        .unwrap();
    let mut memberships = Vec::new();
    for number in 0..managers {
        let suffix = format!("{name}{number}");
        let membership = MembershipId::from_suffix(&suffix).unwrap();
        sql(
            "INSERT INTO account (id, email, first_name, last_name, password_hash)
             VALUES ($1, $2, 'Mia', $3, 'hash')",
        )
        .bind(user(&suffix).as_str())
        .bind(format!("{suffix}@demo.example"))
        .bind(&suffix)
        .execute(&mut tx)
        .await
        .unwrap();
        sql(
            "INSERT INTO membership (id, organization_id, account_id, role_id)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(membership.as_str())
        .bind(id.as_str())
        .bind(user(&suffix).as_str())
        .bind(&role)
        .execute(&mut tx)
        .await
        .unwrap();
        memberships.push(membership);
    }
    tx.commit().await.unwrap();
    memberships
}

/// A link into an organization of [`with_managers`].
async fn invite(store: &Database, name: &str, token_hash: [u8; 32]) {
    let new = NewInvite {
        id: MemberInviteId::from_suffix(&format!("{name}{}", token_hash[0])).unwrap(),
        token_hash,
        email: None,
        role_id: RoleId::parse(&format!("role_{name}")).unwrap(),
        group_ids: Vec::new(),
        inviter_id: user(&format!("{name}0")),
        now: NOW,
        expires_at: NOW.plus_millis(DAY_MS),
    };
    let made = store.create_invite(&organization(name), new).await;
    assert!(made.unwrap().is_some());
}
