//! What whoever runs the service changes beside it (O5): found in the store, and told to calls and people.

use crate::app::App;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use store::clock::now;

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// Organizations that are told of at once.
const AT_ONCE: u32 = 100;

/// Tells what is changed after this change, as long as the service runs.
pub async fn tell(app: Arc<App>, mut seen: i64) {
    while !app.store.is_closed() {
        tokio::time::sleep(INTERVAL).await;
        match once(&app, seen).await {
            Ok(newest) => seen = newest,
            Err(error) => {
                tracing::warn!(%error, "couldn't read what was changed beside the service");
            }
        }
    }
}

/// Tells what was changed after this change; the newest that was told.
async fn once(app: &App, mut seen: i64) -> Result<i64, StoreError> {
    for (change, id, suspended) in app.store.operated_since(seen, AT_ONCE).await? {
        tracing::info!(organization_id = %id, suspended, "an organization was changed beside the service");
        if suspended {
            for user in app.hub.listeners(&id) {
                app.hub.close_user(&id, &user);
            }
        }
        if let Some(organization) = app.store.organization(&id, now()).await? {
            app.organization_changed(&organization, true).await;
        }
        app.directory_changed(&id);
        app.balances.note(id);
        seen = change;
    }
    Ok(seen)
}
