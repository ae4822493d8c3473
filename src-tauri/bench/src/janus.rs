//! The peer: one room of Janus's AudioBridge with plain-RTP participants, and what it costs.
//!
//! Janus gets its own folders with nothing but this plugin and the Unix-socket transport; all
//! of it is on loopback. A participant hears something only after it has sent a few packets.

mod participant;

use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mix::{FRAME_MS, SILENCE};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde_json::{Value, json};
use voice::EncoderSettings;

use crate::cpu::{CpuShare, CpuWatch};
use crate::error::BenchError;
use crate::program::Program;
use crate::speech;
use participant::{PAYLOAD_TYPE, Participant};

/// Where Debian and a source build put the plugins.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/janus",
    "/usr/lib/aarch64-linux-gnu/janus",
    "/usr/lib/janus",
    "/opt/janus/lib/janus",
];
const START_TIMEOUT: Duration = Duration::from_secs(20);
const REPLY_TIMEOUT_S: i64 = 5;
/// The longest answer: the list of 100 participants takes 10 000 bytes.
const REPLY_BYTES_MAX: usize = 1 << 18;
/// Messages that may come before the awaited one.
const REPLIES_MAX: usize = 10_000;
const ROOM: u64 = 1;
const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// Packets that each participant must send before it hears anything.
const OPENING_PACKETS: u16 = 10;
/// How often the listeners' sockets are emptied, in ticks.
const DRAIN_TICKS: u32 = 10;
/// Ticks before the window: prebuffering and warm-up.
const WARM_UP_TICKS: u32 = 150;
/// The least level of a mix of speech, as the mean of its frames.
const SPEECH_DBOV_MIN: f64 = -40.0;

#[derive(Debug)]
pub struct JanusRun {
    /// Its processor time.
    pub cpu: CpuShare,
    /// Packets a second received by the listener who got the fewest.
    pub packets_per_s_min: f64,
    /// Packets missing by sequence number, all listeners together.
    pub packets_missing: u64,
    /// The level of what a listener heard, in dBov.
    pub heard_dbov: f64,
    /// The average bit rate received by a listener.
    pub heard_bps: f64,
}

/// Runs a room of `parties`, the first two of them talking, for a window of `window`.
pub fn run(
    parties: usize,
    encoding: &EncoderSettings,
    window: Duration,
) -> Result<JanusRun, BenchError> {
    let mut janus = Janus::start(encoding)?;
    let mut participants = Vec::with_capacity(parties);
    for number in 0..parties {
        participants.push(janus.join(number, encoding)?);
    }
    let talk = [0, 1].map(|voice| speech::encode(&speech::speech(voice, 20), encoding));
    let [first, second] = talk;
    let talk = [first?, second?];
    let silence = speech::encode(&[SILENCE], encoding)?.concat();

    let mut clock = Instant::now();
    for _ in 0..OPENING_PACKETS {
        for participant in &mut participants {
            participant.send(&silence)?;
        }
        clock += FRAME;
        sleep_until(clock);
    }
    let window_ticks = u32::try_from(window.as_millis() / u128::from(FRAME_MS)).unwrap_or(u32::MAX);
    let mut watch = None;
    for tick in 0..WARM_UP_TICKS + window_ticks {
        if tick == WARM_UP_TICKS {
            for participant in &mut participants {
                participant.drain()?;
                participant.restart();
            }
            watch = Some(CpuWatch::start(janus.program.pid())?);
        }
        for (participant, talk) in participants.iter_mut().zip(&talk) {
            if let Some(packet) = talk.get(tick as usize % talk.len().max(1)) {
                participant.send(packet)?;
            }
        }
        if tick % DRAIN_TICKS == 0 {
            for participant in &mut participants {
                participant.drain()?;
            }
        }
        clock += FRAME;
        sleep_until(clock);
    }
    let watch = watch.ok_or_else(|| BenchError::Unexpected("a window of no length".into()))?;
    let cpu = watch.share()?;
    for participant in &mut participants {
        participant.drain()?;
    }
    let report = ListenerReport::of(&participants, cpu.window_s)?;
    Ok(JanusRun {
        cpu,
        packets_per_s_min: report.packets_per_s_min,
        packets_missing: report.missing,
        heard_dbov: report.dbov,
        heard_bps: report.bps,
    })
}

/// The process, its folders and its control socket.
struct Janus {
    program: Program,
    control: OwnedFd,
    transaction: u64,
    session: u64,
    // Last: the folders go after the process.
    _folder: tempfile::TempDir,
}

