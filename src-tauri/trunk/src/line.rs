//! The line that the service dials on: all trunks together.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use media::{Dial, LeadEvent, LeadLeg, LeadLine, LeadSignal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::CallId;

use crate::endpoint::Trunk;
use crate::farewell::{self, Farewell, FarewellNote, Farewells, Way};
use crate::incoming::{INCOMING_MAX, Incoming, WaitingRoom};
use crate::leg::{NoLeg, PhoneLeg};
use crate::names::Names;
use crate::phone::{HoldSound, PhoneControl, PhoneError, PhoneMedia, Ports, phone};
use crate::{TelephonySettings, TrunkError, incoming, upkeep};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkStatus {
    /// What the settings call it.
    pub name: String,
    /// Whether it answered when it was asked last.
    pub is_up: bool,
    /// Whether we are registered there; none where that is not wanted.
    pub is_registered: Option<bool>,
    /// Legs over it now.
    pub legs: u32,
    /// Dialogs and transactions that the stack holds for it.
    pub dialogs: usize,
}

/// Every trunk, as the line on which leads are called.
pub struct Trunks {
    trunks: Vec<Arc<Trunk>>,
    ports: Ports,
    hold: Arc<HoldSound>,
    advertised: Option<std::net::IpAddr>,
    room: WaitingRoom,
    owed: Farewells,
    cancel: CancellationToken,
    /// One for each trunk, until it has closed.
    staying: TaskTracker,
}

impl Trunks {
    /// Opens all trunks. Who calls comes out of the receiver.
    ///
    /// # Errors
    /// [`TrunkError`] when a setting, a file or an address cannot be used. A trunk that does not answer
    /// is no error: it may come.
    pub async fn start(
        settings: TelephonySettings,
    ) -> Result<(Arc<Self>, mpsc::Receiver<Incoming>), TrunkError> {
        settings.check().map_err(TrunkError::Settings)?;
        raise_open_files(&settings);
        // Another part of the program may have chosen one; either will do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let music = settings.hold_music.clone();
        let hold = tokio::task::spawn_blocking(move || hold_sound(music.as_deref()));
        let hold = hold
            .await
            .map_err(|error| TrunkError::Media(error.to_string()))??;
        let cancel = CancellationToken::new();
        let (calls, incoming) = mpsc::channel(INCOMING_MAX);
        let room = WaitingRoom::default();
        let staying = TaskTracker::new();
        let names = Arc::new(Names::of(&settings));
        let owed = Farewells::default();
        let mut trunks = Vec::with_capacity(settings.trunks.len());
        for trunk in settings.trunks {
            let started = Trunk::start(trunk, names.clone(), owed.clone(), cancel.child_token());
            let (trunk, requests) = started.await?;
            if settings.rtp_bind.is_ipv4() && trunk.media_address(settings.rtp_advertise).is_ipv6()
            {
                tracing::error!(
                    trunk = trunk.settings.name,
                    "reached over IPv6, but rtp_bind is not an IPv6 address: there will be no audio (try \"::\")"
                );
            }
            let served = incoming::serve(trunk.clone(), requests, calls.clone(), room.clone());
            tokio::spawn(served);
            upkeep::begin(&trunk, &staying);
            trunks.push(trunk);
        }
        let range = settings.rtp_port_min..=settings.rtp_port_max;
        let line = Arc::new(Self {
            trunks,
            ports: Ports::new(settings.rtp_bind, range),
            hold: Arc::new(hold),
            advertised: settings.rtp_advertise,
            room,
            owed,
            cancel,
            staying,
        });
        Ok((line, incoming))
    }

    /// How each trunk does.
    #[must_use]
    pub fn status(&self) -> Vec<TrunkStatus> {
        let status = |trunk: &Arc<Trunk>| TrunkStatus {
            name: trunk.settings.name.clone(),
            is_up: !trunk.is_down.load(Ordering::Relaxed),
            is_registered: trunk
                .settings
                .register
                .then(|| trunk.is_registered.load(Ordering::Relaxed)),
            legs: trunk.legs.load(Ordering::Relaxed),
            dialogs: trunk.dialog_count(),
        };
        self.trunks.iter().map(status).collect()
    }

    /// Pairs of ports that phones have now.
    #[must_use]
    pub fn ports_taken(&self) -> usize {
        self.ports.taken()
    }

    /// Refuses a call that waits, since the service has no leg for it.
    pub fn forget(&self, call: &CallId, code: u16) {
        self.room.forget(call, code);
    }

