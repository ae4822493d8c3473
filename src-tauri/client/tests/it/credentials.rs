//! Keeping the sign-in between runs, with a key ring in memory that can fail and stand still.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::fake;

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use client::{
    ClientError, Connection, Credentials, CredentialsError, KeyRingTrouble, KeyRingTroubles,
    Session, SessionEvent, Settings,
};
use fake::Fake;
use serde_json::json;
use wire::{Code, UserId, route};

const LIMIT: Duration = Duration::from_secs(30);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}

#[derive(Debug, Default)]
struct State {
    kept: Option<String>,
    fails: bool,
    is_locked: bool,
    /// Calls wait until it is let go.
    stands_still: bool,
    waits: usize,
}

/// A key ring in memory.
#[derive(Debug, Default)]
struct Ring {
    state: Mutex<State>,
    changed: Condvar,
}

impl Ring {
    fn holding(token: &str) -> Arc<Self> {
        let ring = Arc::new(Self::default());
        ring.change(|state| state.kept = Some(token.into()));
        ring
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn kept(&self) -> Option<String> {
        self.state.lock().unwrap().kept.clone()
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, CredentialsError> {
        let mut state = self.state.lock().unwrap();
        state.waits += 1;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.stands_still)
            .unwrap();
        state.waits -= 1;
        if state.fails {
            return Err(CredentialsError::Missing);
        }
        Ok(act(&mut state))
    }

    /// Waits until a call waits here.
    async fn until_it_waits(self: &Arc<Self>) {
        let ring = Arc::clone(self);
        let waiting = tokio::task::spawn_blocking(move || {
            let state = ring.state.lock().unwrap();
            let waits = ring.changed.wait_while(state, |state| state.waits == 0);
            drop(waits.unwrap());
        });
        within("a call of the key ring", waiting).await.unwrap();
    }
}

impl Credentials for Ring {
    fn load(&self) -> Result<Option<String>, CredentialsError> {
        self.act(|state| state.kept.clone())
    }

    fn save(&self, refresh_token: &str) -> Result<(), CredentialsError> {
        self.act(|state| state.kept = Some(refresh_token.into()))
    }

    fn clear(&self) -> Result<(), CredentialsError> {
        self.act(|state| state.kept = None)
    }

    fn is_locked(&self) -> bool {
        self.state.lock().unwrap().is_locked
    }
}

fn session(server: &str, ring: &Arc<Ring>) -> Session {
    let ring: Arc<dyn Credentials> = Arc::clone(ring) as _;
    Session::start(Settings {
        credentials: Some(ring),
        ..Settings::new(server)
    })
    .unwrap()
}

async fn signed_in(fake: &Fake, ring: &Arc<Ring>) -> Session {
    let session = session(&fake.url, ring);
    let who = session.sign_in("me@demo.example", "right");
    within("the sign-in", who).await.unwrap();
    session
}

async fn until_kept(session: &Session, kept: bool) {
    let is = session.wait_until(|view| view.user_id.is_some() && view.sign_in_kept == kept);
    within("the sign-in to be kept or not", is).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_is_kept_and_resumed_by_the_next_run_and_cleared_by_signing_out() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    let first = signed_in(&fake, &ring).await;
    until_kept(&first, true).await;
    assert_eq!(ring.kept().as_deref(), Some("refresh-1"));
    drop(first);

    let second = session(&fake.url, &ring);
    let who = within("the resumed sign-in", second.resume()).await;
    assert_eq!(who.unwrap(), Some(UserId::parse("user_me").unwrap()));
    until_kept(&second, true).await;
    assert_eq!(ring.kept().as_deref(), Some("refresh-2"));
    within("the sign-out", second.sign_out()).await.unwrap();
    assert_eq!(ring.kept(), None);
    assert_eq!(within("nothing", second.resume()).await.unwrap(), None);
    assert!(!second.view().signing_in);
}

#[tokio::test]
async fn a_rotated_token_is_kept_before_its_access_token_is_used() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    let session = signed_in(&fake, &ring).await;
    until_kept(&session, true).await;
    fake.forget_tokens();
    ring.change(|state| state.stands_still = true);
    let api = session.api().clone();
    let me = tokio::spawn(async move { api.call(&route::ME, &(), &()).await });
    ring.until_it_waits().await;
    assert_eq!(ring.kept().as_deref(), Some("refresh-1"));
    assert_eq!(session.api().access_token().as_deref(), Some("access-1"));
    ring.change(|state| state.stands_still = false);
    within("the answer", me).await.unwrap().unwrap();
    assert_eq!(ring.kept().as_deref(), Some("refresh-2"));
    assert_eq!(session.api().access_token().as_deref(), Some("access-2"));
}

