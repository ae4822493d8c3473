//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand};
use client::ClientError;

use crate::timeline::{Timeline, parse_duration};

/// Takes part in a call and prints what happens as JSON lines: {"at_ms": …, "event": …, …}. Ends with
/// the call, after --for, or on Ctrl-C. Exit codes: 0 success, 1 error (explained on standard error),
/// 2 invalid command line.
#[derive(Debug, Parser)]
#[command(name = "participant", version)]
pub(crate) struct Args {
    /// The service's address
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// Email address to sign in with
    #[arg(long)]
    pub(crate) email: String,
    #[command(flatten)]
    secret: Secret,
    /// What to do and when, counted from when sound flows: "2s:whisper,6s:barge,9s:listen,12s:leave".
    /// A coach can listen, whisper, barge, mute, unmute, leave; a rep can mute, unmute, hold, unhold,
    /// dtmf=12#, invite=EMAIL, hang_up
    #[arg(long, default_value = "", global = true, hide_default_value = true)]
    pub(crate) timeline: Timeline,
    #[command(flatten)]
    pub(crate) voice: Voice,
    /// Write what is heard to this WAV file, 48 kHz mono
    #[arg(long, value_name = "FILE.wav", global = true)]
    pub(crate) hear: Option<PathBuf>,
    /// End this long after sound flows, such as 20s [default: when the call ends]
    #[arg(long = "for", value_name = "DURATION", global = true)]
    pub(crate) duration: Option<For>,
    /// Whether to call or to join
    #[command(subcommand)]
    pub(crate) what: What,
}

/// The password, one way or the other.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Secret {
    /// Environment variable with the password
    #[arg(long, value_name = "VAR")]
    password_env: Option<String>,
    /// The password itself. Anyone on the machine can read the command line
    #[arg(long)]
    password: Option<String>,
}

/// What is spoken; silence when nothing is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Voice {
    /// Speak this WAV file, in a loop: any rate, mono or stereo
    #[arg(long, value_name = "FILE.wav", conflicts_with_all = ["tone", "speech"], global = true)]
    pub(crate) speak: Option<PathBuf>,
    /// Speak a tone of this frequency
    #[arg(long, value_name = "HZ", conflicts_with = "speech", global = true)]
    pub(crate) tone: Option<f64>,
    /// Speak with a synthesized voice, a different one for each number
    #[arg(long, value_name = "N", global = true)]
    pub(crate) speech: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Call a lead, as the rep
    Call {
        /// The lead's name or id
        #[arg(long)]
        lead: String,
        /// Which of the contact's numbers to call, E.164 [default: the first]
        #[arg(long)]
        phone: Option<String>,
        /// Which of the organization's numbers to call from, E.164 [default: the first internal one]
        #[arg(long)]
        from: Option<String>,
    },
    /// Join a call, as a coach, in Listen
    Join {
        #[command(flatten)]
        target: Target,
    },
}

/// Which call to join.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// The call with this id
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<String>,
    /// The call of the rep with this email address, once there is one to join
    #[arg(long, value_name = "EMAIL")]
    pub(crate) rep: Option<String>,
    /// The call of the first invitation
    #[arg(long)]
    pub(crate) invited: bool,
}

/// How long to stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct For(pub(crate) Duration);

impl FromStr for For {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self)
    }
}

impl Args {
    /// The password, from wherever it is.
    pub(crate) fn password(&self) -> Result<String, ClientError> {
        match (&self.secret.password, &self.secret.password_env) {
            (Some(password), _) => Ok(password.clone()),
            (None, Some(variable)) => std::env::var(variable)
                .map_err(|error| ClientError::Settings(format!("{variable}: {error}"))),
            (None, None) => Err(ClientError::Settings("no password was given".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_coach_with_a_timeline_is_read() {
        let line = "participant --server http://[::1]:1 --email a@b --password x join --rep r@b \
                    --timeline 2s:whisper,500ms:barge --tone 440 --for 1m";
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        assert_eq!(args.timeline.entries.len(), 2);
        assert_eq!(args.duration.unwrap().0, Duration::from_secs(60));
        assert!(matches!(args.what, What::Join { .. }));
        assert_eq!(args.password().unwrap(), "x");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "participant --email a@b call --lead L",
            "participant --email a@b --password x",
            "participant --email a@b --password x join",
            "participant --email a@b --password x join --invited --call acti_1",
            "participant --email a@b --password x --tone 1 --speech 2 join --invited",
            "participant --email a@b --password x join --invited --timeline 2s:shout",
        ] {
            assert!(
                Args::try_parse_from(line.split_whitespace()).is_err(),
                "{line}"
            );
        }
    }
}
