//! A real SIP phone as the lead: `baresip`, a program that knows nothing of ours. It answers, speaks
//! what it is given, and writes down what it said and what it heard.

mod hand;

use crate::DemoError;
use crate::tape::Track;
use client::Api;
use mix::SAMPLE_RATE_HZ;
use service::{PhoneCodec, TelephonySettings, TrunkSettings};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use voice::Resampler;
use wire::{LeadQuery, route};

use hand::Hand;

/// Where Debian keeps its modules.
const MODULES: &str = "/usr/lib/baresip/modules";
/// The ports that a phone may have, two by two: 10,000 to 17,999.
const FIRST_PORT: u16 = 10_000;
const PORT_PAIRS: u32 = 4_000;
/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(10);
/// How often what it wrote is read.
const POLL: Duration = Duration::from_millis(20);
/// The bytes before the samples in a WAV file as it writes them.
const HEADER_BYTES: usize = 44;
/// It speaks at least so long before it falls silent.
const SPEECH_S: usize = 180;

/// A phone that waits to be called.
pub struct Phone {
    child: Child,
    hand: Hand,
    pub said: Track,
    pub heard: Track,
    over: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

/// A port of this machine that no one has, for UDP and TCP, and that after it for TCP, where the phone
/// listens for TLS whether it is wanted or not. Below the ports that systems give to connections as they
/// please: one of those may be taken at any time.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16, DemoError> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: u16| {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && [port, port + 1].map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
                == [true; 2]
    };
    // Two programs at once begin at different places.
    let start = std::process::id().wrapping_mul(61);
    (0..PORT_PAIRS)
        .map(|_| start.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % PORT_PAIRS)
        .map(|pair| FIRST_PORT + 2 * pair as u16)
        .find(|port| is_free(*port))
        .ok_or(DemoError::Missing("a free port for the phone"))
}

/// The trunk at whose other end the phone is, for every number.
#[must_use]
pub fn trunk_to(port: u16, codec: PhoneCodec) -> TelephonySettings {
    TelephonySettings {
        trunks: vec![TrunkSettings {
            name: "phone".into(),
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: Some(port),
            codecs: vec![codec],
            options_s: 0,
            ..TrunkSettings::default()
        }],
        ..TelephonySettings::default()
    }
}

