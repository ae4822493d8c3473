//! What the service is told when it starts: a TOML file, then the environment, then flags. What comes
//! later wins; what nobody names has the default below.

mod flags;

pub use flags::Flags;

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use trunk::TelephonySettings;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a person at a terminal.
    Text,
}

/// Every setting, with a value. The file has the same names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where HTTP and WebSocket are served.
    pub listen: SocketAddr,
    /// The folder of the store.
    pub data: PathBuf,
    /// The URL of a PostgreSQL database that holds the store, `postgres://…`; none is SQLite in the
    /// folder. Recordings are beside the folder's store in either case.
    pub database: Option<String>,
    /// The store may grow to so many bytes; 0 is as far as the disk goes.
    pub data_bytes_max: u64,
    /// Whether the store is opened for reading only.
    pub read_only: bool,
    /// Whether a new store gets the demonstration's organizations.
    pub demo: bool,
    /// Further managers that the demonstration's first organization gets, for load.
    pub demo_members: usize,
    /// The address of the media workers' UDP sockets.
    pub media_bind: IpAddr,
    /// The address that clients are told to send media to; none is the one that is bound.
    pub media_advertise: Option<IpAddr>,
    /// The first worker's UDP port, the next worker has the next; 0 takes any.
    pub media_port_base: u16,
    /// Media workers; 0 is one a core.
    pub workers: usize,
    /// The most parties in one call, rep and lead counted (J2).
    pub parties_max: usize,
    /// Bits a second of what the service encodes.
    pub opus_bitrate_bps: u32,
    /// 0 to 10: the more, the better and the dearer.
    pub opus_complexity: u8,
    /// The loss that the encoder's error correction reckons with, in percent.
    pub opus_expected_loss_percent: u8,
    /// A folder of speech for the simulated lead, G.722 files; none is a synthesized voice.
    pub lead_speech: Option<PathBuf>,
    /// Whether the simulated lead never lets anybody finish.
    pub lead_talks_over: bool,
    /// Where recordings are kept: `s3://BUCKET/PREFIX` or a folder; none is a folder beside the store.
    pub recordings: Option<String>,
    /// Where that S3 is, when it is not Amazon's.
    pub recordings_endpoint: Option<String>,
    /// Its region.
    pub recordings_region: Option<String>,
    /// Whether it may be spoken to without TLS.
    pub recordings_allow_http: bool,
    /// What is said at the start of a recorded call, where that is wanted; none is a prompt that the
    /// system has.
    pub announcement: Option<PathBuf>,
    /// Trunks to the telephone network. In the settings file alone: there is no flag for a list.
    #[serde(skip_serializing)]
    pub telephony: TelephonySettings,
    /// What is logged: a level, or `target=level` pairs with commas.
    pub log: String,
    /// How it is written.
    pub log_format: LogFormat,
    /// How long an access token is good, in seconds.
    pub access_token_s: u64,
    /// How long a refresh token is good, in seconds.
    pub refresh_token_s: u64,
    /// Failed sign-ins in a row that one e-mail address is allowed; one more every 30 s.
    pub sign_in_failures_per_email: u32,
    /// Failed sign-ins in a row that one network address is allowed; one more every 6 s.
    pub sign_in_failures_per_address: u32,
    /// How long a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long a new WebSocket may take to say `hello`, in milliseconds.
    pub hello_timeout_ms: u64,
    /// How long a WebSocket may be silent before its device counts as gone, in milliseconds.
    pub heartbeat_timeout_ms: u64,
    /// Events that are kept for a client that comes back.
    pub stream_events_max: usize,
    /// Messages that may wait for one slow WebSocket before it is closed.
    pub socket_queue_max: usize,
    /// WebSockets at once.
    pub sockets_max: usize,
    /// How long a graceful stop may take, in milliseconds.
    pub shutdown_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7780)),
            data: PathBuf::from("data"),
            database: None,
            data_bytes_max: 0,
            read_only: false,
            demo: false,
            demo_members: 0,
            media_bind: IpAddr::from(Ipv4Addr::LOCALHOST),
            media_advertise: None,
            media_port_base: 0,
            workers: 0,
            parties_max: 100,
            opus_bitrate_bps: 32_000,
            opus_complexity: 5,
            opus_expected_loss_percent: 5,
            lead_speech: None,
            lead_talks_over: false,
            recordings: None,
            recordings_endpoint: None,
            recordings_region: None,
            recordings_allow_http: false,
            announcement: None,
            telephony: TelephonySettings::default(),
            log: "info".into(),
            log_format: LogFormat::Json,
            access_token_s: 15 * 60,
            refresh_token_s: 30 * 24 * 3600,
            sign_in_failures_per_email: 5,
            sign_in_failures_per_address: 100,
            request_timeout_ms: 30_000,
            hello_timeout_ms: 5_000,
            heartbeat_timeout_ms: 22_000,
            stream_events_max: 1000,
            socket_queue_max: 256,
            sockets_max: 10_000,
            shutdown_timeout_ms: 10_000,
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is no TOML, or holds a key or a value that is not known.
    #[error("the settings file {0} is wrong: {1}")]
    Malformed(PathBuf, String),
    /// A value is outside its range.
    #[error("{0}")]
    OutOfRange(String),
}

