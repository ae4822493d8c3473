//! What a company says of its trunks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::TrunkError;

/// The largest file of certificates, or of a password.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Trunks that one service may have.
const TRUNKS_MAX: usize = 64;

/// Everything about real telephones: the table `telephony` of the settings file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelephonySettings {
    /// The trunks, in the order in which they are tried. Without any, leads are simulated.
    pub trunks: Vec<TrunkSettings>,
    /// The name servers that are asked where a trunk is, as `192.0.2.53:53`; none are the system's.
    pub name_servers: Vec<SocketAddr>,
    /// The address that RTP is received at; unspecified is the one that leads to the trunk.
    pub rtp_bind: IpAddr,
    /// The address that trunks are told to send RTP to; none is the one that is bound. The public one,
    /// behind a NAT.
    pub rtp_advertise: Option<IpAddr>,
    /// The first UDP port of RTP.
    pub rtp_port_min: u16,
    /// The last one. Each call takes two.
    pub rtp_port_max: u16,
    /// What a held lead hears: a WAV or G.722 file; none is silence.
    pub hold_music: Option<PathBuf>,
}

impl Default for TelephonySettings {
    fn default() -> Self {
        Self {
            trunks: Vec::new(),
            name_servers: Vec::new(),
            rtp_bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            rtp_advertise: None,
            rtp_port_min: 20_000,
            rtp_port_max: 29_999,
            hold_music: None,
        }
    }
}

/// How a trunk is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP, port 5060.
    #[default]
    Udp,
    /// TCP, port 5060.
    Tcp,
    /// TLS, port 5061; the sound is encrypted too (SRTP).
    Tls,
}

impl Transport {
    /// The same, as the SIP stack names it.
    pub(crate) const fn of_stack(self) -> rsipstack::sip::Transport {
        match self {
            Self::Udp => rsipstack::sip::Transport::Udp,
            Self::Tcp => rsipstack::sip::Transport::Tcp,
            Self::Tls => rsipstack::sip::Transport::Tls,
        }
    }
}

/// A codec as trunks name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhoneCodec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// Opus.
    Opus,
}

/// Where the number of the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// In From alone.
    From,
    /// In From and in P-Asserted-Identity (RFC 3325).
    #[default]
    FromAndAsserted,
    /// In P-Asserted-Identity; From names the account.
    Asserted,
}

/// One trunk.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrunkSettings {
    /// What logs and metrics call it.
    pub name: String,
    /// Its host: a name or an address.
    pub host: String,
    /// Its port; none is what SRV records say of a name (RFC 3263), or else the transport's own.
    pub port: Option<u16>,
    /// How it is spoken to.
    pub transport: Transport,
    /// The account, where the trunk asks for one.
    pub username: Option<String>,
    /// Its password. Better in a file.
    pub password: Option<String>,
    /// A file that holds the password and nothing else.
    pub password_file: Option<PathBuf>,
    /// The name for the digest, where it is not the account's.
    pub auth_username: Option<String>,
    /// Whose calls go over it: `orga_…`; none is everyone's.
    pub organization: Option<String>,
    /// The numbers whose calls go over it, in E.164; none at all is all numbers.
    pub numbers: Vec<String>,
    /// What is offered, in the order of wish.
    pub codecs: Vec<PhoneCodec>,
    /// Where the number of the caller is told.
    pub identity: Identity,
    /// The domain in From; none is the host.
    pub from_domain: Option<String>,
    /// The address that is listened on for calls that come in; none takes any port.
    pub listen: Option<SocketAddr>,
    /// The address that the trunk is told to send SIP to; none is the one that is listened on.
    pub advertise: Option<SocketAddr>,
    /// Whether to register there, so that calls come in.
    pub register: bool,
    /// How long a registration is asked to last, in seconds.
    pub register_s: u32,
    /// How often the trunk is asked whether it is there (OPTIONS), in seconds; 0 is never.
    pub options_s: u32,
    /// After how long a call without a sign of life ends (RFC 4028), in seconds; 0 is never.
    pub session_s: u32,
    /// How long a trunk may take to say anything before the next is tried, in milliseconds.
    pub response_timeout_ms: u64,
    /// How long it may take until the phone rings before the next is tried, in milliseconds.
    pub ringing_timeout_ms: u64,
    /// The authorities that its TLS certificate may come from, in PEM; none is the system's.
    pub ca: Option<PathBuf>,
    /// The certificate to show with TLS, in PEM: when listening, and to a trunk that asks for one.
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM (PKCS #8 or PKCS #1).
    pub key: Option<PathBuf>,
    /// Further networks that calls may come from, as `192.0.2.0/24`; the addresses of the host may anyway.
    pub allow_from: Vec<IpNet>,
}

