//! What a person sets, kept in the profile's folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::PhoneNumberId;

use crate::disk;
use crate::place::Place;

const FILE: &str = "settings.json";
/// What could not be read is kept under this name when there is something new to keep.
const BAD_FILE: &str = "settings.bad.json";

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
    /// Where the app works; none before it was chosen.
    pub place: Option<Place>,
}

/// The file that it is kept in.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    /// Whether what is in it could not be read, or not all of it.
    is_bad: bool,
}

impl SettingsFile {
    /// In this folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            is_bad: false,
        }
    }

    /// What is kept, and what is wrong with it, for the person. What can't be read has its default: a
    /// broken file must not keep anyone from a call.
    pub fn load(&mut self) -> (Kept, Option<String>) {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (Kept::default(), None);
            }
            Err(error) => {
                log::warn!("could not read the settings: {error}");
                self.is_bad = true;
                let why = disk::reason(&error);
                let trouble = format!(
                    "Couldn't read your settings: {why}. The app is using its default settings."
                );
                return (Kept::default(), Some(trouble));
            }
        };
        let (kept, bad) = read(&bytes);
        if bad.is_empty() {
            return (kept, None);
        }
        log::warn!("could not read the settings: {}", bad.join(", "));
        self.is_bad = true;
        let named: Vec<&str> = bad.iter().map(|field| in_words(field)).collect();
        let lost = if bad == [WHOLE] {
            "Your settings file is damaged, so the app is using its default settings.".into()
        } else {
            format!(
                "Couldn't read some of your settings, so they're back to their defaults: {}.",
                named.join(", ")
            )
        };
        let trouble = format!(
            "{lost} Check them in Settings. When they're saved, the old file is kept as {BAD_FILE}."
        );
        (kept, Some(trouble))
    }

    /// Keeps it: whole or not at all, whenever the machine stops.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&mut self, kept: &Kept) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("json.new");
        let mut file = fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(kept)?)?;
        file.sync_all()?;
        if self.is_bad {
            fs::rename(&self.path, self.path.with_file_name(BAD_FILE))?;
            self.is_bad = false;
        }
        fs::rename(new, &self.path)
    }
}

/// Stands for all of the file.
const WHOLE: &str = "";
/// An older version kept a server's address under this name.
const OLD_SERVER: &str = "server";

/// Reads each setting by itself: one that makes no sense has its default, and is named. What an older
/// version did not know has its default too.
fn read(bytes: &[u8]) -> (Kept, Vec<String>) {
    let Ok(Value::Object(found)) = serde_json::from_slice(bytes) else {
        return (Kept::default(), vec![WHOLE.into()]);
    };
    let mut kept = Kept::default();
    let mut bad = Vec::new();
    let mut lay = |path: Vec<&str>, value: &Value| match laid_over(&kept, &path, value) {
        Some(with) => kept = with,
        None => bad.push(path.join(".")),
    };
    for (name, value) in &found {
        match (name.as_str(), value) {
            ("settings", Value::Object(settings)) => {
                for (name, value) in settings {
                    lay(vec!["settings", name.as_str()], value);
                }
            }
            // As it was before there was a choice of more than a server and the demo.
            (OLD_SERVER, Value::Null) => {}
            (OLD_SERVER, url) => {
                if !found.contains_key("place") {
                    lay(vec!["place"], &json!({"kind": "server", "url": url}));
                }
            }
            (name, value) => lay(vec![name], value),
        }
    }
    (kept, bad)
}

/// The same with this value in its place; nothing if that makes no sense.
fn laid_over(kept: &Kept, path: &[&str], value: &Value) -> Option<Kept> {
    let mut whole = serde_json::to_value(kept).ok()?;
    let mut place = &mut whole;
    for name in path {
        // A setting of a newer version is passed over.
        let Some(field) = place.get_mut(*name) else {
            return Some(kept.clone());
        };
        place = field;
    }
    *place = value.clone();
    let with: Kept = serde_json::from_value(whole).ok()?;
    // Nothing is sent to an address that the window would not take.
    let place = with.place.clone().map(Place::checked);
    place.is_none_or(|place| place.is_ok()).then_some(with)
}

