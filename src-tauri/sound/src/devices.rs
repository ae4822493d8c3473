//! The devices there are, and which of them to use.

use std::collections::BTreeMap;

use cpal::traits::{DeviceTrait, HostTrait};

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
            Self::Loudspeaker => "loudspeaker",
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
fn tell_apart(devices: &mut [Device], details: &BTreeMap<String, Detail>) {
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

/// The sound system of this machine: PulseAudio (or PipeWire in its place) before ALSA on Linux,
/// and what there is elsewhere.
#[derive(Default)]
pub(crate) struct System {
    host: Option<cpal::Host>,
    #[cfg(target_os = "linux")]
    server: Option<crate::pulse::Server>,
}

/// What there is now, and on which devices this program's streams are.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) devices: Devices,
    pub(crate) microphone: Option<Stream>,
    pub(crate) loudspeaker: Option<Stream>,
}

impl System {
    /// What there is now. Reconnects when the sound server has gone or come.
    pub(crate) fn scan(&mut self) -> Scan {
        let best = cpal::available_hosts().first().copied();
        if self.host.as_ref().map(cpal::Host::id) != best {
            #[cfg(target_os = "linux")]
            crate::cookie::ensure();
            self.host = Some(cpal::default_host());
        }
        // Before the devices: when the default changes in between, the stream is not ahead of it.
        let [of_microphones, of_loudspeakers] = self.known();
        let Some(host) = &self.host else {
            return Scan::default();
        };
        let Ok(found) = host.devices() else {
            self.host = None;
            return Scan::default();
        };
        let found: Vec<_> = found.collect();
        let default = [host.default_input_device(), host.default_output_device()]
            .map(|device| device.and_then(|device| id_of(&device)));
        let has_card = found.iter().filter_map(id_of).any(|id| is_of_card(&id));
        let list = |can: fn(&cpal::Device) -> bool, default: &Option<String>, known: &Known| {
            let real = found.iter().filter(|device| can(device));
            let mut devices: Vec<_> = real
                .filter_map(|device| {
                    let id = id_of(device)?;
                    let name = device.description().ok()?.name().to_owned();
                    let is_default = default.as_ref() == Some(&id);
                    let is_muted = known.details.get(&id).is_some_and(|known| known.is_muted);
                    is_real(&id, has_card).then_some(Device {
                        id,
                        name,
                        is_default,
                        is_muted,
                    })
                })
                .collect();
            tell_apart(&mut devices, &known.details);
            devices
        };
        let [microphone, loudspeaker] = &default;
        let devices = Devices {
            microphones: list(DeviceTrait::supports_input, microphone, &of_microphones),
            loudspeakers: list(DeviceTrait::supports_output, loudspeaker, &of_loudspeakers),
        };
        Scan {
            devices,
            microphone: of_microphones.stream,
            loudspeaker: of_loudspeakers.stream,
        }
    }

    /// What PulseAudio knows, where it is in use.
    #[cfg(target_os = "linux")]
    fn known(&mut self) -> [Known; 2] {
        let host = self.host.as_ref().map(cpal::Host::id);
        if host != Some(cpal::HostId::PulseAudio) {
            self.server = None;
        } else if self.server.is_none() {
            self.server = crate::pulse::Server::connect();
        }
        let known = self.server.as_mut().and_then(crate::pulse::Server::known);
        if known.is_none() {
            self.server = None;
        }
        known.unwrap_or_default()
    }

    /// Elsewhere, streams stay on the device that they were opened on.
    #[cfg(not(target_os = "linux"))]
    fn known(&mut self) -> [Known; 2] {
        <[Known; 2]>::default()
    }

    /// Has the system put a stream back on its device.
    #[cfg(target_os = "linux")]
    pub(crate) fn move_back(&mut self, kind: Kind, stream: u32, id: &str) {
        let moved = self
            .server
            .as_mut()
            .map(|server| server.move_to(kind, stream, id));
        if moved.flatten().is_none() {
            // Refused, or gone. The next look says which.
            self.server = None;
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn move_back(&mut self, _kind: Kind, _stream: u32, _id: &str) {}
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
