//! The sound system of this machine, and what there is in it.

use cpal::traits::{DeviceTrait, HostTrait};

use crate::devices::{Device, Devices, Kind, Known, Stream, tell_apart};
#[cfg(target_os = "linux")]
use crate::pulse::Server;

/// The sound system of this machine: PulseAudio (or PipeWire in its place) before ALSA on Linux,
/// and what there is elsewhere.
#[derive(Default)]
pub(crate) struct System {
    host: Option<cpal::Host>,
    #[cfg(target_os = "linux")]
    server: Option<Server>,
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
            self.server = Server::connect();
        }
        let known = self.server.as_mut().and_then(Server::known);
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
