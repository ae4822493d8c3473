//! The mail server that the service sends by.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// By STARTTLS, which must work: port 587.
    #[default]
    Starttls,
    /// From the start: port 465.
    Tls,
    /// Not at all. Only to a server on this machine.
    None,
}

/// The mail server, and what mails say. Without a server, no mail is sent.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// Its host name or address.
    pub server: Option<String>,
    /// Its port; none is that of the encryption.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// The account, where the server asks for one.
    pub username: Option<String>,
    /// Its password. Better in a file.
    pub password: Option<String>,
    /// A file that holds the password and nothing else.
    pub password_file: Option<PathBuf>,
    /// Certificate authorities to trust besides the system's (PEM).
    pub ca: Option<PathBuf>,
    /// Who mails are from, such as `Call Coaching <calls@example.com>`.
    pub from: String,
}

/// No log may hold the password.
impl std::fmt::Debug for MailSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MailSettings")
            .field("server", &self.server)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl MailSettings {
    /// What is wrong with them, in a sentence, naming the setting.
    ///
    /// # Errors
    /// The first of it.
    pub fn check(&self) -> Result<(), String> {
        let Some(server) = &self.server else {
            return Ok(());
        };
        if server.is_empty() {
            return Err("mail.server must be a host name or an address".into());
        }
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            return Err("mail.from must be like Call Coaching <calls@example.com>".into());
        }
        if self.encryption == Encryption::None && !is_here(server) {
            return Err("mail.encryption can be \"none\" only for a server on this machine".into());
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err("mail.password and mail.password_file exclude each other".into());
        }
        let has_password = self.password.is_some() || self.password_file.is_some();
        if has_password != self.username.is_some() {
            return Err("mail.username and a password go together".into());
        }
        Ok(())
    }
}

fn is_here(server: &str) -> bool {
    server == "localhost"
        || server
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> MailSettings {
        MailSettings {
            server: Some("mail.example".into()),
            from: "Call Coaching <calls@example.com>".into(),
            ..MailSettings::default()
        }
    }

    #[test]
    fn o3_settings_of_mail_are_checked_and_say_which_is_wrong() {
        assert_eq!(MailSettings::default().check(), Ok(()));
        assert_eq!(good().check(), Ok(()));
        let here = MailSettings {
            server: Some("127.0.0.1".into()),
            encryption: Encryption::None,
            ..good()
        };
        assert_eq!(here.check(), Ok(()));
        let bad = [
            (
                "mail.from",
                MailSettings {
                    from: "nobody".into(),
                    ..good()
                },
            ),
            (
                "mail.encryption",
                MailSettings {
                    encryption: Encryption::None,
                    ..good()
                },
            ),
            (
                "mail.username",
                MailSettings {
                    password: Some("x".into()),
                    ..good()
                },
            ),
        ];
        for (name, settings) in bad {
            let complaint = settings.check().unwrap_err();
            assert!(complaint.contains(name), "{complaint}");
        }
    }

    #[test]
    fn the_password_is_printed_nowhere() {
        let settings = MailSettings {
            username: Some("calls".into()),
            password: Some("very-secret".into()),
            ..good()
        };
        assert!(!format!("{settings:?}").contains("very-secret"));
    }
}
