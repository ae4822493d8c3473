//! The service's settings. Flags override the environment, which overrides the TOML file, which
//! overrides the defaults below.

mod flags;

pub use flags::Flags;

use crate::mail::MailSettings;
use calls::CallPolicy;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use trunk::TelephonySettings;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Plain text, for a terminal.
    Text,
}

/// Every setting, with its value. `docs/service.example.toml` says what each one is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    pub public_url: Option<String>,
    pub local_secret: Option<PathBuf>,
    pub allowed_origins: Vec<String>,
    pub data: PathBuf,
    pub database: Option<String>,
    pub data_bytes_max: u64,
    pub read_only: bool,
    pub demo: bool,
    pub demo_password: Option<String>,
    pub demo_members: usize,
    pub media_bind: IpAddr,
    pub media_advertise: Option<IpAddr>,
    pub media_port_base: u16,
    pub workers: usize,
    pub parties_max: usize,
    pub calls_per_organization_max: usize,
    pub call_countries: Vec<String>,
    pub call_kinds_refused: Vec<String>,
    pub opus_bitrate_bps: u32,
    pub opus_complexity: u8,
    pub opus_expected_loss_percent: u8,
    pub lead_speech: Option<PathBuf>,
    pub lead_talks_over: bool,
    pub recordings: Option<String>,
    pub recordings_endpoint: Option<String>,
    pub recordings_region: Option<String>,
    pub recordings_allow_http: bool,
    pub announcement: Option<PathBuf>,
    /// Only in the settings file: a list of trunks has no flag.
    #[serde(skip_serializing)]
    pub telephony: TelephonySettings,
    /// Only in the settings file: it belongs together.
    #[serde(skip_serializing)]
    pub mail: MailSettings,
    pub log: String,
    pub log_format: LogFormat,
    pub access_token_s: u64,
    pub refresh_token_s: u64,
    pub sign_in_s: u64,
    pub sign_in_failures_per_email: u32,
    pub sign_in_failures_per_address: u32,
    pub request_timeout_ms: u64,
    pub hello_timeout_ms: u64,
    pub heartbeat_timeout_ms: u64,
    pub stream_events_max: usize,
    pub socket_queue_max: usize,
    pub sockets_max: usize,
    pub shutdown_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7780)),
            public_url: None,
            local_secret: None,
            allowed_origins: Vec::new(),
            data: PathBuf::from("data"),
            database: None,
            data_bytes_max: 0,
            read_only: false,
            demo: false,
            demo_password: None,
            demo_members: 0,
            media_bind: IpAddr::from(Ipv4Addr::LOCALHOST),
            media_advertise: None,
            media_port_base: 0,
            workers: 0,
            parties_max: 100,
            calls_per_organization_max: 1_000,
            call_countries: Vec::new(),
            call_kinds_refused: CallPolicy::REFUSED.map(|kind| kind.name().into()).into(),
            opus_bitrate_bps: 32_000,
            opus_complexity: 5,
            opus_expected_loss_percent: 0,
            lead_speech: None,
            lead_talks_over: false,
            recordings: None,
            recordings_endpoint: None,
            recordings_region: None,
            recordings_allow_http: false,
            announcement: None,
            telephony: TelephonySettings::default(),
            mail: MailSettings::default(),
            log: "info".into(),
            log_format: LogFormat::Json,
            access_token_s: 15 * 60,
            refresh_token_s: 30 * 24 * 3600,
            sign_in_s: 90 * 24 * 3600,
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

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("couldn't read the settings file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file isn't TOML, or has an unknown key or a value of the wrong type.
    #[error("the settings file {0} isn't valid: {1}")]
    Malformed(PathBuf, String),
    /// A value is outside its range.
    #[error("{0}")]
    OutOfRange(String),
}

impl Config {
    /// The settings file, overridden by `flags`, in which clap has put the environment already.
    ///
    /// # Errors
    /// [`ConfigError`] when the file can't be read, has an unknown key, or a value is out of range.
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

