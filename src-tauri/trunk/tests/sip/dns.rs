//! A trunk that is found by its domain (RFC 3263), with a name server of our own.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::LeadSignal::{Answered, Ringing};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;
use trunk::{TelephonySettings, Transport, TrunkSettings, Trunks};

use super::desk::{Desk, HERE, PATIENCE, trunk_at};
use super::encrypted::{Callee, certificates};
use super::stream::message;
use super::uas::{Uas, sound};

const A: u16 = 1;
const SRV: u16 = 33;

/// What is said of a name and a type.
type Zone = HashMap<(String, u16), Vec<Vec<u8>>>;

/// A name server that knows a few names.
struct NameServer {
    at: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl NameServer {
    async fn start() -> Self {
        let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
        let at = socket.local_addr().unwrap();
        let (zone, asked) = (Arc::<Mutex<Zone>>::default(), Arc::default());
        let (known, heard): (_, Arc<Mutex<Vec<String>>>) = (zone.clone(), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let (name, kind, end) = question(&query[..length]);
                heard.lock().unwrap().push(format!("{name} {kind}"));
                let found = known.lock().unwrap().get(&(name, kind)).cloned();
                let answer = answer(&query[..end], kind, found.as_deref());
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self {
            at,
            zone,
            asked,
            task,
        }
    }

    fn add(&self, name: &str, kind: u16, data: Vec<u8>) {
        let mut zone = self.zone.lock().unwrap();
        zone.entry((name.into(), kind)).or_default().push(data);
    }

    fn address(&self, name: &str, address: Ipv4Addr) {
        self.add(name, A, address.octets().to_vec());
    }

    fn server(&self, service: &str, priority: u16, port: u16, target: &str) {
        let mut data = Vec::new();
        for number in [priority, 0, port] {
            data.extend(number.to_be_bytes());
        }
        data.extend(labels(target));
        self.add(service, SRV, data);
    }

    /// A desk whose trunk this one knows.
    async fn desk(&self, trunk: TrunkSettings, rtp_port_min: u16) -> Desk {
        let settings = TelephonySettings {
            trunks: vec![trunk],
            name_servers: vec![self.at],
            rtp_port_min,
            rtp_port_max: rtp_port_min + 49,
            ..TelephonySettings::default()
        };
        let (trunks, incoming) = Trunks::start(settings).await.unwrap();
        Desk { trunks, incoming }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn labels(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

/// The name and the type that are asked for, and where the question ends.
fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(
            std::str::from_utf8(&query[at + 1..end])
                .unwrap()
                .to_lowercase(),
        );
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    (labels.join("."), kind, at + 5)
}

/// The answer to a question (RFC 1035 §4.1): what is known, or that there is no such name.
fn answer(question: &[u8], kind: u16, found: Option<&[Vec<u8>]>) -> Vec<u8> {
    let records = found.unwrap_or_default();
    let status: u8 = if found.is_none() { 3 } else { 0 };
    let mut answer = question[..2].to_vec();
    answer.extend([0x84, status, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    answer.extend(&question[12..]);
    for record in records {
        // The name of the question, for a minute.
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend((record.len() as u16).to_be_bytes());
        answer.extend(record);
    }
    answer
}

/// A trunk of which the name alone is known.
fn named(host: &str, transport: Transport) -> TrunkSettings {
    TrunkSettings {
        name: "named".into(),
        host: host.into(),
        port: None,
        transport,
        response_timeout_ms: 600,
        ..trunk_at(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domains_next_server_is_called_when_the_first_is_silent() {
    let names = NameServer::start().await;
    let (mut first, mut second) = (Uas::start().await, Uas::start().await);
    names.server("_sip._udp.trunk.test", 20, second.port, "b.trunk.test");
    names.server("_sip._udp.trunk.test", 10, first.port, "a.trunk.test");
    names.address("a.trunk.test", Ipv4Addr::LOCALHOST);
    names.address("b.trunk.test", Ipv4Addr::LOCALHOST);
    let desk = names
        .desk(named("trunk.test", Transport::Udp), 19_700)
        .await;
    let mut call = desk.dial();
    let invite = first.take("INVITE").await;
    assert!(invite.uri().ends_with("@trunk.test"), "{}", invite.uri());
    first.reply(&invite, "200 OK", "a", "", &sound(9)).await;
    first.take("ACK").await;
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    let bye = first.take("BYE").await;
    first.reply(&bye, "200 OK", "", "", "").await;
    // The first says nothing any more: the same call goes to the second, and the next one at once.
    for _ in 0..2 {
        let mut call = desk.dial();
        let invite = second.take("INVITE").await;
        second.reply(&invite, "180 Ringing", "b", "", "").await;
        second.reply(&invite, "200 OK", "b", "", &sound(9)).await;
        second.take("ACK").await;
        call.expect(&[Ringing, Answered]).await;
        call.leg.hang_up();
        let bye = second.take("BYE").await;
        second.reply(&bye, "200 OK", "", "", "").await;
    }
    while first.any(Duration::from_millis(200)).await.is_some() {}
    let mut invites: Vec<_> = first
        .seen
        .iter()
        .filter(|seen| seen.kind() == "INVITE")
        .collect();
    invites.dedup_by_key(|invite| invite.header("Call-ID"));
    assert_eq!(
        invites.len(),
        2,
        "one call that it took, and one that it did not"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_goes_to_the_domains_server_in_the_domains_name() {
    let names = NameServer::start().await;
    let mut uas = Uas::start().await;
    names.server("_sip._udp.trunk.test", 1, uas.port, "a.trunk.test");
    names.address("a.trunk.test", Ipv4Addr::LOCALHOST);
    let trunk = TrunkSettings {
        register: true,
        options_s: 30,
        username: Some("account".into()),
        password: Some("trunk-password".into()),
        ..named("trunk.test", Transport::Udp)
    };
    let _desk = names.desk(trunk, 19_750).await;
    let register = uas.take("REGISTER").await;
    assert_eq!(register.uri(), "sip:trunk.test");
    let is_asked = uas.seen.iter().any(|seen| seen.kind() == "OPTIONS");
    if !is_asked {
        uas.take("OPTIONS").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_a_port_or_without_srv_records_is_just_an_address() {
    let names = NameServer::start().await;
    let elsewhere = Ipv4Addr::new(127, 0, 0, 77);
    names.address("plain.test", elsewhere);
    // Of everyone's addresses here, this one has the port that SIP has by itself.
    let mut uas = Uas::at((elsewhere, 5060).into()).await;
    let desk = names
        .desk(named("plain.test", Transport::Udp), 19_800)
        .await;
    let _call = desk.dial();
    uas.take("INVITE").await;
    let asked = names.asked.lock().unwrap().clone();
    assert!(
        asked.contains(&format!("_sip._udp.plain.test {SRV}")),
        "{asked:?}"
    );
    names.asked.lock().unwrap().clear();
    let mut uas = Uas::at((elsewhere, 0).into()).await;
    let trunk = TrunkSettings {
        port: Some(uas.port),
        ..named("plain.test", Transport::Udp)
    };
    let desk = names.desk(trunk, 19_850).await;
    let _call = desk.dial();
    uas.take("INVITE").await;
    let asked = names.asked.lock().unwrap().clone();
    assert!(
        !asked.iter().any(|asked| asked.starts_with('_')),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_and_tls_have_their_own_records_and_one_certificate() {
    let names = NameServer::start().await;
    names.address("a.trunk.test", Ipv4Addr::LOCALHOST);
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    names.server("_sip._tcp.trunk.test", 1, at.port(), "a.trunk.test");
    let desk = names
        .desk(named("trunk.test", Transport::Tcp), 19_900)
        .await;
    let _call = desk.dial();
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let invite = timeout(PATIENCE, message(&mut stream, at)).await.unwrap();
    assert_eq!(invite.kind(), "INVITE");
    // Its certificate is for the domain, not for the server (RFC 5922 §4).
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "authority", "DNS:trunk.test");
    let mut callee = Callee::start(folder.path()).await;
    names.server("_sips._tcp.trunk.test", 1, callee.port(), "a.trunk.test");
    let trunk = TrunkSettings {
        ca: Some(folder.path().join("authority.pem")),
        response_timeout_ms: 4_000,
        ..named("trunk.test", Transport::Tls)
    };
    let desk = names.desk(trunk, 19_950).await;
    let _call = desk.dial();
    callee.accept().await.unwrap();
    callee.take("INVITE").await;
}
