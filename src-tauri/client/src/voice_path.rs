//! The path of the voice: microphone to network, network to loudspeaker, on one task a call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mix::{Frame, Mode, SILENCE};
use tokio::sync::{mpsc, watch};
use voice::{
    EncoderSettings, JitterBuffer, JitterSettings, JitterStats, MAX_PACKET_BYTES, Packet,
    ReportedLoss, StampedEncoder, level_dbov,
};

use crate::audio::{Loudspeaker, Microphone};
use crate::error::ClientError;
use crate::peer::{Incoming, Outgoing};

/// How often microphone and loudspeaker are looked at: half a frame.
const TICK: Duration = Duration::from_millis(10);
/// Frames that are sent or played at most in one tick; more than wait after a short stop.
const FRAMES_PER_TICK_MAX: usize = 25;
/// Switches that may wait for the task. More come only when it stands still, and then it is ended.
const COMMANDS_MAX: usize = 256;
/// Switches that are kept apart; when there are more, the narrowest of them counts.
const SWITCHES_MAX: usize = 256;
const FRAME: Duration = Duration::from_millis(mix::FRAME_MS);
/// How long after a microphone could not be opened the next try is made.
const REOPEN_WAIT: Duration = Duration::from_secs(1);

/// What a user speaks into and hears from.
pub struct Devices {
    /// Where the user speaks.
    pub microphone: Box<dyn Microphone>,
    /// Where the user hears.
    pub loudspeaker: Box<dyn Loudspeaker>,
}

impl std::fmt::Debug for Devices {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Devices")
    }
}

impl Devices {
    /// Both together.
    #[must_use]
    pub fn new(
        microphone: impl Microphone + 'static,
        loudspeaker: impl Loudspeaker + 'static,
    ) -> Self {
        Self {
            microphone: Box::new(microphone),
            loudspeaker: Box::new(loudspeaker),
        }
    }
}

/// How to encode and to buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceSettings {
    /// The microphone's encoder, while the service loses nothing of it.
    pub encoder: EncoderSettings,
    /// The jitter buffer before the loudspeaker.
    pub jitter: JitterSettings,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            encoder: EncoderSettings {
                complexity: 9,
                ..EncoderSettings::default()
            },
            jitter: JitterSettings::default(),
        }
    }
}

/// Counts of one path, since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VoiceStats {
    /// Packets sent.
    pub packets_sent: u64,
    /// The level of the last frame that was captured, in dBov; -127 while closed.
    pub input_level_dbov: i8,
    /// Whether the microphone is open.
    pub microphone_open: bool,
    /// What came from the network.
    pub jitter: JitterStats,
}

/// What the task is told. Switches carry the moment that they were made at.
enum Control {
    Stamp(Instant, Mode),
    Open(Instant, bool),
    Outgoing(Outgoing),
    Incoming(Incoming),
    Lost(f32),
    /// The connection is gone.
    Disconnected,
}

/// The path of one voice, running until it is stopped or dropped.
pub struct Voice {
    controls: mpsc::Sender<Control>,
    task: tokio::task::JoinHandle<()>,
    stats: Arc<Mutex<VoiceStats>>,
    trouble: watch::Receiver<Option<String>>,
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Voice")
    }
}

impl Voice {
    /// Starts with the microphone closed and the stamp on Listen. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when an encoder or jitter setting is out of range.
    pub fn start(devices: Devices, settings: &VoiceSettings) -> Result<Self, ClientError> {
        let error = |error: voice::VoiceError| ClientError::Settings(error.to_string());
        let stats = Arc::new(Mutex::new(VoiceStats {
            input_level_dbov: -127,
            ..VoiceStats::default()
        }));
        let (controls, inbox) = mpsc::channel(COMMANDS_MAX);
        let (says_trouble, trouble) = watch::channel(None);
        let path = Path {
            devices,
            encoder: StampedEncoder::new(&settings.encoder).map_err(error)?,
            settings: settings.encoder,
            reported_loss: ReportedLoss::default(),
            jitter: JitterBuffer::new(settings.jitter).map_err(error)?,
            switches: Switches::default(),
            stamp: Mode::Listen,
            wanted_open: false,
            opened: false,
            reopen_at: None,
            trouble: says_trouble,
            failure: None,
            outgoing: None,
            incoming: None,
            paused_at: None,
            packets_sent: 0,
            level_dbov: -127,
            started: Instant::now(),
            stats: Arc::clone(&stats),
        };
        Ok(Self {
            controls,
            task: tokio::spawn(path.run(inbox)),
            stats,
            trouble,
        })
    }

