//! The media connection and the voice's path, against str0m over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::far;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use client::audio::{Collected, Collector, Tone};
use client::{
    ClientError, Devices, MediaRole, Peer, PeerEvent, PeerSettings, Voice, VoiceSettings,
};
use far::{Arrived, Far, Takes};
use mix::{FRAME_SAMPLES, Mode};
use tokio::sync::mpsc::Receiver;

const LIMIT: Duration = Duration::from_secs(30);

fn settings(role: MediaRole) -> PeerSettings {
    PeerSettings {
        role,
        bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

struct Connected {
    far: Far,
    peer: Peer,
    events: Receiver<PeerEvent>,
    voice: Voice,
    heard: Collected,
}

/// Waits until something is so, checking each time that something may have changed.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let waiting = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"));
}

async fn event(events: &mut Receiver<PeerEvent>) -> PeerEvent {
    tokio::time::timeout(LIMIT, events.recv())
        .await
        .expect("waited too long for an event")
        .expect("an event")
}

async fn connected(role: MediaRole) -> Connected {
    let (peer, offer, mut events) = Peer::offer(settings(role)).await.unwrap();
    let (far, answer) = Far::answer(&offer, Takes::Everything);
    let outgoing = peer.accept(answer).await.unwrap();
    let (loudspeaker, heard) = Collector::new();
    let devices = Devices::new(Tone::new(300.0, 8000), loudspeaker);
    let voice = Voice::start(devices, &VoiceSettings::default()).unwrap();
    voice.send_through(outgoing);
    let (mut is_connected, mut is_heard) = (false, false);
    while !is_connected || !is_heard {
        match event(&mut events).await {
            PeerEvent::Connected => is_connected = true,
            PeerEvent::Incoming(incoming) => {
                voice.play(incoming);
                is_heard = true;
            }
            PeerEvent::Lost => panic!("lost"),
        }
    }
    Connected {
        far,
        peer,
        events,
        voice,
        heard,
    }
}

impl Connected {
    /// Time goes by, by the loudspeaker's own clock.
    async fn hear_frames(&self, frames: usize) {
        let until_len = self.heard.len() + frames * FRAME_SAMPLES;
        until("frames to be heard", || self.heard.len() >= until_len).await;
    }

    async fn arrived(&self, what: &str, mut is: impl FnMut(&[Arrived]) -> bool) -> Vec<Arrived> {
        until(what, || is(&self.far.arrived())).await;
        self.far.arrived()
    }
}

fn count(arrived: &[Arrived], mode: u8) -> usize {
    let stamped = arrived.iter().filter(|packet| packet.mode == Some(mode));
    stamped.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_m4_each_packet_carries_its_mode_and_nothing_is_sent_in_listen() {
    let connected = connected(MediaRole::Coach).await;
    let Connected { voice, .. } = &connected;

    connected.hear_frames(25).await;
    assert!(connected.far.arrived().is_empty(), "sent in Listen");
    assert!(!voice.stats().microphone_open);

    // Open, but on Listen still.
    voice.set_microphone_open(true);
    connected.hear_frames(10).await;
    assert!(connected.far.arrived().is_empty(), "sent in Listen");
    assert!(!voice.stats().microphone_open);

    voice.set_stamp(Mode::Whisper);
    connected.arrived("a whisper", |all| all.len() >= 10).await;
    voice.set_stamp(Mode::Barge);
    connected
        .arrived("a barge", |all| count(all, 2) >= 10)
        .await;
    let barges = count(&connected.far.arrived(), 2);
    voice.set_stamp(Mode::Whisper);
    let all = connected
        .arrived("a whisper again", |all| {
            all.iter().rev().take_while(|p| p.mode == Some(1)).count() >= 5
        })
        .await;
    assert!(count(&all, 2) >= barges);

    // Whisper, then Barge, then Whisper, without a gap in between.
    let modes: Vec<u8> = all.iter().map(|packet| packet.mode.unwrap()).collect();
    let mut runs = modes.clone();
    runs.dedup();
    assert_eq!(runs, [1, 2, 1], "{modes:?}");
    for pair in all.windows(2) {
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert_eq!(step, FRAME_SAMPLES as u32);
    }
    assert!(all[0].marker && !all[1].marker);

    // The last wider packet is the flush: stamped wide, and nothing new in it.
    let last_barge = all.iter().rposition(|p| p.mode == Some(2)).unwrap();
    assert_eq!(all[last_barge].level_dbov, Some(-127));
    assert!(all[last_barge - 1].level_dbov.unwrap() > -30);
    assert!(all[last_barge + 1].level_dbov.unwrap() > -30);

    // Closed: one flush packet, and then nothing.
    voice.set_microphone_open(false);
    until("the microphone to be closed", || {
        !voice.stats().microphone_open
    })
    .await;
    connected
        .arrived("the flush packet", |all| {
            all.last().unwrap().level_dbov == Some(-127)
        })
        .await;
    let before = connected.far.arrived().len();
    connected.hear_frames(25).await;
    assert_eq!(connected.far.arrived().len(), before, "sent while closed");
    assert_eq!(connected.far.arrived()[before - 1].mode, Some(1));

    // Open again: the pause is in the timestamps.
    voice.set_microphone_open(true);
    let all = connected
        .arrived("speech after the pause", |all| all.len() > before + 3)
        .await;
    assert!(all[before].marker);
    let pause = all[before]
        .timestamp
        .wrapping_sub(all[before - 1].timestamp);
    assert!(pause as usize > 20 * FRAME_SAMPLES, "{pause}");
    assert_eq!(pause as usize % FRAME_SAMPLES, 0);
    connected.peer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_the_flush_packet_holds_no_word_of_the_narrower_mode() {
    let connected = connected(MediaRole::Coach).await;
    let Connected { voice, .. } = &connected;
    voice.set_microphone_open(true);
    voice.set_stamp(Mode::Barge);
    connected.arrived("a barge", |all| all.len() >= 10).await;
    voice.set_stamp(Mode::Listen);
    let all = connected
        .arrived("the flush packet", |all| {
            all.last().unwrap().level_dbov == Some(-127)
        })
        .await;
    let mut decoder = voice::Decoder::new().unwrap();
    let mut decoded = [0; FRAME_SAMPLES];
    for packet in &all {
        decoder.decode(&packet.payload, &mut decoded).unwrap();
    }
    // A tail of at most 6.5 ms and what it rings; the tone itself was at an RMS of 5657.
    let (tail, rest) = decoded.split_at(FRAME_SAMPLES / 2);
    assert!(voice::rms(tail) > voice::rms(rest));
    assert!(voice::rms(rest) < 700.0, "{}", voice::rms(rest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_service_says_is_heard() {
    let connected = connected(MediaRole::Rep).await;
    connected.hear_frames(50).await;
    let heard = connected.heard.take();
    let level = voice::rms(&heard[heard.len() - 20 * FRAME_SAMPLES..]);
    assert!((4000.0..7500.0).contains(&level), "{level}");
    until("a round trip", || {
        connected.voice.stats().jitter.received > 20
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_told_what_is_lost_on_the_way_to_the_client() {
    let connected = connected(MediaRole::Rep).await;
    let told = || connected.far.reported_loss();
    until("a report", || told() == Some(0.0)).await;
    connected.far.loses_every(10);
    // A tenth, give or take a packet in each report.
    let is_told = || told().is_some_and(|lost| (0.07..0.13).contains(&lost));
    until("the loss to be reported", is_told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_is_sent_while_the_service_loses_packets() {
    let connected = connected(MediaRole::Rep).await;
    connected.voice.set_stamp(Mode::Barge);
    connected.voice.set_microphone_open(true);
    let bytes = |packets: &[Arrived]| -> usize { packets.iter().map(|p| p.payload.len()).sum() };
    let before = connected.arrived("speech", |all| all.len() >= 60).await;
    connected.voice.report_loss(0.1);
    let sent = before.len() + 100;
    let after = connected
        .arrived("more of it", |all| all.len() >= sent)
        .await;
    let (few, more) = (bytes(&before[10..60]), bytes(&after[sent - 50..sent]));
    assert!(more > few + few / 3, "{few} bytes, then {more}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rep_sends_without_a_stamp() {
    let connected = connected(MediaRole::Rep).await;
    connected.voice.set_stamp(Mode::Barge);
    connected.voice.set_microphone_open(true);
    let all = connected.arrived("speech", |all| all.len() >= 5).await;
    assert!(all.iter().all(|packet| packet.mode.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_goes_away_is_noticed() {
    let mut connected = connected(MediaRole::Coach).await;
    drop(connected.far);
    loop {
        if let PeerEvent::Lost = event(&mut connected.events).await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_coach_does_not_speak_where_the_mode_cannot_be_told() {
    let (peer, offer, _events) = Peer::offer(settings(MediaRole::Coach)).await.unwrap();
    let (_far, answer) = Far::answer(&offer, Takes::NoMode);
    assert!(matches!(
        peer.accept(answer).await,
        Err(ClientError::Media(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_sdp_is_an_error() {
    for garbage in [
        "",
        "hello",
        "v=0\r\n",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
    ] {
        let (peer, _, _events) = Peer::offer(settings(MediaRole::Rep)).await.unwrap();
        assert!(peer.accept(garbage.to_owned()).await.is_err(), "{garbage}");
    }
}
