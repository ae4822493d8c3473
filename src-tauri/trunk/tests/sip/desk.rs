//! Whoever dials: trunks, a leg, and a worker that ticks its media.

#[path = "../common/tone.rs"]
mod tone;

pub use tone::strength;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use media::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, LeadMix, LeadSignal};
use mix::{FRAME_SAMPLES, Frame, SILENCE};
use tokio::sync::mpsc;
use trunk::{Incoming, TelephonySettings, TrunkSettings, Trunks};
use voice::{Encoder, EncoderSettings, JitterBuffer, JitterSettings, MAX_PACKET_BYTES};
use wire::{CallId, OrganizationId};

pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(25);
pub const REP_PHONE: &str = "+15550001";
pub const LEAD_PHONE: &str = "+15557777";

/// A port that no one has.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// A trunk at this port of the same machine, which neither asks nor registers.
pub fn trunk_at(port: u16) -> TrunkSettings {
    TrunkSettings {
        name: format!("at-{port}"),
        host: HERE.to_string(),
        port: Some(port),
        options_s: 0,
        ..TrunkSettings::default()
    }
}

/// Trunks that run, and who calls over them.
pub struct Desk {
    pub trunks: Arc<Trunks>,
    pub incoming: mpsc::Receiver<Incoming>,
}

impl Desk {
    pub async fn with(trunks: Vec<TrunkSettings>) -> Self {
        // Test programs and their tests run beside each other, each in a range of its own.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let part = NEXT.fetch_add(1, Ordering::Relaxed) % 40;
        let rtp_port_min = 32_000 + (std::process::id() % 7) as u16 * 4_000 + part * 100;
        Self::with_ports(trunks, rtp_port_min, rtp_port_min + 99).await
    }

    pub async fn with_ports(trunks: Vec<TrunkSettings>, min: u16, max: u16) -> Self {
        let (trunks, incoming) = Trunks::start(TelephonySettings {
            trunks,
            rtp_port_min: min,
            rtp_port_max: max,
            ..TelephonySettings::default()
        })
        .await
        .unwrap();
        Self { trunks, incoming }
    }

    /// Calls the lead.
    pub fn dial(&self) -> Call {
        let (sender, events) = mpsc::channel(64);
        let leg = self.trunks.dial(dial("acti_1"), sender);
        Call::new(leg, events)
    }

    /// Takes in whoever called.
    pub fn receive(&self, call: &str) -> Call {
        let (sender, events) = mpsc::channel(64);
        let leg = self.trunks.receive(dial(call), sender);
        Call::new(leg, events)
    }

    /// Waits until no leg and no port is left. The stack holds its transactions for half a minute more.
    pub async fn freed(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let legs: u32 = self.trunks.status().iter().map(|trunk| trunk.legs).sum();
            if legs == 0 && self.trunks.ports_taken() == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "left over: {:?}", self.trunks);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the stack holds nothing more of any call, nor a port is taken.
    pub async fn settled(&self) {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let status = self.trunks.status();
            let left: usize = status.iter().map(|trunk| trunk.dialogs).sum();
            let legs: u32 = status.iter().map(|trunk| trunk.legs).sum();
            if left == 0 && legs == 0 && self.trunks.ports_taken() == 0 {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left over: {status:?}, ports {}",
                self.trunks.ports_taken()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub fn dial(call: &str) -> Dial {
    Dial {
        call: CallId::parse(call).unwrap(),
        organization: OrganizationId::parse("orga_1").unwrap(),
        local_phone: REP_PHONE.into(),
        remote_phone: LEAD_PHONE.into(),
    }
}

/// One call of the desk's.
pub struct Call {
    pub leg: Box<dyn LeadLeg>,
    events: mpsc::Receiver<LeadEvent>,
    pub worker: Worker,
    /// Keys that the lead pressed.
    pub keys: String,
    /// When the phone was heard no more, and when it was again.
    pub heard: Vec<LeadSignal>,
}

impl Call {
    fn new(leg: Box<dyn LeadLeg>, events: mpsc::Receiver<LeadEvent>) -> Self {
        Self {
            leg,
            events,
            worker: Worker::start(),
            keys: String::new(),
            heard: Vec::new(),
        }
    }

    /// The next signal of the leg's course.
    pub async fn signal(&mut self) -> LeadSignal {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            match event.expect("a signal in time").expect("a leg").signal {
                LeadSignal::Key(key) => self.keys.push(key),
                LeadSignal::Quality(_) => {}
                signal @ (LeadSignal::Unheard { .. } | LeadSignal::Heard) => {
                    self.heard.push(signal)
                }
                signal => {
                    if matches!(signal, LeadSignal::EarlyMedia | LeadSignal::Answered) {
                        self.attach();
                    }
                    return signal;
                }
            }
        }
    }

    /// Lets the worker have the media, as the service does.
    pub fn attach(&mut self) {
        if let Some(media) = self.leg.take_media() {
            self.worker.attach(media);
        }
    }

    pub async fn expect(&mut self, course: &[LeadSignal]) {
        for signal in course {
            assert_eq!(self.signal().await, *signal);
        }
    }

    /// Waits until nothing more is to come of the leg.
    pub async fn over(&mut self) {
        let last = tokio::time::timeout(PATIENCE, async {
            while self.events.recv().await.is_some() {}
        });
        last.await.expect("an end in time");
    }

    /// Waits until a condition of what is heard and told holds.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            if let Ok(Some(event)) =
                tokio::time::timeout(Duration::from_millis(20), self.events.recv()).await
                && let LeadSignal::Key(key) = event.signal
            {
                self.keys.push(key);
            }
        }
    }

