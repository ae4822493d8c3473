//! How many packets are lost of late, and so whether to wait a frame longer for FEC.

/// How much of the estimate one packet makes up.
const STEP: f32 = 1.0 / 128.0;
/// One loss is enough to wait for FEC; three seconds without any are enough to stop.
const ON: f32 = 0.007;
const OFF: f32 = 0.002;
/// Losses in a row that count: a longer gap is an outage, and says nothing of the next packet.
const RUN_MAX: i64 = 10;

/// The estimate of loss.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loss {
    rate: f32,
    fec: bool,
}

impl Loss {
    /// One packet was played after this many were missing.
    pub fn count(&mut self, missing: i64) {
        for _ in 0..missing.min(RUN_MAX) {
            self.rate += (1.0 - self.rate) * STEP;
        }
        if self.rate > ON {
            self.fec = true;
        }
        self.rate -= self.rate * STEP;
        if self.rate < OFF {
            self.fec = false;
        }
    }

    /// One that counted as lost was late.
    pub fn forgive(&mut self) {
        self.rate = (self.rate - STEP).max(0.0);
    }

    /// Whether so much is lost that FEC is worth a frame of depth.
    pub const fn wants_fec(self) -> bool {
        self.fec
    }
}
