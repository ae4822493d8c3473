//! A trunk over TLS: whom it believes, and that the sound is encrypted as well.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use media::LeadSignal::{Answered, Failed};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use trunk::phone::{HoldSound, Ports, phone, sdes_key};
use trunk::sdp::{self, Local, MediaDirection};
use trunk::{TelephonySettings, Transport, TrunkError, TrunkSettings, Trunks};

use super::desk::{Desk, HERE, PATIENCE, Worker, trunk_at};
use super::stream::message;
use super::uas::{Message, response, sound};

const HEARD: f32 = 2_000.0;

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split(' '))
        .output()
        .expect("openssl is installed");
    assert!(done.status.success(), "{arguments}: {done:?}");
}

/// An authority, and a certificate of it for this name.
pub fn certificates(folder: &Path, authority: &str, name: &str) {
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
pub struct Callee {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    stream: Option<TlsStream<TcpStream>>,
}

impl Callee {
    pub async fn start(folder: &Path) -> Self {
        Self::asking(folder, None).await
    }

    /// One that wants to see a certificate of this authority.
    async fn asking(folder: &Path, authority: Option<&Path>) -> Self {
        // The trunk may have chosen it already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let chain = CertificateDer::from_pem_file(folder.join("leaf.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).unwrap();
        let config = match authority {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(CertificateDer::from_pem_file(path).unwrap())
                    .unwrap();
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
                ServerConfig::builder().with_client_cert_verifier(verifier.unwrap())
            }
        };
        let config = config.with_single_cert(vec![chain], key).unwrap();
        Self {
            listener: TcpListener::bind((HERE, 0)).await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            stream: None,
        }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    fn trunk(&self, authority: &Path) -> TrunkSettings {
        TrunkSettings {
            transport: Transport::Tls,
            ca: Some(authority.to_owned()),
            ..trunk_at(self.port())
        }
    }

    /// Takes a connection, as far as it comes.
    pub async fn accept(&mut self) -> std::io::Result<()> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await??;
        self.stream = Some(timeout(PATIENCE, self.acceptor.accept(stream)).await??);
        Ok(())
    }

    /// The next message of this kind.
    pub async fn take(&mut self, kind: &str) -> Message {
        loop {
            let from = self.listener.local_addr().unwrap();
            let stream = self.stream.as_mut().unwrap();
            let message = timeout(PATIENCE, message(stream, from)).await;
            let message = message.unwrap_or_else(|_| panic!("never {kind}"));
            if message.kind() == kind {
                return message;
            }
        }
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
        direction: MediaDirection::SendReceive,
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
    let trunk = callee.trunk(&authority);
    never_speaks(&mut callee, trunk).await;
}

async fn never_speaks(callee: &mut Callee, trunk: TrunkSettings) {
    let desk = Desk::with(vec![trunk]).await;
    let mut call = desk.dial();
    // The stack tries again until its time is up; whatever it tries ends before a word is said, and the
    // call with it.
    let mut attempt = callee.accept().await;
    for _ in 0..20 {
        let refused = attempt.expect_err("a certificate that is not believed");
        assert_ne!(refused.kind(), std::io::ErrorKind::TimedOut, "never tried");
        attempt = tokio::select! {
            again = callee.accept() => again,
            signal = call.signal() => return assert_eq!(signal, Failed),
        };
    }
    panic!("it is tried over and over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_with_an_untrusted_certificate_is_told_nothing() {
    never_connects("IP:127.0.0.1", "other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_with_a_certificate_for_another_name_is_told_nothing() {
    never_connects("DNS:other.example", "authority").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_asks_for_a_certificate_is_shown_ours() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "authority", "IP:127.0.0.1");
    let ours = tempfile::tempdir().unwrap();
    certificates(ours.path(), "our-authority", "DNS:calls.example");
    let authority = ours.path().join("our-authority.pem");
    let mut callee = Callee::asking(folder.path(), Some(&authority)).await;
    let without = callee.trunk(&folder.path().join("authority.pem"));
    let with = TrunkSettings {
        certificate: Some(ours.path().join("leaf.pem")),
        key: Some(ours.path().join("leaf.key")),
        ..without.clone()
    };
    never_speaks(&mut callee, without).await;
    let desk = Desk::with(vec![with]).await;
    let mut call = desk.dial();
    callee.accept().await.unwrap();
    let invite = callee.take("INVITE").await;
    callee
        .reply(&invite, "a", &sound(9).replace("RTP/AVP", "RTP/SAVP"))
        .await;
    // Sound without a key is none that we take; it was spoken to, which is what matters here.
    call.expect(&[Failed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_authority_is_skipped_an_empty_file_refused() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "authority", "IP:127.0.0.1");
    let mut callee = Callee::start(folder.path()).await;
    let unreadable = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let readable = std::fs::read_to_string(folder.path().join("authority.pem")).unwrap();
    let both = folder.path().join("both.pem");
    std::fs::write(&both, format!("{unreadable}{readable}")).unwrap();
    let desk = Desk::with(vec![callee.trunk(&both)]).await;
    let _call = desk.dial();
    callee.accept().await.unwrap();
    callee.take("INVITE").await;
    let none = folder.path().join("none.pem");
    std::fs::write(&none, unreadable).unwrap();
    refused(callee.trunk(&none), &none).await;
}

/// The trunk does not begin, for this file.
async fn refused(trunk: TrunkSettings, file: &Path) {
    let settings = TelephonySettings {
        trunks: vec![trunk],
        ..TelephonySettings::default()
    };
    let Err(TrunkError::File(path, why)) = Trunks::start(settings).await else {
        panic!("it was taken");
    };
    assert_eq!(path, file, "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_the_wrong_key_is_refused_at_the_start() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(one.path(), "authority", "IP:127.0.0.1");
    certificates(other.path(), "authority", "IP:127.0.0.1");
    let trunk = |key: &Path| TrunkSettings {
        transport: Transport::Tls,
        certificate: Some(one.path().join("leaf.pem")),
        key: Some(key.to_owned()),
        ..trunk_at(9)
    };
    let certificate = one.path().join("leaf.pem");
    refused(trunk(&other.path().join("leaf.key")), &certificate).await;
    // The stack reads no SEC 1, and would say so in its log alone.
    openssl(one.path(), "ec -in leaf.key -out sec1.key");
    let key = one.path().join("sec1.key");
    refused(trunk(&key), &key).await;
}
