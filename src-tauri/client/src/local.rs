//! The service that the desktop app brings: the secret that both know, and how the app tells it from a
//! stranger on its port (O2).
//!
//! Before anything else the service proves that it knows the secret, over a number that was just made up.
//! Only then is it shown that the app knows it, too: whoever sees that could show it as well.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderValue;
use reqwest::{Client, Response, Url};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;

use crate::error::ClientError;

/// The header in which the app shows that it knows the secret.
pub(crate) const HEADER: &str = "x-call-coaching-local";
/// The path that proves the service.
const PROOF_PATH: &str = "/local/proof";
/// The path that says whether the service is ready.
const READY_PATH: &str = "/ready";
/// The secret: 256 random bits in hexadecimal digits.
const SECRET_BYTES: usize = 32;
const SECRET_DIGITS: usize = 2 * SECRET_BYTES;
/// So much of its file is read at most.
const SECRET_BYTES_READ_MAX: u64 = 1024;
const NONCE_BYTES: usize = 32;
/// HMAC-SHA256 in hexadecimal digits.
const PROOF_DIGITS: usize = 64;
/// How long the service may take to prove itself. It's on this computer.
const PROOF_WAIT: Duration = Duration::from_secs(2);
/// How long a proof is good for, for requests.
pub(crate) const PROOF_KEPT: Duration = Duration::from_secs(2);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum LocalSecretError {
    /// Its file can't be read or made.
    #[error("{0}")]
    File(#[from] io::Error),
    /// Others on this computer can read its file.
    #[error("others on this computer can read it")]
    Open,
    /// Its file holds something else.
    #[error("it's damaged")]
    Damaged,
}

/// What the app and its service know, and no one else.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalSecret(Arc<str>);

impl std::fmt::Debug for LocalSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LocalSecret")
    }
}

impl LocalSecret {
    /// From its file, which is made if it isn't there. Of several that make it at once, all get the same.
    ///
    /// # Errors
    /// [`LocalSecretError`].
    pub fn read_or_make(file: &Path) -> Result<Self, LocalSecretError> {
        match Self::read(file) {
            Err(LocalSecretError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                make(file)?;
                Self::read(file)
            }
            read => read,
        }
    }

