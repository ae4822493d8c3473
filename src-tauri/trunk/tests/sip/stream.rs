//! Calls that come in over a connection: TCP, and TLS with our certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use trunk::phone::{HoldSound, Ports, phone, sdes_key};
use trunk::sdp::{self, Local, MediaDirection};
use trunk::{Transport, TrunkSettings};
use wire::CallId;

use super::desk::{Call, Desk, HERE, LEAD_PHONE, PATIENCE, REP_PHONE, Worker, free_port, trunk_at};
use super::encrypted::certificates;
use super::uas::{Message, response, with_body};

const HEARD: f32 = 2_000.0;

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// The next message of a connection.
pub async fn message(stream: &mut (impl AsyncRead + Unpin), from: SocketAddr) -> Message {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    let head = Message { text, from };
    let length: usize = head.header("Content-Length").parse().unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let text = head.text + std::str::from_utf8(&body).unwrap();
    Message { text, from }
}

/// Whoever calls over a connection.
struct Caller {
    stream: Box<dyn Connection>,
    own: SocketAddr,
    to: SocketAddr,
    /// As SIP writes it.
    transport: &'static str,
}

impl Caller {
    async fn connected(to: SocketAddr) -> TcpStream {
        // The listener is opened beside the trunk.
        let connected = timeout(PATIENCE, async {
            loop {
                match TcpStream::connect(to).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
        connected.await.expect("a listener in time")
    }

    async fn over_tcp(to: SocketAddr) -> Self {
        let stream = Self::connected(to).await;
        let own = stream.local_addr().unwrap();
        Self {
            stream: Box::new(stream),
            own,
            to,
            transport: "TCP",
        }
    }

    async fn over_tls(to: SocketAddr, authority: &std::path::Path) -> Self {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(authority).unwrap();
        roots.add(authority).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = Self::connected(to).await;
        let own = stream.local_addr().unwrap();
        let name = ServerName::from(to.ip());
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream);
        Self {
            stream: Box::new(stream.await.unwrap()),
            own,
            to,
            transport: "TLS",
        }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// A request that names us as the caller.
    async fn request(&mut self, method: &str, uri: &str, to: &str, body: &str) {
        let (own, transport) = (self.own, self.transport);
        let contact = format!(
            "<sip:{LEAD_PHONE}@{own};transport={}>",
            transport.to_lowercase()
        );
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {own};branch=z9hG4bK{method}\r\n\
             From: <sip:{LEAD_PHONE}@{own}>;tag=caller\r\nTo: {to}\r\nCall-ID: over-{transport}\r\n\
             CSeq: 1 {method}\r\nContact: {contact}\r\nMax-Forwards: 70\r\n{}",
            with_body(body),
        );
        self.send(&text).await;
    }

    async fn take(&mut self, kind: &str) -> Message {
        loop {
            let message = timeout(PATIENCE, message(&mut self.stream, self.to)).await;
            let message = message.unwrap_or_else(|_| panic!("never {kind}"));
            if message.kind() == kind {
                return message;
            }
        }
    }
}

/// A call comes in over a connection, is taken, heard on both sides, and ended.
async fn is_taken(mut desk: Desk, mut caller: Caller, is_encrypted: bool) {
    let first = 19_200 + 100 * u16::from(is_encrypted);
    let ports = Ports::new(HERE, first..=first + 99);
    let pair = ports.take().unwrap();
    let own = Local {
        address: HERE,
        port: pair.rtp_port(),
        session_id: 1,
        version: 1,
        direction: MediaDirection::SendReceive,
        codecs: vec![voice::Codec::Pcma],
        crypto: is_encrypted.then(|| sdes_key().unwrap()),
    };
    let (mut control, media) = phone(pair, Arc::new(HoldSound::silence().unwrap())).unwrap();
    let to = caller.to;
    let callee = format!("sip:{REP_PHONE}@{to}");
    caller
        .request("INVITE", &callee, &format!("<{callee}>"), &sdp::offer(&own))
        .await;
    let incoming = timeout(PATIENCE, desk.incoming.recv()).await;
    let incoming = incoming.expect("a call in time").unwrap();
    assert_eq!(incoming.remote_phone.as_deref(), Some(LEAD_PHONE));
    incoming.wait_as(CallId::parse("acti_1").unwrap());
    let mut call: Call = desk.receive("acti_1");
    caller.take("180").await;
    call.leg.pick_up();
    let answer = caller.take("200").await;
    // Whoever calls comes back the same way (RFC 3261 §12.1.1).
    let way = format!("{to};transport={}", caller.transport.to_lowercase());
    assert!(
        answer.contact().to_lowercase().ends_with(&way),
        "{}",
        answer.contact()
    );
    caller
        .request("ACK", answer.contact(), answer.header("To"), "")
        .await;
    let described = sdp::parse(answer.body().as_bytes()).unwrap();
    control
        .negotiated(sdp::accept(&own, &described).unwrap())
        .unwrap();
    control.answered();
    let lead = Worker::start();
    lead.attach(Box::new(media));
    call.attach();
    lead.say(1_900.0);
    call.worker.say(700.0);
    call.until("both hear each other", |call| {
        call.hears(1_900.0) > HEARD && lead.hears(700.0) > HEARD
    })
    .await;
    call.leg.hang_up();
    let bye = caller.take("BYE").await;
    let text = response(&bye, "200 OK", "", "", caller.own, "");
    caller.send(&text).await;
    call.over().await;
    drop(call);
    desk.freed().await;
    control.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbound_call_over_tcp_stays_on_its_connection() {
    let listen = SocketAddr::from((HERE, free_port()));
    let trunk = TrunkSettings {
        transport: Transport::Tcp,
        listen: Some(listen),
        ..trunk_at(9)
    };
    let desk = Desk::with(vec![trunk]).await;
    let caller = Caller::over_tcp(listen).await;
    is_taken(desk, caller, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbound_call_over_tls_is_shown_our_certificate() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "authority", "IP:127.0.0.1");
    let listen = SocketAddr::from((HERE, free_port()));
    let trunk = TrunkSettings {
        transport: Transport::Tls,
        listen: Some(listen),
        certificate: Some(folder.path().join("leaf.pem")),
        key: Some(folder.path().join("leaf.key")),
        ..trunk_at(9)
    };
    let desk = Desk::with(vec![trunk]).await;
    let caller = Caller::over_tls(listen, &folder.path().join("authority.pem")).await;
    is_taken(desk, caller, true).await;
}
