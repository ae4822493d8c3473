//! Carries out one request of the pure session over HTTP.

use session::{Failure, Reply, Request};
use wire::{
    Call, CallQuery, HoldRequest, ListQuery, MicrophoneRequest, ModeRequest, MuteRequest,
    RecordingRequest, route,
};

use crate::api::Api;
use crate::error::ClientError;

/// Asks the service.
pub(crate) async fn perform(api: &Api, request: Request) -> Result<Reply, Failure> {
    ask(api, request).await.map_err(Failure::from)
}

async fn ask(api: &Api, request: Request) -> Result<Reply, ClientError> {
    Ok(match request {
        Request::SignIn(request) => {
            let (user_id, device_id) = api.sign_in(&request).await?;
            Reply::SignedIn { user_id, device_id }
        }
        Request::AcceptInvite(request) => {
            let (user_id, device_id) = api.accept_invite(&request).await?;
            Reply::SignedIn { user_id, device_id }
        }
        Request::Resume => match api.resume().await? {
            Some((user_id, device_id)) => Reply::SignedIn { user_id, device_id },
            None => Reply::NothingKept,
        },
        Request::SignOut => done(api.sign_out().await?),
        Request::Refresh => done(api.refresh(None).await?),
        Request::Me => Reply::Me(Box::new(api.call(&route::ME, &(), &()).await?)),
        Request::Users => Reply::Users(api.list(&route::LIST_USERS, &ListQuery::default()).await?),
        Request::Availability => {
            Reply::Availability(api.call(&route::AVAILABILITY, &(), &()).await?.data)
        }
        Request::ActiveCalls => {
            let active = CallQuery {
                active: Some(true),
                ..CallQuery::default()
            };
            Reply::ActiveCalls(api.list(&route::LIST_CALLS, &active).await?)
        }
        Request::Invitations => {
            let all = ListQuery::default();
            Reply::Invitations(api.list(&route::LIST_INVITATIONS, &all).await?)
        }
        Request::Balance => Reply::Balance(api.call(&route::BALANCE, &(), &()).await?),
        Request::Call(id) => reply_call(api.call(&route::GET_CALL, &id, &()).await?),
        Request::PlaceCall(request) => {
            reply_call(api.call(&route::PLACE_CALL, &(), &request).await?)
        }
        Request::Answer(id) => reply_call(api.call(&route::ANSWER, &id, &()).await?),
        Request::HangUp(id) => done(api.call_soon(&route::HANG_UP, &id, &()).await?),
        Request::Hold(id, held) => done(
            api.call_soon(&route::HOLD, &id, &HoldRequest { held })
                .await?,
        ),
        Request::Mute(id, muted) => done(
            api.call_soon(&route::MUTE, &id, &MuteRequest { muted })
                .await?,
        ),
        Request::PauseRecording(id, paused) => {
            let paused = RecordingRequest { paused };
            done(api.call_soon(&route::PAUSE_RECORDING, &id, &paused).await?)
        }
        Request::MicrophoneTrouble(id, trouble) => {
            let request = MicrophoneRequest { trouble };
            done(api.call(&route::MICROPHONE, &id, &request).await?)
        }
        Request::Dtmf(id, request) => done(api.call(&route::SEND_DTMF, &id, &request).await?),
        Request::Media(id, sdp) => {
            let answer = api.media(&id, sdp).await?;
            Reply::MediaAnswer(answer.sdp, answer.coach_leg.map(Box::new))
        }
        Request::Join(id, request) => {
            Reply::CoachLeg(Box::new(api.call(&route::JOIN, &id, &request).await?))
        }
        Request::Mode(id, mode) => {
            let mode = ModeRequest { mode };
            let leg = api.call_soon(&route::SET_MODE, &id, &mode).await?;
            Reply::CoachLeg(Box::new(leg))
        }
        Request::Leave(id) => done(api.call_soon(&route::LEAVE, &id, &()).await?),
        Request::Invite(id, request) => {
            Reply::Invitations(api.call(&route::INVITE, &id, &request).await?.data)
        }
        Request::Decline(id) => done(api.call_soon(&route::DECLINE, &id, &()).await?),
    })
}

fn reply_call(call: Call) -> Reply {
    Reply::Call(Box::new(call))
}

/// What the service answers with, the events say too.
fn done<T>(_: T) -> Reply {
    Reply::Done
}
