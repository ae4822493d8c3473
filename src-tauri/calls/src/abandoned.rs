//! What a service that died left behind: closed, and charged until the moment it died (B2).

use call::{abandoned, cut_off_at, owed};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::clock::now;
use store::{Database, StoreError};
use wire::InvitationStatus;

/// How often it is written that the service lives, while there is a call.
const ALIVE_EVERY: Duration = Duration::from_millis(500);
/// How far back calls are looked through for minutes that were not charged, in milliseconds: two days.
const LOOK_BACK_MS: i64 = 2 * 24 * 3_600_000;

/// Closes calls and invitations that were open when the service died, and charges what they and all
/// late calls owe.
pub async fn close(database: &Database, minute_ms: u64) -> Result<(), StoreError> {
    let alive = database.last_alive().await?;
    for (organization, call) in database.unfinished_calls().await? {
        let last_charge = database.last_charge(&call.id).await?;
        let at = cut_off_at(&call, alive, last_charge);
        let before = call.coach_legs.clone();
        let call = abandoned(call, at);
        // What it owes first: a call that is over is not looked at again after two days.
        let owed = owed(&call, minute_ms);
        database
            .save_charges(&organization, &call.id, &owed)
            .await?;
        let changed = call.coach_legs.iter().zip(&before);
        for (leg, _) in changed.filter(|(leg, before)| leg != before) {
            database
                .save_coach_leg(&organization, &call.id, leg)
                .await?;
        }
        database.save_call(&organization, &call).await?;
        tracing::warn!(call_id = %call.id, "closed a call that was cut off when the service stopped");
    }
    let since = now().plus_millis(-LOOK_BACK_MS);
    for (organization, call) in database.calls_since(since).await? {
        let owed = owed(&call, minute_ms);
        let missing = database
            .save_charges(&organization, &call.id, &owed)
            .await?;
        if missing > 0 {
            tracing::warn!(call_id = %call.id, missing, "charged minutes that were missing");
        }
    }
    for (organization, mut invitation) in database.open_invitations().await? {
        invitation.status = InvitationStatus::Cancelled;
        database.save_invitation(&organization, &invitation).await?;
    }
    Ok(())
}

/// Writes that the service lives, while it has calls. It ends with the calls' owner.
pub async fn keep_alive(database: Database, active: Arc<AtomicU64>) {
    let mut ticks = tokio::time::interval(ALIVE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut is_written = true;
    // Whoever else holds the count is the service.
    while Arc::strong_count(&active) > 1 {
        ticks.tick().await;
        if active.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let was_written = is_written;
        let written = database.save_alive(now()).await;
        is_written = written.is_ok();
        match written {
            Err(error) if was_written => {
                tracing::warn!(%error, "could not save that the service is running");
            }
            Ok(()) if !was_written => tracing::info!("can save again that the service is running"),
            _ => {}
        }
    }
}
