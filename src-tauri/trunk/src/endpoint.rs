//! A trunk as SIP sees it: its transports, its dialogs, who may send to us, and how we identify
//! ourselves to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;
use ipnet::IpNet;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::{self, Method};
use rsipstack::transaction::endpoint::{
    EndpointBuilder, EndpointInnerRef, TransportEventInspector,
};
use rsipstack::transaction::{Endpoint, TransactionReceiver};
use rsipstack::transport::tcp_listener::TcpListenerConnection;
use rsipstack::transport::tls::TlsListenerConnection;
use rsipstack::transport::transport_layer::TransportWhitelist;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, TransportEvent, TransportLayer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::digest::Spelling;
use crate::early::EarlyCalls;
use crate::error::TrunkError;
use crate::farewell::Farewells;
use crate::names::{ByName, Names};
use crate::servers::Servers;
use crate::settings::{Transport, TrunkSettings, read_file};
use crate::tls;

const USER_AGENT: &str = concat!("CallCoaching/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Trunk {
    pub(crate) settings: TrunkSettings,
    pub(crate) endpoint: EndpointInnerRef,
    pub(crate) layer: Arc<DialogLayer>,
    pub(crate) credential: Option<Credential>,
    /// Our address as the trunk sees it, when there is no NAT in between.
    pub(crate) local: IpAddr,
    /// Whether the trunk failed to answer when last asked.
    pub(crate) is_down: AtomicBool,
    /// Whether we are registered there, if the settings ask for it.
    pub(crate) is_registered: AtomicBool,
    /// Current legs.
    pub(crate) legs: AtomicU32,
    /// Outbound calls not answered yet.
    pub(crate) early: EarlyCalls,
    /// BYEs not acknowledged yet.
    pub(crate) farewells: TaskTracker,
    /// BYEs to keep for the time after a crash.
    pub(crate) owed: Farewells,
    pub(crate) servers: Arc<Servers>,
    names: Arc<Names>,
    allowed: Arc<RwLock<Vec<IpNet>>>,
    cancel: CancellationToken,
    /// Closes its transports, last of all.
    closing: CancellationToken,
}

impl Trunk {
    /// Opens the trunk's transports and starts serving them.
    ///
    /// # Errors
    /// [`TrunkError`] when a file cannot be read or the address cannot be listened on.
    pub(crate) async fn start(
        settings: TrunkSettings,
        names: Arc<Names>,
        owed: Farewells,
        cancel: CancellationToken,
    ) -> Result<(Arc<Self>, TransactionReceiver), TrunkError> {
        let credential = credential(&settings)?;
        let servers = Arc::new(Servers::default());
        let found = names.servers(&settings).await;
        let local = local_address(found.first().copied());
        servers.replace(found);
        let closing = CancellationToken::new();
        let resolver = ByName {
            settings: settings.clone(),
            servers: servers.clone(),
            names: names.clone(),
        };
        let layer =
            TransportLayer::new_with_domain_resolver(closing.child_token(), Box::new(resolver));
        listen(&settings, local, &layer, &closing).await?;
        let allowed = Arc::new(RwLock::new(Vec::new()));
        layer.set_whitelist(Allowed(allowed.clone()));
        let endpoint: Endpoint = EndpointBuilder::new()
            .with_user_agent(USER_AGENT)
            .with_transport_layer(layer)
            .with_cancel_token(closing.child_token())
            .with_transport_inspector(Box::new(OnlyOver(settings.transport)))
            .with_inspector(Box::new(Spelling))
            .with_allows(ALLOWS.to_vec())
            .build();
        let incoming = endpoint
            .incoming_transactions()
            .map_err(|error| TrunkError::Settings(error.to_string()))?;
        let inner = endpoint.inner.clone();
        let name = settings.name.clone();
        tokio::spawn(async move {
            if let Err(error) = endpoint.inner.serve().await {
                tracing::error!(trunk = name, %error, "stopped serving SIP");
            }
        });
        let trunk = Arc::new(Self {
            layer: Arc::new(DialogLayer::new(inner.clone())),
            endpoint: inner,
            credential,
            local,
            is_down: AtomicBool::new(false),
            is_registered: AtomicBool::new(false),
            legs: AtomicU32::new(0),
            early: EarlyCalls::default(),
            farewells: TaskTracker::new(),
            owed,
            servers,
            names,
            allowed,
            cancel,
            closing,
            settings,
        });
        trunk.allow();
        Ok((trunk, incoming))
    }

