use super::*;

/// Feeds `ms` of a ramp in callbacks of these sizes, the callback 3 ms after its last sample.
struct Feed {
    writer: Writer,
    start: Instant,
    fed: u64,
}

impl Feed {
    fn feed(&mut self, count: usize) {
        let end = self.fed + count as u64;
        let rate_hz = self.writer.rate_hz;
        let now = self.start + duration_of(end, rate_hz) + Duration::from_millis(3);
        let delay = duration_of(count as u64, rate_hz) + Duration::from_millis(3);
        let samples = self.fed..end;
        self.writer
            .write(samples.map(|n| n as i16), count, delay, now);
        self.fed = end;
    }
}

fn feed(rate_hz: u32) -> (Feed, Reader) {
    let (writer, reader) = ring(rate_hz).expect("a known rate");
    let start = Instant::now() + Duration::from_secs(1);
    let fed = 0;
    (Feed { writer, start, fed }, reader)
}

#[test]
fn callbacks_of_any_size_become_frames_stamped_at_their_end() {
    for rate_hz in [16_000, 44_100, 48_000, 96_000] {
        let (mut feed, mut reader) = feed(rate_hz);
        let mut frame = [0; FRAME_SAMPLES];
        let mut frames = 0_u32;
        for round in 0..2000 {
            feed.feed(1 + round * 37 % 480);
            while let Some(end) = reader.read(feed.start, &mut frame) {
                frames += 1;
                let expected = feed.start + FRAME * frames;
                let off = end.max(expected) - end.min(expected);
                assert!(off < Duration::from_micros(100), "{rate_hz}: {off:?}");
            }
        }
        let seconds = feed.fed as f64 / f64::from(rate_hz);
        assert!(
            (f64::from(frames) - seconds * 50.0).abs() <= 2.0,
            "{rate_hz}: {frames} in {seconds}"
        );
    }
}

#[test]
fn m3_in_a_burst_capture_never_comes_after_the_callback() {
    let (mut writer, mut reader) = ring(48_000).expect("a known rate");
    let start = Instant::now() + Duration::from_secs(1);
    let mut frame = [0; FRAME_SAMPLES];
    let (mut frames, mut now) = (0, start);
    for round in 0..500_u32 {
        // A thread that woke late gets 30 ms in three callbacks at once, and the driver's account of
        // its delay, which lags, is 4 ms short.
        now += Duration::from_millis(30);
        let mut waits = Duration::from_millis(26);
        for count in [1, 200, 1239] {
            writer.write((0..count).map(|_| 7), count as usize, waits, now);
            waits = waits.saturating_sub(duration_of(count as u64, 48_000));
            while let Some(end) = reader.read(start - FRAME, &mut frame) {
                frames += 1;
                let late = end.saturating_duration_since(now);
                assert!(late < LATE, "round {round}: {late:?} late");
            }
        }
    }
    assert!(frames > 700, "{frames} frames");
}

#[test]
fn at_its_own_rate_nothing_is_lost_or_changed() {
    let (mut feed, mut reader) = feed(48_000);
    let mut frame = [0; FRAME_SAMPLES];
    feed.feed(100);
    assert_eq!(reader.read(feed.start, &mut frame), None);
    feed.feed(860);
    assert!(reader.read(feed.start, &mut frame).is_some());
    assert!(frame.iter().zip(0..).all(|(sample, n)| *sample == n));
}

#[test]
fn m4_nothing_captured_before_opening_is_read() {
    let (mut feed, mut reader) = feed(48_000);
    let mut frame = [0; FRAME_SAMPLES];
    for _ in 0..10 {
        feed.feed(480);
    }
    let opened = feed.start + Duration::from_millis(70);
    let end = reader.read(opened, &mut frame).expect("one is whole");
    assert_eq!(end, feed.start + Duration::from_millis(100));
    assert_eq!(frame[0], 80 * 48);
}

#[test]
fn m3_a_driver_cannot_deny_the_delay_its_callback_shows() {
    let (mut writer, mut reader) = ring(48_000).expect("a known rate");
    let now = Instant::now() + Duration::from_secs(1);
    writer.write(std::iter::repeat_n(5, 960), 960, Duration::ZERO, now);
    let mut frame = [0; FRAME_SAMPLES];
    let from = now - Duration::from_secs(1);
    assert_eq!(reader.read(from, &mut frame), Some(now));
}

#[test]
fn m3_a_burst_of_callbacks_does_not_move_the_capture_time() {
    let (mut writer, mut reader) = ring(48_000).expect("a known rate");
    let start = Instant::now() + Duration::from_secs(1);
    let mut frame = [0; FRAME_SAMPLES];
    let mut frames = 0;
    let ten_ms = Duration::from_millis(10);
    for round in 0..100_u32 {
        // Each tenth round brings what the nine before should have, and the driver says of each
        // callback what is true of the first.
        let (callbacks, of) = if round % 20 < 10 {
            (1, round)
        } else if round % 20 == 19 {
            (10, round - 9)
        } else {
            continue;
        };
        let now = start + ten_ms * (round + 1);
        for _ in 0..callbacks {
            let delay = now - (start + ten_ms * of);
            writer.write(std::iter::repeat_n(5, 480), 480, delay, now);
        }
        while let Some(end) = reader.read(start, &mut frame) {
            frames += 1;
            let expected = start + FRAME * frames;
            let off = end.max(expected) - end.min(expected);
            assert!(off < UNCERTAINTY / 2, "{off:?} at {frames}");
        }
    }
    assert_eq!(frames, 50);
}

#[test]
fn m3_capture_time_recovers_after_the_driver_lost_samples() {
    let (mut feed, mut reader) = feed(48_000);
    let mut frame = [0; FRAME_SAMPLES];
    for _ in 0..4 {
        feed.feed(480);
    }
    while reader.read(feed.start, &mut frame).is_some() {}
    // 100 ms never come.
    feed.fed += 4800;
    for _ in 0..4 {
        feed.feed(480);
    }
    let expected = feed.start + Duration::from_millis(40 + 100 + 20);
    assert_eq!(reader.read(feed.start, &mut frame), Some(expected));
    // And now they are lost in the middle of a frame, which is left out.
    feed.feed(480);
    feed.fed += 4800;
    for _ in 0..3 {
        feed.feed(480);
    }
    let ends: Vec<_> = std::iter::from_fn(|| reader.read(feed.start, &mut frame)).collect();
    assert_eq!(
        ends,
        [
            expected + FRAME,
            expected + FRAME * 3 + Duration::from_millis(100)
        ]
    );
}

#[test]
fn a_stalled_reader_restarts_without_a_seam_in_a_frame() {
    let (mut feed, mut reader) = feed(48_000);
    let mut frame = [0; FRAME_SAMPLES];
    for _ in 0..333 {
        feed.feed(479);
    }
    assert_eq!(reader.read(feed.start, &mut frame), None, "too old");
    let resumed = feed.fed;
    for _ in 0..4 {
        feed.feed(480);
    }
    for n in 1..=2 {
        let end = reader.read(feed.start, &mut frame).expect("whole");
        let expected = feed.start + duration_of(resumed, 48_000) + FRAME * n;
        let off = end.max(expected) - end.min(expected);
        assert!(off < Duration::from_micros(10), "{off:?}");
        let first = resumed + u64::from(n - 1) * 960;
        assert!(frame.iter().zip(first..).all(|(s, n)| *s == n as i16));
    }
}
