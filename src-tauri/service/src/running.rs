//! Starting the service within a process, and stopping it gracefully.

use crate::app::App;
use crate::audit::Audit;
use crate::auth::{Auth, AuthSettings, Passwords};
use crate::balances::BalanceNews;
use crate::config::{Config, ConfigError};
use crate::events::{self, CallEvents};
use crate::facts::Facts;
use crate::http::LocalSecret;
use crate::hub::{Hub, HubSettings, InProcessPresence};
use crate::imports::Imports;
use crate::mail::{Mail, MailError};
use crate::metrics::Metrics;
use crate::operator::{self, SetupLinkRequest};
use crate::telephony::Telephony;
use axum::serve::ListenerExt;
use calls::{Calls, CallsParts, CallsSettings};
use media::{
    Dial, LeadEvent, LeadLeg, LeadLine, Media, MediaError, MediaSettings, RecordingTaps,
    SimulatedLine, SimulatedLineSettings,
};
use recordings::{Recordings, RecordingsSettings, StorageError, StorageSettings};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use store::Database;
use store::StoreError;
use store::clock::now;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trunk::TrunkError;

/// Media events that wait for the calls' loop.
const MEDIA_EVENTS_MAX: usize = 1024;
/// Where a random password of demo data is written, in the data folder.
const DEMO_PASSWORD_FILE: &str = "demo-password";
/// How often a stop looks whether the sockets are gone.
const LOOK: Duration = Duration::from_millis(10);

