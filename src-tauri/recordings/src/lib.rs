//! Recordings of calls (R1 to R3): the public mix's own Opus packets, in Ogg, kept in a folder or in a
//! store that speaks S3.
//!
//! It knows nothing of HTTP, of who may hear a recording, or of how a call comes about: it is told when
//! one begins, and tells what became of it.
//!
//! ```text
//! media worker ── Tap ── ring ──▶ one writer thread ──▶ spool file, flushed each second
//!                                                          │ in parts while the call runs
//! HTTP ◀── Recordings ◀── database, object store ◀── keeper, one task a recording
//! ```
//!
//! No call ever waits for any of it: a ring that is full loses packets, which are counted and become a
//! gap; a disk or a store that fails costs the recording and not the call. Nothing of a pause or of the
//! time on hold gets as far as the ring.
//!
//! A recording begins when the lead answers; its `date_started` is the moment of its first packet.

mod ogg;
mod peaks;
mod recordings;
mod spool;
mod storage;
mod tap;
mod writer;

pub use recordings::{
    DeleteError, RecordingCounts, RecordingEvent, Recordings, RecordingsSettings,
};
pub use storage::{StorageError, StorageSettings};
