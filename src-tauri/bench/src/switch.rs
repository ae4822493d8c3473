//! From the click on a mode to its effect at the rep's loudspeaker, with the clients' own core.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use client::audio::{Discard, Loudspeaker, Silence, Tone};
use client::{ClientError, Connection, Devices, MediaStatus, Session, Settings};
use mix::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use serde_json::json;
use tokio::sync::mpsc;
use voice::EncoderSettings;
use wire::{CallStatus, CoachMode, LeadQuery, ListQuery, PhoneNumberKind, PlaceCallRequest, route};

use crate::error::BenchError;
use crate::figure::{Figure, rounded};
use crate::quantile::percentile;
use crate::service::Service;

/// Switches each way.
const SWITCHES: u32 = 60;
/// Speech holds little at this frequency, Opus keeps it.
const TONE_HZ: f64 = 3_400.0;
const TONE_AMPLITUDE: i16 = 8_000;
/// Above half of the tone's amplitude it counts as audible.
const AUDIBLE: f64 = 4_000.0;
/// Blocks of 5 ms are judged.
const BLOCK_SAMPLES: usize = 240;
const BLOCK: Duration = Duration::from_millis(5);
/// So many blocks in a row without the tone are an end and no gap: 100 ms.
const SILENT_BLOCKS: usize = 20;
/// Blocks that may wait: 20 s.
const BLOCKS_MAX: usize = 4096;
const EFFECT_TIMEOUT: Duration = Duration::from_secs(3);
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
const FRAME: Duration = Duration::from_millis(FRAME_MS);
const PASSWORD: &str = "demo-password";

pub fn run(encoding: &EncoderSettings, cores: usize) -> Result<Figure, BenchError> {
    let service = Service::start(0, encoding)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(BenchError::system("start a runtime"))?;
    let server = format!("http://{}", service.address());
    let measured = runtime.block_on(measure(&server))?;
    let all: Vec<f64> = measured
        .widened_ms
        .iter()
        .chain(&measured.narrowed_ms)
        .copied()
        .collect();
    let of = |values: &[f64], percent| {
        percentile(values, percent)
            .ok_or_else(|| BenchError::Unexpected("no switch was measured".into()))
    };
    Ok(Figure {
        name: "mode_switch_p99_ms",
        value: of(&all, 99.0)?,
        unit: "ms",
        settings: json!({
            "from": "call of set_mode in the coach's client",
            "to": "the coach's tone begins or ends at the rep's loudspeaker, to 5 ms, jitter buffer included",
            "switches_each_way": SWITCHES, "p50_ms": rounded(of(&all, 50.0)?),
            "listen_to_whisper_p50_ms": rounded(of(&measured.widened_ms, 50.0)?),
            "listen_to_whisper_p99_ms": rounded(of(&measured.widened_ms, 99.0)?),
            "whisper_to_listen_p50_ms": rounded(of(&measured.narrowed_ms, 50.0)?),
            "whisper_to_listen_p99_ms": rounded(of(&measured.narrowed_ms, 99.0)?),
            "transport": "HTTP and DTLS-SRTP on loopback", "sound_card": "none", "cores": cores,
        }),
    })
}

#[derive(Default)]
struct Measured {
    widened_ms: Vec<f64>,
    narrowed_ms: Vec<f64>,
}

