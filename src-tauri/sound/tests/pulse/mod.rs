//! A private PulseAudio daemon whose null sinks are the microphones and loudspeakers of a test.
//!
//! It knows nothing of this workspace, so that every test of it can take it in by `#[path]`. A
//! loudspeaker `spk_a` is a null sink of that name. A microphone `mic_a` is a null sink of that name,
//! into which the test speaks, and a source `mic_a_source`, from which the program captures.

#![allow(
    dead_code,
    reason = "each test that takes this in uses another part of it"
)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so"
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What is played and recorded here: 16 bit, mono, at this rate.
pub const RATE_HZ: u32 = 48_000;

/// The daemon; it ends when this is dropped.
pub struct Pulse {
    daemon: Option<Child>,
    folder: PathBuf,
    modules: Mutex<Vec<(String, String)>>,
}

impl Pulse {
    /// Starts a daemon with these microphones and loudspeakers. The first of each is the default.
    pub fn start(microphones: &[&str], loudspeakers: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("pulse-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        let mut pulse = Self {
            daemon: None,
            folder,
            modules: Mutex::default(),
        };
        pulse.run();
        for name in loudspeakers {
            pulse.add_loudspeaker(name);
        }
        for name in microphones {
            pulse.add_microphone(name);
        }
        if let Some(name) = loudspeakers.first() {
            pulse.set_default_loudspeaker(name);
        }
        if let Some(name) = microphones.first() {
            pulse.set_default_microphone(name);
        }
        pulse
    }

    /// Starts the daemon without any device, at start or again after [`Pulse::kill`].
    pub fn run(&mut self) {
        let socket = self.folder.join("native");
        let daemon = self
            .command("pulseaudio")
            .args(["-n", "--daemonize=no", "--system=false"])
            .args(["--use-pid-file=no", "--exit-idle-time=-1"])
            .args(["--disable-shm=yes", "--log-level=error"])
            .arg(format!(
                "--load=module-native-protocol-unix auth-anonymous=1 socket={}",
                socket.display()
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no PulseAudio to test with: {error}. Run `make test`, which installs it.")
            });
        self.daemon = Some(daemon);
        until("PulseAudio answers", || {
            UnixStream::connect(&socket).is_ok()
        });
    }

