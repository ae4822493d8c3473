//! One participant of a call, for scripts: signs in, calls or joins, switches on a timeline, speaks a
//! file, writes what it heard, and says what happens as JSON lines.
//!
//! It knows nothing that the client library does not: it is a thin user interface without a window.

mod args;
mod events;
mod timeline;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use client::audio::{
    Discard, Loudspeaker, Microphone, Samples, Silence, Tone, WavWriter, read_wav,
};
use client::{
    ClientError, Connection, Devices, MediaStatus, Notice, Session, SessionEvent, Settings, View,
};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until, timeout};
use wire::{
    Call, CallId, Invitation, Lead, LeadId, LeadQuery, ListQuery, PhoneNumberKind,
    PlaceCallRequest, UserId, route,
};

use args::{Args, What};
use events::Printer;
use timeline::{Action, Timeline};

/// How long signing in and connecting may take.
const CONNECT_WAIT: Duration = Duration::from_secs(30);
/// How long to wait for a call to join, an invitation, or the first sound.
const CALL_WAIT: Duration = Duration::from_secs(120);
/// Seconds of synthesized speech before it begins again.
const SPEECH_S: u32 = 20;
/// The amplitude of a tone: about -12 dBov.
const TONE_AMPLITUDE: i16 = 11_000;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("participant: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), ClientError> {
    let timeline: Timeline = args.timeline.clone();
    let devices = devices(args)?;
    let password = args.password()?;
    let session = Session::start(Settings::new(&args.server))?;
    let printer = Printer::start(session.events());
    let outcome = take_part(args, &session, timeline, devices, &password).await;
    // Also after an error: nothing is left behind at the service.
    let signed_out = timeout(CONNECT_WAIT, session.sign_out()).await;
    drop(session);
    printer.finish().await;
    outcome?;
    signed_out.map_err(|_| late("signing out"))?
}