async fn measure(server: &str) -> Result<Measured, BenchError> {
    let start = || Session::start(Settings::new(server)).map_err(failed("a session"));
    let (rep, coach) = (start()?, start()?);
    let (blocks_in, mut blocks) = mpsc::channel(BLOCKS_MAX);
    for (session, email) in [
        (&rep, "riley@demo.example"),
        (&coach, "morgan@demo.example"),
    ] {
        session
            .sign_in(email, PASSWORD)
            .await
            .map_err(failed("a sign-in"))?;
        until(session, "online", |view| {
            view.connection == Connection::Online
        })
        .await?;
    }
    let call = rep
        .place_call(
            dialling(&rep).await?,
            Devices::new(Silence::default(), Listening::new(blocks_in)),
        )
        .await
        .map_err(failed("a call"))?;
    until(&rep, "in a call", |view| {
        view.my_call
            .as_ref()
            .is_some_and(|mine| mine.call.status == CallStatus::InProgress)
    })
    .await?;
    let devices = Devices::new(Tone::new(TONE_HZ, TONE_AMPLITUDE), Discard::default());
    coach
        .join(call.id, None, devices)
        .await
        .map_err(failed("a join"))?;
    until(&coach, "connected", |view| {
        view.coaching.is_some() && view.media == MediaStatus::Connected
    })
    .await?;

    let mut measured = Measured::default();
    for number in 0..SWITCHES {
        // Clicks at other places of the 20 ms each time.
        let pause = Duration::from_millis(300) + Duration::from_micros(3_700) * number;
        for (mode, audible, delays) in [
            (CoachMode::Whisper, true, &mut measured.widened_ms),
            (CoachMode::Listen, false, &mut measured.narrowed_ms),
        ] {
            rest(&mut blocks, pause).await?;
            let clicked = Instant::now();
            let (switched, effect) =
                tokio::join!(coach.set_mode(mode), effect(&mut blocks, clicked, audible));
            switched.map_err(failed("a switch"))?;
            delays.push(effect?.saturating_duration_since(clicked).as_secs_f64() * 1000.0);
        }
    }
    coach.leave().await.map_err(failed("to leave"))?;
    rep.hang_up().await.map_err(failed("to hang up"))?;
    Ok(measured)
}

async fn dialling(rep: &Session) -> Result<PlaceCallRequest, BenchError> {
    let numbers = rep
        .api()
        .list(&route::LIST_PHONE_NUMBERS, &ListQuery::default())
        .await
        .map_err(failed("the numbers"))?;
    let number = numbers
        .into_iter()
        .find(|number| number.kind == PhoneNumberKind::Internal);
    let lead = rep
        .api()
        .list(&route::LIST_LEADS, &LeadQuery::named("Globex"))
        .await
        .map_err(failed("the leads"))?
        .into_iter()
        .next();
    let (number, lead) = number
        .zip(lead)
        .ok_or_else(|| BenchError::Unexpected("no number or no lead to call".into()))?;
    Ok(PlaceCallRequest {
        local_phone_id: number.id,
        lead_id: Some(lead.id),
        contact_id: None,
        remote_phone: None,
    })
}

async fn until(
    session: &Session,
    what: &str,
    is: impl FnMut(&client::View) -> bool,
) -> Result<(), BenchError> {
    match tokio::time::timeout(STEP_TIMEOUT, session.wait_until(is)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(what)(error)),
        Err(_) => Err(BenchError::Unexpected(format!(
            "a client was not {what} in time"
        ))),
    }
}

fn failed(what: &str) -> impl FnOnce(ClientError) -> BenchError {
    BenchError::unexpected(what.to_owned())
}

/// 5 ms of the rep's loudspeaker.
#[derive(Debug, Clone, Copy)]
struct Block {
    at: Instant,
    audible: bool,
}

/// Lets time pass, and forgets what was heard meanwhile.
async fn rest(blocks: &mut mpsc::Receiver<Block>, pause: Duration) -> Result<(), BenchError> {
    let until = Instant::now() + pause;
    while next(blocks).await?.at < until {}
    Ok(())
}

/// When the tone began or ended, after a click.
async fn effect(
    blocks: &mut mpsc::Receiver<Block>,
    clicked: Instant,
    audible: bool,
) -> Result<Instant, BenchError> {
    let (mut silent, mut ended) = (0, clicked);
    loop {
        let block = next(blocks).await?;
        if block.at > clicked + EFFECT_TIMEOUT {
            let way = if audible { "begin" } else { "end" };
            return Err(BenchError::Unexpected(format!(
                "the coach's tone did not {way} at the rep"
            )));
        }
        if block.at < clicked {
            continue;
        }
        if audible {
            if block.audible {
                return Ok(block.at);
            }
            continue;
        }
        if block.audible {
            (silent, ended) = (0, block.at + BLOCK);
            continue;
        }
        silent += 1;
        if silent >= SILENT_BLOCKS {
            return Ok(ended);
        }
    }
}

