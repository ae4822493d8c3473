//! What those who manage the organization see and change.

use client::AuditFilter;
use wire::{
    AuditEntry, Balance, Group, GroupId, GroupRequest, InboundCallRequest, LeadId, LedgerEntry,
    List, Member, MemberInvite, MemberInviteId, MemberInviteRequest, MembershipId, MembershipPatch,
    OrganizationPatch, PhoneNumber, PhoneNumberId, PhoneNumberRequest, PlanInfo, Role, RoleId,
    RoleRequest, Timestamp, TopUpRequest, Usage,
};

use super::{Answer, Shell};
use crate::error::AppError;

/// Every member, active or not.
#[tauri::command]
#[specta::specta]
pub async fn members(shell: Shell<'_>) -> Answer<Vec<Member>> {
    Ok(shell.session().api().members().await?.data)
}

/// Changes a member's role, whether they are active, or whether their calls are recorded.
#[tauri::command]
#[specta::specta]
pub async fn change_member(
    shell: Shell<'_>,
    id: MembershipId,
    patch: MembershipPatch,
) -> Answer<()> {
    Ok(shell.session().api().patch_membership(&id, &patch).await?)
}

/// Invitations by link, newest first.
#[tauri::command]
#[specta::specta]
pub async fn member_invites(shell: Shell<'_>) -> Answer<Vec<MemberInvite>> {
    Ok(shell.session().api().member_invites().await?.data)
}

/// Invites somebody; answers with the link, which is shown this once.
#[tauri::command]
#[specta::specta]
pub async fn invite_member(shell: Shell<'_>, request: MemberInviteRequest) -> Answer<String> {
    let session = shell.session();
    let new = session.api().create_member_invite(&request).await?;
    Ok(shell.invite_link(&new.token))
}

/// Takes an invitation by link back.
#[tauri::command]
#[specta::specta]
pub async fn revoke_member_invite(shell: Shell<'_>, id: MemberInviteId) -> Answer<()> {
    Ok(shell.session().api().revoke_member_invite(&id).await?)
}

/// The organization's roles.
#[tauri::command]
#[specta::specta]
pub async fn roles(shell: Shell<'_>) -> Answer<Vec<Role>> {
    Ok(shell.session().api().roles().await?.data)
}

/// Makes a role.
#[tauri::command]
#[specta::specta]
pub async fn create_role(shell: Shell<'_>, request: RoleRequest) -> Answer<Role> {
    Ok(shell.session().api().create_role(&request).await?)
}

/// Changes a role.
#[tauri::command]
#[specta::specta]
pub async fn change_role(shell: Shell<'_>, id: RoleId, request: RoleRequest) -> Answer<Role> {
    Ok(shell.session().api().change_role(&id, &request).await?)
}

/// Deletes a role.
#[tauri::command]
#[specta::specta]
pub async fn delete_role(shell: Shell<'_>, id: RoleId) -> Answer<()> {
    Ok(shell.session().api().delete_role(&id).await?)
}

/// Makes a group.
#[tauri::command]
#[specta::specta]
pub async fn create_group(shell: Shell<'_>, request: GroupRequest) -> Answer<Group> {
    Ok(shell.session().api().create_group(&request).await?)
}

/// Changes a group.
#[tauri::command]
#[specta::specta]
pub async fn change_group(shell: Shell<'_>, id: GroupId, request: GroupRequest) -> Answer<Group> {
    Ok(shell.session().api().change_group(&id, &request).await?)
}

/// Deletes a group.
#[tauri::command]
#[specta::specta]
pub async fn delete_group(shell: Shell<'_>, id: GroupId) -> Answer<()> {
    Ok(shell.session().api().delete_group(&id).await?)
}

/// Makes a phone number.
#[tauri::command]
#[specta::specta]
pub async fn create_phone_number(
    shell: Shell<'_>,
    request: PhoneNumberRequest,
) -> Answer<PhoneNumber> {
    Ok(shell.session().api().create_phone_number(&request).await?)
}

/// Changes a phone number.
#[tauri::command]
#[specta::specta]
pub async fn change_phone_number(
    shell: Shell<'_>,
    id: PhoneNumberId,
    request: PhoneNumberRequest,
) -> Answer<PhoneNumber> {
    Ok(shell
        .session()
        .api()
        .change_phone_number(&id, &request)
        .await?)
}

