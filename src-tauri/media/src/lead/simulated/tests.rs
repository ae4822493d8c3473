use super::*;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::OrganizationId;

fn line() -> SimulatedLine {
    SimulatedLine::new(SimulatedLineSettings {
        sentences: vec![voice::speech::synthesized(1, 1)],
        talks_over: false,
        ear: None,
    })
    .unwrap()
}

fn dial(remote_phone: &str) -> Dial {
    Dial {
        call: CallId::parse("acti_1").unwrap(),
        organization: OrganizationId::parse("orga_1").unwrap(),
        local_phone: "+15550001".to_owned(),
        remote_phone: remote_phone.to_owned(),
    }
}

/// Every signal of a leg until it has ended or nothing more comes for a minute, with its time.
async fn course(remote_phone: &str) -> Vec<(u64, LeadSignal)> {
    let (events, mut signals) = mpsc::channel(8);
    let start = Instant::now();
    let leg = line().dial(dial(remote_phone), events);
    let mut course = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(60), signals.recv()).await
    {
        course.push((start.elapsed().as_millis() as u64, event.signal));
    }
    drop(leg);
    course
}

#[tokio::test(start_paused = true)]
async fn a_number_does_what_its_last_digits_say() {
    use LeadSignal::{Answered, Busy, HungUp, NoAnswer, Ringing, Unreachable};
    let talks = vec![(0, Ringing), (1000, Answered)];
    assert_eq!(course("+15551200").await, talks);
    assert_eq!(course("+15551299").await, talks);
    assert_eq!(course("é").await, talks);
    assert_eq!(course("+15551201").await, [(200, Busy)]);
    assert_eq!(
        course("+15551202").await,
        [(0, Ringing), (30_000, NoAnswer)]
    );
    let hangs_up = [(0, Ringing), (1000, Answered), (6000, HungUp)];
    assert_eq!(course("+15551203").await, hangs_up);
    assert_eq!(course("+15551204").await, [(200, Unreachable)]);
}

#[tokio::test(start_paused = true)]
async fn media_comes_once_and_not_before_the_answer() {
    let (events, mut signals) = mpsc::channel(8);
    let mut leg = line().dial(dial("+15551200"), events);
    assert!(leg.take_media().is_none());
    while signals.recv().await.unwrap().signal != LeadSignal::Answered {}
    assert!(leg.take_media().is_some());
    assert!(leg.take_media().is_none());
}

#[tokio::test(start_paused = true)]
async fn hanging_up_silences_signalling_and_voice() {
    let (events, mut signals) = mpsc::channel(8);
    let mut leg = line().dial(dial("+15551203"), events);
    while signals.recv().await.unwrap().signal != LeadSignal::Answered {}
    let mut media = leg.take_media().unwrap();
    let mut count_of = |ticks: std::ops::Range<u64>| {
        let mut count = 0;
        for tick in ticks {
            let heard = LeadMix {
                tick,
                frame: &SILENCE,
                opus: &[],
            };
            media.tick(Duration::ZERO, heard, &mut |_| count += 1);
        }
        count
    };
    assert_eq!(count_of(0..40), 40);
    leg.set_held(true);
    assert_eq!(count_of(40..45), 0);
    leg.set_held(false);
    assert_eq!(count_of(45..50), 5);
    leg.hang_up();
    assert_eq!(count_of(50..100), 0);
    assert_eq!(signals.recv().await, None);
}