    /// Looks up its host again; calls may come from these addresses from now on.
    pub(crate) async fn refresh_addresses(&self) {
        let found = self.names.servers(&self.settings).await;
        if !found.is_empty() {
            self.servers.replace(found);
            self.allow();
        }
    }

    fn allow(&self) {
        let servers = self.servers.all();
        let hosts = servers.iter().map(|server| IpNet::from(server.ip()));
        let all = hosts.chain(self.settings.allow_from.iter().copied());
        let mut allowed = self.allowed.write().unwrap_or_else(PoisonError::into_inner);
        *allowed = all.collect();
    }

    /// Whether an address is the trunk's own.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        let allowed = self.allowed.read().unwrap_or_else(PoisonError::into_inner);
        allowed.iter().any(|network| network.contains(&address))
    }

    /// Where requests go: to the current server.
    pub(crate) fn destination(&self) -> Option<SipAddr> {
        let addr = match self.server() {
            Some(server) => server.into(),
            None => self.host()?,
        };
        Some(SipAddr::new(self.settings.transport.of_stack(), addr))
    }

    /// The current server; `None` if none was ever found.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.servers.current(Instant::now())
    }

    /// Its host in a URI, without a port if SRV records give it.
    pub(crate) fn host(&self) -> Option<sip::HostWithPort> {
        let host = sip::Host::try_from(self.settings.host.as_str()).ok()?;
        let is_told = !self.settings.names_service();
        let port = is_told.then(|| sip::Port::from(self.settings.port()));
        Some(sip::HostWithPort { host, port })
    }

    /// The URI of a user at the trunk.
    ///
    /// # Errors
    /// When the user cannot be put into a URI.
    pub(crate) fn uri(&self, user: &str) -> Result<sip::Uri, sip::Error> {
        let host = bracketed(&self.settings.host);
        if self.settings.names_service() {
            return sip::Uri::try_from(format!("sip:{user}@{host}"));
        }
        sip::Uri::try_from(format!("sip:{user}@{host}:{}", self.settings.port()))
    }

    /// The URI of a user at the domain of From.
    ///
    /// # Errors
    /// When the user cannot be put into a URI.
    pub(crate) fn caller_uri(&self, user: &str) -> Result<sip::Uri, sip::Error> {
        let domain = self.settings.from_domain.as_ref();
        let domain = bracketed(domain.unwrap_or(&self.settings.host));
        sip::Uri::try_from(format!("sip:{user}@{domain}"))
    }

    /// Our Contact.
    pub(crate) fn contact(&self, user: &str) -> Option<sip::Uri> {
        let mut uri = self
            .layer
            .build_local_contact(Some(user.into()), None)
            .ok()?;
        uri.scheme = Some(sip::Scheme::Sip);
        if let Some(advertised) = self.settings.advertise {
            uri.host_with_port = advertised.into();
        }
        Some(uri)
    }

    /// The address at which we receive RTP.
    pub(crate) fn media_address(&self, advertised: Option<IpAddr>) -> IpAddr {
        advertised.unwrap_or(self.local)
    }

    /// Whether to try other trunks first.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
            || (self.settings.register && !self.is_registered.load(Ordering::Relaxed))
    }

    /// Dialogs and transactions in the stack.
    pub(crate) fn dialog_count(&self) -> usize {
        let stats = self.endpoint.get_stats();
        self.layer.len()
            + stats.running_transactions
            + stats.finished_transactions
            + stats.waiting_ack
    }

    /// Ends with the service.
    pub(crate) const fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Closes its transports, last of all.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }
}

