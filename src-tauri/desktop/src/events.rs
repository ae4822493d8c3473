//! Everything that the shell tells the user interface, declared once.

use std::fmt;

use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::AppHandle;
use tauri_specta::Event;
use wire::{CallId, Level};

use crate::view::AppView;

/// Tells the window; a window that is gone needs nothing told.
pub fn say<E: Event + Serialize + Clone>(app: &AppHandle, event: &E) {
    if let Err(error) = event.emit(app) {
        log::warn!("could not update the window: {error}");
    }
}

/// The whole state, whenever it changed.
#[derive(Debug, Clone, Serialize, Type, Event)]
pub struct ViewChanged(pub AppView);

/// Who on the call is how loud, some five times a second.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct Levels {
    /// The call.
    pub call_id: CallId,
    /// Each party.
    pub levels: Vec<Level>,
}

/// How loud each microphone is, about fifteen times a second while they are compared.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct MicrophoneLevels(pub Vec<DeviceLevel>);

/// How loud one microphone is.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
pub struct DeviceLevel {
    /// Of which device.
    pub id: String,
    /// In dBov: 0 the loudest, -127 silence.
    pub level_dbov: i8,
}

/// How loud the microphone is, some fifteen times a second while it is open.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct MicrophoneLevel {
    /// In dBov: 0 the loudest, -127 silence.
    pub level_dbov: i8,
}

/// How good the connection of the sound is, every 2 s while there is one.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct Quality {
    /// Of the packets to this app. It is a number always: a float's type would be `number | null`.
    #[specta(type = u32)]
    pub lost_percent: f32,
    /// Interarrival jitter.
    pub jitter_ms: u32,
    /// To the service and back; null before it was measured.
    #[specta(type = Option<u32>)]
    pub round_trip_ms: Option<f32>,
}

/// The lead of the user's call pressed a key of their phone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type, Event)]
pub struct LeadKey {
    /// The call.
    pub call_id: CallId,
    /// Which: `0`–`9`, `*`, `#`, `A`–`D`.
    pub key: char,
}

/// The key may be part of a card number: it is shown to the rep, and printed nowhere.
impl fmt::Debug for LeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadKey")
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// How the network to the phone of the user's lead does, every 2 s while on a call over a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, Event)]
pub struct LeadQuality {
    /// The call.
    pub call_id: CallId,
    /// Interarrival jitter of what comes from it.
    pub jitter_ms: u32,
    /// What of it was lost lately, in thousandths.
    pub lost_permille: u16,
    /// The way there and back; null before the phone told.
    pub round_trip_ms: Option<u32>,
}

impl LeadQuality {
    /// What the service measured on this call.
    #[must_use]
    pub fn of(call_id: CallId, quality: wire::LeadQuality) -> Self {
        Self {
            call_id,
            jitter_ms: quality.jitter_ms,
            lost_permille: quality.lost_permille,
            round_trip_ms: quality.round_trip_ms,
        }
    }
}

/// How the recording that is played goes, some five times a second, and when it starts or stops.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct Playback {
    /// Of which call.
    pub call_id: CallId,
    /// Where it is.
    pub position_ms: u32,
    /// How long it is.
    pub duration_ms: u32,
    /// Whether it plays; it does not at its end, or when it was paused.
    pub playing: bool,
}

/// What something said to the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Good to know.
    Info,
    /// Something could not be done.
    Error,
}

/// Something to tell the person once, such as why coaching ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, Event)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// The service's code, if it has one.
    pub code: Option<String>,
    /// The sentence.
    pub message: String,
    /// Whether it stays until the person closes it: it may have happened while they were away.
    pub stays: bool,
}

/// Devices came or went, or another became the default.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct SoundDevicesChanged(pub SoundDevices);

/// A microphone or a loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SoundDevice {
    /// The same on every start.
    pub id: String,
    /// As the system calls it.
    pub name: String,
    /// Whether it is the system's default now.
    pub is_default: bool,
}

/// What there is to speak into and to hear from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
pub struct SoundDevices {
    /// To speak into.
    pub microphones: Vec<SoundDevice>,
    /// To hear from.
    pub loudspeakers: Vec<SoundDevice>,
}

impl From<sound::Devices> for SoundDevices {
    fn from(devices: sound::Devices) -> Self {
        let cross = |device: sound::Device| SoundDevice {
            id: device.id,
            name: device.name,
            is_default: device.is_default,
        };
        Self {
            microphones: devices.microphones.into_iter().map(cross).collect(),
            loudspeakers: devices.loudspeakers.into_iter().map(cross).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call_id() -> CallId {
        CallId::from_suffix("1").unwrap()
    }

    #[test]
    fn a_key_that_the_lead_pressed_reaches_the_window_and_is_printed_nowhere() {
        let event = LeadKey {
            call_id: call_id(),
            key: '#',
        };
        let told = serde_json::to_value(&event).unwrap();
        assert_eq!(told, serde_json::json!({"call_id": call_id(), "key": "#"}));
        let printed = format!("{event:?}");
        assert!(printed.contains("LeadKey"), "{printed}");
        assert!(!printed.contains('#'), "{printed}");
    }

    #[test]
    fn the_quality_of_the_leads_phone_reaches_the_window_as_it_was_measured() {
        let measured = wire::LeadQuality {
            jitter_ms: 12,
            lost_permille: 4,
            round_trip_ms: None,
        };
        let told = serde_json::to_value(LeadQuality::of(call_id(), measured)).unwrap();
        let wanted = serde_json::json!({
            "call_id": call_id(), "jitter_ms": 12, "lost_permille": 4, "round_trip_ms": null,
        });
        assert_eq!(told, wanted);
    }
}
