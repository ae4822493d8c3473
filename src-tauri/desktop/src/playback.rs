//! The one recording that plays, and what the window is told of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use client::Player;
use tauri::AppHandle;
use tokio::sync::watch;
use wire::CallId;

use crate::error::AppError;
use crate::events::{Message, MessageKind, Playback, say};

/// How often the window is told where it is.
const INTERVAL: Duration = Duration::from_millis(200);

/// What plays now, if anything does.
#[derive(Default)]
pub struct Deck {
    playing: Mutex<Option<Playing>>,
}

struct Playing {
    told: Playback,
    now: watch::Receiver<client::Playing>,
    teller: tauri::async_runtime::JoinHandle<()>,
    app: AppHandle,
}

impl Deck {
    /// Plays this; what played before stops.
    pub fn play(
        &self,
        app: AppHandle,
        player: Player,
        call_id: CallId,
        from_ms: u32,
        duration_ms: u32,
    ) {
        let told = Playback {
            call_id,
            position_ms: from_ms,
            duration_ms,
            playing: true,
        };
        // Before the next is told of: one that follows on the same call is not taken for stopped.
        self.stop();
        let now = player.playing();
        let teller = tauri::async_runtime::spawn(tell(app.clone(), player, told.clone()));
        self.replace(Some(Playing {
            told,
            now,
            teller,
            app,
        }));
    }

    /// Stops what plays.
    pub fn stop(&self) {
        self.replace(None);
    }

    fn replace(&self, next: Option<Playing>) {
        let mut slot = self.playing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = std::mem::replace(&mut *slot, next) else {
            return;
        };
        let over = before.teller.inner().is_finished();
        // The player goes with it.
        before.teller.abort();
        if !over {
            let stopped = Playback {
                playing: false,
                position_ms: before.now.borrow().position_ms,
                ..before.told
            };
            say(&before.app, &stopped);
        }
    }
}

/// Tells how it goes, until it is over.
async fn tell(app: AppHandle, player: Player, mut told: Playback) {
    let mut playing = player.playing();
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let now = playing.borrow_and_update().clone();
        told.position_ms = now.position_ms;
        told.playing = now.on;
        say(&app, &told);
        if now.on {
            continue;
        }
        if let Some(failure) = now.failure {
            let AppError { code, message, .. } = failure.into();
            let told = Message {
                kind: MessageKind::Error,
                code: Some(code),
                message,
                stays: false,
            };
            say(&app, &told);
        }
        return;
    }
}
