//! Calls, coaching and invitations: each handler asks the calls, which know the rules.

use super::check::{invalid, note, to_its_end};
use super::error::Refused;
use super::routes::{Ask, Routes, page};
use crate::audit;
use numbers::TEXT_CHARS_MAX as NUMBER_CHARS_MAX;
use store::Principal;
use wire::{
    Call, CallId, CallPatch, CallQuery, CoachLeg, DtmfRequest, HoldRequest, InboundCallRequest,
    Invitation, InvitationId, InvitationRequest, InvitationTarget, JoinRequest, List, ListQuery,
    MediaAnswer, MediaOffer, MicrophoneRequest, ModeRequest, MuteRequest, NumberLookup,
    NumberQuery, Permission, PlaceCallRequest, UserId, route,
};

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_CALLS, list)
        .on(route::LOOK_UP_NUMBER, look_up)
        .on(route::PLACE_CALL, place)
        .on(route::GET_CALL, call)
        .on(route::CHANGE_CALL, change)
        .on(route::ANSWER, answer)
        .on(route::HANG_UP, hang_up)
        .on(route::HOLD, hold)
        .on(route::MUTE, mute)
        .on(route::MICROPHONE, say_microphone)
        .on(route::SEND_DTMF, send_dtmf)
        .on(route::OFFER_MEDIA, offer_media)
        .on(route::RECEIVE_SIMULATED_CALL, receive_simulated)
        .on(route::JOIN, join)
        .on(route::LEAVE, leave)
        .on(route::SET_MODE, set_mode)
        .on(route::INVITE, invite)
        .on(route::LIST_INVITATION_TARGETS, invitation_targets)
        .on(route::LIST_INVITATIONS, invitations)
        .on(route::DECLINE, decline)
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), CallQuery>,
) -> Result<List<Call>, Refused> {
    let (caller, lead, page) = (caller(&who), input.lead_id.as_ref(), input.page());
    let active = input.active.unwrap_or(false);
    Ok(app.calls.list(&caller, lead, active, &page).await?)
}

async fn place(
    Ask {
        app, who, input, ..
    }: Ask<(), PlaceCallRequest>,
) -> Result<Call, Refused> {
    let number = input.remote_phone.as_deref().unwrap_or_default();
    if number.chars().count() > NUMBER_CHARS_MAX {
        return Err(invalid(format!(
            "`remote_phone` can have up to {NUMBER_CHARS_MAX} characters."
        )));
    }
    Ok(app.calls.place(&caller(&who), &input).await?)
}

async fn look_up(ask: Ask<(), NumberQuery>) -> Result<NumberLookup, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    Ok(app.calls.look_up(&caller(&who), &input.number).await?)
}

async fn call(Ask { app, who, id, .. }: Ask<CallId, ()>) -> Result<Call, Refused> {
    Ok(app.calls.get(&caller(&who), &id).await?)
}

async fn change(ask: Ask<CallId, CallPatch>) -> Result<Call, Refused> {
    let Ask {
        app,
        who,
        id,
        mut input,
        ..
    } = ask;
    input.note = input.note.map(|text| note(&text)).transpose()?;
    let manages = who.permissions.contains(&Permission::ManageOrganization);
    // What the store holds from here on, everybody is told.
    to_its_end(async move {
        let calls = &app.calls;
        Ok(calls.annotate(&caller(&who), manages, &id, input).await?)
    })
    .await
}

async fn answer(Ask { app, who, id, .. }: Ask<CallId, ()>) -> Result<Call, Refused> {
    Ok(app.calls.answer(&caller(&who), &id).await?)
}

async fn hang_up(Ask { app, who, id, .. }: Ask<CallId, ()>) -> Result<Call, Refused> {
    Ok(app.calls.hang_up(&caller(&who), &id).await?)
}

async fn hold(ask: Ask<CallId, HoldRequest>) -> Result<Call, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    Ok(app.calls.set_held(&caller(&who), &id, input.held).await?)
}

async fn mute(ask: Ask<CallId, MuteRequest>) -> Result<Call, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    let call = app.calls.set_muted(&caller(&who), &id, input.muted).await?;
    Ok(call)
}

async fn say_microphone(ask: Ask<CallId, MicrophoneRequest>) -> Result<Call, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    let calls = &app.calls;
    Ok(calls
        .set_microphone_trouble(&caller(&who), &id, input.trouble)
        .await?)
}

async fn send_dtmf(ask: Ask<CallId, DtmfRequest>) -> Result<(), Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    app.calls
        .send_dtmf(&caller(&who), &id, &input.digits)
        .await?;
    Ok(())
}

async fn offer_media(ask: Ask<CallId, MediaOffer>) -> Result<MediaAnswer, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    Ok(app.calls.media_offer(&caller(&who), &id, &input).await?)
}

async fn receive_simulated(ask: Ask<(), InboundCallRequest>) -> Result<Call, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    if !app.config.demo {
        return Err(Refused::not_found("simulated lead"));
    }
    Ok(app.calls.receive(&caller(&who), &input).await?)
}

async fn join(ask: Ask<CallId, JoinRequest>) -> Result<CoachLeg, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        ..
    } = ask;
    let leg = app.calls.join(&caller(&who), &id, &input).await?;
    note.target(&leg.id);
    Ok(leg)
}

async fn leave(Ask { app, who, id, .. }: Ask<CallId, ()>) -> Result<(), Refused> {
    app.calls.leave(&caller(&who), &id).await?;
    Ok(())
}

async fn set_mode(ask: Ask<CallId, ModeRequest>) -> Result<CoachLeg, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        ..
    } = ask;
    note.detail(audit::name(&input.mode).unwrap_or_default());
    Ok(app.calls.set_mode(&caller(&who), &id, &input).await?)
}

async fn invite(ask: Ask<CallId, InvitationRequest>) -> Result<List<Invitation>, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        note,
        ..
    } = ask;
    let invited: Vec<&str> = input.user_ids.iter().map(UserId::as_str).collect();
    note.target(invited.join(" "));
    Ok(app.calls.invite(&caller(&who), &id, &input).await?)
}

async fn invitation_targets(ask: Ask<CallId, ()>) -> Result<List<InvitationTarget>, Refused> {
    let Ask { app, who, id, .. } = ask;
    Ok(app.calls.invitation_targets(&caller(&who), &id).await?)
}

async fn invitations(ask: Ask<(), ListQuery>) -> Result<List<Invitation>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let open = app.calls.open_invitations(&caller(&who)).await?;
    let skip = input.skip() as usize;
    let rest = open.data.into_iter().skip(skip).collect();
    Ok(page(rest, &input))
}

async fn decline(Ask { app, who, id, .. }: Ask<InvitationId, ()>) -> Result<Invitation, Refused> {
    Ok(app.calls.decline(&caller(&who), &id).await?)
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