impl Janus {
    fn start(encoding: &EncoderSettings) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::system("make a folder"))?;
        let root = folder.path();
        write_configuration(root, encoding)?;
        let log =
            std::fs::File::create(root.join("log")).map_err(BenchError::system("write a log"))?;
        let mut program = Program::start(
            Command::new("janus")
                .arg("--configs-folder")
                .arg(root.join("config"))
                .arg("--config")
                .arg(root.join("config/janus.jcfg"))
                .stdout(Stdio::from(log))
                .stderr(Stdio::null()),
        )?;
        let server = root.join("server");
        let until = Instant::now() + START_TIMEOUT;
        let control = loop {
            match connect(&server) {
                Ok(control) => break control,
                Err(_) if program.runs() && Instant::now() < until => std::thread::sleep(FRAME),
                Err(error) => {
                    let log = std::fs::read_to_string(root.join("log")).unwrap_or_default();
                    let last: Vec<&str> = log.lines().rev().take(5).collect();
                    let text = format!("Janus did not start: {error}; it said: {last:?}");
                    return Err(BenchError::Unexpected(text));
                }
            }
        };
        let mut janus = Self {
            program,
            control,
            transaction: 0,
            session: 0,
            _folder: folder,
        };
        let created = janus.ask(json!({"janus": "create"}))?;
        janus.session = id_of(&created)?;
        Ok(janus)
    }

    /// Adds a participant: one handle, one port on each side.
    fn join(
        &mut self,
        number: usize,
        encoding: &EncoderSettings,
    ) -> Result<Participant, BenchError> {
        let socket =
            UdpSocket::bind("127.0.0.1:0").map_err(BenchError::system("bind a UDP socket"))?;
        socket
            .set_nonblocking(true)
            .map_err(BenchError::system("set a socket"))?;
        let local = socket
            .local_addr()
            .map_err(BenchError::system("read an address"))?;
        let attached = self.ask(json!({
            "janus": "attach", "session_id": self.session, "plugin": "janus.plugin.audiobridge",
        }))?;
        let handle = id_of(&attached)?;
        let joined = self.ask(json!({
            "janus": "message", "session_id": self.session, "handle_id": handle,
            "body": {
                "request": "join", "room": ROOM, "display": format!("participant {number}"),
                // As a coach in Listen, who sends nothing: a muted one costs Janus the least.
                "muted": number > 1,
                "bitrate": encoding.bitrate_bps, "quality": encoding.complexity,
                "expected_loss": encoding.expected_loss_percent,
                "rtp": {"ip": "127.0.0.1", "port": local.port(), "payload_type": PAYLOAD_TYPE, "fec": encoding.fec},
            },
        }))?;
        let data = &joined["plugindata"]["data"];
        let port = data["rtp"]["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok())
            .ok_or_else(|| BenchError::Unexpected(format!("Janus let nobody in: {data}")))?;
        socket
            .connect(("127.0.0.1", port))
            .map_err(BenchError::system("connect a UDP socket"))?;
        Ok(Participant::new(
            socket,
            u32::try_from(number).unwrap_or(0) + 1,
        ))
    }

    /// Sends a request and waits for its result.
    fn ask(&mut self, mut request: Value) -> Result<Value, BenchError> {
        self.transaction += 1;
        let transaction = self.transaction.to_string();
        request["transaction"] = Value::from(transaction.clone());
        let control = self.control.as_raw_fd();
        send(control, request.to_string().as_bytes(), MsgFlags::empty())
            .map_err(BenchError::system("ask Janus"))?;
        let mut buffer = vec![0; REPLY_BYTES_MAX];
        for _ in 0..REPLIES_MAX {
            let len = recv(control, &mut buffer, MsgFlags::empty())
                .map_err(BenchError::system("hear from Janus"))?;
            let Ok(reply) = serde_json::from_slice::<Value>(&buffer[..len]) else {
                continue;
            };
            // Notices about others carry no transaction; an acknowledgement is followed by the event.
            if reply["transaction"].as_str() != Some(&transaction) || reply["janus"] == "ack" {
                continue;
            }
            if reply["janus"] == "error" {
                return Err(BenchError::Unexpected(format!(
                    "Janus refused: {}",
                    reply["error"]
                )));
            }
            return Ok(reply);
        }
        Err(BenchError::Unexpected("Janus did not answer".into()))
    }
}

/// A socket that keeps messages apart and loses none: Janus drops what does not fit into the queue of
/// a datagram socket.
fn connect(server: &Path) -> Result<OwnedFd, BenchError> {
    let tried = || BenchError::system(format!("connect to {}", server.display()));
    let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    let control = socket(AddressFamily::Unix, kind, flags, None).map_err(tried())?;
    let address = UnixAddr::new(server).map_err(tried())?;
    nix::sys::socket::connect(control.as_raw_fd(), &address).map_err(tried())?;
    setsockopt(
        &control,
        sockopt::ReceiveTimeout,
        &TimeVal::seconds(REPLY_TIMEOUT_S),
    )
    .map_err(tried())?;
    Ok(control)
}

