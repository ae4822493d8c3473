//! What PulseAudio, or PipeWire in its place, knows beyond what cpal tells: which device a stream is
//! really on, what is muted, and where a device is plugged in.
//!
//! When another device becomes the default, PulseAudio moves the streams on the old default to the new
//! one, also those that were opened on that device by name. cpal cannot ask it not to. A stream that a
//! client has moved stays where it is from then on: so a stream that strayed is moved back, once.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, MoveStreamParams, Prop, Props,
    SetClientNameReply, SinkInfo, SinkInputInfo, SourceInfo, SourceOutputInfo, SubscriptionMask,
};

use crate::devices::{Detail, Kind, Known, Stream};

/// How long the server may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// A connection to the server for questions.
pub(crate) struct Server {
    socket: BufReader<UnixStream>,
    version: u16,
    sequence: u32,
}

impl Server {
    /// None when there is no server, or it does not let us in.
    pub(crate) fn connect() -> Option<Self> {
        let socket = UnixStream::connect(pulseaudio::socket_path_from_env()?).ok()?;
        socket.set_read_timeout(Some(ANSWER_MAX)).ok()?;
        socket.set_write_timeout(Some(ANSWER_MAX)).ok()?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let mut server = Self {
            socket: BufReader::new(socket),
            version: protocol::MAX_VERSION,
            sequence: 0,
        };
        let auth: AuthReply = server.ask(&Command::Auth(AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie: cookie.unwrap_or_default(),
        }))?;
        server.version = auth.version.min(protocol::MAX_VERSION);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"Call Coaching");
        let _: SetClientNameReply = server.ask(&Command::SetClientName(props))?;
        Some(server)
    }

    /// What it knows of microphones, and of loudspeakers. After `None` it is of no more use.
    pub(crate) fn known(&mut self) -> Option<[Known; 2]> {
        let sources: Vec<SourceInfo> = self.ask(&Command::GetSourceInfoList)?;
        let sinks: Vec<SinkInfo> = self.ask(&Command::GetSinkInfoList)?;
        let captures: Vec<SourceOutputInfo> = self.ask(&Command::GetSourceOutputInfoList)?;
        let playbacks: Vec<SinkInputInfo> = self.ask(&Command::GetSinkInputInfoList)?;
        let microphones = sources.iter().map(|source| Plugged {
            index: source.index,
            name: &source.name,
            muted: source.muted,
            props: &source.props,
            port: source.ports.get(source.active_port),
        });
        let loudspeakers = sinks.iter().map(|sink| Plugged {
            index: sink.index,
            name: &sink.name,
            muted: sink.muted,
            props: &sink.props,
            port: sink.ports.get(sink.active_port),
        });
        let captures = captures
            .iter()
            .map(|one| (one.index, one.source_index, one.muted, &one.props));
        let playbacks = playbacks
            .iter()
            .map(|one| (one.index, one.sink_index, one.muted, &one.props));
        Some([
            known(microphones.collect(), captures),
            known(loudspeakers.collect(), playbacks),
        ])
    }

    /// Moves a stream to a device, where it stays when the default changes.
    pub(crate) fn move_to(&mut self, kind: Kind, stream: u32, id: &str) -> Option<()> {
        let (_, name) = id.split_once(':')?;
        let params = MoveStreamParams {
            index: Some(stream),
            device_index: None,
            device_name: Some(CString::new(name).ok()?),
        };
        self.order(&match kind {
            Kind::Microphone => Command::MoveSourceOutput(params),
            Kind::Loudspeaker => Command::MoveSinkInput(params),
        })
    }

    fn ask<R: CommandReply>(&mut self, command: &Command) -> Option<R> {
        let sequence = self.send(command)?;
        let (answered, reply) =
            protocol::read_reply_message(&mut self.socket, self.version).ok()?;
        (answered == sequence).then_some(reply)
    }

    fn order(&mut self, command: &Command) -> Option<()> {
        let sequence = self.send(command)?;
        let answered = protocol::read_ack_message(&mut self.socket).ok()?;
        (answered == sequence).then_some(())
    }

    fn send(&mut self, command: &Command) -> Option<u32> {
        self.sequence = self.sequence.wrapping_add(1);
        let socket = self.socket.get_mut();
        protocol::write_command_message(socket, self.sequence, command, self.version).ok()?;
        Some(self.sequence)
    }
}

