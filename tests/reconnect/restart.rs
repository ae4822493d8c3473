//! A service that is stopped, or dies, during a call: its calls are over, and everybody is back without
//! a sign-in and without a ghost of the call.

use crate::common::{answered, config, join, place, sees, until};
use client::{Connection, MediaStatus};
use demo::actor::Actor;
use service::{Config, Hooks, Running};
use std::net::SocketAddr;
use std::path::Path;
use wire::{CallStatus, HangupCause, LegEndReason, PhoneNumberKind, route};

fn settings(folder: &Path, listen: SocketAddr) -> Config {
    Config {
        data: folder.to_owned(),
        listen,
        ..config()
    }
}

/// A service on a runtime of its own, so that it can die as a process does.
fn start(config: Config) -> (tokio::runtime::Runtime, Running) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let service = runtime.block_on(service::start(config, Hooks::default()));
    (runtime, service.expect("the service starts"))
}

async fn start_beside(config: Config) -> (tokio::runtime::Runtime, Running) {
    let started = tokio::task::spawn_blocking(move || start(config)).await;
    started.expect("a service")
}

async fn restarted(dies: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (runtime, service) = start_beside(settings(folder.path(), any)).await;
    let address = service.http_addr;
    let server = format!("http://{address}");
    let rep = Actor::sign_in(&server, "riley").await.expect("online");
    let call_id = place(&rep, PhoneNumberKind::Internal, "Globex", None).await;
    answered(&rep).await;
    rep.connected().await.expect("the rep's sound");
    let coach = Actor::sign_in(&server, "casey").await.expect("online");
    let watcher = Actor::sign_in(&server, "morgan").await.expect("online");
    join(&coach, &call_id).await;
    coach.connected().await.expect("the coach's sound");
    sees(&watcher, &call_id).await;

    if !dies {
        service.stop().await;
    }
    runtime.shutdown_background();
    for actor in [&rep, &coach, &watcher] {
        until(actor, "the loss to be shown", |view| {
            view.connection != Connection::Online
        })
        .await;
    }
    let (runtime, service) = start_beside(settings(folder.path(), address)).await;
    for actor in [&rep, &coach, &watcher] {
        until(actor, "a clean state", |view| {
            view.connection == Connection::Online
                && view.me.is_some()
                && view.my_call.is_none()
                && view.coaching.is_none()
                && view.calls.is_empty()
                && view.media == MediaStatus::Idle
        })
        .await;
    }
    let call = rep
        .session
        .api()
        .call(&route::GET_CALL, &call_id, &())
        .await
        .expect("the call");
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(call.hangup_cause, Some(HangupCause::ServiceStopped));
    let reasons: Vec<_> = call.coach_legs.iter().map(|leg| leg.end_reason).collect();
    assert_eq!(reasons, [Some(LegEndReason::ServiceStopped)]);

    // And all of it can be done again.
    let again = place(&rep, PhoneNumberKind::Internal, "Globex", None).await;
    answered(&rep).await;
    join(&coach, &again).await;
    coach.connected().await.expect("the coach's sound");
    service.stop().await;
    runtime.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_service_that_was_stopped_everybody_is_back_and_the_call_is_over() {
    restarted(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_service_that_died_everybody_is_back_and_the_call_is_over() {
    restarted(true).await;
}
