//! The settings as flags and environment variables.

use super::LogFormat;
use clap::Parser;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The flags of the program `service`. Each is also an environment variable and a key of the file:
/// `--media-bind`, `CALL_COACHING_MEDIA_BIND`, `media_bind`.
#[derive(Debug, Clone, Default, Parser, Serialize)]
#[command(
    name = "service",
    version,
    about = "Call Coaching's service: accounts, presence, calls, and the mixing of their audio.",
    after_help = "Settings come from the file of --config, then from the environment, then from flags; \
what comes later wins. When it is ready to serve, the service writes one line of JSON to its output: \
{\"ready\":true,\"http\":\"ADDRESS:PORT\"}. Logs go to the error output. It stops on SIGTERM and SIGINT. \
Exit codes: 0 stopped as asked, 1 it could not start or run, 2 a flag or the file is wrong."
)]
pub struct Flags {
    /// A TOML file of settings, named as the flags with `_` for `-`; an unknown one is an error.
    #[arg(long, env = "CALL_COACHING_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Address and port of HTTP and WebSocket; port 0 takes any [default: 127.0.0.1:7780].
    #[arg(long, env = "CALL_COACHING_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// The folder of the store; made when missing [default: data].
    #[arg(long, env = "CALL_COACHING_DATA", value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// A PostgreSQL database for the store, instead of SQLite in the folder; recordings still go to the
    /// folder [default: none].
    #[arg(
        long,
        env = "CALL_COACHING_DATABASE",
        value_name = "postgres://…",
        hide_env_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The store may grow to so many bytes; beyond it writes are refused with `unavailable`. 0 is as
    /// far as the disk goes [default: 0].
    #[arg(long, env = "CALL_COACHING_DATA_BYTES_MAX", value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_bytes_max: Option<u64>,
    /// Open the store for reading only, to look at a copy: who is signed in can look, every write is
    /// refused with `unavailable`, and the service does not say that it is ready [default: false].
    #[arg(
        long,
        env = "CALL_COACHING_READ_ONLY",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Give a new store the demonstration's organizations, people, leads and numbers [default: false].
    #[arg(
        long,
        env = "CALL_COACHING_DEMO",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<bool>,
    /// Managers that the demonstration gets beside its people, for measurements: member-0001@demo.example
    /// and so on, at most 1000 [default: 0].
    #[arg(long, env = "CALL_COACHING_DEMO_MEMBERS", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo_members: Option<usize>,
    /// The address that the media workers' UDP sockets are bound to [default: 127.0.0.1].
    #[arg(long, env = "CALL_COACHING_MEDIA_BIND", value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_bind: Option<IpAddr>,
    /// The address that clients are told to send media to, where it is another one than the bound
    /// (several networks, NAT) [default: the bound one].
    #[arg(long, env = "CALL_COACHING_MEDIA_ADVERTISE", value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_advertise: Option<IpAddr>,
    /// The first media worker's UDP port, each next worker has the next; 0 takes any [default: 0].
    #[arg(long, env = "CALL_COACHING_MEDIA_PORT_BASE", value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_port_base: Option<u16>,
    /// Media worker threads; 0 is one a core [default: 0].
    #[arg(long, env = "CALL_COACHING_WORKERS", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// The most parties in one call, rep and lead counted, 3 to 128 [default: 100].
    #[arg(long, env = "CALL_COACHING_PARTIES_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parties_max: Option<usize>,
    /// Bits a second of what the service encodes, 6000 to 256000 [default: 32000].
    #[arg(long, env = "CALL_COACHING_OPUS_BITRATE_BPS", value_name = "BPS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_bitrate_bps: Option<u32>,
    /// How hard the encoder tries, 0 to 10 [default: 5].
    #[arg(long, env = "CALL_COACHING_OPUS_COMPLEXITY", value_name = "0-10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_complexity: Option<u8>,
    /// The packet loss that the encoder's error correction reckons with, 0 to 100 [default: 5].
    #[arg(
        long,
        env = "CALL_COACHING_OPUS_EXPECTED_LOSS_PERCENT",
        value_name = "PERCENT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_expected_loss_percent: Option<u8>,
    /// A folder of G.722 speech files that the simulated lead speaks [default: a synthesized voice].
    #[arg(long, env = "CALL_COACHING_LEAD_SPEECH", value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_speech: Option<PathBuf>,
    /// The simulated lead talks all the time, also while it is spoken to; for measurements
    /// [default: false].
    #[arg(
        long,
        env = "CALL_COACHING_LEAD_TALKS_OVER",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_talks_over: Option<bool>,
    /// Where recordings are kept: s3://BUCKET/PREFIX, or a folder; the keys of the former come from the
    /// environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), never from here [default:
    /// recordings/store in the folder of the store].
    #[arg(long, env = "CALL_COACHING_RECORDINGS", value_name = "URL|FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings: Option<String>,
    /// Where that S3 is, when it is not Amazon's [default: Amazon's, or AWS_ENDPOINT].
    #[arg(long, env = "CALL_COACHING_RECORDINGS_ENDPOINT", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_endpoint: Option<String>,
    /// Its region [default: AWS_REGION, or us-east-1].
    #[arg(long, env = "CALL_COACHING_RECORDINGS_REGION", value_name = "REGION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_region: Option<String>,
    /// Whether it may be spoken to without TLS, which is for a network of one's own [default: false].
    #[arg(
        long,
        env = "CALL_COACHING_RECORDINGS_ALLOW_HTTP",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_allow_http: Option<bool>,
    /// What is said at the start of a recorded call where the organization wants that: a G.722 file
    /// (*.g722), or a WAV file of 16-bit samples; 30 s at most [default: a prompt that the system has,
    /// or two tones].
    #[arg(long, env = "CALL_COACHING_ANNOUNCEMENT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcement: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, trace, or pairs such as info,service=debug
    /// [default: info].
    #[arg(long, env = "CALL_COACHING_LOG", value_name = "LEVELS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// How log lines are written [default: json].
    #[arg(long, env = "CALL_COACHING_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// How long an access token is good, in seconds [default: 900].
    #[arg(long, env = "CALL_COACHING_ACCESS_TOKEN_S", value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_s: Option<u64>,
    /// How long a refresh token is good, in seconds [default: 2592000, 30 days].
    #[arg(long, env = "CALL_COACHING_REFRESH_TOKEN_S", value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_s: Option<u64>,
    /// Failed sign-ins in a row that one e-mail address is allowed; one more every 30 s [default: 5].
    #[arg(
        long,
        env = "CALL_COACHING_SIGN_IN_FAILURES_PER_EMAIL",
        value_name = "COUNT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_failures_per_email: Option<u32>,
    /// Failed sign-ins in a row that one network address is allowed; one more every 6 s
    /// [default: 100].
    #[arg(
        long,
        env = "CALL_COACHING_SIGN_IN_FAILURES_PER_ADDRESS",
        value_name = "COUNT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_failures_per_address: Option<u32>,
    /// How long a request may take, in milliseconds [default: 30000].
    #[arg(long, env = "CALL_COACHING_REQUEST_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_timeout_ms: Option<u64>,
    /// How long a new WebSocket may take to say hello, in milliseconds [default: 5000].
    #[arg(long, env = "CALL_COACHING_HELLO_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_timeout_ms: Option<u64>,
    /// How long a WebSocket may be silent before its device counts as gone, in milliseconds
    /// [default: 22000].
    #[arg(long, env = "CALL_COACHING_HEARTBEAT_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// Events that are kept for each user's clients that come back [default: 1000].
    #[arg(long, env = "CALL_COACHING_STREAM_EVENTS_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_events_max: Option<usize>,
    /// Messages that may wait for one slow WebSocket before it is closed [default: 256].
    #[arg(long, env = "CALL_COACHING_SOCKET_QUEUE_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_queue_max: Option<usize>,
    /// WebSockets at once; the next is refused [default: 10000].
    #[arg(long, env = "CALL_COACHING_SOCKETS_MAX", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets_max: Option<usize>,
    /// How long a graceful stop may take, in milliseconds [default: 10000].
    #[arg(long, env = "CALL_COACHING_SHUTDOWN_TIMEOUT_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout_ms: Option<u64>,
}