    /// Ends the daemon at once, as when it crashes. Its devices are forgotten.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        self.modules().clear();
        let _ = std::fs::remove_file(self.folder.join("native"));
    }

    /// The value for `PULSE_SERVER`.
    pub fn server(&self) -> String {
        format!("unix:{}", self.folder.join("native").display())
    }

    /// Adds a null sink for what a program plays.
    pub fn add_loudspeaker(&self, name: &str) {
        self.add_loudspeaker_with(name, RATE_HZ, 1);
    }

    /// Adds a null sink of this rate and number of channels.
    pub fn add_loudspeaker_with(&self, name: &str, rate_hz: u32, channels: u8) {
        self.load(
            name,
            &[
                "module-null-sink",
                &format!("sink_name={name}"),
                &format!("rate={rate_hz}"),
                &format!("channels={channels}"),
                &format!("sink_properties=\"device.description='Loudspeaker {name}'\""),
            ],
        );
    }

    /// Adds a null sink to speak into, and a source to capture from: `NAME_source`.
    pub fn add_microphone(&self, name: &str) {
        self.load(
            name,
            &[
                "module-null-sink",
                &format!("sink_name={name}"),
                &format!("rate={RATE_HZ}"),
                "channels=1",
                &format!("sink_properties=\"device.description='Into microphone {name}'\""),
            ],
        );
        self.load(
            name,
            &[
                "module-remap-source",
                &format!("source_name={name}_source"),
                &format!("master={name}.monitor"),
                &format!("source_properties=\"device.description='Microphone {name}'\""),
            ],
        );
    }

    /// Adds a microphone with this description, plugged in there.
    pub fn add_microphone_at(&self, name: &str, description: &str, bus_path: &str) {
        self.load(
            name,
            &[
                "module-null-sink",
                &format!("sink_name={name}"),
                "channels=1",
            ],
        );
        self.load(
            name,
            &[
                "module-remap-source",
                &format!("source_name={name}_source"),
                &format!("master={name}.monitor"),
                &format!(
                    "source_properties=\"device.description='{description}' device.bus='usb' \
                     device.bus_path='{bus_path}'\""
                ),
            ],
        );
    }

    /// Moves what captures from one microphone to another, as a person does in the sound settings.
    pub fn move_captures(&self, from: &str, to: &str) {
        let from = self.index("sources", &format!("{from}_source"));
        for stream in self.on("source-outputs", from.as_deref()) {
            // It may have gone, or been moved, just now.
            self.pactl_output(&["move-source-output", &stream, &format!("{to}_source")]);
        }
    }

    /// Mutes a microphone, or takes the mute off.
    pub fn mute_microphone(&self, name: &str, muted: bool) {
        let muted = if muted { "1" } else { "0" };
        self.pactl(&["set-source-mute", &format!("{name}_source"), muted]);
    }

    /// Mutes what captures from a microphone, and not the microphone.
    pub fn mute_captures(&self, name: &str, muted: bool) {
        let index = self.index("sources", &format!("{name}_source"));
        let muted = if muted { "1" } else { "0" };
        for stream in self.on("source-outputs", index.as_deref()) {
            self.pactl(&["set-source-output-mute", &stream, muted]);
        }
    }

    /// Stops a microphone, which then gives nothing, or lets it go on.
    pub fn suspend_microphone(&self, name: &str, suspended: bool) {
        let suspended = if suspended { "1" } else { "0" };
        self.pactl(&["suspend-source", &format!("{name}_source"), suspended]);
    }

    /// Takes a microphone or loudspeaker away, as when its plug is pulled.
    pub fn remove(&self, name: &str) {
        let mut modules = self.modules();
        let gone: Vec<_> = modules.extract_if(.., |(of, _)| of == name).collect();
        assert!(!gone.is_empty(), "no device {name}");
        for (_, module) in gone.iter().rev() {
            self.pactl(&["unload-module", module]);
        }
    }

    /// Makes this loudspeaker the default.
    pub fn set_default_loudspeaker(&self, name: &str) {
        self.pactl(&["set-default-sink", name]);
    }

    /// Makes this microphone the default.
    pub fn set_default_microphone(&self, name: &str) {
        self.pactl(&["set-default-source", &format!("{name}_source")]);
    }

    /// How many streams capture from this microphone now.
    pub fn captures(&self, microphone: &str) -> usize {
        let index = self.index("sources", &format!("{microphone}_source"));
        self.streams("source-outputs", index.as_deref())
    }

    /// How many streams play to this loudspeaker now.
    pub fn playbacks(&self, loudspeaker: &str) -> usize {
        let index = self.index("sinks", loudspeaker);
        self.streams("sink-inputs", index.as_deref())
    }

    /// Speaks samples, 48 kHz mono, into a microphone, once. It stops when it is dropped.
    pub fn play_into(&self, microphone: &str, samples: &[i16]) -> Player {
        let mut child = self
            .command("pacat")
            .args(["--playback", "--raw", "--latency-msec=20"])
            .args(["--format=s16le", "--channels=1"])
            .arg(format!("--rate={RATE_HZ}"))
            .arg(format!("--device={microphone}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pacat runs; Debian has it in pulseaudio-utils");
        let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut pipe = child.stdin.take().expect("it was asked for");
        thread::spawn(move || {
            let _ = pipe.write_all(&bytes);
        });
        Player(child)
    }

    /// Records what a loudspeaker plays from now on. Returns once samples come.
    pub fn record_from(&self, loudspeaker: &str) -> Recording {
        let mut child = self
            .command("parec")
            // What comes is what was played, however seldom it comes; each time costs the daemon, too.
            .args(["--raw", "--latency-msec=60"])
            .args(["--format=s16le", "--channels=1"])
            .arg(format!("--rate={RATE_HZ}"))
            .arg(format!("--device={loudspeaker}.monitor"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("parec runs; Debian has it in pulseaudio-utils");
        let mut pipe = child.stdout.take().expect("it was asked for");
        let heard = Arc::new(Track::default());
        let writer = Arc::clone(&heard);
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                bytes.extend_from_slice(chunk.get(..length).unwrap_or_default());
                let whole = bytes.len() / 2 * 2;
                let samples = bytes.drain(..whole).collect::<Vec<u8>>();
                writer.push(samples.chunks_exact(2).map(|pair| match pair {
                    [low, high] => i16::from_le_bytes([*low, *high]),
                    _ => 0,
                }));
            }
        });
        let recording = Recording { child, heard };
        recording.wait_for("the recording starts", |samples| !samples.is_empty());
        recording
    }

    /// A command of PulseAudio that talks to this daemon.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PULSE_SERVER", self.server())
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("XDG_CONFIG_HOME", &self.folder)
            .env("HOME", &self.folder)
            .env("LC_ALL", "C");
        command
    }

    /// What `pactl` answers; fails when it does.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        let output = self.pactl_output(arguments);
        assert!(
            output.status.success(),
            "pactl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn pactl_output(&self, arguments: &[&str]) -> Output {
        self.command("pactl")
            .args(arguments)
            .output()
            .expect("pactl runs; Debian has it in pulseaudio-utils")
    }

    fn load(&self, device: &str, arguments: &[&str]) {
        let index = self.pactl(&[&["load-module"], arguments].concat());
        self.modules().push((device.to_owned(), index));
    }

    fn modules(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of what has this name in a list of PulseAudio's.
    fn index(&self, list: &str, name: &str) -> Option<String> {
        let lines = self.pactl(&["list", "short", list]);
        lines.lines().find_map(|line| {
            let mut fields = line.split('\t');
            let index = fields.next()?;
            (fields.next()? == name).then(|| index.to_owned())
        })
    }

    fn streams(&self, list: &str, device: Option<&str>) -> usize {
        self.on(list, device).len()
    }

    /// The indexes of the streams on a device.
    fn on(&self, list: &str, device: Option<&str>) -> Vec<String> {
        let lines = self.pactl(&["list", "short", list]);
        let lines = lines.lines().map(|line| line.split('\t'));
        lines
            .filter(|fields| fields.clone().nth(1) == device)
            .filter_map(|mut fields| fields.next().map(str::to_owned))
            .collect()
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What speaks into a microphone.
pub struct Player(Child);

impl Player {
    /// Waits until all was spoken.
    pub fn wait(mut self) {
        let _ = self.0.wait();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Default)]
struct Track {
    samples: Mutex<Vec<i16>>,
    grown: Condvar,
}

impl Track {
    fn push(&self, samples: impl Iterator<Item = i16>) {
        let mut all = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(samples);
        self.grown.notify_all();
    }
}

/// What a loudspeaker plays, 48 kHz mono, until this is dropped.
pub struct Recording {
    child: Child,
    heard: Arc<Track>,
}

impl Recording {
    /// How many samples were heard so far.
    pub fn count(&self) -> usize {
        let samples = self.heard.samples.lock();
        samples.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The samples from one position to another, as far as they were heard.
    pub fn between(&self, from: usize, to: usize) -> Vec<i16> {
        let samples = self.heard.samples.lock();
        let samples = samples.unwrap_or_else(PoisonError::into_inner);
        let heard = samples.get(from..to.min(samples.len()));
        heard.unwrap_or_default().to_vec()
    }

    /// Forgets what was heard so far.
    pub fn clear(&self) {
        let samples = self.heard.samples.lock();
        samples.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until what was heard is as it should be; it is looked at whenever more comes.
    pub fn wait_for(&self, what: &str, is_so: impl Fn(&[i16]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let samples = self.heard.samples.lock();
        let mut samples = samples.unwrap_or_else(PoisonError::into_inner);
        while !is_so(&samples) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {PATIENCE:?}");
            let waited = self.heard.grown.wait_timeout(samples, left);
            samples = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sine of full 48 kHz, at this frequency and amplitude.
pub fn tone(frequency_hz: f64, amplitude: f64, seconds: f64) -> Vec<i16> {
    let count = (seconds * f64::from(RATE_HZ)) as usize;
    let step = std::f64::consts::TAU * frequency_hz / f64::from(RATE_HZ);
    (0..count)
        .map(|n| (amplitude * (step * n as f64).sin()) as i16)
        .collect()
}

/// The amplitude of one frequency in samples (Goertzel's sum, windowed by Hann).
pub fn amplitude_of(frequency_hz: f64, samples: &[i16]) -> f64 {
    let step = std::f64::consts::TAU / f64::from(RATE_HZ);
    let window = std::f64::consts::TAU / samples.len().max(1) as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let n = n as f64;
        let value = f64::from(*sample) * (1.0 - (window * n).cos());
        re += value * (step * frequency_hz * n).cos();
        im += value * (step * frequency_hz * n).sin();
    }
    2.0 * re.hypot(im) / samples.len().max(1) as f64
}

/// Waits until it is so, asking again and again.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
