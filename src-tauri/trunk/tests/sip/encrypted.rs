//! A trunk over TLS: whom it believes, and that the sound is encrypted as well.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use media::LeadSignal::{Answered, Failed};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use trunk::phone::{HoldSound, Ports, phone, sdes_key};
use trunk::sdp::{self, Direction, Local};
use trunk::{Transport, TrunkSettings};

use super::desk::{Desk, HERE, PATIENCE, Worker, trunk_at};
use super::uas::{Message, response};

const HEARD: f32 = 2_000.0;
/// When nothing came for so long, nothing more comes.
const QUIET: Duration = Duration::from_secs(2);

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split(' '))
        .output()
        .expect("openssl is installed");
    assert!(done.status.success(), "{arguments}: {done:?}");
}

/// An authority, and a certificate of it for this name.
fn certificates(folder: &Path, authority: &str, name: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(
        folder,
        &format!(
            "req -x509 {key} -keyout {authority}.key -out {authority}.pem -subj /CN={authority} \
             -addext basicConstraints=critical,CA:TRUE"
        ),
    );
    openssl(
        folder,
        &format!(
            "req -x509 {key} -keyout leaf.key -out leaf.pem -subj /CN=leaf -CA {authority}.pem \
             -CAkey {authority}.key -addext subjectAltName={name} \
             -addext basicConstraints=critical,CA:FALSE"
        ),
    );
}

/// Whoever is called over TLS.
struct Callee {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    stream: Option<TlsStream<TcpStream>>,
}

impl Callee {
    async fn start(folder: &Path) -> Self {
        // The trunk may have chosen it already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let chain = CertificateDer::from_pem_file(folder.join("leaf.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        Self {
            listener: TcpListener::bind((HERE, 0)).await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            stream: None,
        }
    }

    fn trunk(&self, authority: &Path) -> TrunkSettings {
        TrunkSettings {
            transport: Transport::Tls,
            ca: Some(authority.to_owned()),
            ..trunk_at(self.listener.local_addr().unwrap().port())
        }
    }

    /// Takes a connection, as far as it comes.
    async fn accept(&mut self) -> std::io::Result<()> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await??;
        self.stream = Some(timeout(PATIENCE, self.acceptor.accept(stream)).await??);
        Ok(())
    }

    /// The next message of this kind.
    async fn take(&mut self, kind: &str) -> Message {
        loop {
            let message = timeout(PATIENCE, self.message()).await;
            let message = message.unwrap_or_else(|_| panic!("never {kind}"));
            if message.kind() == kind {
                return message;
            }
        }
    }

    async fn message(&mut self) -> Message {
        let from = self.listener.local_addr().unwrap();
        let stream = self.stream.as_mut().unwrap();
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

    async fn reply(&mut self, to: &Message, tag: &str, body: &str) {
        let own = self.listener.local_addr().unwrap();
        let lines = format!("Contact: <sip:callee@{own};transport=tls>\r\n");
        let text = response(to, "200 OK", tag, &lines, own, body);
        let stream = self.stream.as_mut().unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_over_tls_is_called_and_its_sound_is_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "authority", "IP:127.0.0.1");
    let mut callee = Callee::start(folder.path()).await;
    let desk = Desk::with(vec![callee.trunk(&folder.path().join("authority.pem"))]).await;
    let mut call = desk.dial();
    callee.accept().await.unwrap();
    let invite = callee.take("INVITE").await;
    assert!(
        invite.header("Via").contains("SIP/2.0/TLS"),
        "{}",
        invite.header("Via")
    );
    let offer = invite.body();
    assert!(offer.contains(" RTP/SAVP "), "no offer of encryption");
    assert!(offer.contains("a=crypto:"), "no offer of a key");
    let ports = Ports::new(HERE, 19_000..=19_099);
    let pair = ports.take().unwrap();
    let own = Local {
        address: HERE,
        port: pair.rtp_port(),
        session_id: 1,
        version: 1,
        direction: Direction::SendReceive,
        codecs: vec![voice::Codec::Pcma],
        crypto: Some(sdes_key().unwrap()),
    };
    let (mut control, media) = phone(pair, Arc::new(HoldSound::silence().unwrap())).unwrap();
    let offer = sdp::parse(offer.as_bytes()).unwrap();
    let (answer, negotiated) = sdp::answer(&own, &offer).unwrap();
    control.negotiated(negotiated).unwrap();
    control.answered();
    let lead = Worker::start();
    lead.attach(Box::new(media));
    callee.reply(&invite, "a", &answer).await;
    callee.take("ACK").await;
    call.expect(&[Answered]).await;
    lead.say(1_900.0);
    call.worker.say(700.0);
    call.until("both hear each other", |call| {
        call.hears(1_900.0) > HEARD && lead.hears(700.0) > HEARD
    })
    .await;
    call.leg.hang_up();
    let bye = callee.take("BYE").await;
    callee.reply(&bye, "", "").await;
    control.end();
}

/// Calls a trunk whose certificate is none to believe.
async fn never_connects(name: &str, authority: &str) {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "authority", name);
    if authority != "authority" {
        let other = tempfile::tempdir_in(folder.path()).unwrap();
        certificates(other.path(), authority, name);
        let file = format!("{authority}.pem");
        std::fs::copy(other.path().join(&file), folder.path().join(&file)).unwrap();
    }
    let mut callee = Callee::start(folder.path()).await;
    let authority = folder.path().join(format!("{authority}.pem"));
    let desk = Desk::with(vec![callee.trunk(&authority)]).await;
    let mut call = desk.dial();
    // The stack may try once more; whatever it tries ends before a word is said.
    let mut attempts = 0;
    while let Ok(accepted) = timeout(QUIET, callee.accept()).await {
        assert!(accepted.is_err(), "it was believed");
        attempts += 1;
        assert!(attempts <= 3, "it is tried over and over");
    }
    assert!(attempts > 0, "it was not even tried");
    call.expect(&[Failed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_with_a_certificate_of_another_authority_is_told_nothing() {
    never_connects("IP:127.0.0.1", "other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_with_a_certificate_for_another_name_is_told_nothing() {
    never_connects("DNS:other.example", "authority").await;
}
