//! The devices there are, and which of them to use.

use cpal::traits::{DeviceTrait, HostTrait};

/// One microphone or loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Names it in every run of the program, for as long as the system names it so:
    /// `pulseaudio:alsa_input.usb-headset`, for example.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Whether it is currently the system's default.
    pub is_default: bool,
}

/// The devices to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// Microphones. Monitors of loudspeakers are left out.
    pub microphones: Vec<Device>,
    pub loudspeakers: Vec<Device>,
}

/// The devices that the user chose, by id; `None` follows the system's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    pub microphone: Option<String>,
    pub loudspeaker: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Microphone,
    Loudspeaker,
}

impl Kind {
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Loudspeaker => "loudspeaker",
        }
    }
}

impl Devices {
    pub(crate) fn of(&self, kind: Kind) -> &[Device] {
        match kind {
            Kind::Microphone => &self.microphones,
            Kind::Loudspeaker => &self.loudspeakers,
        }
    }
}

impl Choice {
    pub(crate) fn of(&self, kind: Kind) -> Option<&str> {
        match kind {
            Kind::Microphone => self.microphone.as_deref(),
            Kind::Loudspeaker => self.loudspeaker.as_deref(),
        }
    }
}

/// The device to use, and what is wrong with that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picked<'a> {
    pub(crate) device: Option<&'a Device>,
    pub(crate) trouble: Option<String>,
}

/// The chosen device if it is connected and works, or else the default, or else any other.
pub(crate) fn pick<'a>(
    kind: Kind,
    devices: &'a [Device],
    chosen: Option<&str>,
    works: impl Fn(&Device) -> bool,
) -> Picked<'a> {
    let wanted = match chosen {
        Some(id) => devices.iter().find(|device| device.id == id),
        None => devices.iter().find(|device| device.is_default),
    };
    if let Some(device) = wanted
        && works(device)
    {
        return Picked {
            device: Some(device),
            trouble: None,
        };
    }
    let usable = || devices.iter().filter(|device| works(device));
    let device = usable()
        .find(|device| device.is_default)
        .or_else(|| usable().next());
    let noun = kind.noun();
    let trouble = match (chosen, wanted, device) {
        (None, None, Some(_)) => None,
        (_, _, None) if devices.is_empty() => Some(format!("No {noun} found.")),
        (_, _, None) => Some(format!("No {noun} is working.")),
        (_, Some(wanted), Some(device)) => Some(format!(
            "{} ({noun}) isn't working. Using {} instead.",
            wanted.name, device.name
        )),
        (Some(_), None, Some(device)) => Some(format!(
            "Your selected {noun} isn't connected. Using {} instead.",
            device.name
        )),
    };
    Picked { device, trouble }
}

/// The sound system of this machine: PulseAudio (or PipeWire in its place) before ALSA on Linux,
/// and what there is elsewhere.
#[derive(Default)]
pub(crate) struct System {
    host: Option<cpal::Host>,
}

impl System {
    /// The current devices. Reconnects when the sound server has gone or come.
    pub(crate) fn scan(&mut self) -> Devices {
        let best = cpal::available_hosts().first().copied();
        if self.host.as_ref().map(cpal::Host::id) != best {
            #[cfg(target_os = "linux")]
            crate::cookie::ensure();
            self.host = Some(cpal::default_host());
        }
        let Some(host) = &self.host else {
            return Devices::default();
        };
        let Ok(found) = host.devices() else {
            self.host = None;
            return Devices::default();
        };
        let found: Vec<_> = found.collect();
        let default = [host.default_input_device(), host.default_output_device()]
            .map(|device| device.and_then(|device| id_of(&device)));
        let has_card = found.iter().filter_map(id_of).any(|id| is_of_card(&id));
        let list = |can: fn(&cpal::Device) -> bool, default: &Option<String>| {
            found
                .iter()
                .filter(|device| can(device))
                .filter_map(|device| {
                    let id = id_of(device)?;
                    let name = device.description().ok()?.name().to_owned();
                    let is_default = default.as_ref() == Some(&id);
                    is_real(&id, has_card).then_some(Device {
                        id,
                        name,
                        is_default,
                    })
                })
                .collect()
        };
        let [microphone, loudspeaker] = &default;
        Devices {
            microphones: list(DeviceTrait::supports_input, microphone),
            loudspeakers: list(DeviceTrait::supports_output, loudspeaker),
        }
    }
}

