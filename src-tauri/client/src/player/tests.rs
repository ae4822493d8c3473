use std::f64::consts::TAU;
use std::sync::{Arc, Mutex};

use ogg::{PacketWriteEndInfo, PacketWriter};
use voice::{Encoder, EncoderSettings, MAX_PACKET_BYTES};

use super::*;
use crate::audio::{Collected, Collector};

/// A recording whose second `n` is a tone of `400 + 200 n` Hz, in pages of one second.
fn recording(seconds: u32) -> Vec<u8> {
    let mut writer = PacketWriter::new(Vec::new());
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend([0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0]);
    let page = PacketWriteEndInfo::EndPage;
    writer.write_packet(head, 7, page, 0).unwrap();
    let tags = b"OpusTags\x00\x00\x00\x00\x00\x00\x00\x00".to_vec();
    writer.write_packet(tags, 7, page, 0).unwrap();
    let mut encoder = Encoder::new(&EncoderSettings::default()).unwrap();
    let frames = seconds * 50;
    for number in 0..frames {
        let hz = 400.0 + 200.0 * f64::from(number / 50);
        let mut frame = SILENCE;
        for (at, sample) in frame.iter_mut().enumerate() {
            let time = (f64::from(number) * 960.0 + at as f64) / 48_000.0;
            *sample = ((TAU * hz * time).sin() * 8000.0) as i16;
        }
        let mut packet = [0; MAX_PACKET_BYTES];
        let count = encoder.encode(&frame, &mut packet).unwrap();
        let end = match number + 1 {
            last if last == frames => PacketWriteEndInfo::EndStream,
            full if full % 50 == 0 => PacketWriteEndInfo::EndPage,
            _ => PacketWriteEndInfo::NormalPacket,
        };
        let place = u64::from(number + 1) * 960;
        writer
            .write_packet(packet[..count].to_vec(), 7, end, place)
            .unwrap();
    }
    writer.into_inner()
}

/// Which tone is loudest in these 200 ms: the number of its second.
fn tone_of(samples: &[i16]) -> u32 {
    let power = |second: u32| {
        let hz = 400.0 + 200.0 * f64::from(second);
        let (mut re, mut im) = (0.0, 0.0);
        for (at, sample) in samples.iter().enumerate() {
            let phase = TAU * hz * at as f64 / 48_000.0;
            re += f64::from(*sample) * phase.cos();
            im += f64::from(*sample) * phase.sin();
        }
        re * re + im * im
    };
    let best = (0..20).max_by(|one, other| power(*one).total_cmp(&power(*other)));
    best.unwrap()
}

type Fetch = Box<dyn FnMut(u64, u64) -> Result<(Vec<u8>, u64), ClientError> + Send>;
type Asked = Arc<Mutex<Vec<(u64, u64)>>>;

fn parts_of(file: Vec<u8>) -> (Parts<Fetch>, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let fetch = move |from: u64, to: u64| {
        log.lock().unwrap().push((from, to));
        let end = (to as usize + 1).min(file.len());
        let bytes = file.get(from as usize..end).unwrap_or_default().to_vec();
        Ok((bytes, file.len() as u64))
    };
    (Parts::new(Box::new(fetch)), asked)
}

async fn played(file: Vec<u8>, from_ms: u32) -> (Collected, Playing, Asked) {
    let (loudspeaker, heard) = Collector::new();
    let (parts, asked) = parts_of(file);
    let player = Player::play(parts, from_ms, Box::new(loudspeaker));
    let mut playing = player.playing();
    let last = playing
        .wait_for(|playing| !playing.on)
        .await
        .unwrap()
        .clone();
    (heard, last, asked)
}

#[tokio::test]
async fn r3_a_recording_is_played_from_its_start_to_its_end() {
    let (heard, last, _) = played(recording(3), 0).await;
    assert_eq!(last.failure, None);
    assert_eq!(last.position_ms, 3000);
    let heard = heard.samples_from(0);
    let sound: Vec<i16> = heard
        .iter()
        .copied()
        .skip_while(|sample| *sample == 0)
        .collect();
    for second in 0..2 {
        let at = second as usize * 48_000 + 24_000;
        assert_eq!(tone_of(&sound[at..at + 9600]), second);
    }
}

#[tokio::test]
async fn r3_it_is_sought_in_to_the_frame() {
    // 17.5 s in: half of the tone of second 17 comes first, then that of second 18.
    let (heard, last, asked) = played(recording(20), 17_500).await;
    assert_eq!(last.failure, None);
    assert_eq!(last.position_ms, 20_000);
    let heard = heard.samples_from(0);
    let start = heard.iter().position(|sample| *sample != 0).unwrap();
    let sound = &heard[start..];
    assert_eq!(tone_of(&sound[9600..19_200]), 17);
    assert_eq!(tone_of(&sound[28_800..38_400]), 18);
    assert_eq!(tone_of(&sound[76_800..86_400]), 19);
    let asked = asked.lock().unwrap();
    let all_different = asked
        .iter()
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    assert_eq!(
        all_different,
        asked.len(),
        "each part is asked for once: {asked:?}"
    );
}

#[tokio::test]
async fn r2_a_recording_that_was_cut_off_plays_as_far_as_it_goes() {
    let mut file = recording(3);
    file.truncate(file.len() - 3000);
    let (_, last, _) = played(file, 0).await;
    assert_eq!(last.failure, None);
    assert!((2000..3000).contains(&last.position_ms), "{last:?}");
}

#[tokio::test]
async fn what_is_no_recording_is_said_to_be_none() {
    let (_, last, _) = played(vec![7; 4000], 0).await;
    assert!(last.failure.is_some());
    let (_, last, _) = played(Vec::new(), 0).await;
    assert!(last.failure.is_some());
}

#[tokio::test]
async fn a_place_beyond_the_end_ends_at_once() {
    let (_, last, _) = played(recording(1), 60_000).await;
    assert_eq!(last.failure, None);
    assert!(!last.on);
}
