//! Sending mail: a bounded queue, one connection for each mail, and a few tries.
//!
//! It knows nothing of who asks or why. Whoever puts a mail in never waits for the server, so how long an
//! answer takes tells nobody whether a mail was sent.

mod letter;
mod settings;

pub use letter::Letter;
pub use settings::{Encryption, MailSettings};

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters, TlsParametersBuilder};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Mails that wait. More than that are lost, which is logged.
const QUEUE_MAX: usize = 256;
/// Mails that are sent, or tried again, at once.
const AT_ONCE: usize = 8;
/// How long before each further try.
const WAITS: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_secs(60),
];
/// How long the server may take for one step.
const ANSWER_WAIT: Duration = Duration::from_secs(15);

/// Why no mail can be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A file can't be read.
    #[error("couldn't read {0}: {1}")]
    Unreadable(std::path::PathBuf, std::io::Error),
    /// A setting can't be used.
    #[error("the mail settings can't be used: {0}")]
    Settings(String),
}

/// Where mails are put. A handle, cheap to clone.
#[derive(Clone)]
pub struct Mail {
    queue: mpsc::Sender<Letter>,
    public_url: Arc<str>,
}

impl Mail {
    /// Starts to send, by the server that is set; none when there is none. Links lead to this address.
    /// To be called within a runtime.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn start(settings: &MailSettings, public_url: &str) -> Result<Option<Self>, MailError> {
        let Some(server) = &settings.server else {
            return Ok(None);
        };
        let transport = Arc::new(transport(server, settings)?);
        let from: Mailbox = settings
            .from
            .parse()
            .map_err(|error| MailError::Settings(format!("mail.from: {error}")))?;
        let (queue, letters) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(send_all(letters, transport, from));
        Ok(Some(Self {
            queue,
            public_url: public_url.into(),
        }))
    }

    /// Takes a mail in, or loses it: never waits.
    pub fn send(&self, letter: Letter) {
        if self.queue.try_send(letter).is_err() {
            tracing::error!("lost a mail: too many are waiting");
        }
    }

    /// A link to a page of this service that reads the secret after `#`, which no server ever sees.
    #[must_use]
    pub fn link(&self, page: &str, token: &str) -> String {
        format!("{}/{page}/#{token}", self.public_url)
    }
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

fn transport(server: &str, settings: &MailSettings) -> Result<Transport, MailError> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| MailError::Unreadable(path.clone(), error))
    };
    let wrong = |error: lettre::transport::smtp::Error| MailError::Settings(error.to_string());
    let tls = || -> Result<TlsParameters, MailError> {
        let mut tls = TlsParametersBuilder::new(server.to_owned());
        if let Some(path) = &settings.ca {
            tls = tls.add_root_certificate(Certificate::from_pem(&read(path)?).map_err(wrong)?);
        }
        tls.build_rustls().map_err(wrong)
    };
    let (tls, port) = match settings.encryption {
        Encryption::Starttls => (Tls::Required(tls()?), 587),
        Encryption::Tls => (Tls::Wrapper(tls()?), 465),
        Encryption::None => (Tls::None, 25),
    };
    let mut builder = Transport::builder_dangerous(server)
        .port(settings.port.unwrap_or(port))
        .tls(tls)
        .timeout(Some(ANSWER_WAIT));
    if let Some(username) = &settings.username {
        let password = match (&settings.password, &settings.password_file) {
            (Some(password), _) => password.clone(),
            (None, Some(path)) => String::from_utf8_lossy(&read(path)?).trim().to_owned(),
            (None, None) => String::new(),
        };
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

async fn send_all(mut letters: mpsc::Receiver<Letter>, transport: Arc<Transport>, from: Mailbox) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(letter) = letters.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let (transport, from) = (transport.clone(), from.clone());
        tokio::spawn(async move {
            let _place = place;
            send(&letter, &transport, &from).await;
        });
    }
}

/// What went wrong, without what the server says in words: that often names the address.
fn why(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None => error.to_string(),
    }
}

/// Sends one, and tries again what may yet work. Nobody's address is logged.
async fn send(letter: &Letter, transport: &Transport, from: &Mailbox) {
    let message = match letter.message(from) {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(%error, "couldn't write a mail");
            return;
        }
    };
    let mut waits = WAITS.iter();
    loop {
        let Err(error) = transport.send(message.clone()).await else {
            tracing::info!(subject = %letter.subject, "sent a mail");
            return;
        };
        // What the server refuses for good, such as an address, it refuses again.
        let why = why(&error);
        let Some(wait) = waits.next().filter(|_| !error.is_permanent()) else {
            tracing::error!(why, subject = %letter.subject, "gave up on a mail");
            return;
        };
        tracing::warn!(why, subject = %letter.subject, "couldn't send a mail; trying again");
        tokio::time::sleep(*wait).await;
    }
}
