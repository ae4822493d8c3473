//! The settings as flags and environment variables.

use super::LogFormat;
use clap::Parser;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The command line of `service`. Each flag is also an environment variable and a key in the settings
/// file: `--media-bind`, `CALL_COACHING_MEDIA_BIND`, `media_bind`.
#[derive(Debug, Clone, Default, Parser, Serialize)]
#[command(
    name = "service",
    version,
    about = "The Call Coaching service: accounts, presence, calls and audio mixing.",
    after_help = "Flags override environment variables, which override the settings file (--config). \
Once it's ready, the service prints one line of JSON to standard output: \
{\"ready\":true,\"http\":\"ADDRESS:PORT\"}. Logs go to standard error. SIGTERM and SIGINT stop it gracefully; \
a second signal stops it at once. Exit codes: 0 stopped on request, 1 failed to start or run, 2 invalid \
flag or settings file."
)]
pub struct Flags {
    /// Settings file (TOML). Keys are named like the flags, with `_` for `-`. Unknown keys are errors.
    #[arg(long, env = "CALL_COACHING_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Address and port for HTTP and WebSocket. Port 0 picks a free one [default: 127.0.0.1:7780]
    #[arg(long, env = "CALL_COACHING_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Address where people reach the service, such as https://calls.example.com. Links that it makes
    /// start with it [default: http:// and the address it listens on]
    #[arg(long, env = "CALL_COACHING_PUBLIC_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// File with a secret that every request has to know, for the service that the desktop app brings.
    /// Only its owner may be able to read it [default: none]
    #[arg(long, env = "CALL_COACHING_LOCAL_SECRET", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_secret: Option<PathBuf>,
    /// Origins of web pages that may use the API from a browser, separated by commas, such as
    /// https://app.example.com [default: none]
    #[arg(
        long,
        env = "CALL_COACHING_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ','
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_origins: Option<Vec<String>>,
    /// Data folder. Created if it doesn't exist [default: data]
    #[arg(long, env = "CALL_COACHING_DATA", value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// PostgreSQL database to use instead of the embedded one. Recordings stay in the data folder
    /// [default: none]
    #[arg(
        long,
        env = "CALL_COACHING_DATABASE",
        value_name = "postgres://…",
        hide_env_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Largest size of the embedded database, in bytes. Once it's full, changes are refused with
    /// `unavailable`. 0 means no limit [default: 0]
    #[arg(long, env = "CALL_COACHING_DATA_BYTES_MAX", value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_bytes_max: Option<u64>,
    /// Open the database read-only, to look at a copy. People who are signed in can look around, every
    /// change is refused with `unavailable`, and /ready reports that the service isn't ready
    /// [default: false]
    #[arg(
        long,
        env = "CALL_COACHING_READ_ONLY",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Fill a new database with demo organizations, people, leads and numbers [default: false]
    #[arg(
        long,
        env = "CALL_COACHING_DEMO",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<bool>,
    /// Everyone's password in new demo data. Without it, a random one is written to `demo-password` in
    /// the data folder [default: random]
    #[arg(
        long,
        env = "CALL_COACHING_DEMO_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo_password: Option<String>,
    /// Extra managers in the demo data, for load tests: member-0001@demo.example and so on, up to 1000
    /// [default: 0]
    #[arg(long, env = "CALL_COACHING_DEMO_MEMBERS", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo_members: Option<usize>,
    /// Address the media workers listen on (UDP) [default: 127.0.0.1]
    #[arg(long, env = "CALL_COACHING_MEDIA_BIND", value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_bind: Option<IpAddr>,
    /// Address that clients send media to, if it differs from --media-bind, for example behind a NAT
    /// [default: same as --media-bind]
    #[arg(long, env = "CALL_COACHING_MEDIA_ADVERTISE", value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_advertise: Option<IpAddr>,
    /// UDP port of the first media worker; each further worker takes the next one. 0 picks free ports
    /// [default: 0]
    #[arg(long, env = "CALL_COACHING_MEDIA_PORT_BASE", value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_port_base: Option<u16>,
    /// Number of media worker threads. 0 means one per core [default: 0]
    #[arg(long, env = "CALL_COACHING_WORKERS", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Maximum number of people in one call, including rep and lead, 3 to 128 [default: 100]
    #[arg(long, env = "CALL_COACHING_PARTIES_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parties_max: Option<usize>,
    /// Calls that one organization can have in progress at once [default: 1000]
    #[arg(
        long,
        env = "CALL_COACHING_CALLS_PER_ORGANIZATION_MAX",
        value_name = "COUNT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_organization_max: Option<usize>,
    /// Countries that may be called, separated by commas, such as US,CA,GB; * for every country [default:
    /// each organization's own country]
    #[arg(
        long,
        env = "CALL_COACHING_CALL_COUNTRIES",
        value_name = "COUNTRIES",
        value_delimiter = ','
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_countries: Option<Vec<String>>,
    /// Kinds of numbers that may not be called, separated by commas: ordinary, toll_free, premium_rate,
    /// shared_cost, personal, pager, universal, voicemail, unknown. Emergency numbers never can be
    /// [default: premium_rate,shared_cost,personal,pager,voicemail]
    #[arg(
        long,
        env = "CALL_COACHING_CALL_KINDS_REFUSED",
        value_name = "KINDS",
        value_delimiter = ','
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_kinds_refused: Option<Vec<String>>,
    /// Bit rate of the audio sent to clients, in bits per second, 6000 to 128000 [default: 32000]
    #[arg(long, env = "CALL_COACHING_OPUS_BITRATE_BPS", value_name = "BPS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_bitrate_bps: Option<u32>,
    /// Encoder complexity, 0 to 10. Higher sounds better and takes more CPU [default: 5]
    #[arg(long, env = "CALL_COACHING_OPUS_COMPLEXITY", value_name = "0-10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_complexity: Option<u8>,
    /// Packet loss the encoder's error correction always prepares for, in percent, 0 to 100. With 0, it's
    /// on only while listeners lose packets [default: 0]
    #[arg(
        long,
        env = "CALL_COACHING_OPUS_EXPECTED_LOSS_PERCENT",
        value_name = "PERCENT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_expected_loss_percent: Option<u8>,
    /// Folder of G.722 recordings (*.g722) that the simulated lead speaks [default: Debian's Asterisk
    /// recordings if installed, otherwise a synthesized voice]
    #[arg(long, env = "CALL_COACHING_LEAD_SPEECH", value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_speech: Option<PathBuf>,
    /// Let the simulated lead keep talking while the rep speaks, for load tests [default: false]
    #[arg(
        long,
        env = "CALL_COACHING_LEAD_TALKS_OVER",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_talks_over: Option<bool>,
    /// Where recordings are stored: a folder, or s3://BUCKET/PREFIX with its keys in AWS_ACCESS_KEY_ID
    /// and AWS_SECRET_ACCESS_KEY [default: recordings/store in the data folder]
    #[arg(long, env = "CALL_COACHING_RECORDINGS", value_name = "URL|FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings: Option<String>,
    /// URL of an S3-compatible server [default: AWS_ENDPOINT if set, otherwise Amazon S3]
    #[arg(long, env = "CALL_COACHING_RECORDINGS_ENDPOINT", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_endpoint: Option<String>,
    /// S3 region [default: AWS_REGION if set, otherwise us-east-1]
    #[arg(long, env = "CALL_COACHING_RECORDINGS_REGION", value_name = "REGION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_region: Option<String>,
    /// Allow plain HTTP to the S3 server. Only for a trusted network [default: false]
    #[arg(
        long,
        env = "CALL_COACHING_RECORDINGS_ALLOW_HTTP",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_allow_http: Option<bool>,
    /// Announcement played at the start of recorded calls, for organizations that turned it on: a G.722
    /// file (*.g722) or a 16-bit WAV file, up to 30 seconds [default: Asterisk's prompt if installed,
    /// otherwise two tones]
    #[arg(long, env = "CALL_COACHING_ANNOUNCEMENT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcement: Option<PathBuf>,
    /// Log level: error, warn, info, debug or trace, optionally per module, as in info,service=debug
    /// [default: info]
    #[arg(long, env = "CALL_COACHING_LOG", value_name = "LEVELS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Log format [default: json]
    #[arg(long, env = "CALL_COACHING_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// Lifetime of an access token, in seconds [default: 900]
    #[arg(long, env = "CALL_COACHING_ACCESS_TOKEN_S", value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_s: Option<u64>,
    /// Lifetime of a refresh token, in seconds [default: 2592000 (30 days)]
    #[arg(long, env = "CALL_COACHING_REFRESH_TOKEN_S", value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_s: Option<u64>,
    /// Longest time until people have to sign in again, however often they use the app, in seconds
    /// [default: 7776000 (90 days)]
    #[arg(long, env = "CALL_COACHING_SIGN_IN_S", value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_s: Option<u64>,
    /// Failed sign-ins allowed in a row per email address; one more every 30 seconds [default: 5]
    #[arg(
        long,
        env = "CALL_COACHING_SIGN_IN_FAILURES_PER_EMAIL",
        value_name = "COUNT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_failures_per_email: Option<u32>,
    /// Failed sign-ins allowed in a row per network address; one more every 6 seconds [default: 100]
    #[arg(
        long,
        env = "CALL_COACHING_SIGN_IN_FAILURES_PER_ADDRESS",
        value_name = "COUNT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_failures_per_address: Option<u32>,
    /// Time limit for a request, in milliseconds [default: 30000]
    #[arg(long, env = "CALL_COACHING_REQUEST_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_timeout_ms: Option<u64>,
    /// Time a new WebSocket has to send `hello`, in milliseconds [default: 5000]
    #[arg(long, env = "CALL_COACHING_HELLO_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_timeout_ms: Option<u64>,
    /// Silence after which a WebSocket is closed and its device counts as offline, in milliseconds
    /// [default: 22000]
    #[arg(long, env = "CALL_COACHING_HEARTBEAT_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// Events kept per user for clients that reconnect [default: 1000]
    #[arg(long, env = "CALL_COACHING_STREAM_EVENTS_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_events_max: Option<usize>,
    /// Messages that may queue up for a slow WebSocket before it's closed [default: 256]
    #[arg(long, env = "CALL_COACHING_SOCKET_QUEUE_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_queue_max: Option<usize>,
    /// Maximum number of WebSockets; further ones are refused [default: 10000]
    #[arg(long, env = "CALL_COACHING_SOCKETS_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets_max: Option<usize>,
    /// Time limit for a graceful stop, in milliseconds [default: 10000]
    #[arg(long, env = "CALL_COACHING_SHUTDOWN_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout_ms: Option<u64>,
}
