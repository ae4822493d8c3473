//! Carries out one request of the pure session over HTTP.

use session::{Failure, Reply, Request};

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
        Request::Me => Reply::Me(Box::new(api.me().await?)),
        Request::Users => Reply::Users(api.users().await?.data),
        Request::Availability => Reply::Availability(api.availability().await?.data),
        Request::ActiveCalls => Reply::ActiveCalls(api.active_calls().await?.data),
        Request::Invitations => Reply::Invitations(api.invitations().await?.data),
        Request::Balance => Reply::Balance(api.balance().await?),
        Request::Call(id) => Reply::Call(Box::new(api.call(&id).await?)),
        Request::PlaceCall(request) => Reply::Call(Box::new(api.place_call(&request).await?)),
        Request::Answer(id) => Reply::Call(Box::new(api.answer(&id).await?)),
        Request::HangUp(id) => done(api.hang_up(&id).await?),
        Request::Hold(id, held) => done(api.hold(&id, held).await?),
        Request::Mute(id, muted) => done(api.mute(&id, muted).await?),
        Request::Dtmf(id, request) => done(api.dtmf(&id, &request).await?),
        Request::Media(id, sdp) => Reply::MediaAnswer(api.media(&id, sdp).await?),
        Request::Join(id, request) => Reply::CoachLeg(Box::new(api.join(&id, &request).await?)),
        Request::Mode(id, mode) => Reply::CoachLeg(Box::new(api.set_mode(&id, mode).await?)),
        Request::Leave(id) => done(api.leave(&id).await?),
        Request::Invite(id, request) => Reply::Invitations(api.invite(&id, &request).await?.data),
        Request::Decline(id) => done(api.decline(&id).await?),
    })
}

const fn done((): ()) -> Reply {
    Reply::Done
}