    /// Frames captured from now on are stamped with this mode; in Listen nothing is captured.
    pub fn set_stamp(&self, mode: Mode) {
        self.tell(Control::Stamp(Instant::now(), mode));
    }

    /// Opens or closes the microphone; a closed one captures and sends nothing.
    pub fn set_microphone_open(&self, open: bool) {
        self.tell(Control::Open(Instant::now(), open));
    }

    /// What goes out, goes out through this from now on.
    pub fn send_through(&self, outgoing: Outgoing) {
        self.tell(Control::Outgoing(outgoing));
    }

    /// This is played from now on.
    pub fn play(&self, incoming: Incoming) {
        self.tell(Control::Incoming(incoming));
    }

    /// The service reported that it lost this part of what was sent lately, 0 to 1.
    pub fn report_loss(&self, lost_fraction: f32) {
        self.tell(Control::Lost(lost_fraction));
    }

    /// Nothing is sent or played until there is another connection.
    pub fn disconnect(&self) {
        self.tell(Control::Disconnected);
    }

    /// Counts so far, at most some ten milliseconds old.
    #[must_use]
    pub fn stats(&self) -> VoiceStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing that is said is sent although the microphone should be open, in a sentence; `None`
    /// while all is well. It is over when the path is.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }

    /// Sends what is captured, closes the microphone, and lets go of the devices.
    pub async fn stop(self) {
        let Self { controls, task, .. } = self;
        drop(controls);
        if let Err(error) = task.await {
            tracing::debug!(%error, "the voice's task");
        }
    }

    fn tell(&self, control: Control) {
        if self.controls.try_send(control).is_err() {
            // A switch that is lost could leave the microphone wider than it should be.
            self.task.abort();
        }
    }
}

struct Path {
    devices: Devices,
    encoder: StampedEncoder,
    settings: EncoderSettings,
    reported_loss: ReportedLoss,
    jitter: JitterBuffer,
    switches: Switches,
    stamp: Mode,
    wanted_open: bool,
    /// Whether the device is open: it closes once it has given what was captured before.
    opened: bool,
    /// When the device, which could not be had, is tried again.
    reopen_at: Option<Instant>,
    trouble: watch::Sender<Option<String>>,
    /// Why the microphone could not be opened, or what it captured not be encoded.
    failure: Option<String>,
    outgoing: Option<Outgoing>,
    incoming: Option<Incoming>,
    /// When sending paused, for the timestamp to go on by as much.
    paused_at: Option<Instant>,
    packets_sent: u64,
    level_dbov: i8,
    started: Instant,
    stats: Arc<Mutex<VoiceStats>>,
}