async fn take_part(
    args: &Args,
    session: &Session,
    timeline: Timeline,
    devices: Devices,
    password: &str,
) -> Result<(), ClientError> {
    timeout(CONNECT_WAIT, session.sign_in(&args.email, password))
        .await
        .map_err(|_| late("signing in"))??;
    wait(session, CONNECT_WAIT, "the WebSocket", |view| {
        view.connection == Connection::Online && view.me.is_some()
    })
    .await?;
    let events = session.events();
    let call_id = match &args.what {
        What::Call { lead, phone, from } => {
            let request = call_request(session, lead, phone.clone(), from.as_deref()).await?;
            session.place_call(request, devices).await?.id
        }
        What::Join { target } => {
            let (call_id, invitation) = call_to_join(session, target).await?;
            let invitation_id = invitation.map(|invitation| invitation.id);
            session
                .join(call_id.clone(), invitation_id, devices)
                .await?;
            call_id
        }
    };
    let ended = ended(events, call_id);
    tokio::select! {
        result = speak(args, session, timeline) => result,
        () = ended => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Follows the timeline from the moment that sound flows, until its end and the end of `--for`.
async fn speak(args: &Args, session: &Session, timeline: Timeline) -> Result<(), ClientError> {
    wait(session, CALL_WAIT, "sound", |view| {
        view.media == MediaStatus::Connected
    })
    .await?;
    let start = Instant::now();
    for (at, action) in timeline.entries {
        sleep_until(start + at).await;
        act(session, action).await?;
    }
    match args.duration {
        Some(duration) => sleep_until(start + duration.0).await,
        // Until the call is over, or the program is interrupted.
        None => std::future::pending().await,
    }
    Ok(())
}

async fn act(session: &Session, action: Action) -> Result<(), ClientError> {
    match action {
        Action::Mode(mode) => session.set_mode(mode).await.map(drop),
        Action::Mute(muted) => session.mute(muted).await,
        Action::Hold(held) => session.hold(held).await,
        Action::Dtmf(digits) => session.dtmf(&digits).await,
        Action::Invite(email) => {
            let user = user_with(&session.view(), &email)?;
            session.invite(vec![user]).await.map(drop)
        }
        Action::Leave => session.leave().await,
        Action::HangUp => session.hang_up().await,
    }
}

/// Waits until the call, or the coaching of it, is over.
async fn ended(mut events: broadcast::Receiver<SessionEvent>, call_id: CallId) {
    loop {
        match events.recv().await {
            Ok(SessionEvent::Notice(Notice::MyCallEnded(call))) if call.id == call_id => return,
            Ok(SessionEvent::Notice(Notice::CoachingEnded(id, _))) if id == call_id => return,
            Ok(SessionEvent::Notice(Notice::SignedOut(_))) => return,
            Err(broadcast::error::RecvError::Closed) => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
        }
    }
}

async fn call_request(
    session: &Session,
    lead: &str,
    remote_phone: Option<String>,
    from: Option<&str>,
) -> Result<PlaceCallRequest, ClientError> {
    let numbers = session
        .api()
        .list(&route::LIST_PHONE_NUMBERS, &ListQuery::default())
        .await?;
    let local = numbers
        .into_iter()
        .find(|number| match from {
            Some(from) => number.number == from,
            None => number.kind == PhoneNumberKind::Internal,
        })
        .ok_or_else(|| missing("a number of the organization to call from"))?;
    Ok(PlaceCallRequest {
        local_phone_id: local.id,
        lead_id: Some(find_lead(session, lead).await?.id),
        contact_id: None,
        remote_phone,
    })
}

async fn find_lead(session: &Session, lead: &str) -> Result<Lead, ClientError> {
    if let Ok(id) = LeadId::parse(lead) {
        return session.api().call(&route::GET_LEAD, &id, &()).await;
    }
    let named = LeadQuery::named(lead);
    let found = session.api().list(&route::LIST_LEADS, &named).await?;
    found
        .into_iter()
        .find(|found| found.display_name.eq_ignore_ascii_case(lead))
        .ok_or_else(|| missing("a lead with this name"))
}

async fn call_to_join(
    session: &Session,
    target: &args::Target,
) -> Result<(CallId, Option<Invitation>), ClientError> {
    if let Some(call) = &target.call {
        let id = CallId::parse(call).map_err(|e| ClientError::Settings(e.to_string()))?;
        return Ok((id, None));
    }
    if target.invited {
        let view = wait(session, CALL_WAIT, "an invitation", |view| {
            !view.invitations.is_empty()
        })
        .await?;
        let invitation = view.invitations.values().next().cloned();
        let call_id = invitation.as_ref().map(|i| i.call_id.clone());
        return Ok((call_id.ok_or_else(|| missing("an invitation"))?, invitation));
    }
    let email = target.rep.as_deref().unwrap_or_default();
    wait(session, CONNECT_WAIT, "the members", |view| {
        !view.users.is_empty()
    })
    .await?;
    let rep = user_with(&session.view(), email)?;
    let of_rep = |call: &&Call| call.user_id == rep && call.joinability.joinable;
    let view = wait(session, CALL_WAIT, "a call of this rep to join", |view| {
        view.calls.values().any(|call| of_rep(&call))
    })
    .await?;
    let call = view.calls.values().find(of_rep);
    Ok((call.ok_or_else(|| missing("a call"))?.id.clone(), None))
}

fn user_with(view: &View, email: &str) -> Result<UserId, ClientError> {
    let mut users = view.users.values();
    users
        .find(|user| user.email.eq_ignore_ascii_case(email))
        .map(|user| user.id.clone())
        .ok_or_else(|| missing("a member with this email address"))
}

fn devices(args: &Args) -> Result<Devices, ClientError> {
    let microphone: Box<dyn Microphone> = if let Some(path) = &args.voice.speak {
        Box::new(Samples::repeated(read_wav(path)?))
    } else if let Some(frequency_hz) = args.voice.tone {
        Box::new(Tone::new(frequency_hz, TONE_AMPLITUDE))
    } else if let Some(seed) = args.voice.speech {
        Box::new(Samples::repeated(voice::speech::synthesized(
            seed, SPEECH_S,
        )))
    } else {
        Box::new(Silence::default())
    };
    let loudspeaker: Box<dyn Loudspeaker> = match &args.hear {
        Some(path) => Box::new(WavWriter::create(path)?),
        None => Box::new(Discard::default()),
    };
    Ok(Devices {
        microphone,
        loudspeaker,
    })
}

async fn wait(
    session: &Session,
    limit: Duration,
    what: &str,
    is: impl FnMut(&View) -> bool,
) -> Result<Arc<View>, ClientError> {
    timeout(limit, session.wait_until(is))
        .await
        .map_err(|_| late(what))?
}

fn late(what: &str) -> ClientError {
    ClientError::NotPossible(format!("waited too long for {what}"))
}

fn missing(what: &str) -> ClientError {
    ClientError::NotPossible(format!("couldn't find {what}"))
}