async fn next(blocks: &mut mpsc::Receiver<Block>) -> Result<Block, BenchError> {
    let block = tokio::time::timeout(EFFECT_TIMEOUT, blocks.recv()).await;
    block
        .ok()
        .flatten()
        .ok_or_else(|| BenchError::Unexpected("the rep's loudspeaker stopped".into()))
}

/// A loudspeaker with its own 20 ms clock that listens for the tone.
struct Listening {
    due: Option<Instant>,
    playing: Instant,
    blocks: mpsc::Sender<Block>,
}

impl Listening {
    fn new(blocks: mpsc::Sender<Block>) -> Self {
        Self {
            due: None,
            playing: Instant::now(),
            blocks,
        }
    }
}

impl Loudspeaker for Listening {
    fn wants(&mut self, now: Instant) -> bool {
        let due = *self.due.get_or_insert(now);
        if due > now {
            return false;
        }
        self.playing = due;
        self.due = Some(due + FRAME);
        true
    }

    fn play(&mut self, frame: &Frame) {
        let (blocks, _) = frame.as_chunks::<BLOCK_SAMPLES>();
        for (place, block) in (0_u32..).zip(blocks) {
            let block = Block {
                at: self.playing + BLOCK * place,
                audible: amplitude(block) > AUDIBLE,
            };
            // Full only when no one listens any more.
            let _ = self.blocks.try_send(block);
        }
    }
}

/// The amplitude of the tone in a block, whatever its phase (Goertzel 1958; 5 ms hold whole periods).
fn amplitude(block: &[i16; BLOCK_SAMPLES]) -> f64 {
    let step = TAU * TONE_HZ / f64::from(SAMPLE_RATE_HZ);
    let (mut in_phase, mut quadrature) = (0.0, 0.0);
    for (at, &sample) in block.iter().enumerate() {
        let (sin, cos) = (step * at as f64).sin_cos();
        in_phase += f64::from(sample) * cos;
        quadrature += f64::from(sample) * sin;
    }
    2.0 * f64::hypot(in_phase, quadrature) / BLOCK_SAMPLES as f64
}

const _: () = assert!(FRAME_SAMPLES.is_multiple_of(BLOCK_SAMPLES));

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, phase: f64) -> [i16; BLOCK_SAMPLES] {
        std::array::from_fn(|at| {
            let angle = TAU * hz * at as f64 / f64::from(SAMPLE_RATE_HZ) + phase;
            (f64::from(TONE_AMPLITUDE) * angle.sin()) as i16
        })
    }

    #[test]
    fn the_tone_is_heard_at_any_phase_and_other_tones_are_not() {
        for phase in [0.0, 0.7, 2.0, 4.5] {
            let heard = amplitude(&tone(TONE_HZ, phase));
            assert!(
                (heard / f64::from(TONE_AMPLITUDE) - 1.0).abs() < 0.02,
                "{heard}"
            );
        }
        for hz in [200.0, 1000.0, 3000.0, 3800.0] {
            assert!(amplitude(&tone(hz, 0.3)) < AUDIBLE / 10.0, "{hz}");
        }
    }

    fn heard(audible: &[bool]) -> (Instant, mpsc::Receiver<Block>) {
        let clicked = Instant::now();
        let (blocks_in, blocks) = mpsc::channel(1000);
        for (place, &audible) in (0_u32..).zip(audible) {
            blocks_in
                .try_send(Block {
                    at: clicked + BLOCK * place,
                    audible,
                })
                .unwrap();
        }
        (clicked, blocks)
    }

    #[tokio::test]
    async fn a_beginning_is_the_first_audible_block() {
        let (clicked, mut blocks) = heard(&[false, false, false, true, true]);
        assert_eq!(
            effect(&mut blocks, clicked, true).await.unwrap(),
            clicked + BLOCK * 3
        );
    }

    #[tokio::test]
    async fn an_end_comes_after_the_last_audible_block_not_in_a_gap() {
        let mut said = vec![true, true, false, false, true, true];
        said.extend([false; SILENT_BLOCKS]);
        let (clicked, mut blocks) = heard(&said);
        assert_eq!(
            effect(&mut blocks, clicked, false).await.unwrap(),
            clicked + BLOCK * 6
        );
    }
}
