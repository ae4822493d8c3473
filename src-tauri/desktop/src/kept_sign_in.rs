//! The sign-in that an earlier run kept in the key ring.

use client::{ClientError, KeyRingTroubles, Session};

use crate::presenter::{Change, Presenter};

/// Takes it up; whether there was one.
///
/// # Errors
/// As [`Session::resume`].
pub async fn take_up(session: &Session) -> Result<bool, ClientError> {
    let resumed = session.resume().await;
    match &resumed {
        Ok(Some(_)) => log::info!("signed in as before"),
        Ok(None) => log::info!("there was no saved sign-in"),
        Err(error) => log::info!("the saved sign-in is no longer valid: {error}"),
    }
    resumed.map(|who| who.is_some())
}

/// Passes on what is wrong with the key ring. Once it can be read after all, because it was unlocked or
/// answers late, the sign-in is taken up.
pub async fn follow_key_ring(presenter: Presenter, session: Session) {
    let mut troubles = session.api().key_ring();
    let mut before = KeyRingTroubles::default();
    loop {
        let now = *troubles.borrow_and_update();
        presenter.tell(Change::KeyRing(now)).await;
        if before.reading.is_some() && now.reading.is_none() && is_signed_out(&session) {
            let session = session.clone();
            tauri::async_runtime::spawn(async move { take_up(&session).await });
        }
        before = now;
        if troubles.changed().await.is_err() {
            return;
        }
    }
}

fn is_signed_out(session: &Session) -> bool {
    let view = session.view();
    view.user_id.is_none() && !view.signing_in
}