/// The device of this kind and id, on its own connection to the sound system.
///
/// cpal gives all PulseAudio streams of one connection the same sync id, and those must play on
/// one sink: on a shared connection no stream could open until the one on another sink is closed.
pub(crate) fn find(kind: Kind, id: &str) -> Option<cpal::Device> {
    let mut devices = cpal::default_host().devices().ok()?;
    devices.find(|device| {
        let fits = match kind {
            Kind::Microphone => device.supports_input(),
            Kind::Loudspeaker => device.supports_output(),
        };
        fits && id_of(device).as_deref() == Some(id)
    })
}

fn id_of(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.to_string())
}

/// Whether it is more than an alias. A monitor captures a loudspeaker. ALSA lists plug-ins for missing
/// hardware, and each card under a dozen names: its default is kept if there is a card, and each card
/// under the names that convert and share.
fn is_real(id: &str, has_card: bool) -> bool {
    match id.split_once(':') {
        Some(("pulseaudio", name)) => !name.ends_with(".monitor"),
        Some(("alsa", name)) => {
            is_of_card(id) && (name.starts_with("sysdefault:") || name.starts_with("plughw:"))
                || name == "default" && has_card
        }
        _ => true,
    }
}

/// Whether ALSA means a card by it.
fn is_of_card(id: &str) -> bool {
    id.starts_with("alsa:") && id.contains("CARD=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, is_default: bool) -> Device {
        Device {
            id: id.to_owned(),
            name: id.to_uppercase(),
            is_default,
        }
    }

    fn picked(devices: &[Device], chosen: Option<&str>, broken: &[&str]) -> (String, String) {
        let works = |device: &Device| !broken.contains(&device.id.as_str());
        let picked = pick(Kind::Microphone, devices, chosen, works);
        let id = picked.device.map_or(String::new(), |d| d.id.clone());
        (id, picked.trouble.unwrap_or_default())
    }

    #[test]
    fn the_chosen_device_is_used_and_else_the_default() {
        let devices = [device("a", false), device("b", true), device("c", false)];
        let fine = |id: &str| (id.to_owned(), String::new());
        assert_eq!(picked(&devices, Some("c"), &[]), fine("c"));
        assert_eq!(picked(&devices, None, &[]), fine("b"));
        assert_eq!(picked(&devices[..1], None, &[]), fine("a"));
    }

    #[test]
    fn what_is_gone_or_broken_is_replaced_and_said() {
        let devices = [device("a", false), device("b", true)];
        let (id, trouble) = picked(&devices, Some("z"), &[]);
        assert_eq!(id, "b");
        assert!(trouble.contains("isn't connected. Using B"), "{trouble}");
        let (id, trouble) = picked(&devices, Some("b"), &["b"]);
        assert_eq!(id, "a");
        assert!(
            trouble.contains("B (microphone) isn't working. Using A"),
            "{trouble}"
        );
        let (id, trouble) = picked(&devices, None, &["a", "b"]);
        assert_eq!(
            (id.as_str(), trouble.as_str()),
            ("", "No microphone is working.")
        );
        assert_eq!(picked(&[], None, &[]).1, "No microphone found.");
    }

    #[test]
    fn what_only_looks_like_a_device_is_left_out() {
        assert!(is_real("pulseaudio:mic_a_source", false));
        assert!(!is_real("pulseaudio:spk_a.monitor", false));
        assert!(is_real("wasapi:{0.0.0.00000000}.{b3f8fa53}", false));
        assert!(is_real("alsa:default", true));
        assert!(is_real("alsa:sysdefault:CARD=PCH", true));
        for id in ["alsa:null", "alsa:jack", "alsa:hw:CARD=PCH,DEV=0"] {
            assert!(!is_real(id, true), "{id}");
        }
        assert!(!is_real("alsa:default", false));
    }
}