impl Config {
    /// The settings of a file, overridden by environment and flags, which `flags` already holds.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, holds an unknown key, or a value is out of range.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let path = flags.config.clone();
        let text = match &path {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Unreadable(path.clone(), error))?,
        };
        Self::merge(&text, path.as_deref().unwrap_or(Path::new("")), flags)
    }

    fn merge(text: &str, path: &Path, flags: &Flags) -> Result<Self, ConfigError> {
        let malformed = |error: &dyn std::fmt::Display| {
            ConfigError::Malformed(path.to_owned(), error.to_string())
        };
        // Read as settings first, by itself: its errors then name the line of the file.
        let _checked: Self = toml::from_str(text).map_err(|error| malformed(&error))?;
        let mut table: toml::Table = toml::from_str(text).map_err(|error| malformed(&error))?;
        table.extend(toml::Table::try_from(flags).map_err(|error| malformed(&error))?);
        let config: Self = table.try_into().map_err(|error| malformed(&error))?;
        config.check()?;
        Ok(config)
    }

    /// Whether every value is within its range.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] with the first one that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let complaint = if !(3..=mix::MAX_PARTIES).contains(&self.parties_max) {
            format!("parties_max is 3 to {}", mix::MAX_PARTIES)
        } else if !(6_000..=256_000).contains(&self.opus_bitrate_bps) {
            "opus_bitrate_bps is 6000 to 256000".into()
        } else if self.opus_complexity > 10 {
            "opus_complexity is 0 to 10".into()
        } else if self.opus_expected_loss_percent > 100 {
            "opus_expected_loss_percent is 0 to 100".into()
        } else if self.demo_members > 1000 {
            "demo_members is 0 to 1000".into()
        } else if self.workers > 256 {
            "workers is 0 to 256".into()
        } else if self.stream_events_max == 0 || self.socket_queue_max < 4 || self.sockets_max == 0
        {
            "stream_events_max and sockets_max are at least 1, socket_queue_max at least 4".into()
        } else if self.access_token_s == 0 || self.refresh_token_s < self.access_token_s {
            "access_token_s is at least 1, and refresh_token_s no less".into()
        } else if let Err(complaint) = self.telephony.check() {
            complaint
        } else {
            return Ok(());
        };
        Err(ConfigError::OutOfRange(complaint))
    }

    /// [`Config::request_timeout_ms`] as a duration.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// [`Config::shutdown_timeout_ms`] as a duration.
    #[must_use]
    pub const fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(self.shutdown_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(text: &str, flags: &Flags) -> Result<Config, ConfigError> {
        Config::merge(text, Path::new("settings.toml"), flags)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let flags = Flags {
            workers: Some(3),
            ..Flags::default()
        };
        let config = merged("workers = 2\nparties_max = 50", &flags).unwrap();
        assert_eq!(
            (config.workers, config.parties_max, config.opus_complexity),
            (3, 50, 5)
        );
    }

    #[test]
    fn an_unknown_key_or_a_value_out_of_range_is_an_error_that_names_it() {
        let unknown = merged("partys_max = 5", &Flags::default()).unwrap_err();
        assert!(unknown.to_string().contains("partys_max"), "{unknown}");
        let outside = merged("opus_complexity = 11", &Flags::default()).unwrap_err();
        assert!(outside.to_string().contains("opus_complexity"), "{outside}");
        assert!(merged("workers = \"two\"", &Flags::default()).is_err());
    }

    #[test]
    fn trunks_stand_in_the_file_and_a_wrong_one_is_named() {
        let trunk = "[[telephony.trunks]]\nname = \"main\"\nhost = \"sip.example\"\n";
        let config = merged(trunk, &Flags::default()).unwrap();
        assert_eq!(config.telephony.trunks[0].host, "sip.example");
        let wrong = format!("{trunk}numbers = [\"0123\"]");
        let wrong = merged(&wrong, &Flags::default()).unwrap_err();
        assert!(wrong.to_string().contains("E.164"), "{wrong}");
    }

    #[test]
    fn every_setting_is_a_flag_of_the_same_name_with_help_and_an_environment_variable() {
        use clap::CommandFactory;
        let command = Flags::command();
        let flags: Vec<_> = command.get_arguments().collect();
        // A TOML table leaves out what is none, and some settings are none by default.
        let all = Config {
            media_advertise: Some(IpAddr::from(Ipv4Addr::LOCALHOST)),
            lead_speech: Some(PathBuf::from("speech")),
            recordings: Some("s3://bucket".into()),
            recordings_endpoint: Some("https://s3.example".into()),
            recordings_region: Some("eu-central-1".into()),
            announcement: Some(PathBuf::from("notice.wav")),
            ..Config::default()
        };
        for name in toml::Table::try_from(all).unwrap().keys() {
            let flag = flags
                .iter()
                .find(|flag| flag.get_id() == name.as_str())
                .unwrap_or_else(|| panic!("{name} has no flag"));
            assert!(flag.get_help().is_some(), "{name}");
            let variable = flag.get_env().unwrap().to_str().unwrap();
            assert_eq!(variable, format!("CALL_COACHING_{}", name.to_uppercase()));
        }
        command.clone().debug_assert();
    }
}