impl Path {
    async fn run(mut self, mut controls: mpsc::Receiver<Control>) {
        // By absolute deadlines: a late tick does not make the next one late.
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                control = controls.recv() => match control {
                    Some(control) => self.control(control).await,
                    None => break,
                },
                _ = ticks.tick() => self.tick().await,
                packet = next_packet(self.incoming.as_ref()) => match packet {
                    Some((sequence, timestamp, payload)) => {
                        let now = self.started.elapsed();
                        let packet = Packet { codec: voice::Codec::Opus, sequence, timestamp, mode: None, payload: &payload };
                        self.jitter.push(now, &packet);
                    }
                    None => self.incoming = None,
                },
            }
        }
        let now = Instant::now();
        self.switch(now, Mode::Listen).await;
    }

    async fn control(&mut self, control: Control) {
        match control {
            Control::Stamp(at, mode) => {
                self.stamp = mode;
                self.switch(at, self.effective()).await;
            }
            Control::Open(at, open) => {
                self.wanted_open = open;
                self.switch(at, self.effective()).await;
            }
            Control::Outgoing(outgoing) => {
                self.outgoing = Some(outgoing);
                self.paused_at = None;
            }
            Control::Incoming(incoming) => {
                self.jitter.reset();
                self.incoming = Some(incoming);
            }
            Control::Lost(lost_fraction) => self.follow_loss(lost_fraction),
            Control::Disconnected => {
                self.outgoing = None;
                self.incoming = None;
            }
        }
    }

    /// More of what is sent goes into copies while the service loses packets.
    fn follow_loss(&mut self, lost_fraction: f32) {
        let now = self.started.elapsed();
        self.reported_loss.report(now, lost_fraction);
        let lost_percent = self.reported_loss.expected_percent(now);
        let settings = self.settings.against_loss(lost_percent);
        if let Err(error) = self.encoder.apply(&settings) {
            tracing::warn!(%error, "the encoder stays as it is");
        }
    }

    /// Closed is as narrow as Listen.
    const fn effective(&self) -> Mode {
        if self.wanted_open {
            self.stamp
        } else {
            Mode::Listen
        }
    }

    /// The mode changed at this moment. Opens or closes the device as it needs.
    async fn switch(&mut self, at: Instant, mode: Mode) {
        self.switches.push(at, mode);
        if mode > Mode::Listen {
            if !self.opened {
                self.open(at);
            }
            return;
        }
        self.reopen_at = None;
        self.failure = None;
        if self.opened {
            // What was captured before the switch still goes out, in its own mode.
            self.capture(Instant::now()).await;
            self.devices.microphone.close();
            self.opened = false;
            self.level_dbov = -127;
        }
        self.tell_trouble();
        // The tail of the last frame: nothing when the encoder stands on Listen already.
        self.switches.settle(mode);
        self.send(&SILENCE, Mode::Listen).await;
        self.paused_at.get_or_insert_with(Instant::now);
    }

    fn open(&mut self, now: Instant) {
        self.reopen_at = None;
        match self.devices.microphone.open(now) {
            Ok(()) => {
                self.opened = true;
                self.failure = None;
            }
            Err(error) => {
                self.reopen_at = now.checked_add(REOPEN_WAIT);
                self.failure = Some(format!("Your microphone can't be opened: {error}."));
            }
        }
        self.tell_trouble();
    }

    /// Says what is wrong now, once, however often it is so.
    fn tell_trouble(&self) {
        let of_device = || self.opened.then(|| self.devices.microphone.trouble());
        let trouble = self.failure.clone().or_else(|| of_device().flatten());
        self.trouble.send_if_modified(|told| {
            let changed = *told != trouble;
            if changed {
                if let Some(trouble) = &trouble {
                    tracing::warn!(%trouble, "no one can hear the user");
                }
                *told = trouble;
            }
            changed
        });
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        if self.reopen_at.is_some_and(|at| at <= now) {
            self.open(now);
        }
        self.capture(now).await;
        self.tell_trouble();
        for _ in 0..FRAMES_PER_TICK_MAX {
            if !self.devices.loudspeaker.wants(now) {
                break;
            }
            let pulled = self.jitter.pull(now.duration_since(self.started));
            self.devices.loudspeaker.play(pulled.frame);
        }
        let stats = VoiceStats {
            packets_sent: self.packets_sent,
            input_level_dbov: self.level_dbov,
            microphone_open: self.opened,
            jitter: self.jitter.stats(),
        };
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = stats;
    }

    async fn capture(&mut self, now: Instant) {
        let mut frame = SILENCE;
        for _ in 0..FRAMES_PER_TICK_MAX {
            let Some(end) = self.devices.microphone.read(now, &mut frame) else {
                break;
            };
            let doubt = self.devices.microphone.uncertainty();
            let start = end.checked_sub(FRAME + doubt).unwrap_or(end);
            let mode = self.switches.narrowest(start, end + doubt);
            self.level_dbov = level_dbov(&frame);
            self.send(&frame, mode).await;
        }
    }

    /// Encodes and sends, where the mode lets anything be sent at all.
    async fn send(&mut self, frame: &Frame, mode: Mode) {
        let mut packet = [0; MAX_PACKET_BYTES];
        let stamped = match self.encoder.encode(frame, mode, &mut packet) {
            Ok(Some(stamped)) => {
                self.failure = None;
                stamped
            }
            Ok(None) => return,
            Err(error) => {
                self.failure = Some(format!("Your voice can't be encoded: {error}."));
                return;
            }
        };
        // The flush packet after a narrowing carries only a tail, and counts as silence.
        let level = if stamped.mode == mode {
            self.level_dbov
        } else {
            -127
        };
        let Some(outgoing) = &mut self.outgoing else {
            return;
        };
        if let Some(paused_at) = self.paused_at.take() {
            // Less the flush packet before the pause, and this frame after it.
            let pause = paused_at.elapsed().saturating_sub(2 * FRAME);
            let frames = pause.as_millis() / FRAME.as_millis();
            outgoing.pause();
            outgoing.skip(u32::try_from(frames).unwrap_or(0));
        }
        let payload = packet.get(..stamped.len).unwrap_or_default();
        match outgoing.send(payload, stamped.mode, level).await {
            Ok(()) => self.packets_sent += 1,
            Err(error) => {
                tracing::debug!(%error, "sending");
                self.outgoing = None;
            }
        }
    }
}

