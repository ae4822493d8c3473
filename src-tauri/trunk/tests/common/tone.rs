//! How loud a tone is, for every test that listens for one.

/// How strong a frequency is in these samples at 48 kHz: the amplitude of its sine.
pub fn strength(samples: &[i16], hz: f32) -> f32 {
    let (mut sine, mut cosine) = (0.0_f64, 0.0_f64);
    for (at, sample) in samples.iter().enumerate() {
        let angle = at as f64 * f64::from(hz) * std::f64::consts::TAU / 48_000.0;
        sine += f64::from(*sample) * angle.sin();
        cosine += f64::from(*sample) * angle.cos();
    }
    (sine.hypot(cosine) * 2.0 / samples.len().max(1) as f64) as f32
}