/// A source or a sink.
struct Plugged<'a> {
    index: u32,
    name: &'a CStr,
    muted: bool,
    props: &'a Props,
    port: Option<&'a protocol::port_info::PortInfo>,
}

/// A stream: its index, its device's, whether it is muted, and its properties.
type Playing<'a> = (u32, u32, bool, &'a Props);

fn known<'a>(devices: Vec<Plugged<'_>>, streams: impl Iterator<Item = Playing<'a>>) -> Known {
    let own = std::process::id().to_string();
    let id = |name: &CStr| format!("pulseaudio:{}", name.to_string_lossy());
    // Indexes grow: one that is being closed has an older one.
    let newest = streams
        .filter(|(.., props)| text(props, Prop::ApplicationProcessId).as_deref() == Some(&*own))
        .max_by_key(|(index, ..)| *index);
    let stream = newest.and_then(|(index, on, is_muted, _)| {
        let device = devices.iter().find(|device| device.index == on)?;
        Some(Stream {
            index,
            id: id(device.name),
            is_muted,
        })
    });
    let details: BTreeMap<_, _> = devices
        .iter()
        .map(|device| (id(device.name), detail(device)))
        .collect();
    Known { details, stream }
}

fn detail(device: &Plugged<'_>) -> Detail {
    let description = device.port.and_then(|port| port.description.as_ref());
    let bus = || {
        text(device.props, Prop::DeviceBus).map(|bus| match bus.as_str() {
            "usb" => "USB".to_owned(),
            "bluetooth" => "Bluetooth".to_owned(),
            "pci" => "built in".to_owned(),
            _ => bus,
        })
    };
    let path = text(device.props, Prop::DeviceBusPath);
    Detail {
        is_muted: device.muted,
        port: description.map(|port| port.to_string_lossy().into_owned()),
        place: path.and_then(|path| usb_port(&path)).or_else(bus),
    }
}

/// `2.1` from `pci-0000:00:14.0-usb-0:2.1:1.0`: the computer's port, and that of the hub in it.
fn usb_port(path: &str) -> Option<String> {
    let (_, usb) = path.rsplit_once("-usb-")?;
    let port = usb.split(':').nth(1)?;
    (!port.is_empty()).then(|| format!("USB port {port}"))
}

fn text(props: &Props, prop: Prop) -> Option<String> {
    let value = CStr::from_bytes_until_nul(props.get(prop)?).ok()?;
    let value = value.to_string_lossy();
    (!value.is_empty()).then(|| value.into_owned())
}

/// Tells whenever the server says that something of devices or streams changed. Ends when dropped.
pub(crate) struct Watch {
    socket: UnixStream,
    thread: JoinHandle<()>,
}

impl Watch {
    /// None when there is no server.
    pub(crate) fn start(changed: impl Fn() + Send + 'static) -> Option<Self> {
        let mut server = Server::connect()?;
        let events = SubscriptionMask::SINK
            | SubscriptionMask::SOURCE
            | SubscriptionMask::SINK_INPUT
            | SubscriptionMask::SOURCE_OUTPUT
            | SubscriptionMask::SERVER;
        server.order(&Command::Subscribe(events))?;
        let socket = server.socket.get_ref().try_clone().ok()?;
        socket.set_read_timeout(None).ok()?;
        let thread = thread::Builder::new()
            .name("sound-watch".into())
            .spawn(move || {
                while protocol::read_command_message(&mut server.socket, server.version).is_ok() {
                    changed();
                }
            })
            .ok()?;
        Some(Self { socket, thread })
    }

    /// Whether the server has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usb_port_is_read_from_the_path_of_the_bus() {
        let port = |path| usb_port(path).unwrap_or_default();
        assert_eq!(port("pci-0000:00:14.0-usb-0:2:1.0"), "USB port 2");
        assert_eq!(port("pci-0000:00:14.0-usb-0:1.4:1.0"), "USB port 1.4");
        for path in ["pci-0000:00:1f.3", "", "-usb-", "-usb-0:"] {
            assert_eq!(port(path), "", "{path}");
        }
    }
}
