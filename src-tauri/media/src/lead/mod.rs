//! The lead's leg, behind small traits: how the lead is reached, and how they sound.
//!
//! A line ([`LeadLine`]) dials; what it dials is a leg ([`LeadLeg`]) that rings, is answered, and
//! hangs up; once answered it has media ([`LeadMedia`]), which the worker asks for sound and gives
//! sound to, once each tick. [`SimulatedLine`] is the line of demonstrations, tests and benchmarks; a
//! SIP line fits the same traits.

mod leg;
mod simulated;
mod speech;
mod turns;

pub use leg::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, LeadMix, LeadSignal};
pub use simulated::{Behaviour, Ear, Ears, SimulatedLine, SimulatedLineSettings};
pub use speech::{DEFAULT_SPEECH_DIR, Sentences, Source, load_sentences};

#[doc(no_inline)]
pub use wire::LeadQuality;
