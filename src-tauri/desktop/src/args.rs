//! What the program is started with.

use std::path::PathBuf;

use crate::address::checked;
use crate::error::AppError;
use crate::place::Place;
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
    /// Show demo data, unless something else was chosen in the window.
    #[arg(long, conflicts_with = "team")]
    pub demo: bool,
    /// Work with this computer's team, unless something else was chosen in the window.
    #[arg(long)]
    pub team: bool,
    /// The port of the bundled service with demo data. The team on this computer has the next one.
    #[arg(long, value_name = "PORT", default_value_t = LOCAL_PORT,
          value_parser = clap::value_parser!(u16).range(1..=65_534))]
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

impl Args {
    /// Where the app works: at the server that is told, or as was chosen in the window before, or as is
    /// told for the first time.
    ///
    /// # Errors
    /// When the server has no address that a password may be sent to.
    pub fn place(&self, kept: Option<&Place>) -> Result<Option<Place>, AppError> {
        if let Some(url) = &self.server {
            let url = checked(url)?;
            return Ok(Some(Place::Server { url }));
        }
        let told = match (self.demo, self.team) {
            (true, _) => Some(Place::Demo),
            (_, true) => Some(Place::Team),
            _ => None,
        };
        Ok(kept.cloned().or(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn o1_what_was_chosen_goes_before_demo_and_a_server_before_both() {
        let place = |arguments: &[&str], kept: Option<Place>| {
            let arguments = ["call-coaching"].iter().chain(arguments);
            let args = Args::try_parse_from(arguments).unwrap();
            args.place(kept.as_ref()).unwrap()
        };
        let url = "https://calls.example".to_owned();
        let server = Some(Place::Server { url });
        let elsewhere = ["--server", "https://calls.example", "--demo"];
        assert_eq!(place(&[], None), None, "the window offers the choice");
        assert_eq!(place(&["--demo"], None), Some(Place::Demo));
        assert_eq!(place(&["--team"], None), Some(Place::Team));
        assert_eq!(place(&["--demo"], Some(Place::Team)), Some(Place::Team));
        assert_eq!(place(&[], server.clone()), server);
        assert_eq!(place(&elsewhere, Some(Place::Team)), server);
    }

    #[test]
    fn the_team_has_a_port_beside_the_demo() {
        let parsed = |port: &str| Args::try_parse_from(["call-coaching", "--local-port", port]);
        assert!(parsed("65534").is_ok());
        assert!(parsed("65535").is_err());
        assert!(parsed("0").is_err());
    }
}