/// A setting as the Settings page calls it.
fn in_words(field: &str) -> &str {
    match field {
        "place" => "where you sign in",
        "settings.microphone" => "microphone",
        "settings.loudspeaker" => "speakers",
        "settings.echo_cancellation" => "echo cancellation",
        "settings.noise_suppression" => "noise suppression",
        "settings.gain_control" => "automatic gain",
        "settings.theme" => "theme",
        "settings.hold_to_whisper" => "hold to whisper",
        "settings.audible_keys" => "keys that let the lead hear you",
        "settings.autostart" => "start when you sign in",
        "settings.local_phone_id" => "number to call from",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(theme: Theme) -> AppSettings {
        AppSettings {
            theme,
            ..AppSettings::default()
        }
    }

    fn server(url: &str) -> Option<Place> {
        Some(Place::Server { url: url.into() })
    }

    #[test]
    fn o1_where_the_app_works_is_kept_and_a_server_of_an_older_version_is_one_still() {
        for place in [
            None,
            Some(Place::Team),
            Some(Place::Demo),
            server("https://calls.example"),
        ] {
            let kept = Kept {
                place,
                ..Kept::default()
            };
            let text = serde_json::to_vec(&kept).unwrap();
            assert_eq!(read(&text), (kept, vec![]));
        }
        for (text, place) in [
            (
                r#"{"server": "https://calls.example"}"#,
                server("https://calls.example"),
            ),
            // Whoever had no server had the demo: that is chosen anew.
            (r#"{"server": null}"#, None),
            (
                r#"{"server": "https://old.example", "place": {"kind": "team"}}"#,
                Some(Place::Team),
            ),
        ] {
            let (kept, bad) = read(text.as_bytes());
            assert_eq!(kept.place, place, "{text}");
            assert!(bad.is_empty(), "{bad:?}");
        }
        let (kept, bad) = read(br#"{"place": {"kind": "moon"}}"#);
        assert_eq!((kept.place, bad), (None, vec!["place".to_owned()]));
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SettingsFile::new(&folder.path().join("new"));
        let mut kept = Kept::default();
        kept.settings.microphone = Some("usb".into());
        kept.settings.local_phone_id = Some(PhoneNumberId::from_suffix("1").unwrap());
        kept.place = server("https://calls.example");
        file.save(&kept).unwrap();
        assert_eq!(file.load(), (kept, None));
    }

    #[test]
    fn settings_of_an_older_or_a_newer_version_are_read() {
        for text in [
            r#"{"settings":{"theme":"dark"}}"#,
            r#"{"settings":{"theme":"dark","new":1},"newer":{}}"#,
        ] {
            let (kept, bad) = read(text.as_bytes());
            assert_eq!(kept.settings, theme(Theme::Dark), "{text}");
            assert!(bad.is_empty(), "{bad:?}");
        }
    }

    #[test]
    fn a_broken_file_gives_defaults_and_says_so_and_is_kept_beside_the_new_one() {
        for text in ["", "{", "[]", "null", "\u{feff}{}", "\0\0\0\0"] {
            let folder = tempfile::tempdir().unwrap();
            let mut file = SettingsFile::new(folder.path());
            fs::write(folder.path().join(FILE), text).unwrap();
            let (kept, trouble) = file.load();
            assert_eq!(kept, Kept::default());
            let trouble = trouble.unwrap();
            assert!(trouble.contains("damaged"), "{trouble}");
            assert!(trouble.contains(BAD_FILE), "{trouble}");

            file.save(&kept).unwrap();
            let beside = fs::read_to_string(folder.path().join(BAD_FILE)).unwrap();
            assert_eq!(beside, text);
            assert_eq!(
                SettingsFile::new(folder.path()).load(),
                (kept.clone(), None)
            );
            // A second save has nothing more to put aside.
            file.save(&kept).unwrap();
            assert_eq!(beside, text);
        }
    }

    #[test]
    fn one_bad_setting_leaves_the_others_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SettingsFile::new(folder.path());
        let text = r#"{
            "server": "https://calls.example",
            "settings": {"theme": "dark", "microphone": 7, "gain_control": "no", "autostart": true}
        }"#;
        fs::write(folder.path().join(FILE), text).unwrap();
        let (kept, trouble) = file.load();
        assert_eq!(kept.place, server("https://calls.example"));
        let wanted = AppSettings {
            autostart: true,
            ..theme(Theme::Dark)
        };
        assert_eq!(kept.settings, wanted);
        let trouble = trouble.unwrap();
        assert!(trouble.contains("automatic gain"), "{trouble}");
        assert!(trouble.contains("microphone"), "{trouble}");
        assert!(!trouble.contains("theme"), "{trouble}");
    }

    #[test]
    fn every_setting_has_a_name_that_people_know() {
        let all = serde_json::to_value(AppSettings::default()).unwrap();
        for name in all.as_object().unwrap().keys() {
            let field = format!("settings.{name}");
            assert_ne!(in_words(&field), field);
        }
    }

    #[test]
    fn an_address_that_no_password_may_be_sent_to_is_not_used() {
        for server in ["http://calls.example", "calls", ""] {
            for place in [
                json!({"server": server}),
                json!({"place": {"kind": "server", "url": server}}),
            ] {
                let mut whole = place;
                whole["settings"] = json!({"theme": "dark"});
                let (kept, bad) = read(whole.to_string().as_bytes());
                assert_eq!(kept.place, None);
                assert_eq!(kept.settings, theme(Theme::Dark));
                assert_eq!(bad, ["place"]);
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_said_and_put_aside_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::create_dir(&path).unwrap();
        let mut file = SettingsFile::new(folder.path());
        let (kept, trouble) = file.load();
        let trouble = trouble.unwrap();
        assert!(trouble.contains("a folder is where a file"), "{trouble}");
        file.save(&kept).unwrap();
        assert_eq!(file.load(), (kept, None));
        assert!(folder.path().join(BAD_FILE).is_dir());
    }
}