/// What the demo and tests replace.
#[derive(Clone, Default)]
pub struct Hooks {
    /// The line to call leads on. Without it, leads are simulated.
    pub lead_line: Option<Arc<dyn LeadLine>>,
    /// Who records the public mix. Without it, no one does.
    pub recording: Option<Arc<dyn RecordingTaps>>,
}

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The media workers cannot be started.
    #[error("couldn't start the media workers: {0}")]
    Media(#[from] MediaError),
    /// The address cannot be listened on.
    #[error("couldn't listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The store of recordings, or their announcement, cannot be used.
    #[error(transparent)]
    Recordings(#[from] StorageError),
    /// The telephone trunks cannot be used.
    #[error(transparent)]
    Telephony(#[from] TrunkError),
    /// Mail cannot be sent as it is set up.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The demonstration's data cannot be made, or is where it must not be (O2).
    #[error("couldn't use demo data: {0}")]
    Demo(String),
    /// The secret of the app's own service cannot be used.
    #[error("{0}")]
    Local(String),
}

/// A service that runs. Dropped without [`Running::stop`], it ends with its runtime.
pub struct Running {
    /// Where HTTP and WebSocket are served.
    pub http_addr: SocketAddr,
    app: Arc<App>,
    closing: CancellationToken,
    server: JoinHandle<()>,
}

/// Starts the service and returns when it serves.
///
/// # Errors
/// [`StartError`].
pub async fn start(config: Config, hooks: Hooks) -> Result<Running, StartError> {
    config.check()?;
    let database = match &config.database {
        Some(url) => Database::connect(url, config.read_only).await?,
        None => Database::open(&config.data, config.data_bytes_max, config.read_only).await?,
    };
    let passwords = Passwords::new();
    let held = database.holds().await?;
    keep_demo_apart(config.demo, held)?;
    let is_empty = held == (false, false);
    let local = match &config.local_secret {
        Some(file) => Some(LocalSecret::read(file).map_err(StartError::Local)?),
        None => None,
    };
    if config.demo && !config.read_only && is_empty {
        // One hash for all: it is one password.
        let password = demo_password(&config)?;
        let hash = passwords.hash(password).await;
        let hash = hash.map_err(|_| StartError::Demo("its password can't be hashed".into()))?;
        database
            .seed_demo(&hash, config.demo_members, now())
            .await?;
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| StartError::Listen(config.listen, error))?;
    let http_addr = listener
        .local_addr()
        .map_err(|error| StartError::Listen(config.listen, error))?;

    let store = database;
    let limits = call::Limits {
        party_max: config.parties_max,
        ..call::Limits::default()
    };
    let presence = Arc::new(InProcessPresence::default());
    let hub = Hub::new(
        HubSettings {
            events_max: config.stream_events_max,
            queue_max: config.socket_queue_max,
            sockets_max: config.sockets_max,
            reconnect_ms: limits.reconnect_ms.unsigned_abs(),
        },
        presence.clone(),
    );
    let (events_in, events) = mpsc::channel(MEDIA_EVENTS_MAX);
    let media = Media::start(
        MediaSettings {
            bind: config.media_bind,
            advertise: config.media_advertise,
            port_base: config.media_port_base,
            worker_count: config.workers,
            bitrate_bps: config.opus_bitrate_bps,
            complexity: config.opus_complexity,
            expected_loss_percent: config.opus_expected_loss_percent,
            recording: hooks.recording,
        },
        events_in,
    )?;
    let telephony = Telephony::start(&config).await?;
    let line = match (hooks.lead_line, &telephony) {
        (Some(line), _) => line,
        (None, Some(telephony)) => telephony.line(),
        (None, None) => Arc::new(PreparedLine::new(&config)?),
    };
    let mail = Mail::start(&config.mail, &config.public_url())?;
    let auth = Auth::new(store.clone(), passwords, mail, auth_settings(&config));
    let recordings = if config.read_only {
        None
    } else {
        // Files are read and folders made, which may take its time.
        let (settings, database) = (recordings_settings(&config), store.clone());
        let start = move || Recordings::start(settings, database);
        let started = tokio::task::spawn_blocking(start).await;
        let failed = |error: tokio::task::JoinError| StorageError::Settings(error.to_string());
        Some(started.map_err(failed)??)
    };
    let (recordings, recording_events) = recordings.unzip();
    let imports = match config.read_only {
        true => None,
        false => Some(Imports::start(store.clone(), config.data.join("imports")).await?),
    };
    let balances = Arc::new(BalanceNews::default());
    let audit = Audit::start(store.clone());
    let calls = Calls::start(CallsParts {
        settings: CallsSettings {
            limits,
            calls_per_organization_max: config.calls_per_organization_max,
            ..CallsSettings::default()
        },
        policy: config.call_policy()?,
        directory: Arc::new(Facts::new(store.clone(), presence)),
        database: store.clone(),
        events: Arc::new(CallEvents {
            hub: hub.clone(),
            audit: audit.clone(),
            balances: balances.clone(),
        }),
        media: media.clone(),
        media_events: events,
        line,
        recordings: recordings.clone(),
    })
    .await;
    let trunks = match telephony {
        Some(telephony) => Some(telephony.begin(calls.clone(), store.clone()).await?),
        None => None,
    };
    if let Some((recordings, events)) = recordings.as_ref().zip(recording_events) {
        tokio::spawn(events::relay(events, calls.clone(), audit.clone()));
        recordings.recover();
    }
    for (organization, running, sum) in store.wrong_balances().await? {
        // Only a file that somebody else wrote to can have come to this.
        tracing::error!(organization_id = %organization, ?running, ?sum, "a balance doesn't match its ledger");
    }
    let app = Arc::new(App {
        store,
        auth,
        audit,
        hub,
        calls,
        recordings,
        imports,
        media,
        balances,
        trunks,
        metrics: Metrics::default(),
        started: Instant::now(),
        readiness: Mutex::new(None),
        config,
    });
    tokio::spawn(crate::balances::tell(
        app.balances.clone(),
        app.store.clone(),
        app.hub.clone(),
        app.calls.clone(),
    ));
    let closing = CancellationToken::new();
    if !app.config.read_only {
        let seen = app.store.operated().await?;
        tokio::spawn(crate::operated::tell(app.clone(), seen));
        if is_empty && !app.config.demo && local.is_none() {
            offer_setup(&app, http_addr).await;
        }
    }
    let local = local.map(|secret| secret.on(http_addr.port()));
    let server = tokio::spawn(serve(listener, (app.clone(), local), closing.clone()));
    tracing::info!(%http_addr, candidates = ?app.media.candidates(), "ready");
    Ok(Running {
        http_addr,
        app,
        closing,
        server,
    })
}

impl Running {
    /// Returns once nobody has used the service for so long: no WebSocket was in, and no request came.
    /// Never, when that does not happen.
    pub async fn idle_for(&self, time: Duration) {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            tokio::time::sleep(time / 10).await;
            let requests = self.app.metrics.requests();
            if requests != seen || self.app.hub.counts().sockets > 0 {
                (seen, since) = (requests, Instant::now());
            } else if since.elapsed() >= time {
                return;
            }
        }
    }

    /// Stops gracefully, and takes at most the configured time: calls end and are told so, sockets get
    /// `going_away`, requests under way are finished, files are closed. Trunks that do not answer a
    /// good-bye take a second more.
    pub async fn stop(self) {
        tracing::info!("stopping");
        let limit = self.app.config.shutdown_timeout();
        if tokio::time::timeout(limit, self.wind_down()).await.is_err() {
            tracing::warn!("stopping took too long; closing what's left now");
        }
        self.server.abort();
        self.app.media.clone().stop().await;
        if let Some(trunks) = &self.app.trunks {
            trunks.stop().await;
        }
        self.app.store.close().await;
        tracing::info!("stopped");
    }

    async fn wind_down(&self) {
        self.app.calls.stop().await;
        if let Some(recordings) = &self.app.recordings {
            recordings.stop().await;
        }
        if let Some(imports) = &self.app.imports {
            imports.stop().await;
        }
        self.app.hub.go_away();
        self.closing.cancel();
        while self.app.hub.counts().sockets > 0 || !self.server.is_finished() {
            tokio::time::sleep(LOOK).await;
        }
        // Last, for what the last requests did.
        self.app.audit.flush().await;
    }
}

/// Demo data and real organizations are never in one store, and demo data is served only when asked for
/// (O2).
fn keep_demo_apart(is_demo: bool, (demo, own): (bool, bool)) -> Result<(), StartError> {
    let why = match (is_demo, demo, own) {
        (true, _, true) => {
            "this data folder or database holds a real organization. Use another one for demo data"
        }
        (false, true, _) => {
            "this data folder or database holds demo data. Start with --demo, or use another one"
        }
        _ => return Ok(()),
    };
    Err(StartError::Demo(why.into()))
}

/// The password of new demo data: as told, or a random one in a file that only its owner can read.
fn demo_password(config: &Config) -> Result<String, StartError> {
    if let Some(password) = &config.demo_password {
        return Ok(password.clone());
    }
    let file = config.data.join(DEMO_PASSWORD_FILE);
    let failed = |error: std::io::Error| {
        StartError::Demo(format!("couldn't write {}: {error}", file.display()))
    };
    std::fs::create_dir_all(&config.data).map_err(failed)?;
    let password = store::random::secret();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut open = options.open(&file).map_err(failed)?;
    std::io::Write::write_all(&mut open, password.as_bytes()).map_err(failed)?;
    tracing::info!(file = %file.display(), "everyone's password in the demo data is in this file");
    Ok(password)
}

/// A service without an organization says how it gets one: with a link that is good once (O1). The app's
/// own service is set up by the app.
async fn offer_setup(app: &App, http_addr: SocketAddr) {
    if app.store.has_setup_link(now()).await.unwrap_or(true) {
        tracing::warn!("no organization yet; `service setup-link` makes a new set-up link");
        return;
    }
    let config = Config {
        listen: http_addr,
        ..app.config.clone()
    };
    match operator::setup_link(&app.store, &config, SetupLinkRequest::default()).await {
        Ok(link) => {
            tracing::warn!(
                link,
                "no organization yet; open this link once to set yours up"
            );
        }
        Err(error) => tracing::error!(%error, "couldn't make a set-up link"),
    }
}

/// Serves until it is told to close.
async fn serve(
    listener: TcpListener,
    (app, local): (Arc<App>, Option<LocalSecret>),
    closing: CancellationToken,
) {
    // Without it each small answer waits up to 40 ms for an acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "couldn't set TCP_NODELAY");
        }
    });
    let router =
        crate::http::router(app, local).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(closing.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP server failed");
    }
}

