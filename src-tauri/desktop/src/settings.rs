//! What a person sets, kept in the profile's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::PhoneNumberId;

const FILE: &str = "settings.json";

/// Light, dark, or as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What it takes besides a letter to make somebody audible to a lead: B barges, and M unmutes. One key
/// pressed by mistake never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub enum AudibleKeys {
    /// Alt with it.
    #[default]
    Alt,
    /// Holding it for a moment.
    Hold,
    /// No key does it.
    Off,
}

/// What the Settings page shows and changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub struct AppSettings {
    /// A device's id; null follows the system's default.
    pub microphone: Option<String>,
    /// A device's id; null follows the system's default.
    pub loudspeaker: Option<String>,
    /// Takes what the loudspeaker plays out of what the microphone hears (M6).
    pub echo_cancellation: bool,
    /// Takes steady noise out of what the microphone hears.
    pub noise_suppression: bool,
    /// Evens out how loud the speaker is.
    pub gain_control: bool,
    /// How the window looks.
    pub theme: Theme,
    /// The key that whispers while it is held, also while another window has the focus; null for none.
    pub hold_to_whisper: Option<String>,
    /// What it takes to make somebody audible to a lead by a key in the window.
    pub audible_keys: AudibleKeys,
    /// Whether the app starts with the desktop, in the tray.
    pub autostart: bool,
    /// The organization's number that was called from last; null before any was chosen.
    pub local_phone_id: Option<PhoneNumberId>,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self {
            microphone: None,
            loudspeaker: None,
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
            theme: Theme::System,
            hold_to_whisper: Some("Control+Alt+Space".into()),
            audible_keys: AudibleKeys::Alt,
            autostart: false,
            local_phone_id: None,
        }
    }
}

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// What the Settings page shows.
    pub settings: AppSettings,
    /// The service that was chosen; none is the bundled one.
    pub server: Option<String>,
}

/// The file that it is kept in.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    /// In this folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
        }
    }

    /// What is kept; the defaults when there is nothing, or nothing that can be read: a broken file
    /// must not keep anybody from a call.
    pub fn load(&self) -> Kept {
        match fs::read(&self.path) {
            Ok(bytes) => read(&bytes)
                .inspect_err(|error| log::warn!("settings are not readable: {error}"))
                .unwrap_or_default(),
            Err(_) => Kept::default(),
        }
    }

    /// Keeps it: whole or not at all, whenever the machine stops.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, kept: &Kept) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("json.new");
        fs::write(&new, serde_json::to_vec_pretty(kept)?)?;
        fs::rename(new, &self.path)
    }
}

/// What an older version did not know has its default.
fn read(bytes: &[u8]) -> serde_json::Result<Kept> {
    let mut kept = serde_json::to_value(Kept::default())?;
    lay_over(&mut kept, serde_json::from_slice(bytes)?);
    serde_json::from_value(kept)
}

fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay_over(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(&folder.path().join("new"));
        let mut kept = Kept::default();
        kept.settings.microphone = Some("usb".into());
        kept.settings.local_phone_id = Some(PhoneNumberId::from_suffix("1").unwrap());
        kept.server = Some("https://calls.example".into());
        file.save(&kept).unwrap();
        assert_eq!(file.load(), kept);
    }

    #[test]
    fn a_broken_file_and_an_older_one_give_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(folder.path());
        for (text, theme) in [
            ("{", Theme::System),
            (r#"{"settings":{"theme":"dark"}}"#, Theme::Dark),
        ] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let settings = file.load().settings;
            assert_eq!(
                settings,
                AppSettings {
                    theme,
                    ..AppSettings::default()
                }
            );
        }
    }
}