impl Default for TrunkSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            host: String::new(),
            port: None,
            transport: Transport::Udp,
            username: None,
            password: None,
            password_file: None,
            auth_username: None,
            organization: None,
            numbers: Vec::new(),
            codecs: vec![PhoneCodec::Pcma, PhoneCodec::Pcmu, PhoneCodec::Opus],
            identity: Identity::default(),
            from_domain: None,
            listen: None,
            advertise: None,
            register: false,
            register_s: 300,
            options_s: 30,
            session_s: 1800,
            response_timeout_ms: 4_000,
            ringing_timeout_ms: 20_000,
            ca: None,
            certificate: None,
            key: None,
            allow_from: Vec::new(),
        }
    }
}

/// Prints everything but the password.
impl std::fmt::Debug for TrunkSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrunkSettings")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("transport", &self.transport)
            .field("numbers", &self.numbers)
            .finish_non_exhaustive()
    }
}

impl TrunkSettings {
    /// The port that it is reached at, where no SRV record says another.
    #[must_use]
    pub fn port(&self) -> u16 {
        let own = if self.transport == Transport::Tls {
            5061
        } else {
            5060
        };
        self.port.unwrap_or(own)
    }

    /// Whether its host names a service, whose servers SRV records tell.
    pub(crate) fn names_service(&self) -> bool {
        self.port.is_none() && self.host.parse::<IpAddr>().is_err()
    }

    /// Whether a call of this organization from this number goes over it.
    #[must_use]
    pub fn carries(&self, organization: &str, local_phone: &str) -> bool {
        let theirs = self
            .organization
            .as_ref()
            .is_none_or(|own| own == organization);
        theirs && (self.numbers.is_empty() || self.numbers.iter().any(|own| own == local_phone))
    }
}

impl TelephonySettings {
    /// Whether every value is within its range; what is wrong, in words.
    ///
    /// # Errors
    /// The first complaint.
    pub fn check(&self) -> Result<(), String> {
        if self.trunks.len() > TRUNKS_MAX {
            return Err(format!(
                "telephony.trunks can have up to {TRUNKS_MAX} trunks"
            ));
        }
        if self.rtp_port_min < 1024 || self.rtp_port_max <= self.rtp_port_min {
            return Err(
                "telephony.rtp_port_min must be at least 1024, and rtp_port_max greater".into(),
            );
        }
        for (at, trunk) in self.trunks.iter().enumerate() {
            trunk
                .check()
                .map_err(|what| format!("telephony.trunks, number {}: {what}", at + 1))?;
            if self
                .trunks
                .iter()
                .take(at)
                .any(|other| other.name == trunk.name)
            {
                return Err(format!("two trunks are named {}", trunk.name));
            }
        }
        Ok(())
    }
}

