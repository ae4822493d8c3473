//! Where the servers of a trunk are, by its name: SRV, and the addresses of what that names (RFC 3263).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use rsipstack::transport::SipAddr;
use rsipstack::transport::transport_layer::DomainResolver;
use tokio::time::timeout;

use crate::servers::{SERVERS_MAX, Servers};
use crate::settings::{TelephonySettings, Transport, TrunkSettings};
use crate::srv::{self, Record};

/// How long the SRV records may take; without them it is the name's own addresses.
const SRV_MAX: Duration = Duration::from_secs(2);
/// How long the addresses of one name may take.
const LOOKUP_MAX: Duration = Duration::from_secs(3);

/// Asks name servers.
pub(crate) struct Names {
    /// None where the system has none to ask for SRV.
    resolver: Option<TokioResolver>,
    /// Whether it is asked for addresses as well, and not the system, which may have them from elsewhere.
    is_all: bool,
}

impl Names {
    /// Of the name servers of these settings; of the system's when they name none.
    pub(crate) fn of(settings: &TelephonySettings) -> Self {
        let servers = &settings.name_servers;
        let is_wanted = settings.trunks.iter().any(TrunkSettings::names_service);
        let is_all = !servers.is_empty();
        if !is_wanted && !is_all {
            return Self {
                resolver: None,
                is_all,
            };
        }
        let resolver = if is_all {
            let servers = servers.iter().copied().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            let provider = TokioRuntimeProvider::default();
            Ok(TokioResolver::builder_with_config(config, provider))
        } else {
            TokioResolver::builder_tokio()
        };
        let resolver = resolver.and_then(|mut builder| {
            // We look up again and again, and what has changed is to be known.
            builder.options_mut().cache_size = 0;
            builder.options_mut().timeout = SRV_MAX / 2;
            builder.build()
        });
        if let Err(error) = &resolver {
            tracing::warn!(%error, "no name server found: trunks must be configured by address");
        }
        Self {
            resolver: resolver.ok(),
            is_all,
        }
    }

    /// The servers of a trunk, in the order in which they are to be tried; none when they cannot be had
    /// now.
    pub(crate) async fn servers(&self, settings: &TrunkSettings) -> Vec<SocketAddr> {
        let host = settings.host.as_str();
        let named = match settings.names_service() {
            true => self.records(settings).await,
            false => None,
        };
        let Some(records) = named else {
            return self.addresses(host, settings.port()).await;
        };
        let mut servers = Vec::new();
        for record in srv::ordered(records, random) {
            if servers.len() >= SERVERS_MAX {
                break;
            }
            servers.extend(self.addresses(&record.target, record.port).await);
        }
        servers
    }

    /// The SRV records of its transport, if there are any.
    async fn records(&self, settings: &TrunkSettings) -> Option<Vec<Record>> {
        let service = match settings.transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
        };
        let name = format!("{service}.{}.", settings.host.trim_end_matches('.'));
        let found = timeout(SRV_MAX, self.resolver.as_ref()?.srv_lookup(name)).await;
        let found = found.ok()?.inspect_err(|error| {
            tracing::debug!(trunk = settings.name, %error, "found no SRV records");
        });
        let found = found.ok()?;
        let records = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(Record {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: srv.target.to_utf8().trim_end_matches('.').to_owned(),
                }),
                _ => None,
            });
        let mut records: Vec<_> = records.take(SERVERS_MAX).collect();
        if records.is_empty() {
            return None;
        }
        // The root as a target says that there is no such service (RFC 2782).
        records.retain(|record| !record.target.is_empty() && record.port != 0);
        Some(records)
    }

    async fn addresses(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return vec![SocketAddr::new(address, port)];
        }
        let found = timeout(LOOKUP_MAX, async {
            match self.resolver.as_ref().filter(|_| self.is_all) {
                Some(resolver) => {
                    let found = resolver.lookup_ip(format!("{host}.")).await;
                    let found = found.map_err(|error| error.to_string())?;
                    Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
                }
                None => {
                    let found = tokio::net::lookup_host((host, port)).await;
                    Ok(found.map_err(|error| error.to_string())?.collect())
                }
            }
        });
        let found: Result<Vec<SocketAddr>, String> = match found.await {
            Ok(found) => found,
            Err(_) => Err("it takes too long".into()),
        };
        found
            .inspect_err(|error| tracing::warn!(host, error, "could not look up a host"))
            .unwrap_or_default()
    }
}

/// What the stack asks where it has a name alone: to register, which is with a domain, and before any
/// server was found.
pub(crate) struct ByName {
    pub(crate) settings: TrunkSettings,
    pub(crate) servers: Arc<Servers>,
    pub(crate) names: Arc<Names>,
}

#[async_trait]
impl DomainResolver for ByName {
    async fn resolve(&self, target: &SipAddr) -> rsipstack::Result<SipAddr> {
        let host = target.addr.host.to_string();
        let is_own = host.eq_ignore_ascii_case(&self.settings.host);
        let found = match self.servers.current(Instant::now()).filter(|_| is_own) {
            Some(server) => Some(server),
            None if is_own => self.names.servers(&self.settings).await.first().copied(),
            None => {
                let port = target.addr.port.map_or(self.settings.port(), u16::from);
                self.names.addresses(&host, port).await.first().copied()
            }
        };
        let found = found.ok_or(rsipstack::Error::DnsResolutionError(host))?;
        let transport = target.r#type.unwrap_or(self.settings.transport.of_stack());
        Ok(SipAddr::new(transport, found.into()))
    }
}

fn name_server(at: SocketAddr) -> NameServerConfig {
    let on = |mut connection: ConnectionConfig| {
        connection.port = at.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(on);
    let mut server = NameServerConfig::udp_and_tcp(at.ip());
    server.connections = connections.to_vec();
    server
}

/// From 0 to the most.
fn random(most: u32) -> u32 {
    // Without random numbers the heaviest of the least priority is as good as any.
    let drawn = getrandom::u64().unwrap_or_default();
    (drawn % (u64::from(most) + 1)) as u32
}