/// The simulated line. Its speech takes a second or two to prepare, which the start does not wait for:
/// the first call does, when it is placed so soon.
struct PreparedLine(Arc<OnceLock<SimulatedLine>>);

impl PreparedLine {
    fn new(config: &Config) -> Result<Self, MediaError> {
        let (speech, talks_over) = (config.lead_speech.clone(), config.lead_talks_over);
        let settings = move |sentences| SimulatedLineSettings {
            sentences,
            talks_over,
            ear: None,
        };
        let silent = SimulatedLine::new(settings(Vec::new()))?;
        let line = Arc::new(OnceLock::new());
        let prepared = line.clone();
        // A thread of its own: the end of the program does not wait for it.
        let spawned = std::thread::Builder::new()
            .name("speech".into())
            .spawn(move || {
                let speech = media::lead::load_sentences(speech.as_deref());
                tracing::info!(source = ?speech.source, "the simulated lead's speech is ready");
                let line = SimulatedLine::new(settings(speech.sentences)).unwrap_or(silent);
                // It is set here alone.
                let _ = prepared.set(line);
            });
        spawned.map_err(|error| MediaError::Socket(error.to_string()))?;
        Ok(Self(line))
    }
}

impl LeadLine for PreparedLine {
    fn dial(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        self.0.wait().dial(dial, events)
    }