impl TrunkSettings {
    fn check(&self) -> Result<(), &'static str> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= 253
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
        };
        if !plain(&self.name) {
            return Err("name can only have letters, digits, dots, dashes, underscores and colons");
        }
        if !plain(&self.host) {
            return Err("host must be a name or an address");
        }
        if !self.from_domain.as_deref().is_none_or(plain) {
            return Err("from_domain must be a name or an address");
        }
        let e164 = |number: &String| {
            number.strip_prefix('+').is_some_and(|digits| {
                (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        if !self.numbers.iter().all(e164) {
            return Err("numbers must be in E.164: + and 3 to 15 digits");
        }
        if self.codecs.is_empty() || self.codecs.len() > 3 {
            return Err("codecs must be one to three of pcma, pcmu and opus");
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err("set either password or password_file, not both");
        }
        let has_password = self.password.is_some() || self.password_file.is_some();
        if self.username.is_none() && (has_password || self.register) {
            return Err("password and register need a username");
        }
        if self.session_s != 0 && self.session_s < 90 {
            return Err("session_s must be 0 or at least 90 (RFC 4028)");
        }
        if !(60..=86_400).contains(&self.register_s) {
            return Err("register_s must be between 60 and 86400");
        }
        if !(200..=30_000).contains(&self.response_timeout_ms)
            || !(1_000..=120_000).contains(&self.ringing_timeout_ms)
        {
            return Err(
                "response_timeout_ms must be between 200 and 30000, and ringing_timeout_ms between 1000 and 120000",
            );
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err("set both certificate and key, or neither");
        }
        let listens = self.transport == Transport::Tls && self.listen.is_some();
        if listens && self.certificate.is_none() {
            return Err("listening with TLS needs a certificate and its key");
        }
        Ok(())
    }
}

/// Reads a file that the settings name.
///
/// # Errors
/// [`TrunkError::File`] when it cannot be read, or is too large.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, TrunkError> {
    let failed = |error: &dyn std::fmt::Display| TrunkError::File(path.into(), error.to_string());
    let length = std::fs::metadata(path)
        .map_err(|error| failed(&error))?
        .len();
    if length > FILE_BYTES_MAX {
        return Err(failed(&"the file is too large"));
    }
    std::fs::read(path).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> TelephonySettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_trunk_needs_only_a_name_and_a_host() {
        let least = settings("[[trunks]]\nname = \"main\"\nhost = \"sip.example.com\"");
        least.check().unwrap();
        assert_eq!(least.trunks[0].port(), 5060);
        assert!(settings("[[trunks]]\nname = \"main\"").check().is_err());
        let tls = settings("[[trunks]]\nname = \"m\"\nhost = \"h\"\ntransport = \"tls\"");
        assert_eq!(tls.trunks[0].port(), 5061);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (line, named) in [
            ("numbers = [\"5550001\"]", "E.164"),
            ("session_s = 30", "session_s"),
            ("register = true", "username"),
            ("codecs = []", "codecs"),
            ("certificate = \"a.pem\"", "key"),
            (
                "transport = \"tls\"\nlisten = \"0.0.0.0:5061\"",
                "certificate",
            ),
            ("response_timeout_ms = 5", "response_timeout_ms"),
            ("host = \"a b\"", "host"),
        ] {
            let mut text = format!("[[trunks]]\nname = \"main\"\n{line}");
            if !line.starts_with("host") {
                text.push_str("\nhost = \"h\"");
            }
            let complaint = settings(&text).check().unwrap_err();
            assert!(complaint.contains(named), "{line}: {complaint}");
        }
        assert!(toml::from_str::<TelephonySettings>("[[trunks]]\nhosst = \"h\"").is_err());
    }

    #[test]
    fn a_number_uses_the_trunks_of_its_organization_that_name_it() {
        let all = TrunkSettings::default();
        assert!(all.carries("orga_1", "+15550001"));
        let one = TrunkSettings {
            organization: Some("orga_1".into()),
            numbers: vec!["+15550001".into()],
            ..TrunkSettings::default()
        };
        assert!(one.carries("orga_1", "+15550001"));
        assert!(!one.carries("orga_1", "+15550002"));
        assert!(!one.carries("orga_2", "+15550001"));
    }

    #[test]
    fn a_password_is_never_printed() {
        let trunk = TrunkSettings {
            password: Some("very-secret".into()),
            ..TrunkSettings::default()
        };
        assert!(!format!("{trunk:?}").contains("very-secret"));
    }
}