    /// What to keep, from now on, so that a phone can be told after a crash that its call is over. To be asked
    /// once; without anyone to keep it, nothing is noted.
    #[must_use]
    pub fn farewells(&self) -> mpsc::Receiver<FarewellNote> {
        self.owed.notes()
    }

    /// Ends a call that a service left behind when it died. Returns when the phone's answer came, or after
    /// eight seconds: the trunk may not know the call any more, or not take our word for it.
    pub async fn say_farewell(&self, owed: &Farewell) {
        let mut trunks = self.trunks.iter();
        let Some(trunk) = trunks.find(|trunk| trunk.settings.name == owed.trunk) else {
            tracing::info!(call_id = %owed.call, trunk = owed.trunk, "the trunk of a call that was left from before is gone");
            return;
        };
        let way = Way {
            endpoint: &trunk.endpoint,
            transport: trunk.settings.transport.of_stack(),
            credential: trunk.credential.as_ref(),
        };
        let code = farewell::say(&way, owed).await;
        tracing::info!(call_id = %owed.call, ?code, "ended a phone call that was left from before");
    }

    /// Ends all of it, and returns when every registrar and every call was told, or after about a second.
    /// Legs are to be hung up before. Dropped without, the trunks end by themselves as long as the
    /// runtime is there.
    pub async fn stop(&self) {
        self.cancel.cancel();
        self.staying.close();
        self.staying.wait().await;
    }

    fn phone(&self) -> Result<(PhoneControl, PhoneMedia), PhoneError> {
        phone(self.ports.take()?, self.hold.clone())
    }

    /// The trunks that carry this call, in order; those that did not answer lately come last.
    fn carrying(&self, dial: &Dial) -> Vec<Arc<Trunk>> {
        let organization = dial.organization.as_str();
        let carries = |trunk: &&Arc<Trunk>| trunk.settings.carries(organization, &dial.local_phone);
        let mut trunks: Vec<_> = self.trunks.iter().filter(carries).cloned().collect();
        trunks.sort_by_key(|trunk| trunk.is_doubtful());
        trunks
    }
}

impl LeadLine for Trunks {
    fn dial(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        let trunks = self.carrying(&dial);
        if trunks.is_empty() {
            tracing::warn!(call_id = %dial.call, "no trunk carries calls from this number");
            return Box::new(NoLeg::tell(dial, LeadSignal::Failed, events));
        }
        match self.phone() {
            Ok(phone) => Box::new(PhoneLeg::dial(dial, trunks, phone, self.advertised, events)),
            Err(error) => {
                tracing::error!(call_id = %dial.call, %error, "could not set up a phone for a call");
                Box::new(NoLeg::tell(dial, LeadSignal::Failed, events))
            }
        }
    }

    fn receive(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        let Some(waiting) = self.room.take(&dial.call) else {
            tracing::warn!(call_id = %dial.call, "no inbound call is waiting for this id");
            return Box::new(NoLeg::tell(dial, LeadSignal::HungUp, events));
        };
        match self.phone() {
            Ok(phone) => Box::new(PhoneLeg::receive(
                dial,
                waiting,
                phone,
                self.advertised,
                events,
            )),
            Err(error) => {
                tracing::error!(call_id = %dial.call, %error, "could not set up a phone for a call");
                incoming::reject(&waiting, 503);
                Box::new(NoLeg::tell(dial, LeadSignal::Failed, events))
            }
        }
    }
}

impl Drop for Trunks {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl std::fmt::Debug for Trunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.status()).finish()
    }
}

/// Each phone has two sockets, and what a program may open is often a thousand at first.
fn raise_open_files(settings: &TelephonySettings) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let phones = u64::from(settings.rtp_port_max - settings.rtp_port_min) / 2;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let wanted = (soft + 2 * phones).min(hard);
    if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        tracing::warn!(%error, soft, "could not raise the limit on open files");
    }
}

/// What held leads hear: reads and encodes, which takes its time.
fn hold_sound(music: Option<&Path>) -> Result<HoldSound, TrunkError> {
    let failed = |error: PhoneError| TrunkError::Media(error.to_string());
    let Some(path) = music else {
        return HoldSound::silence().map_err(failed);
    };
    let samples =
        media::load_samples(path).map_err(|error| TrunkError::File(path.to_owned(), error))?;
    HoldSound::music(&samples).map_err(failed)
}