async fn next_packet(incoming: Option<&Incoming>) -> Option<(u16, u32, bytes::Bytes)> {
    match incoming {
        Some(incoming) => incoming.next().await,
        None => std::future::pending().await,
    }
}

/// Which mode was in force when: so that a frame gets the mode that it was captured in, however late
/// it is read.
#[derive(Debug, Default)]
struct Switches {
    /// In force before the first of `later`.
    mode: Mode,
    later: VecDeque<(Instant, Mode)>,
}

impl Switches {
    fn push(&mut self, at: Instant, mode: Mode) {
        if self.later.len() >= SWITCHES_MAX {
            // Rather too narrow than too wide.
            let narrowest = self.later.iter().map(|(_, mode)| *mode).min();
            self.mode = self.mode.narrower(narrowest.unwrap_or_default());
            self.later.clear();
        }
        self.later.push_back((at, mode));
    }

    /// Everything before is over.
    fn settle(&mut self, mode: Mode) {
        self.mode = mode;
        self.later.clear();
    }

    /// The narrowest mode in force at any moment of a frame. Frames are asked for in order.
    fn narrowest(&mut self, start: Instant, end: Instant) -> Mode {
        while let Some((_, mode)) = self.later.pop_front_if(|(at, _)| *at <= start) {
            self.mode = mode;
        }
        let during = self.later.iter().take_while(|(at, _)| *at < end);
        during.fold(self.mode, |narrowest, (_, mode)| narrowest.narrower(*mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m5_a_switch_holds_for_the_first_frame_captured_after_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut switches = Switches::default();
        switches.push(at(0), Mode::Whisper);
        switches.push(at(50), Mode::Barge);
        switches.push(at(90), Mode::Whisper);
        let modes: Vec<_> = (0..6)
            .map(|n| switches.narrowest(at(n * 20), at(n * 20 + 20)))
            .collect();
        let whisper = Mode::Whisper;
        let barge = Mode::Barge;
        assert_eq!(modes, [whisper, whisper, whisper, barge, whisper, whisper]);
    }

    #[test]
    fn m3_a_frame_that_is_read_late_keeps_the_mode_that_it_was_captured_in() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut switches = Switches::default();
        switches.push(at(0), Mode::Barge);
        switches.push(at(100), Mode::Listen);
        switches.push(at(110), Mode::Barge);
        // All switches are known before the first frame is read, as after a long stop.
        assert_eq!(switches.narrowest(at(80), at(100)), Mode::Barge);
        assert_eq!(switches.narrowest(at(100), at(120)), Mode::Listen);
        assert_eq!(switches.narrowest(at(120), at(140)), Mode::Barge);
    }

    #[test]
    fn too_many_switches_at_once_leave_the_narrowest() {
        let start = Instant::now();
        let mut switches = Switches::default();
        for n in 0..10_000 {
            let mode = if n == 5000 { Mode::Listen } else { Mode::Barge };
            switches.push(start + Duration::from_millis(n), mode);
        }
        assert!(switches.later.len() <= SWITCHES_MAX);
        assert_eq!(switches.mode, Mode::Listen);
    }
}