    fn read(file: &Path) -> Result<Self, LocalSecretError> {
        let file = File::open(file)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if file.metadata()?.permissions().mode() & 0o077 != 0 {
                return Err(LocalSecretError::Open);
            }
        }
        let mut text = String::new();
        let read = file.take(SECRET_BYTES_READ_MAX).read_to_string(&mut text);
        let is_secret = |text: &str| {
            text.len() == SECRET_DIGITS && text.bytes().all(|one| one.is_ascii_hexdigit())
        };
        match (read, text.trim()) {
            (Err(error), _) if error.kind() != io::ErrorKind::InvalidData => Err(error.into()),
            (Ok(_), text) if is_secret(text) => Ok(Self(text.into())),
            _ => Err(LocalSecretError::Damaged),
        }
    }

    /// HMAC-SHA256 over this purpose, in hexadecimal digits.
    fn digits_over(&self, purpose: &str) -> String {
        // A key may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else {
            return String::new();
        };
        mac.update(purpose.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// What the app shows the service.
    pub(crate) fn shown(&self) -> HeaderValue {
        let digits = HeaderValue::try_from(self.digits_over("app"));
        // Hexadecimal digits are always a value.
        let mut value = digits.unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// Whether this is the proof of a service on this port. Without the port, a stranger could pass the
    /// question on to the real one elsewhere.
    fn proves(&self, port: u16, nonce: &str, shown: &[u8]) -> bool {
        let expected = self.digits_over(&format!("service {port} {nonce}"));
        expected.len() == PROOF_DIGITS && bool::from(shown.ct_eq(expected.as_bytes()))
    }
}

/// Writes a new secret, whole or not at all, unless there is one by then.
fn make(file: &Path) -> Result<(), LocalSecretError> {
    // Nobody sees the file before all of it is there.
    let new = file.with_extension(format!("{:016x}.new", crate::random::bits()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
    let written = options.open(&new).and_then(|mut open| {
        open.write_all(hex(&secret).as_bytes())?;
        open.sync_all()
    });
    // Unlike a renaming, it replaces none that another window has just made.
    let linked = written.and_then(|()| fs::hard_link(&new, file));
    let _ = fs::remove_file(&new);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Who answers where the app's own service should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalAnswer {
    /// The service, and it's ready.
    Ready,
    /// No one, or the service isn't ready yet.
    Silent,
    /// Another program.
    Stranger,
}

/// The way to the app's own service: nothing passes before the service has proved itself.
#[derive(Debug, Clone)]
pub struct LocalDoor {
    http: Client,
    base: Url,
    secret: LocalSecret,
    /// When the service proved itself last. One asks at a time, and the others have its answer.
    proved: Arc<Mutex<Option<Instant>>>,
}

impl LocalDoor {
    /// To the service with this secret at this address, such as `http://127.0.0.1:7780`.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when it is no address.
    pub fn new(server: &str, secret: LocalSecret) -> Result<Self, ClientError> {
        let settings = |error: String| ClientError::Settings(format!("{server}: {error}"));
        let base = Url::parse(server).map_err(|error| settings(error.to_string()))?;
        let http = plain(Client::builder())
            .tls_backend_preconfigured(crate::tls::config()?)
            .build()
            .map_err(|error| settings(error.to_string()))?;
        Ok(Self::with(http, base, secret))
    }

    /// The same for a client that [`plain`] has made.
    pub(crate) fn with(http: Client, base: Url, secret: LocalSecret) -> Self {
        Self {
            http,
            base,
            secret,
            proved: Arc::default(),
        }
    }

    /// Who is there now. It also keeps a service that waits for the next request running.
    pub async fn look(&self) -> LocalAnswer {
        match self.ask_for_proof().await {
            Ok(true) => {}
            Ok(false) => return LocalAnswer::Stranger,
            Err(_) => return LocalAnswer::Silent,
        }
        let ready = self.http.get(self.at(READY_PATH));
        let ready = ready.header(HEADER, self.shown()).timeout(PROOF_WAIT);
        let ready = ready.send().await;
        if ready.is_ok_and(|response| response.status().is_success()) {
            LocalAnswer::Ready
        } else {
            LocalAnswer::Silent
        }
    }

    /// Returns once the service has proved itself, at most so long ago.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when it doesn't.
    pub(crate) async fn pass(&self, kept: Duration) -> Result<(), ClientError> {
        let mut proved = self.proved.lock().await;
        if proved.is_some_and(|at| at.elapsed() < kept) {
            return Ok(());
        }
        *proved = None;
        // What comes while it's asked for is no older than this.
        let asked = Instant::now();
        match self.ask_for_proof().await {
            Ok(true) => {
                *proved = Some(asked);
                Ok(())
            }
            Ok(false) => {
                let why = format!("another program is using port {}", self.port());
                tracing::warn!(why, "the service of the app didn't prove itself");
                Err(ClientError::Unreachable(why))
            }
            Err(error) => Err(ClientError::Unreachable(error)),
        }
    }

    /// What the app shows a service that has proved itself.
    pub(crate) fn shown(&self) -> HeaderValue {
        self.secret.shown()
    }

    /// Whether the service proves itself; an error when no one answers.
    async fn ask_for_proof(&self) -> Result<bool, String> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
        let nonce = hex(&nonce);
        let mut url = self.at(PROOF_PATH);
        url.query_pairs_mut().append_pair("nonce", &nonce);
        let answer = self.http.get(url).timeout(PROOF_WAIT).send().await;
        let answer = answer.map_err(|error| error.without_url().to_string())?;
        let proof = proof_in(answer).await;
        Ok(proof.is_some_and(|shown| self.secret.proves(self.port(), &nonce, &shown)))
    }

    fn port(&self) -> u16 {
        self.base.port_or_known_default().unwrap_or_default()
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url.set_query(None);
        url
    }
}

/// For requests that must reach this computer's own service: by no proxy, and nowhere else.
pub(crate) fn plain(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PROOF_WAIT)
        .tcp_nodelay(true)
}

/// What was answered, if it could be a proof. No more of it is read.
async fn proof_in(mut answer: Response) -> Option<Vec<u8>> {
    if !answer.status().is_success() {
        return None;
    }
    let mut proof = Vec::new();
    while let Ok(Some(part)) = answer.chunk().await {
        proof.extend_from_slice(&part);
        if proof.len() > PROOF_DIGITS {
            return None;
        }
    }
    Some(proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_a_secret_is_made_once_and_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("local-secret");
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let file = file.clone();
                std::thread::spawn(move || LocalSecret::read_or_make(&file).unwrap())
            })
            .collect();
        let made: Vec<_> = makers.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(made.iter().all(|one| *one == made[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let other = LocalSecret::read_or_make(&folder.path().join("other")).unwrap();
        assert!(other != made[0]);
        assert_eq!(format!("{other:?}"), "LocalSecret");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&file), 0o600);
            for open in [0o640, 0o604, 0o644] {
                fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
                let refused = LocalSecret::read_or_make(&file);
                assert!(matches!(refused, Err(LocalSecretError::Open)), "{open:o}");
            }
        }
    }

    #[test]
    fn o2_a_file_that_holds_no_secret_is_not_used_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("local-secret");
        for text in [&b""[..], b"short", &[b'x'; 64], &[0xff; 64], &[b'0'; 65]] {
            let _ = fs::remove_file(&file);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&file).unwrap().write_all(text).unwrap();
            let read = LocalSecret::read_or_make(&file);
            assert!(matches!(read, Err(LocalSecretError::Damaged)), "{text:?}");
            assert_eq!(fs::read(&file).unwrap(), text);
        }
        let nowhere = folder.path().join("none").join("local-secret");
        let read = LocalSecret::read_or_make(&nowhere);
        assert!(matches!(read, Err(LocalSecretError::File(_))));
    }

    #[test]
    fn o2_a_proof_is_good_for_its_port_number_and_secret_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [ours, other] = ["ours", "other"]
            .map(|name| LocalSecret::read_or_make(&folder.path().join(name)).unwrap());
        let proof = ours.digits_over("service 7780 0123456789abcdef");
        assert!(ours.proves(7780, "0123456789abcdef", proof.as_bytes()));
        assert!(!ours.proves(7781, "0123456789abcdef", proof.as_bytes()));
        assert!(!ours.proves(7780, "0123456789abcdeg", proof.as_bytes()));
        assert!(!other.proves(7780, "0123456789abcdef", proof.as_bytes()));
        for bad in [
            "",
            "x",
            &ours.digits_over("app"),
            &proof[..63],
            &format!("{proof} "),
        ] {
            assert!(
                !ours.proves(7780, "0123456789abcdef", bad.as_bytes()),
                "{bad}"
            );
        }
    }
}
