//! RTP and RTCP as bytes: headers, reports, keys of a telephone, encryption. Pure: no sockets, no clock.

pub mod event;
mod packet;
mod reception;
pub mod rtcp;
mod srtp;
mod timeline;

pub use packet::{HEADER_BYTES, RtpHeader, RtpPacket, is_rtcp};
pub use reception::{Interval, Observed, Reception, ntp, round_trip};
pub use srtp::{SrtpError, SrtpReceiver, SrtpSender};
pub use timeline::{Moment, Timeline};