    /// Checks that every value is within its range.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] with the first one that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let complaint = if !(3..=mix::MAX_PARTIES).contains(&self.parties_max) {
            format!("parties_max must be between 3 and {}", mix::MAX_PARTIES)
        } else if !(6_000..=128_000).contains(&self.opus_bitrate_bps) {
            "opus_bitrate_bps must be between 6000 and 128000".into()
        } else if self.opus_complexity > 10 {
            "opus_complexity must be between 0 and 10".into()
        } else if self.opus_expected_loss_percent > 100 {
            "opus_expected_loss_percent must be between 0 and 100".into()
        } else if self.demo_members > 1000 {
            "demo_members must be between 0 and 1000".into()
        } else if self.workers > 256 {
            "workers must be between 0 and 256".into()
        } else if self.stream_events_max == 0 || self.socket_queue_max < 4 || self.sockets_max == 0
        {
            "stream_events_max and sockets_max must be at least 1, and socket_queue_max at least 4"
                .into()
        } else if self.access_token_s == 0 || self.refresh_token_s < self.access_token_s {
            "access_token_s must be at least 1, and refresh_token_s no shorter".into()
        } else if self.demo && !self.listen.ip().is_loopback() {
            "demo data is for this computer only: with demo, listen must be a loopback address"
                .into()
        } else if self.local_secret.is_some() && !self.listen.ip().is_loopback() {
            "with local_secret, listen must be a loopback address".into()
        } else if self
            .public_url
            .as_deref()
            .is_some_and(|url| !is_origin(url))
        {
            "public_url must be like https://calls.example.com".into()
        } else if self.mail.server.is_some() && self.public_url.is_none() {
            "with mail.server, public_url must be set: links in emails lead there".into()
        } else if self.sign_in_s < self.access_token_s {
            "sign_in_s must be no shorter than access_token_s".into()
        } else if let Some(origin) = self.allowed_origins.iter().find(|one| !is_origin(one)) {
            format!("allowed_origins must be like https://app.example.com, not {origin}")
        } else if self.calls_per_organization_max == 0 {
            "calls_per_organization_max must be at least 1".into()
        } else if let Err(ConfigError::OutOfRange(complaint)) = self.call_policy() {
            complaint
        } else if let Err(complaint) = self.telephony.check() {
            complaint
        } else if let Err(complaint) = self.mail.check() {
            complaint
        } else {
            return Ok(());
        };
        Err(ConfigError::OutOfRange(complaint))
    }

    /// Where people reach the service, as far as it knows.
    #[must_use]
    pub fn public_url(&self) -> String {
        let here = || format!("http://{}", self.listen);
        self.public_url.clone().unwrap_or_else(here)
    }

    /// Which numbers may be called.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] for what is no country or kind.
    pub fn call_policy(&self) -> Result<CallPolicy, ConfigError> {
        let policy = CallPolicy::new(&self.call_countries, &self.call_kinds_refused);
        policy.map_err(ConfigError::OutOfRange)
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

/// Whether a browser could send this as its page's origin (RFC 6454, section 6.2): a scheme and a host,
/// and a port where it isn't the scheme's own.
pub(crate) fn is_origin(text: &str) -> bool {
    let host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
    ["https://", "http://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(host))
    })
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
    fn an_unknown_key_or_a_value_out_of_range_is_named() {
        let unknown = merged("partys_max = 5", &Flags::default()).unwrap_err();
        assert!(unknown.to_string().contains("partys_max"), "{unknown}");
        let outside = merged("opus_complexity = 11", &Flags::default()).unwrap_err();
        assert!(outside.to_string().contains("opus_complexity"), "{outside}");
        // Beyond what the encoder takes, which would refuse it only once the service starts.
        let outside = merged("opus_bitrate_bps = 128001", &Flags::default()).unwrap_err();
        assert!(
            outside.to_string().contains("opus_bitrate_bps"),
            "{outside}"
        );
        assert!(merged("workers = \"two\"", &Flags::default()).is_err());
        // A link in an email that leads to the loopback address would lead nowhere.
        let mail = "[mail]\nserver = \"mail.example\"\nfrom = \"Calls <calls@example.com>\"";
        let without = merged(mail, &Flags::default()).unwrap_err();
        assert!(without.to_string().contains("public_url"), "{without}");
        let with = format!("public_url = \"https://calls.example.com\"\n{mail}");
        assert!(merged(&with, &Flags::default()).is_ok());
    }

    #[test]
    fn l4_countries_and_kinds_of_numbers_are_checked_when_the_settings_are_read() {
        let config = merged("call_countries = [\"US\", \"GB\"]", &Flags::default());
        assert_ne!(
            config.unwrap().call_policy().unwrap(),
            CallPolicy::default()
        );
        assert_eq!(
            Config::default().call_policy().unwrap(),
            CallPolicy::default()
        );
        for (wrong, named) in [
            ("call_countries = [\"USA\"]", "USA"),
            ("call_kinds_refused = [\"cheap\"]", "cheap"),
            (
                "calls_per_organization_max = 0",
                "calls_per_organization_max",
            ),
        ] {
            let refused = merged(wrong, &Flags::default()).unwrap_err().to_string();
            assert!(refused.contains(named), "{wrong}: {refused}");
        }
    }

    #[test]
    fn an_allowed_origin_is_one_that_a_browser_sends() {
        let with = |origin: &str| {
            merged(
                &format!("allowed_origins = [\"{origin}\"]"),
                &Flags::default(),
            )
        };
        for good in [
            "https://app.example.com",
            "http://localhost:5173",
            "http://[::1]:80",
        ] {
            assert_eq!(with(good).unwrap().allowed_origins, [good]);
        }
        for bad in [
            "*",
            "null",
            "",
            "app.example.com",
            "https://App.example",
            "https://a.example/",
        ] {
            let refused = with(bad).unwrap_err().to_string();
            assert!(refused.contains("allowed_origins"), "{bad}: {refused}");
        }
    }

    #[test]
    fn o2_demo_data_is_served_on_this_computer_only() {
        let with = |listen: &str| {
            merged(
                &format!("demo = true\nlisten = \"{listen}\""),
                &Flags::default(),
            )
        };
        assert!(with("127.0.0.1:0").is_ok());
        assert!(with("[::1]:0").is_ok());
        for open in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80"] {
            let refused = with(open).unwrap_err().to_string();
            assert!(refused.contains("loopback"), "{open}: {refused}");
        }
    }

    #[test]
    fn trunks_are_read_from_the_file_and_an_invalid_one_is_named() {
        let trunk = "[[telephony.trunks]]\nname = \"main\"\nhost = \"sip.example\"\n";
        let config = merged(trunk, &Flags::default()).unwrap();
        assert_eq!(config.telephony.trunks[0].host, "sip.example");
        let wrong = format!("{trunk}numbers = [\"0123\"]");
        let wrong = merged(&wrong, &Flags::default()).unwrap_err();
        assert!(wrong.to_string().contains("E.164"), "{wrong}");
    }

    #[test]
    fn every_setting_has_a_flag_with_help_and_an_environment_variable() {
        use clap::CommandFactory;
        let command = Flags::command();
        let flags: Vec<_> = command.get_arguments().collect();
        let settings = serde_json::to_value(Config::default()).unwrap();
        for (name, default) in settings.as_object().unwrap() {
            let flag = flags
                .iter()
                .find(|flag| flag.get_id() == name.as_str())
                .unwrap_or_else(|| panic!("{name} has no flag"));
            let help = flag.get_help().unwrap().to_string();
            // Defaults that are null are explained in words.
            let default = match default {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(list) if !list.is_empty() => {
                    let list: Vec<_> = list.iter().filter_map(|one| one.as_str()).collect();
                    list.join(",")
                }
                other => other.to_string(),
            };
            let named = format!("[default: {default}");
            let is_empty = default == "null" || default == "[]";
            assert!(is_empty || help.contains(&named), "{name}: {help}");
            let variable = flag.get_env().unwrap().to_str().unwrap();
            assert_eq!(variable, format!("CALL_COACHING_{}", name.to_uppercase()));
        }
        command.clone().debug_assert();
    }

    const EXAMPLE: &str = include_str!("../../../docs/service.example.toml");

    /// The example with its optional settings, which start with `#= `, switched on.
    fn whole_example() -> String {
        EXAMPLE.replace("#= ", "")
    }

    fn example_table() -> toml::Table {
        toml::from_str(&whole_example()).unwrap()
    }

    /// The names that the first list has and the second hasn't.
    fn missing<'a>(all: &'a serde_json::Value, shown: &[&toml::Table]) -> Vec<&'a String> {
        let mut names: Vec<_> = all.as_object().unwrap().keys().collect();
        names.retain(|name| !shown.iter().any(|table| table.contains_key(*name)));
        names
    }

    #[test]
    fn the_example_file_as_it_is_has_the_defaults() {
        assert_eq!(
            merged(EXAMPLE, &Flags::default()).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn every_option_in_the_example_file_is_valid() {
        let config = merged(&whole_example(), &Flags::default()).unwrap();
        assert_eq!(config.telephony.trunks.len(), 2);
    }

    #[test]
    fn every_setting_is_in_the_example_file() {
        let example = example_table();
        let settings = serde_json::to_value(Config::default()).unwrap();
        assert_eq!(missing(&settings, &[&example]), Vec::<&String>::new());

        let telephony = example["telephony"].as_table().unwrap();
        let settings = serde_json::to_value(TelephonySettings::default()).unwrap();
        assert_eq!(missing(&settings, &[telephony]), Vec::<&String>::new());

        let mail = example["mail"].as_table().unwrap();
        let settings = serde_json::to_value(MailSettings::default()).unwrap();
        let mut other_way = toml::Table::new();
        other_way.insert("password".into(), "".into());
        assert_eq!(
            missing(&settings, &[mail, &other_way]),
            Vec::<&String>::new()
        );

        let trunks = telephony["trunks"].as_array().unwrap();
        let trunks: Vec<_> = trunks.iter().map(|own| own.as_table().unwrap()).collect();
        let settings = serde_json::to_value(trunk::TrunkSettings::default()).unwrap();
        assert_eq!(missing(&settings, &trunks), Vec::<&String>::new());
    }

    #[test]
    fn the_first_trunk_in_the_example_file_shows_the_defaults() {
        let example = serde_json::to_value(example_table()).unwrap();
        let shown = &example["telephony"]["trunks"][0];
        let defaults = serde_json::to_value(trunk::TrunkSettings::default()).unwrap();
        for (name, default) in defaults.as_object().unwrap() {
            let is_example =
                default.is_null() || *default == "" || *default == serde_json::json!([]);
            assert!(
                is_example || shown[name] == *default,
                "{name}: {}",
                shown[name]
            );
        }
    }
}
