//! The client's core without a window: HTTP, WebSocket, WebRTC, and the path of the voice between
//! them and a microphone and a loudspeaker.
//!
//! [`Session`] is what a user interface talks to: one loop that carries out what the pure
//! [`session::Session`] decides. [`Api`], [`Socket`], [`Peer`] and [`Voice`] are its limbs and can be
//! used alone. `client` knows nothing of windows, sound cards, or who may hear whom: the
//! service decides that.
//!
//! ```text
//! Microphone → StampedEncoder → RTP → Peer ⇄ service
//! Loudspeaker ← JitterBuffer ← RTP ←─┘
//! ```

pub mod audio;

mod api;
mod credentials;
mod error;
mod handle;
mod keeper;
mod local;
mod peer;
mod perform;
mod player;
mod random;
mod session_loop;
mod socket;
mod tls;
mod voice_path;

pub use api::{Answer, Api};
pub use credentials::{Credentials, CredentialsError, KeyRing, SECRET_LOG_TARGETS};
pub use error::ClientError;
pub use handle::{Quality, Session, SessionEvent, Settings};
pub use keeper::{KeyRingTrouble, KeyRingTroubles};
pub use local::{LocalAnswer, LocalDoor, LocalSecret, LocalSecretError};
pub use peer::{Incoming, Outgoing, Peer, PeerEvent, PeerSettings, PeerStats};
pub use player::{Player, Playing, read_recording};
pub use socket::{Socket, SocketEvent};
pub use voice_path::{Devices, Voice, VoiceSettings, VoiceStats};

// What a session says and is told, for those who link only this crate.
pub use session::{
    Audience, Coaching, CoachingView, Connection, Dial, EndReason, MediaRole, MediaStatus,
    ModeChoice, MyCall, Notice, Person, Presence, Request, Retry, SignedOutReason, View,
    linked_number, tel_link,
};
