//! What the program is started with.

use std::path::PathBuf;

use crate::profile::Profile;

/// The port of the bundled service on this machine.
const LOCAL_PORT: u16 = 7780;

/// Listen, whisper and barge on your team's calls in progress.
#[derive(Debug, Clone, PartialEq, Eq, clap::Parser)]
#[command(version)]
pub struct Args {
    /// Whose settings and sign-in are used: one window each. `default`, or 1 to 16 of `a` to `z`.
    #[arg(long, default_value_t = Profile::default())]
    pub profile: Profile,
    /// Talk to this service and not to the one that was chosen in the window.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The port of the bundled service.
    #[arg(long, value_name = "PORT", default_value_t = LOCAL_PORT)]
    pub local_port: u16,
    /// The bundled service's program, when it does not stand beside this one.
    #[arg(long, value_name = "FILE")]
    pub service: Option<PathBuf>,
    /// Start in the tray, without a window.
    #[arg(long)]
    pub hidden: bool,
    /// What to open, such as `callcoaching://call/acti_…` or `tel:+12015550123`.
    #[arg(value_name = "LINK")]
    pub link: Option<String>,
}
