//! Members: who they are, which role each has, and who is online.

use super::check::to_its_end;
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::audit;
use store::clock::now;
use wire::{
    Availability, List, ListQuery, Me, Member, Membership, MembershipId, MembershipPatch, User,
    UserId, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::ME, me)
        .on(route::LIST_USERS, users)
        .on(route::AVAILABILITY, availability)
        .on(route::GET_USER, user)
        .on(route::LIST_MEMBERS, list)
        .on(route::CHANGE_MEMBER, change)
}

async fn me(Ask { app, who, .. }: Ask<(), ()>) -> Result<Me, Refused> {
    let me = app.store.me(&who.user_id, now()).await?;
    me.ok_or_else(|| Refused::not_found("user"))
}

async fn users(
    Ask {
        app, who, input, ..
    }: Ask<(), ListQuery>,
) -> Result<List<User>, Refused> {
    let users = app.store.users(&who.organization_id, &input);
    Ok(users.await?)
}

async fn availability(Ask { app, who, .. }: Ask<(), ()>) -> Result<Availability, Refused> {
    Ok(app.availability(&who.organization_id).await?)
}

async fn user(Ask { app, who, id, .. }: Ask<UserId, ()>) -> Result<User, Refused> {
    let user = app.store.user(&who.organization_id, &id);
    user.await?.ok_or_else(|| Refused::not_found("user"))
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), ListQuery>,
) -> Result<List<Member>, Refused> {
    let members = app.store.every_member(&who.organization_id, &input);
    Ok(members.await?)
}

async fn change(ask: Ask<MembershipId, MembershipPatch>) -> Result<Membership, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        ..
    } = ask;
    note.detail(told(&input));
    to_its_end(async move {
        let change = app
            .store
            .patch_membership(&who.organization_id, &id, &input)
            .await?
            .ok_or_else(|| Refused::not_found("membership or role"))?;
        note.target(&change.user_id);
        tracing::info!(
            by = %who.user_id, user_id = %change.user_id, active = change.active,
            role_id = %change.membership.role_id, "changed a membership"
        );
        app.member_changed(&who.organization_id, &change).await;
        Ok(change.membership)
    })
    .await
}

/// What the audit log says of it: `role role_1, deactivated`.
fn told(patch: &MembershipPatch) -> String {
    let role = patch.role_id.as_ref().map(|role| format!("role {role}"));
    let active = patch.active.map(|active| {
        let word = if active { "activated" } else { "deactivated" };
        word.to_owned()
    });
    let recording = patch.recording.as_ref().and_then(audit::name);
    let recording = recording.map(|recording| format!("recording {recording}"));
    let parts: Vec<String> = role.into_iter().chain(active).chain(recording).collect();
    parts.join(", ")
}
