//! One open device: its stream, on its own thread, and its callback.
//!
//! The stream is opened, held and dropped there, because each of these may take as long as the sound
//! server likes: with PulseAudio, dropping the stream of a vanished sink waits until the server
//! ends.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread;
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, StreamConfig};
use mix::SAMPLE_RATE_HZ;
use voice::Resampler;

use crate::devices::Kind;
use crate::shared::{End, Input, Shared, Signs};
use crate::system::find;
use crate::{capture, playout};

/// How long a device may take to open.
const OPENING_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Order {
    pub(crate) serial: u64,
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// Whether the test tone sounds as soon as it plays.
    pub(crate) tone_first: bool,
    /// What its callback reports.
    pub(crate) signs: Arc<Signs>,
    /// Held while the thread runs, so that threads can be counted.
    pub(crate) alive: Arc<()>,
}

/// Keeps a device open; it is closed when this is dropped.
pub(crate) struct Hold {
    _close: Sender<std::convert::Infallible>,
}

/// Opens a device. [`Input::Opened`] or [`Input::Failed`] follows, and the latter also if the
/// device fails later.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn open(
    order: Order,
    shared: Arc<Shared>,
    inputs: SyncSender<Input>,
) -> std::io::Result<Hold> {
    let (close, closed) = channel();
    thread::Builder::new()
        .name(format!("sound-{}", order.kind.noun()))
        .spawn(move || hold(&order, &shared, &inputs, &closed))?;
    Ok(Hold { _close: close })
}

fn hold(
    order: &Order,
    shared: &Arc<Shared>,
    inputs: &SyncSender<Input>,
    closed: &Receiver<std::convert::Infallible>,
) {
    let _counted = &order.alive;
    let serial = order.serial;
    let opened = build(order, shared, inputs).and_then(|(stream, end)| {
        stream.play()?;
        Ok((stream, end))
    });
    match opened {
        Ok((stream, end)) => {
            if inputs.send(Input::Opened(serial, end)).is_ok() {
                // Nothing is ever sent: this waits until the other end is dropped.
                let _ = closed.recv();
            }
            drop(stream);
        }
        Err(error) => {
            let _ = inputs.send(Input::Failed(serial, error.to_string()));
        }
    }
}

/// Whether a stream survives this error.
const fn goes_on(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged
    )
}

fn build(
    order: &Order,
    shared: &Arc<Shared>,
    inputs: &SyncSender<Input>,
) -> Result<(cpal::Stream, End), cpal::Error> {
    let device = find(order.kind, &order.id).ok_or(ErrorKind::DeviceNotAvailable)?;
    let (format, config) = settings(&device, order.kind)?;
    // Some drivers do not let us choose the buffer size.
    let own = StreamConfig {
        buffer_size: BufferSize::Default,
        ..config
    };
    built(order, &device, format, config, shared, inputs)
        .or_else(|_| built(order, &device, format, own, shared, inputs))
}

/// The device's own format, at a rate that can be resampled, 10 ms at a time.
fn settings(
    device: &cpal::Device,
    kind: Kind,
) -> Result<(SampleFormat, StreamConfig), cpal::Error> {
    let (default, mut ranges): (_, Box<dyn Iterator<Item = _>>) = match kind {
        Kind::Microphone => (
            device.default_input_config()?,
            Box::new(device.supported_input_configs()?),
        ),
        Kind::Loudspeaker => (
            device.default_output_config()?,
            Box::new(device.supported_output_configs()?),
        ),
    };
    let own = if Resampler::new(default.sample_rate(), SAMPLE_RATE_HZ).is_ok() {
        default
    } else {
        ranges
            .find_map(|range| range.try_with_sample_rate(SAMPLE_RATE_HZ))
            .unwrap_or(default)
    };
    let config = StreamConfig {
        buffer_size: BufferSize::Fixed(own.sample_rate() / 100),
        ..own.config()
    };
    Ok((own.sample_format(), config))
}

fn built(
    order: &Order,
    device: &cpal::Device,
    format: SampleFormat,
    config: StreamConfig,
    shared: &Arc<Shared>,
    inputs: &SyncSender<Input>,
) -> Result<(cpal::Stream, End), cpal::Error> {
    match format {
        SampleFormat::I16 => typed::<i16>(order, device, config, shared, inputs),
        SampleFormat::I24 => typed::<cpal::I24>(order, device, config, shared, inputs),
        SampleFormat::I32 => typed::<i32>(order, device, config, shared, inputs),
        SampleFormat::F32 => typed::<f32>(order, device, config, shared, inputs),
        SampleFormat::U8 => typed::<u8>(order, device, config, shared, inputs),
        SampleFormat::U16 => typed::<u16>(order, device, config, shared, inputs),
        _ => Err(ErrorKind::UnsupportedConfig.into()),
    }
}

fn typed<T>(
    order: &Order,
    device: &cpal::Device,
    config: StreamConfig,
    shared: &Arc<Shared>,
    inputs: &SyncSender<Input>,
) -> Result<(cpal::Stream, End), cpal::Error>
where
    T: SizedSample + FromSample<i16> + Send + 'static,
    i16: FromSample<T>,
{
    let no_ring = |error: voice::VoiceError| {
        cpal::Error::with_message(ErrorKind::UnsupportedConfig, error.to_string())
    };
    let serial = order.serial;
    let inputs = inputs.clone();
    let failed = move |error: cpal::Error| {
        if !goes_on(error.kind()) {
            let _ = inputs.try_send(Input::Failed(serial, error.to_string()));
        }
    };
    let channels = usize::from(config.channels).max(1);
    let rate_hz = config.sample_rate;
    let timeout = Some(OPENING_MAX);
    match order.kind {
        Kind::Microphone => {
            let (mut writer, reader) = capture::ring(rate_hz).map_err(no_ring)?;
            let signs = Arc::clone(&order.signs);
            let callback = move |data: &[T], info: &cpal::InputCallbackInfo| {
                let now = Instant::now();
                let stamp = info.timestamp();
                let delay = stamp.callback.saturating_duration_since(stamp.capture);
                let count = data.len() / channels;
                let mono = || data.chunks_exact(channels).map(to_mono);
                let energy = mono().map(|s| u64::from(s.unsigned_abs()).pow(2)).sum();
                signs.called();
                signs.add(energy, count as u32);
                writer.write(mono(), count, delay, now);
            };
            let stream = device.build_input_stream(config, callback, failed, timeout)?;
            Ok((stream, End::Capture(reader)))
        }
        Kind::Loudspeaker => {
            let tones = Arc::clone(&shared.tones);
            let (writer, mut reader) =
                playout::ring(rate_hz, tones, order.tone_first).map_err(no_ring)?;
            let signs = Arc::clone(&order.signs);
            let callback = move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
                signs.called();
                reader.begin(data.len() / channels);
                for frame in data.chunks_exact_mut(channels) {
                    frame.fill(T::from_sample(reader.next()));
                }
            };
            let stream = device.build_output_stream(config, callback, failed, timeout)?;
            Ok((stream, End::Playout(writer)))
        }
    }
}

/// The mean of all channels.
fn to_mono<T: Sample>(frame: &[T]) -> i16
where
    i16: FromSample<T>,
{
    let sum: i32 = frame.iter().map(|s| i32::from(i16::from_sample(*s))).sum();
    let channels = i32::try_from(frame.len()).unwrap_or(1).max(1);
    (sum / channels) as i16
}