#[tokio::test]
async fn a_caller_who_is_dropped_while_refreshing_loses_no_token() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    let session = signed_in(&fake, &ring).await;
    fake.forget_tokens();
    ring.change(|state| state.stands_still = true);
    let api = session.api().clone();
    let me = tokio::spawn(async move { api.call(&route::ME, &(), &()).await });
    ring.until_it_waits().await;
    me.abort();
    ring.change(|state| state.stands_still = false);
    // It comes after the refresh, or the service would refuse the token that was used before.
    within("the answer", session.api().call(&route::ME, &(), &()))
        .await
        .unwrap();
    assert_eq!(fake.seen.lock().unwrap().refreshes, 1);
    assert_eq!(ring.kept().as_deref(), Some("refresh-2"));
}

#[tokio::test]
async fn signing_out_while_a_new_token_is_being_kept_leaves_none() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    let session = signed_in(&fake, &ring).await;
    until_kept(&session, true).await;
    fake.forget_tokens();
    ring.change(|state| state.stands_still = true);
    let api = session.api().clone();
    let me = tokio::spawn(async move { api.call(&route::ME, &(), &()).await });
    ring.until_it_waits().await;
    let leaving = session.clone();
    let sign_out = tokio::spawn(async move { leaving.sign_out().await });
    let out = session.wait_until(|view| view.user_id.is_none());
    within("the sign-out", out).await.unwrap();
    ring.change(|state| state.stands_still = false);
    // The service no longer took the access token of the sign-in that is over.
    let _ = within("the sign-out's end", sign_out).await.unwrap();
    let _ = within("the request's end", me).await.unwrap();
    assert_eq!(ring.kept(), None);
    assert_eq!(session.api().access_token(), None);
}

#[tokio::test]
async fn without_a_key_ring_the_sign_in_is_for_this_run_only_and_it_is_said() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    ring.change(|state| state.fails = true);
    let session = signed_in(&fake, &ring).await;
    until_kept(&session, false).await;
    session.api().call(&route::ME, &(), &()).await.unwrap();
    let next = self::session(&fake.url, &ring);
    assert_eq!(within("nothing", next.resume()).await.unwrap(), None);

    let without = Session::start(Settings::new(&fake.url)).unwrap();
    let who = without.sign_in("me@demo.example", "right");
    within("the sign-in", who).await.unwrap();
    until_kept(&without, false).await;
}

fn troubles(session: &Session) -> KeyRingTroubles {
    *session.api().key_ring().borrow()
}

#[tokio::test]
async fn a_key_ring_that_waits_for_its_password_or_hangs_is_told_apart_and_can_be_tried_again() {
    for (is_locked, trouble) in [
        (true, KeyRingTrouble::Locked),
        (false, KeyRingTrouble::Silent),
    ] {
        let (fake, _sockets) = Fake::start().await;
        let ring = Ring::holding("refresh-0");
        ring.change(|state| {
            state.is_locked = is_locked;
            state.stands_still = true;
        });
        let session = session(&fake.url, &ring);
        let began = std::time::Instant::now();
        let resumed = within("the end of the wait", session.resume()).await;
        assert_eq!(resumed.unwrap(), None);
        assert!(began.elapsed() < Duration::from_secs(7), "{trouble:?}");
        assert_eq!(troubles(&session).reading, Some(trouble));
        assert!(!session.view().signing_in);

        // It was unlocked, or woke up: what it says late is passed over, and the next try works.
        ring.change(|state| {
            state.is_locked = false;
            state.stands_still = false;
        });
        let mut key_ring = session.api().key_ring();
        let well = key_ring.wait_for(|troubles| troubles.reading.is_none());
        within("that it answers", well).await.unwrap();
        assert!(session.view().user_id.is_none());
        let who = within("the resumed sign-in", session.resume()).await;
        assert!(who.unwrap().is_some());
        until_kept(&session, true).await;
        assert_eq!(troubles(&session), KeyRingTroubles::default());
    }
}