/// Deletes a phone number.
#[tauri::command]
#[specta::specta]
pub async fn delete_phone_number(shell: Shell<'_>, id: PhoneNumberId) -> Answer<()> {
    Ok(shell.session().api().delete_phone_number(&id).await?)
}

/// What each plan holds.
#[tauri::command]
#[specta::specta]
pub async fn plans(shell: Shell<'_>) -> Answer<Vec<PlanInfo>> {
    Ok(shell.session().api().plans().await?.data)
}

/// Changes the organization's name, plan, recording or warning.
#[tauri::command]
#[specta::specta]
pub async fn change_organization(shell: Shell<'_>, patch: OrganizationPatch) -> Answer<()> {
    let session = shell.session();
    let me = session.view().me.clone().ok_or_else(nobody)?;
    let id = &me.organization.id;
    Ok(session.api().patch_organization(id, &patch).await?)
}

/// The balance.
#[tauri::command]
#[specta::specta]
pub async fn balance(shell: Shell<'_>) -> Answer<Balance> {
    Ok(shell.session().api().balance().await?)
}

/// Balance, rates and spend; of the last 30 days when neither moment is given.
#[tauri::command]
#[specta::specta]
pub async fn usage(
    shell: Shell<'_>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Answer<Usage> {
    Ok(shell.session().api().usage(from, to).await?)
}

/// Lines of the ledger, newest first.
#[tauri::command]
#[specta::specta]
pub async fn ledger(
    shell: Shell<'_>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    skip: u32,
) -> Answer<List<LedgerEntry>> {
    Ok(shell.session().api().ledger(from, to, skip).await?)
}

/// Puts money in, in local mode.
#[tauri::command]
#[specta::specta]
pub async fn top_up(shell: Shell<'_>, request: TopUpRequest) -> Answer<Balance> {
    Ok(shell.session().api().top_up(&request).await?)
}

/// Lines of the audit log, newest first.
#[tauri::command]
#[specta::specta]
pub async fn audit(shell: Shell<'_>, filter: AuditQuery, skip: u32) -> Answer<List<AuditEntry>> {
    Ok(shell.session().api().audit(&filter.into(), skip).await?)
}

/// Saves the ledger as CSV among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_usage_csv(
    app: tauri::AppHandle,
    shell: Shell<'_>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Answer<String> {
    let bytes = shell.session().api().usage_csv(from, to).await?;
    super::save(&app, "usage.csv", &bytes)
}

/// Saves the audit log as CSV among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_audit_csv(
    app: tauri::AppHandle,
    shell: Shell<'_>,
    filter: AuditQuery,
) -> Answer<String> {
    let bytes = shell.session().api().audit_csv(&filter.into()).await?;
    super::save(&app, "audit.csv", &bytes)
}

/// Saves all of the organization's data as JSON among the downloads: where.
#[tauri::command]
#[specta::specta]
pub async fn save_export(app: tauri::AppHandle, shell: Shell<'_>) -> Answer<String> {
    let bytes = shell.session().api().export().await?;
    super::save(&app, "organization.json", &bytes)
}

/// Deletes a lead with its calls and recordings.
#[tauri::command]
#[specta::specta]
pub async fn delete_lead(shell: Shell<'_>, id: LeadId) -> Answer<()> {
    Ok(shell.session().api().delete_lead(&id).await?)
}

/// Lets the simulated lead call in, in local mode.
#[tauri::command]
#[specta::specta]
pub async fn inbound_call(shell: Shell<'_>, request: InboundCallRequest) -> Answer<()> {
    shell.session().api().inbound_call(&request).await?;
    Ok(())
}

/// Which lines of the audit log are wanted.
#[derive(Debug, Clone, Default, serde::Deserialize, specta::Type)]
pub struct AuditQuery {
    /// Those of this person.
    pub user_id: Option<wire::UserId>,
    /// Those of this call.
    pub call_id: Option<wire::CallId>,
    /// Those of this kind.
    pub action: Option<wire::AuditAction>,
    /// Only what was allowed, or only what was refused.
    pub allowed: Option<bool>,
    /// Since when.
    pub from: Option<Timestamp>,
    /// Until when.
    pub to: Option<Timestamp>,
}

impl From<AuditQuery> for AuditFilter {
    fn from(query: AuditQuery) -> Self {
        Self {
            user_id: query.user_id,
            call_id: query.call_id,
            action: query.action,
            allowed: query.allowed,
            from: query.from,
            to: query.to,
        }
    }
}

fn nobody() -> AppError {
    AppError::new("not_possible", "Nobody is signed in.")
}
