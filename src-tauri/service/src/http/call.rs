//! Calls, coaching and invitations: each handler asks the calls, which know the rules.

use super::error::Refused;
use super::extract::{Caller, Id, JsonBody, Params};
use super::page;
use crate::app::App;
use crate::audit::{self, Note};
use crate::calls;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use store::Principal;
use wire::{
    Call, CallId, CoachLeg, DtmfRequest, HoldRequest, Invitation, InvitationId, InvitationRequest,
    InvitationTarget, JoinRequest, LeadId, List, ListQuery, MediaAnswer, MediaOffer, ModeRequest,
    MuteRequest, PlaceCallRequest, UserId,
};

/// Which calls are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallQuery {
    /// Those of this lead only.
    pub lead_id: Option<LeadId>,
    /// Only those that are not over (`true`), or all (`false`, or not given).
    pub active: Option<bool>,
    /// How many items at most: 1 to 200, 100 when not given.
    #[serde(rename = "_limit")]
    #[param(rename = "_limit", minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// How many items to pass over: 0 when not given.
    #[serde(rename = "_skip")]
    #[param(rename = "_skip")]
    pub skip: Option<u32>,
    /// The `cursor` of the page before.
    #[serde(rename = "_cursor")]
    #[param(rename = "_cursor")]
    pub cursor: Option<String>,
}

/// The organization's calls, newest first.
///
/// `coach_legs` is empty for those who may not see them, `joinability` is that of the asking user.
#[utoipa::path(
    get, path = "/api/v1/activity/call/", tag = "call", params(CallQuery),
    responses((status = 200, description = "One page.", body = List<Call>))
)]
pub async fn calls(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<CallQuery>,
) -> Result<Json<List<Call>>, Refused> {
    let bounds = ListQuery {
        limit: query.limit,
        skip: query.skip,
        cursor: query.cursor.clone(),
    };
    let active = query.active.unwrap_or(false);
    let calls = app
        .calls
        .list(&caller(&who), query.lead_id.as_ref(), active, &bounds)
        .await?;
    Ok(Json(calls))
}

/// Places a call: the service dials the lead from one of the organization's numbers.
///
/// The answer comes at once, with status `created`; what happens then comes as `call_changed`. Connect
/// the rep's audio with `…/media/`. A lead, contact or number that is not the organization's is
/// `not_found`.
#[utoipa::path(
    post, path = "/api/v1/activity/call/", tag = "call", request_body = PlaceCallRequest,
    responses((status = 201, description = "Placed.", body = Call))
)]
pub async fn place(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    JsonBody(request): JsonBody<PlaceCallRequest>,
) -> Result<(StatusCode, Json<Call>), Refused> {
    let call = app.calls.place(&caller(&who), &request).await?;
    Ok((StatusCode::CREATED, Json(call)))
}

/// One call, in progress or past.
#[utoipa::path(
    get, path = "/api/v1/activity/call/{id}/", tag = "call", params(("id" = CallId, Path)),
    responses((status = 200, description = "The call.", body = Call))
)]
pub async fn call(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<Json<Call>, Refused> {
    Ok(Json(app.calls.get(&caller(&who), &id).await?))
}

/// Hangs up: the call and all coaching on it end. Only the rep may.
#[utoipa::path(
    post, path = "/api/v1/activity/call/{id}/hangup/", tag = "call", params(("id" = CallId, Path)),
    responses((status = 200, description = "The call, which is over.", body = Call))
)]
pub async fn hang_up(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<Json<Call>, Refused> {
    Ok(Json(app.calls.hang_up(&caller(&who), &id).await?))
}

/// Puts the lead on hold, or takes them off it. Only the rep may. A lead on hold neither hears nor is
/// heard.
#[utoipa::path(
    put, path = "/api/v1/activity/call/{id}/hold/", tag = "call", params(("id" = CallId, Path)),
    request_body = HoldRequest,
    responses((status = 200, description = "The call, as it is now.", body = Call))
)]
pub async fn hold(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    JsonBody(request): JsonBody<HoldRequest>,
) -> Result<Json<Call>, Refused> {
    let call = app.calls.set_held(&caller(&who), &id, request.held).await?;
    Ok(Json(call))
}

/// Mutes the asking user's own leg, the rep's or a coach's, or takes the mute off.
#[utoipa::path(
    put, path = "/api/v1/activity/call/{id}/mute/", tag = "call", params(("id" = CallId, Path)),
    request_body = MuteRequest,
    responses((status = 200, description = "The call, as it is now.", body = Call))
)]
pub async fn mute(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    JsonBody(request): JsonBody<MuteRequest>,
) -> Result<Json<Call>, Refused> {
    let call = app
        .calls
        .set_muted(&caller(&who), &id, request.muted)
        .await?;
    Ok(Json(call))
}

/// Sends keys to the lead (RFC 4733). Only the rep may. The rep's own devices get `dtmf_sent`, which
/// does not repeat the keys.
#[utoipa::path(
    post, path = "/api/v1/activity/call/{id}/dtmf/", tag = "call", params(("id" = CallId, Path)),
    request_body = DtmfRequest, responses((status = 204, description = "Sent."))
)]
pub async fn dtmf(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    JsonBody(request): JsonBody<DtmfRequest>,
) -> Result<StatusCode, Refused> {
    app.calls
        .send_dtmf(&caller(&who), &id, &request.digits)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers an SDP offer for the asking user's own leg, the rep's or a coach's, on the asking device.
///
/// What the offer has to hold is said under *Media* at the top. A later offer takes the leg over.
#[utoipa::path(
    post, path = "/api/v1/activity/call/{id}/media/", tag = "call", params(("id" = CallId, Path)),
    request_body = MediaOffer,
    responses((status = 200, description = "The service's answer.", body = MediaAnswer))
)]
pub async fn media(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    JsonBody(offer): JsonBody<MediaOffer>,
) -> Result<Json<MediaAnswer>, Refused> {
    let answer = app.calls.media_offer(&caller(&who), &id, &offer).await?;
    Ok(Json(answer))
}

