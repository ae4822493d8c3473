//! The devices there are, and which of them to use.

use std::collections::BTreeMap;

/// One microphone or loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Names it in every run of the program, for as long as the system names it so:
    /// `pulseaudio:alsa_input.usb-headset`, for example.
    pub id: String,
    /// Its name for people. No other microphone, or loudspeaker, has the same.
    pub name: String,
    /// Whether it is currently the system's default.
    pub is_default: bool,
    /// Whether it is muted in the system's sound settings.
    pub is_muted: bool,
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
            Self::Loudspeaker => "speaker",
        }
    }
}

/// What is wrong with the microphone or the loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In a sentence.
    pub message: String,
    /// Whether nothing at all is captured or heard: no other device stands in.
    pub is_silent: bool,
}

impl Fault {
    fn silent(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_silent: true,
        }
    }

    fn other(message: String) -> Self {
        Self {
            message,
            is_silent: false,
        }
    }
}

/// What the system knows of its microphones or loudspeakers beyond their names.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By the device's id.
    pub(crate) details: BTreeMap<String, Detail>,
    /// The newest of this program's streams.
    pub(crate) stream: Option<Stream>,
}

/// What the system knows of a device.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    pub(crate) is_muted: bool,
    /// Its plug, such as `Headset Microphone`.
    pub(crate) port: Option<String>,
    /// Where it is plugged in, such as `USB port 2`, or how it is connected, such as `Bluetooth`.
    pub(crate) place: Option<String>,
}

/// A stream of this program, as the system sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) index: u32,
    /// The device that it is on.
    pub(crate) id: String,
    pub(crate) is_muted: bool,
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
    pub(crate) trouble: Option<Fault>,
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
            trouble: device.is_muted.then(|| muted(kind)),
        };
    }
    let usable = || devices.iter().filter(|device| works(device));
    let device = usable()
        .find(|device| device.is_default)
        .or_else(|| usable().next());
    let noun = kind.noun();
    let trouble = match (chosen, wanted, device) {
        (_, _, Some(device)) if device.is_muted => Some(muted(kind)),
        (None, None, Some(_)) => None,
        (_, _, None) if devices.is_empty() => Some(Fault::silent(format!("No {noun} found."))),
        (_, _, None) => Some(Fault::silent(format!("No {noun} is working."))),
        (_, Some(wanted), Some(device)) => Some(Fault::other(format!(
            "{} ({noun}) isn't working. Using {} instead.",
            wanted.name, device.name
        ))),
        (Some(_), None, Some(device)) => Some(Fault::other(format!(
            "Your selected {noun} isn't connected. Using {} instead.",
            device.name
        ))),
    };
    Picked { device, trouble }
}

fn muted(kind: Kind) -> Fault {
    Fault::silent(match kind {
        Kind::Microphone => {
            "Your microphone is muted in your computer's sound settings. Unmute it there."
        }
        Kind::Loudspeaker => {
            "Your speakers are muted in your computer's sound settings. Unmute them there."
        }
    })
}

/// This program is muted, and not the device.
pub(crate) fn muted_here(kind: Kind) -> Fault {
    Fault::silent(match kind {
        Kind::Microphone => {
            "Your microphone is muted for Call Coaching in your computer's sound settings. \
             Unmute it there."
        }
        Kind::Loudspeaker => {
            "Call Coaching is muted in your computer's sound settings. Unmute it there."
        }
    })
}

/// The system has put this program's stream on another device than it was opened on.
pub(crate) fn strayed(devices: &[Device], opened: &str, on: &str) -> Fault {
    let name = |id: &str| {
        let device = devices.iter().find(|device| device.id == id);
        device.map_or_else(|| "another device".to_owned(), |device| device.name.clone())
    };
    Fault::other(format!(
        "Your computer's sound settings switched Call Coaching to {}. To use {}, switch it back there.",
        name(on),
        name(opened)
    ))
}