#[tokio::test]
async fn without_a_key_ring_it_is_said_what_could_not_be_done() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    ring.change(|state| state.fails = true);
    let session = session(&fake.url, &ring);
    assert_eq!(within("nothing", session.resume()).await.unwrap(), None);
    let missing = Some(KeyRingTrouble::Missing);
    assert_eq!(troubles(&session).reading, missing);
    let who = session.sign_in("me@demo.example", "right");
    within("the sign-in", who).await.unwrap();
    let only_keeping = KeyRingTroubles {
        reading: None,
        keeping: missing,
    };
    assert_eq!(troubles(&session), only_keeping);
    within("the sign-out", session.sign_out()).await.unwrap();
    assert_eq!(troubles(&session), KeyRingTroubles::default());
}

#[tokio::test]
async fn a_key_ring_that_fails_later_is_said_and_one_that_works_again_too() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Arc::new(Ring::default());
    let session = signed_in(&fake, &ring).await;
    until_kept(&session, true).await;
    for (fails, kept) in [(true, false), (false, true)] {
        ring.change(|state| state.fails = fails);
        let token = session.api().access_token();
        session.api().refresh(token.as_deref()).await.unwrap();
        until_kept(&session, kept).await;
    }
    assert_eq!(ring.kept().as_deref(), Some("refresh-3"));
}

#[tokio::test]
async fn a_kept_sign_in_that_is_refused_is_cleared_and_nobody_is_signed_in() {
    let (fake, _sockets) = Fake::start().await;
    let ring = Ring::holding("refresh-of-long-ago");
    let session = session(&fake.url, &ring);
    let error = within("the refusal", session.resume()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Unauthenticated));
    assert_eq!(ring.kept(), None);
    let view = session.view();
    assert_eq!(view.connection, Connection::SignedOut);
    assert!(!view.signing_in);
    assert_eq!(within("nothing", session.resume()).await.unwrap(), None);
    assert_eq!(fake.seen.lock().unwrap().refreshes, 1);
}

#[tokio::test]
async fn a_service_that_cannot_answer_yet_is_tried_again_until_it_does() {
    let (fake, _sockets) = Fake::start().await;
    let body = json!({"error": {"code": "unavailable", "message": "starting"}});
    fake.answer("auth/refresh/", 503, body);
    let ring = Ring::holding("refresh-0");
    let session = session(&fake.url, &ring);
    let mut events = session.events();
    let resuming = session.clone();
    let resumed = tokio::spawn(async move { resuming.resume().await });
    within("that it is said", async {
        let offline = SessionEvent::Notice(client::Notice::Connection(Connection::Offline));
        while events.recv().await.unwrap() != offline {}
    })
    .await;
    let who = within("the resumed sign-in", resumed).await.unwrap();
    assert!(who.unwrap().is_some());
    assert_eq!(fake.seen.lock().unwrap().refreshes, 2);
}

#[tokio::test]
async fn while_the_service_is_away_resuming_goes_on_until_it_is_given_up() {
    // A port that was just free.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ring = Ring::holding("refresh-1");
    let session = session(&url, &ring);
    let resuming = session.clone();
    let resumed = tokio::spawn(async move { resuming.resume().await });
    let said = session.wait_until(|view| {
        view.signing_in && view.user_id.is_none() && view.connection == Connection::Offline
    });
    within("that it is said", said).await.unwrap();
    session.stop_resuming().await.unwrap();
    let outcome = within("the end", resumed).await.unwrap();
    assert!(matches!(outcome, Err(ClientError::NotPossible(_))));
    assert!(!session.view().signing_in);
    assert_eq!(
        ring.kept().as_deref(),
        Some("refresh-1"),
        "for the next run"
    );
}