const ALLOWS: [Method; 9] = [
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Options,
    Method::PRack,
    Method::Update,
    Method::Info,
    Method::Notify,
];

/// Accepts only what comes from the trunk's own addresses.
struct Allowed(Arc<RwLock<Vec<IpNet>>>);

#[async_trait]
impl TransportWhitelist for Allowed {
    async fn allow(&self, ip: IpAddr) -> bool {
        let allowed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        allowed.iter().any(|network| network.contains(&ip))
    }
}

/// Drops what comes over another transport than the trunk's: nothing in the clear if TLS is configured.
struct OnlyOver(Transport);

#[async_trait]
impl TransportEventInspector for OnlyOver {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        let is_own = match &event {
            TransportEvent::Incoming(_, connection, _) => {
                connection.transport() == self.0.of_stack()
            }
            _ => true,
        };
        is_own.then_some(event)
    }
}

/// Opens the listening sockets. A connection that we open ourselves needs no listener, but SIP headers
/// need an address all the same: that of a UDP socket from which nothing is read.
async fn listen(
    settings: &TrunkSettings,
    local: IpAddr,
    layer: &TransportLayer,
    cancel: &CancellationToken,
) -> Result<(), TrunkError> {
    let wanted = settings.listen.unwrap_or(SocketAddr::new(local, 0));
    let failed = |error: &dyn std::fmt::Display| TrunkError::Listen(wanted, error.to_string());
    let external = settings.advertise;
    let listens = settings.listen.is_some();
    match settings.transport {
        Transport::Tcp if listens => {
            // The stack binds late and only logs a failure: try first.
            TcpListener::bind(wanted).map_err(|error| failed(&error))?;
            let listener = TcpListenerConnection::new(wanted, external).await;
            layer.add_transport(listener.map_err(|error| failed(&error))?.into());
        }
        Transport::Tls if listens && settings.certificate.is_some() => {
            let tls = tls::config(settings)?;
            layer.set_tls_config(tls.clone());
            TcpListener::bind(wanted).map_err(|error| failed(&error))?;
            let listener = TlsListenerConnection::new(wanted, external, tls).await;
            layer.add_transport(listener.map_err(|error| failed(&error))?.into());
        }
        transport => {
            if transport == Transport::Tls {
                layer.set_tls_config(tls::config(settings)?);
            }
            let token = Some(cancel.child_token());
            let socket = UdpConnection::create_connection(wanted, external, token).await;
            layer.add_transport(socket.map_err(|error| failed(&error))?.into());
        }
    }
    Ok(())
}

fn credential(settings: &TrunkSettings) -> Result<Option<Credential>, TrunkError> {
    let Some(username) = settings.username.clone() else {
        return Ok(None);
    };
    let password = match (&settings.password, &settings.password_file) {
        (Some(password), _) => password.clone(),
        (None, Some(path)) => {
            let text = String::from_utf8(read_file(path)?)
                .map_err(|error| TrunkError::File(path.clone(), error.to_string()))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        (None, None) => String::new(),
    };
    Ok(Some(Credential {
        username,
        password,
        realm: None,
        auth_username: settings.auth_username.clone(),
    }))
}

/// Our own address on the route to someone. Nothing is sent.
fn local_address(to: Option<SocketAddr>) -> IpAddr {
    // From the block for documentation (RFC 5737), which is routed like the rest of the world.
    let anywhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 5060));
    let to = to.unwrap_or(anywhere);
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let found = std::net::UdpSocket::bind(any).and_then(|socket| {
        socket.connect(to)?;
        socket.local_addr()
    });
    found.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// A host as it stands in a URI.
fn bracketed(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}