impl Phone {
    /// Starts one that answers calls to this number at this port, and says these samples (48 kHz, mono)
    /// again and again.
    ///
    /// # Errors
    /// [`DemoError`] when it is not installed or does not start.
    pub fn start(
        number: &str,
        port: u16,
        codec: PhoneCodec,
        says: &[i16],
    ) -> Result<Self, DemoError> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        write_wav(&path.join("says.wav"), says)?;
        let hand_port = free_port()?;
        std::fs::write(path.join("config"), config(path, port, hand_port))?;
        std::fs::write(path.join("accounts"), account(number, port, codec))?;
        let log = File::create(path.join("phone.log"))?;
        let mut child = Command::new("baresip")
            .arg("-f")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| DemoError::Phone(error.to_string()))?;
        let hand = match hand_of(&mut child, hand_port) {
            Ok(hand) => hand,
            Err(why) => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                let said = std::fs::read_to_string(path.join("phone.log")).unwrap_or_default();
                let lines: Vec<&str> = said.lines().collect();
                let last = lines
                    .get(lines.len().saturating_sub(4)..)
                    .unwrap_or_default();
                return Err(DemoError::Phone(format!("{why}: {}", last.join(" / "))));
            }
        };
        let (said, heard) = (Track::default(), Track::default());
        let over = Arc::new(AtomicBool::new(false));
        for (ending, track) in [("-enc.wav", &said), ("-dec.wav", &heard)] {
            let (folder, track, over) = (path.to_owned(), track.clone(), over.clone());
            std::thread::spawn(move || follow(&folder, ending, &track, &over));
        }
        Ok(Self {
            child,
            hand,
            said,
            heard,
            over,
            _folder: folder,
        })
    }

    /// Starts one that has the number of this lead.
    ///
    /// # Errors
    /// [`DemoError`] when there is no such lead, or no such phone.
    pub async fn of_lead(
        api: &Api,
        lead: &str,
        port: u16,
        codec: PhoneCodec,
        says: &[i16],
    ) -> Result<Self, DemoError> {
        let leads = api
            .list(&route::LIST_LEADS, &LeadQuery::named(lead))
            .await?;
        let contacts = leads.iter().flat_map(|lead| &lead.contacts);
        let mut numbers = contacts.flat_map(|contact| &contact.phones);
        let number = numbers.next().map(|phone| phone.phone.as_str());
        let number = number.ok_or(DemoError::Missing("the lead's number"))?;
        Self::start(number, port, codec, says)
    }

    /// The keys that were pressed at the other end, the first 64 of them.
    #[must_use]
    pub fn keys(&self) -> String {
        self.hand.keys()
    }

    /// Presses one key after another.
    ///
    /// # Errors
    /// [`DemoError::Io`] when the phone is gone.
    pub fn presses(&self, keys: &str) -> Result<(), DemoError> {
        self.hand.does("sndcode", keys)
    }

    /// Ends the call.
    ///
    /// # Errors
    /// [`DemoError::Io`] when the phone is gone.
    pub fn hangs_up(&self) -> Result<(), DemoError> {
        self.hand.does("hangup", "")
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its hand, which it takes last of all: then it waits for calls. Or why there is none.
fn hand_of(child: &mut Child, port: u16) -> Result<Hand, String> {
    let deadline = Instant::now() + START_MAX;
    loop {
        match Hand::at(port) {
            Ok(hand) => return Ok(hand),
            Err(_) if matches!(child.try_wait(), Ok(Some(_))) => {
                return Err("it ended at once".into());
            }
            Err(error) if Instant::now() >= deadline => return Err(error.to_string()),
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

fn config(folder: &Path, port: u16, hand_port: u16) -> String {
    let folder = folder.display();
    format!(
        "sip_listen 127.0.0.1:{port}\n\
         call_max_calls 4\n\
         audio_source aufile,{folder}/says.wav\n\
         ausrc_srate 48000\nausrc_channels 1\nausrc_format s16\n\
         auplay_srate 48000\nauplay_channels 1\nauplay_format s16\n\
         module_path {MODULES}\n\
         module g711.so\nmodule opus.so\nmodule aufile.so\nmodule sndfile.so\n\
         snd_path {folder}\n\
         module_app account.so\nmodule_app menu.so\n\
         module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{hand_port}\n"
    )
}

fn account(number: &str, port: u16, codec: PhoneCodec) -> String {
    let codec = match codec {
        PhoneCodec::Pcma => "PCMA/8000/1",
        PhoneCodec::Pcmu => "PCMU/8000/1",
        PhoneCodec::Opus => "opus/48000/2",
    };
    format!("<sip:{number}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs={codec}\n")
}

/// Writes enough of the samples, over and over, into a WAV file.
fn write_wav(path: &Path, samples: &[i16]) -> Result<(), DemoError> {
    let wanted = SPEECH_S * SAMPLE_RATE_HZ as usize;
    let rounds = wanted.div_ceil(samples.len().max(1));
    let data_bytes = rounds * samples.len() * 2;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + data_bytes);
    bytes.extend(b"RIFF");
    bytes.extend((36 + data_bytes as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(SAMPLE_RATE_HZ.to_le_bytes());
    bytes.extend((2 * SAMPLE_RATE_HZ).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data_bytes as u32).to_le_bytes());
    for _ in 0..rounds {
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    std::fs::write(path, bytes)?;
    Ok(())
}

/// Reads what the phone writes into the file of this ending, once it is there, while it grows.
fn follow(folder: &Path, ending: &str, track: &Track, over: &AtomicBool) {
    let mut reading: Option<Reading> = None;
    while !over.load(Ordering::Relaxed) {
        match &mut reading {
            None => reading = find(folder, ending).and_then(|path| Reading::begin(&path)),
            Some(reading) => reading.go_on(track),
        }
        std::thread::sleep(POLL);
    }
}

fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(folder).ok()?.flatten();
    files.find_map(|file| {
        let path = file.path();
        path.to_string_lossy().ends_with(ending).then_some(path)
    })
}

struct Reading {
    file: File,
    channels: usize,
    resampler: Resampler,
    rest: Vec<u8>,
}

impl Reading {
    /// Of a file whose header is complete; its length says nothing yet.
    fn begin(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).ok()?;
        let channels = usize::from(u16::from_le_bytes([header[22], header[23]])).clamp(1, 2);
        let rate = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
        let resampler = Resampler::new(rate, SAMPLE_RATE_HZ).ok()?;
        file.seek(SeekFrom::Start(HEADER_BYTES as u64)).ok()?;
        Some(Self {
            file,
            channels,
            resampler,
            rest: Vec::new(),
        })
    }

    fn go_on(&mut self, track: &Track) {
        // What cannot be read now may be the next time.
        let _ = self.file.read_to_end(&mut self.rest);
        let whole = self.rest.len() - self.rest.len() % (2 * self.channels);
        let frames = self.rest.get(..whole).unwrap_or_default();
        let samples: Vec<i16> = frames
            .chunks_exact(2 * self.channels)
            .map(|frame| i16::from_le_bytes([frame[0], frame[1]]))
            .collect();
        let mut out = Vec::with_capacity(samples.len() * 6);
        self.resampler.process(&samples, &mut out);
        track.extend(&out);
        self.rest.drain(..whole);
    }
}