    /// How strong a tone is in the last half second that came from the lead.
    pub fn hears(&self, hz: f32) -> f32 {
        self.worker.hears(hz)
    }
}

/// A thread that ticks one leg's media, saying a tone, and keeps what it hears.
pub struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    media: Mutex<Option<Box<dyn LeadMedia>>>,
    heard: Mutex<Vec<i16>>,
    /// Tenths of a hertz; 0 is silence.
    tone: AtomicU64,
    packets: AtomicU64,
    over: AtomicBool,
}

impl Worker {
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        let thread = std::thread::spawn(move || run(&own));
        Self {
            shared,
            thread: Some(thread),
        }
    }

    pub fn attach(&self, media: Box<dyn LeadMedia>) {
        *self.shared.media.lock().unwrap() = Some(media);
    }

    /// What is said from now on.
    pub fn say(&self, hz: f32) {
        let tone = (hz * 10.0) as u64;
        self.shared.tone.store(tone, Ordering::Relaxed);
    }

    /// Packets that came.
    pub fn packets(&self) -> u64 {
        self.shared.packets.load(Ordering::Relaxed)
    }

    pub fn hears(&self, hz: f32) -> f32 {
        let heard = self.shared.heard.lock().unwrap();
        let last = heard.len().saturating_sub(25 * FRAME_SAMPLES);
        strength(&heard[last..], hz)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn run(shared: &Shared) {
    let mut buffer = JitterBuffer::new(JitterSettings::default()).unwrap();
    let mut encoder = Encoder::new(&EncoderSettings::default()).unwrap();
    let (started, mut at, mut tick) = (Instant::now(), 0_u64, 0_u64);
    while !shared.over.load(Ordering::Relaxed) {
        let due = started + Duration::from_millis(20 * tick);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        tick += 1;
        let mut media = shared.media.lock().unwrap();
        let Some(media) = media.as_mut() else {
            continue;
        };
        let hz = shared.tone.load(Ordering::Relaxed) as f64 / 10.0;
        let mut frame: Frame = SILENCE;
        for sample in &mut frame {
            *sample = ((at as f64 * hz * std::f64::consts::TAU / 48_000.0).sin() * 8_000.0) as i16;
            at += 1;
        }
        let mut packet = [0; MAX_PACKET_BYTES];
        let len = if media.hears_opus() {
            encoder.encode(&frame, &mut packet).unwrap()
        } else {
            0
        };
        let heard = LeadMix {
            tick,
            frame: &frame,
            opus: &packet[..len],
        };
        let now = started.elapsed();
        media.tick(now, heard, &mut |packet| {
            shared.packets.fetch_add(1, Ordering::Relaxed);
            buffer.push(now, packet);
        });
        shared.heard.lock().unwrap().extend(buffer.pull(now).frame);
    }
}