fn id_of(reply: &Value) -> Result<u64, BenchError> {
    reply["data"]["id"]
        .as_u64()
        .ok_or_else(|| BenchError::Unexpected(format!("Janus gave no id: {reply}")))
}

fn write_configuration(root: &Path, encoding: &EncoderSettings) -> Result<(), BenchError> {
    let libraries = LIBRARIES
        .iter()
        .map(Path::new)
        .find(|path| path.join("plugins/libjanus_audiobridge.so").exists())
        .ok_or_else(|| {
            BenchError::Unexpected("Janus's AudioBridge is not installed (Debian: janus)".into())
        })?;
    for folder in ["config", "plugins", "transports", "events", "loggers"] {
        std::fs::create_dir(root.join(folder)).map_err(BenchError::system("make a folder"))?;
    }
    for library in [
        "plugins/libjanus_audiobridge.so",
        "transports/libjanus_pfunix.so",
    ] {
        std::os::unix::fs::symlink(libraries.join(library), root.join(library))
            .map_err(BenchError::system("link a library"))?;
    }
    let at = |name: &str| root.join(name).display().to_string();
    let files = [
        (
            "config/janus.jcfg",
            format!(
                "general: {{\n plugins_folder = \"{}\"\n transports_folder = \"{}\"\n events_folder = \"{}\"\n \
                 loggers_folder = \"{}\"\n interface = \"127.0.0.1\"\n debug_level = 2\n debug_colors = false\n \
                 session_timeout = 0\n}}\n",
                at("plugins"),
                at("transports"),
                at("events"),
                at("loggers")
            ),
        ),
        (
            "config/janus.transport.pfunix.jcfg",
            format!(
                "general: {{\n enabled = true\n json = \"compact\"\n path = \"{}\"\n type = \"SOCK_SEQPACKET\"\n}}\n",
                at("server")
            ),
        ),
        (
            "config/janus.plugin.audiobridge.jcfg",
            format!(
                "general: {{\n local_ip = \"127.0.0.1\"\n rtp_port_range = \"20000-29999\"\n}}\n\
                 room-{ROOM}: {{\n sampling_rate = 48000\n record = false\n allow_rtp_participants = true\n \
                 audiolevel_ext = false\n default_expectedloss = {}\n default_bitrate = {}\n}}\n",
                encoding.expected_loss_percent.min(20),
                encoding.bitrate_bps
            ),
        ),
    ];
    for (name, text) in files {
        std::fs::write(root.join(name), text)
            .map_err(BenchError::system("write Janus's settings"))?;
    }
    Ok(())
}

/// Whether the listeners heard what they should.
struct ListenerReport {
    packets_per_s_min: f64,
    missing: u64,
    dbov: f64,
    bps: f64,
}

impl ListenerReport {
    fn of(participants: &[Participant], window_s: f64) -> Result<Self, BenchError> {
        let packets_per_s_min = participants
            .iter()
            .map(|participant| participant.tally.received as f64 / window_s)
            .fold(f64::INFINITY, f64::min);
        if packets_per_s_min < 49.0 {
            return Err(BenchError::Unexpected(format!(
                "a listener got {packets_per_s_min:.1} packets a second"
            )));
        }
        let bytes: u64 = participants
            .iter()
            .map(|participant| participant.payload_bytes)
            .sum();
        let last = participants
            .last()
            .map(|participant| participant.kept.as_slice())
            .unwrap_or_default();
        let dbov = level_dbov(last)?;
        if dbov < SPEECH_DBOV_MIN {
            return Err(BenchError::Unexpected(format!(
                "a listener heard {dbov:.0} dBov: no speech"
            )));
        }
        Ok(Self {
            packets_per_s_min,
            missing: participants
                .iter()
                .map(|participant| participant.tally.missing)
                .sum(),
            dbov,
            bps: bytes as f64 * 8.0 / window_s / participants.len().max(1) as f64,
        })
    }
}

/// The level of a run of packets, decoded.
fn level_dbov(packets: &[Vec<u8>]) -> Result<f64, BenchError> {
    let mut decoder = voice::Decoder::new().map_err(BenchError::unexpected("a decoder"))?;
    let mut samples = vec![0_i16; voice::PACKET_SAMPLES_MAX];
    let (mut energy, mut count) = (0.0, 0_usize);
    for packet in packets {
        let len = decoder
            .decode(packet, &mut samples)
            .map_err(BenchError::unexpected("Opus from Janus"))?;
        energy += samples[..len]
            .iter()
            .map(|&sample| f64::from(sample).powi(2))
            .sum::<f64>();
        count += len;
    }
    let power = energy / count.max(1) as f64 / 32_768_f64.powi(2);
    Ok(10.0 * power.max(1e-13).log10())
}

fn sleep_until(moment: Instant) {
    std::thread::sleep(moment.saturating_duration_since(Instant::now()));
}