/// Joins a call as its coach, in Listen; or, when the user coaches it already, moves the audio to the
/// asking device.
///
/// It takes the permission `call_coach_listen`, a plan with coaching, and a call in progress that is
/// outbound, from an internal number and not the user's own. Connect the audio with `…/media/`.
#[utoipa::path(
    post, path = "/api/v1/activity/call/{id}/coach_leg/", tag = "coaching",
    params(("id" = CallId, Path)), request_body = JoinRequest,
    responses((status = 201, description = "The coach's leg.", body = CoachLeg))
)]
pub async fn join(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    note: Note,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<(StatusCode, Json<CoachLeg>), Refused> {
    let leg = app.calls.join(&caller(&who), &id, &request).await?;
    note.target(&leg.id);
    Ok((StatusCode::CREATED, Json(leg)))
}

/// Leaves the call that the asking user coaches. Nothing else ends by it.
#[utoipa::path(
    delete, path = "/api/v1/activity/call/{id}/coach_leg/", tag = "coaching",
    params(("id" = CallId, Path)), responses((status = 204, description = "Left."))
)]
pub async fn leave(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<StatusCode, Refused> {
    app.calls.leave(&caller(&who), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Switches the asking coach's mode: `listen`, `whisper` or `barge`.
///
/// Whisper and Barge take the permission `call_coach_barge`. When the answer comes, the mode is in
/// force where the audio is mixed: stamp packets with a wider mode only from then on.
#[utoipa::path(
    put, path = "/api/v1/activity/call/{id}/coach_leg/mode/", tag = "coaching",
    params(("id" = CallId, Path)), request_body = ModeRequest,
    responses((status = 200, description = "The coach's leg, as it is now.", body = CoachLeg))
)]
pub async fn mode(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    note: Note,
    JsonBody(request): JsonBody<ModeRequest>,
) -> Result<Json<CoachLeg>, Refused> {
    note.detail(audit::name(&request.mode).unwrap_or_default());
    let leg = app.calls.set_mode(&caller(&who), &id, &request).await?;
    Ok(Json(leg))
}

/// Invites teammates to coach the asking rep's call: all of them, or on a refusal nobody.
///
/// Those who may be invited are listed by `…/invitation_target/`. An invitation is open for 60 s, ends
/// with the call, and gives no permission. Inviter and invitee get `invitation_changed`.
#[utoipa::path(
    post, path = "/api/v1/activity/call/{id}/invitation/", tag = "coaching",
    params(("id" = CallId, Path)), request_body = InvitationRequest,
    responses((status = 201, description = "The invitations.", body = List<Invitation>))
)]
pub async fn invite(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
    note: Note,
    JsonBody(request): JsonBody<InvitationRequest>,
) -> Result<(StatusCode, Json<List<Invitation>>), Refused> {
    let invited: Vec<&str> = request.user_ids.iter().map(UserId::as_str).collect();
    note.target(invited.join(" "));
    let invitations = app.calls.invite(&caller(&who), &id, &request).await?;
    Ok((StatusCode::CREATED, Json(invitations)))
}

/// Who can be invited to the asking rep's call: teammates with the desktop app online, each with
/// whether they could join.
#[utoipa::path(
    get, path = "/api/v1/activity/call/{id}/invitation_target/", tag = "coaching",
    params(("id" = CallId, Path)),
    responses((status = 200, description = "All of them.", body = List<InvitationTarget>))
)]
pub async fn invitation_targets(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<CallId>,
) -> Result<Json<List<InvitationTarget>>, Refused> {
    let targets = app.calls.invitation_targets(&caller(&who), &id).await?;
    Ok(Json(targets))
}

/// The open invitations of the asking user.
#[utoipa::path(
    get, path = "/api/v1/invitation/", tag = "coaching", params(ListQuery),
    responses((status = 200, description = "One page.", body = List<Invitation>))
)]
pub async fn invitations(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<Invitation>>, Refused> {
    let open = app.calls.open_invitations(&caller(&who)).await?;
    let skip = query.skip() as usize;
    let rest = open.data.into_iter().skip(skip).collect();
    Ok(Json(page(rest, &query)))
}

/// Declines an invitation of the asking user.
#[utoipa::path(
    post, path = "/api/v1/invitation/{id}/decline/", tag = "coaching",
    params(("id" = InvitationId, Path)),
    responses((status = 200, description = "The invitation, as it is now.", body = Invitation))
)]
pub async fn decline(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<InvitationId>,
) -> Result<Json<Invitation>, Refused> {
    Ok(Json(app.calls.decline(&caller(&who), &id).await?))
}

/// Who asks, as calls want to know it.
pub(super) fn caller(who: &Principal) -> calls::Caller {
    calls::Caller {
        organization_id: who.organization_id.clone(),
        user_id: who.user_id.clone(),
        device_id: who.device_id.clone(),
        client_type: who.client_type,
    }
}
