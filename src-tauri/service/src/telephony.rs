//! The telephone network, as the service uses it: the line that calls go out on, and who calls in.

use std::sync::Arc;

use media::LeadLine;
use tokio::sync::mpsc;
use trunk::{Farewell, FarewellNote, Incoming, TrunkError, Trunks};
use wire::{CallId, Code, OrganizationId};

use crate::config::Config;
use calls::Calls;
use store::clock::now;
use store::random::id_suffix;
use store::{Database, KeptFarewell, StoreError};

/// Calls of before that are ended at once.
const FAREWELLS_AT_ONCE: usize = 64;

/// Trunks that run, before anybody takes the calls that come in.
pub struct Telephony {
    trunks: Arc<Trunks>,
    incoming: mpsc::Receiver<Incoming>,
}

impl Telephony {
    /// Opens the trunks that the settings name; `None` when they name none, or nothing may be changed.
    ///
    /// # Errors
    /// [`TrunkError`].
    pub async fn start(config: &Config) -> Result<Option<Self>, TrunkError> {
        if config.telephony.trunks.is_empty() || config.read_only {
            return Ok(None);
        }
        let (trunks, incoming) = Trunks::start(config.telephony.clone()).await?;
        Ok(Some(Self { trunks, incoming }))
    }

    /// The line that leads are called on.
    pub fn line(&self) -> Arc<dyn LeadLine> {
        self.trunks.clone()
    }

    /// Takes the calls that come in from now on, and ends those that a service left behind when it died.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(self, calls: Calls, store: Database) -> Result<Arc<Trunks>, StoreError> {
        let trunks = self.trunks.clone();
        let owed = store.farewells().await?;
        tokio::spawn(keep(self.trunks.farewells(), store.clone()));
        tokio::spawn(say(self.trunks.clone(), owed, store));
        tokio::spawn(take(self.trunks, self.incoming, calls));
        Ok(trunks)
    }
}

/// Writes what is to be said to phones after a crash.
async fn keep(mut notes: mpsc::Receiver<FarewellNote>, store: Database) {
    while let Some(note) = notes.recv().await {
        let kept = match note {
            FarewellNote::Owed(owed) => {
                let kept = KeptFarewell {
                    call: owed.call,
                    trunk: owed.trunk,
                    bye: owed.bye,
                };
                store.save_farewell(&kept).await
            }
            FarewellNote::Said(call) => store.forget_farewell(&call).await,
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "could not note how to end a call after a crash");
        }
    }
}

/// Says it to the phones of before, so that no one is left in silence. Each is tried once: a phone that is
/// not reached has noticed by itself.
async fn say(trunks: Arc<Trunks>, owed: Vec<KeptFarewell>, store: Database) {
    let permits = Arc::new(tokio::sync::Semaphore::new(FAREWELLS_AT_ONCE));
    for kept in owed {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let (trunks, store) = (trunks.clone(), store.clone());
        tokio::spawn(async move {
            let owed = Farewell {
                call: kept.call,
                trunk: kept.trunk,
                bye: kept.bye,
            };
            trunks.say_farewell(&owed).await;
            if let Err(error) = store.forget_farewell(&owed.call).await {
                tracing::warn!(%error, "could not forget how to end a call");
            }
            drop(permit);
        });
    }
}

async fn take(trunks: Arc<Trunks>, mut incoming: mpsc::Receiver<Incoming>, calls: Calls) {
    while let Some(call) = incoming.recv().await {
        ring(&trunks, call, &calls).await;
    }
}

/// Rings with whose number it is, or tells the caller why not.
async fn ring(trunks: &Trunks, incoming: Incoming, calls: &Calls) {
    let Ok(call) = CallId::from_suffix(&id_suffix(now())) else {
        return incoming.refuse(500);
    };
    let organization = incoming.organization.as_deref().map(OrganizationId::parse);
    let organization = match organization.transpose() {
        Ok(organization) => organization,
        Err(_) => return incoming.refuse(404),
    };
    let local_phone = incoming.local_phone.clone();
    let remote_phone = incoming.remote_phone.clone();
    // It waits before the call is begun, which asks for it.
    incoming.wait_as(call.clone());
    let rung = calls
        .receive_from_trunk(
            call.clone(),
            organization.as_ref(),
            &local_phone,
            remote_phone.as_deref(),
        )
        .await;
    if let Err(error) = rung {
        tracing::info!(call_id = %call, code = ?error.error.code, "an incoming call rings nowhere");
        let status = match error.error.code {
            Code::NotFound => 404,
            _ => 480,
        };
        trunks.forget(&call, status);
    }
}
