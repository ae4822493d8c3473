//! What a trunk needs while no one calls: whether it is there (OPTIONS), that it knows where we are
//! (REGISTER), and where its host is by now.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rsipstack::dialog::registration::{RefreshOutcome, Registration};
use rsipstack::sip::{self, Method, SipMessage, StatusCodeKind};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::make_tag;
use rsipstack::transaction::transaction::Transaction;
use tokio_util::task::TaskTracker;

use crate::endpoint::Trunk;
use crate::settings::Transport;

/// How long a trunk may take to say that it is there.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// How often its host is looked up.
const LOOKUP_EVERY: Duration = Duration::from_secs(60);
/// How long goodbye may take: to the registrar and to every call at once.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// How often it is looked whether all calls are over.
const FAREWELL_EVERY: Duration = Duration::from_millis(50);

/// Begins all of it; it ends with the trunk, and the trunk with the last of `staying`.
pub(crate) fn begin(trunk: &Arc<Trunk>, staying: &TaskTracker) {
    tokio::spawn(look_up(trunk.clone()));
    if trunk.settings.options_s > 0 {
        tokio::spawn(ask(trunk.clone()));
    }
    staying.spawn(stay(trunk.clone()));
}

/// Keeps the trunk until it ends, says goodbye, and closes.
async fn stay(trunk: Arc<Trunk>) {
    let mut account = Account::of(&trunk);
    tokio::select! {
        () = async {
            match &mut account {
                Some(account) => account.keep(&trunk).await,
                None => std::future::pending().await,
            }
        } => {}
        // A registrar that says nothing holds up no one.
        () = trunk.cancelled().cancelled() => {}
    }
    let leaving = async {
        if let Some(account) = &mut account {
            account.leave().await;
        }
    };
    // Calls that end with the trunk say goodbye as well. The service stops either way.
    let all = async { tokio::join!(leaving, hung_up(&trunk)) };
    if tokio::time::timeout(FAREWELL_MAX, all).await.is_err() {
        tracing::info!(
            trunk = trunk.settings.name,
            "the trunk did not answer our sign-off"
        );
    }
    trunk.close();
}

/// Returns when no leg is left over the trunk, and the end of each was acknowledged.
async fn hung_up(trunk: &Trunk) {
    while trunk.legs.load(Ordering::Relaxed) > 0 {
        tokio::time::sleep(FAREWELL_EVERY).await;
    }
    trunk.farewells.close();
    trunk.farewells.wait().await;
}

async fn look_up(trunk: Arc<Trunk>) {
    loop {
        tokio::select! {
            () = trunk.cancelled().cancelled() => return,
            () = tokio::time::sleep(LOOKUP_EVERY) => trunk.refresh_addresses().await,
        }
    }
}

/// Asks again and again, and notes what came of it.
async fn ask(trunk: Arc<Trunk>) {
    let every = Duration::from_secs(trunk.settings.options_s.into());
    let mut sequence = 0_u32;
    loop {
        let mut is_down = true;
        // Of several servers one that answers is enough, and is spoken to from then on.
        for _ in 0..trunk.servers.count().max(1) {
            sequence = sequence.wrapping_add(1);
            let asked = trunk.server();
            let answered = tokio::time::timeout(ANSWER_MAX, options(&trunk, sequence)).await;
            is_down = !matches!(answered, Ok(Ok(true)));
            match asked {
                Some(server) if is_down => trunk.servers.shun(server, Instant::now()),
                _ => break,
            }
        }
        if trunk.is_down.swap(is_down, Ordering::Relaxed) != is_down {
            tracing::warn!(
                trunk = trunk.settings.name,
                is_down,
                "the trunk's state changed"
            );
        }
        tokio::select! {
            () = trunk.cancelled().cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// One OPTIONS; whatever the answer is, it shows that someone is there.
async fn options(trunk: &Trunk, sequence: u32) -> rsipstack::Result<bool> {
    let user = trunk.credential.as_ref();
    let user = user.map_or("ping", |credential| credential.username.as_str());
    let from = sip::typed::From {
        display_name: None,
        uri: trunk.caller_uri(user)?,
        params: Vec::new(),
    }
    .with_tag(make_tag());
    let to = sip::typed::To {
        display_name: None,
        uri: trunk.uri(user)?,
        params: Vec::new(),
    };
    let via = trunk.endpoint.get_via(None, None)?;
    let uri = trunk.uri(user)?;
    let request = trunk
        .endpoint
        .make_request(Method::Options, uri, via, from, to, sequence, None);
    let key = TransactionKey::from_request(&request, TransactionRole::Client)?;
    let mut transaction = Transaction::new_client(key, request, trunk.endpoint.clone(), None);
    transaction.destination = trunk.destination();
    transaction.send().await?;
    while let Some(message) = transaction.receive().await {
        if let SipMessage::Response(response) = message
            && response.status_code.kind() != StatusCodeKind::Provisional
        {
            // The stack itself answers 408 when no one did.
            return Ok(response.status_code.code() != 408);
        }
    }
    Ok(false)
}

/// Our name with a registrar.
struct Account {
    registration: Registration,
    server: sip::Uri,
}

impl Account {
    /// The one of this trunk, where that is wanted.
    fn of(trunk: &Trunk) -> Option<Self> {
        if !trunk.settings.register {
            return None;
        }
        let credential = trunk.credential.clone()?;
        let mut server = sip::Uri {
            scheme: Some(sip::Scheme::Sip),
            host_with_port: trunk.host()?,
            ..sip::Uri::default()
        };
        // UDP is what a URI means that names none.
        if trunk.settings.transport != Transport::Udp {
            let transport = trunk.settings.transport.of_stack();
            server.params.push(sip::Param::Transport(transport));
        }
        Some(Self {
            registration: Registration::new(trunk.endpoint.clone(), Some(credential)),
            server,
        })
    }

    /// Registers again and again, until the trunk ends.
    async fn keep(&mut self, trunk: &Trunk) {
        let (server, expires_s) = (self.server.clone(), trunk.settings.register_s);
        let cancel = trunk.cancelled().clone();
        let kept = self
            .registration
            .keep_alive(server, expires_s, cancel, |outcome| {
                let (is_registered, why) = match outcome {
                    RefreshOutcome::Registered(_) => (true, String::new()),
                    RefreshOutcome::Rejected(response) => (false, response.status_code.to_string()),
                    RefreshOutcome::Failed(error) => (false, error.to_string()),
                };
                let before = trunk.is_registered.swap(is_registered, Ordering::Relaxed);
                if before != is_registered || !is_registered {
                    tracing::info!(
                        trunk = trunk.settings.name,
                        is_registered,
                        why,
                        "registration"
                    );
                }
            });
        kept.await;
    }

    /// Lets the registrar forget us (RFC 3261 §10.2.2).
    async fn leave(&mut self) {
        let server = self.server.clone();
        if let Err(error) = self.registration.register(server, Some(0)).await {
            tracing::debug!(%error, "could not unregister; the registration will expire");
        }
    }
}