/// Adds to each name that several devices have what tells them apart: plug and place, and a number where
/// these are the same or not known.
pub(crate) fn tell_apart(devices: &mut [Device], details: &BTreeMap<String, Detail>) {
    let mut named: BTreeMap<String, Vec<&mut Device>> = BTreeMap::new();
    for device in devices {
        named.entry(device.name.clone()).or_default().push(device);
    }
    for mut same in named.into_values().filter(|same| same.len() > 1) {
        same.sort_by(|one, other| one.id.cmp(&other.id));
        let mut labels = vec![Vec::new(); same.len()];
        let parts: [fn(&Detail) -> Option<&String>; 2] = [
            |detail| detail.port.as_ref(),
            |detail| detail.place.as_ref(),
        ];
        for part in parts {
            let value = |device: &&mut Device| details.get(&device.id).and_then(part).cloned();
            let values: Vec<_> = same.iter().map(value).collect();
            if values.iter().any(|value| Some(value) != values.first()) {
                for (label, value) in labels.iter_mut().zip(values) {
                    label.extend(value);
                }
            }
        }
        let mut numbers: BTreeMap<Vec<String>, u32> = BTreeMap::new();
        let shared: Vec<bool> = labels
            .iter()
            .map(|label| labels.iter().filter(|other| *other == label).count() > 1)
            .collect();
        for ((device, mut label), is_shared) in same.into_iter().zip(labels).zip(shared) {
            if is_shared || label.is_empty() {
                let number = numbers.entry(label.clone()).or_default();
                *number += 1;
                label.push(number.to_string());
            }
            device.name = format!("{} ({})", device.name, label.join(", "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, is_default: bool) -> Device {
        Device {
            id: id.to_owned(),
            name: id.to_uppercase(),
            is_default,
            is_muted: false,
        }
    }

    fn picked(devices: &[Device], chosen: Option<&str>, broken: &[&str]) -> (String, String) {
        let works = |device: &Device| !broken.contains(&device.id.as_str());
        let picked = pick(Kind::Microphone, devices, chosen, works);
        let id = picked.device.map_or(String::new(), |d| d.id.clone());
        let trouble = picked.trouble.map(|trouble| trouble.message);
        (id, trouble.unwrap_or_default())
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
    fn it_is_said_when_no_one_is_heard_and_when_another_device_stands_in() {
        let mut devices = [device("a", false), device("b", true)];
        let fault =
            |devices: &[Device], chosen| pick(Kind::Microphone, devices, chosen, |_| true).trouble;
        assert!(!fault(&devices, Some("z")).unwrap().is_silent);
        assert!(fault(&[], None).unwrap().is_silent);
        devices[1].is_muted = true;
        assert_eq!(fault(&devices, Some("a")), None);
        for chosen in [None, Some("b"), Some("z")] {
            let fault = fault(&devices, chosen).unwrap();
            assert!(fault.is_silent, "{chosen:?}");
            assert!(fault.message.contains("is muted"), "{}", fault.message);
        }
    }

    fn apart(details: [Detail; 2]) -> [String; 2] {
        let mut devices = ["b", "a"].map(|id| Device {
            name: "Headset".into(),
            ..device(id, false)
        });
        let [of_a, of_b] = details;
        let details = BTreeMap::from([("a".to_owned(), of_a), ("b".to_owned(), of_b)]);
        tell_apart(&mut devices, &details);
        let [b, a] = devices;
        [a.name, b.name]
    }

    #[test]
    fn devices_of_the_same_name_are_told_apart() {
        let detail = |port: &str, place: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Detail {
                is_muted: false,
                port: some(port),
                place: some(place),
            }
        };
        let names = |one: &str, other: &str| [one, other].map(|it| format!("Headset ({it})"));
        for (one, other, [first, second]) in [
            (("Mic", "USB"), ("Line In", "USB"), ["Mic", "Line In"]),
            (("Mic", "USB"), ("Mic", "Bluetooth"), ["USB", "Bluetooth"]),
            (("Mic", "USB"), ("", "Bluetooth"), ["Mic, USB", "Bluetooth"]),
            (("", "USB"), ("", "USB"), ["1", "2"]),
            (("", ""), ("", "USB"), ["1", "USB"]),
        ] {
            let told = apart([detail(one.0, one.1), detail(other.0, other.1)]);
            assert_eq!(told, names(first, second), "{one:?} and {other:?}");
        }
        let mut different = [device("a", true), device("b", false)];
        tell_apart(&mut different, &BTreeMap::new());
        assert_eq!(different.map(|device| device.name), ["A", "B"]);
    }
}