    fn receive(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        self.0.wait().receive(dial, events)
    }
}

fn recordings_settings(config: &Config) -> RecordingsSettings {
    let folder = config.data.join("recordings");
    let location = config.recordings.as_ref().map(PathBuf::from);
    RecordingsSettings {
        spool: folder.join("spool"),
        storage: StorageSettings {
            location: location.unwrap_or_else(|| folder.join("store")),
            endpoint: config.recordings_endpoint.clone(),
            region: config.recordings_region.clone(),
            allow_http: config.recordings_allow_http,
        },
        announcement: config.announcement.clone(),
    }
}

fn auth_settings(config: &Config) -> AuthSettings {
    let millis = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    AuthSettings {
        access_ms: millis(config.access_token_s),
        refresh_ms: millis(config.refresh_token_s),
        sign_in_ms: millis(config.sign_in_s),
        read_only: config.read_only,
        failures_per_email: config.sign_in_failures_per_email,
        failures_per_address: config.sign_in_failures_per_address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::LeadMix;
    use mix::FRAME_SAMPLES;

    /// How many of ten seconds' ticks a lead speaks in while someone speaks to them without a pause.
    fn spoken_ticks(lead_talks_over: bool) -> usize {
        let line = PreparedLine::new(&Config {
            lead_talks_over,
            lead_speech: Some("no/such/folder".into()),
            ..Config::default()
        })
        .unwrap();
        let call = wire::CallId::parse("acti_1").unwrap();
        let mut lead = line.0.wait().answered(&call);
        let frame =
            std::array::from_fn::<i16, FRAME_SAMPLES, _>(
                |at| {
                    if at % 48 < 24 { 9_000 } else { -9_000 }
                },
            );
        let mut spoken = 0;
        for tick in 0..500 {
            let heard = LeadMix {
                tick,
                frame: &frame,
                opus: &[],
            };
            lead.tick(Duration::from_millis(tick * 20), heard, &mut |_| {
                spoken += 1
            });
        }
        spoken
    }

    #[test]
    fn the_simulated_lead_talks_over_others_only_when_told_to() {
        assert_eq!(spoken_ticks(true), 500);
        assert!(spoken_ticks(false) < 5);
    }
}
