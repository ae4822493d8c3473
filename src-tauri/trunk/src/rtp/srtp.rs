//! Encryption of RTP and RTCP (RFC 3711) with keys from the session's description.
//!
//! A context of the library remembers each SSRC that it was shown, also by someone who has no key.
//! So what is not known to be the peer's is tried in a context that is thrown away after some failures,
//! and what is known has one of its own.

use rtc_srtp::context::Context;
use rtc_srtp::crypto::default_provider;
use rtc_srtp::option::{ContextOption, srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::packet::RtpHeader;
use crate::sdp::{SdesKey, Suite};

/// Packets that may come in another order, for the protection against repetition.
const REPLAY_PACKETS: usize = 128;
/// Failures after which the context for unknown streams is made again.
const FAILURES_MAX: u32 = 64;
/// Streams of one peer that are known at a time.
const STREAMS_MAX: usize = 2;

/// Why a packet was not encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// The key was refused.
    #[error("the key is not valid")]
    Key,
    /// It is not authentic, a repetition, or no packet at all.
    #[error("the packet is not authentic")]
    Packet,
}

fn context(key: &SdesKey) -> Result<Context, SrtpError> {
    let profile = match key.suite() {
        Suite::Sha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::Sha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
    };
    let provider = default_provider().map_err(|_| SrtpError::Key)?;
    let replay: [Option<ContextOption>; 2] = [
        Some(srtp_replay_protection(REPLAY_PACKETS)),
        Some(srtcp_replay_protection(REPLAY_PACKETS)),
    ];
    let [rtp, rtcp] = replay;
    let (master, salt) = (key.key(), key.salt());
    Context::new(master, salt, profile, rtp, rtcp, provider.crypto()).map_err(|_| SrtpError::Key)
}

/// Encrypts what this side sends.
pub struct SrtpSender {
    context: Context,
}

impl SrtpSender {
    /// With the key of this side.
    ///
    /// # Errors
    /// [`SrtpError::Key`].
    pub fn new(key: &SdesKey) -> Result<Self, SrtpError> {
        let context = context(key)?;
        Ok(Self { context })
    }

    /// Encrypts a packet, and gives what it becomes to `send`.
    ///
    /// # Errors
    /// [`SrtpError::Packet`].
    pub fn rtp<T>(&mut self, packet: &[u8], send: impl FnOnce(&[u8]) -> T) -> Result<T, SrtpError> {
        let encrypted = self.context.encrypt_rtp(packet);
        encrypted
            .map(|encrypted| send(&encrypted))
            .map_err(|_| SrtpError::Packet)
    }

    /// Encrypts a compound packet of reports, and gives what it becomes to `send`.
    ///
    /// # Errors
    /// [`SrtpError::Packet`].
    pub fn rtcp<T>(
        &mut self,
        packet: &[u8],
        send: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, SrtpError> {
        let encrypted = self.context.encrypt_rtcp(packet);
        encrypted
            .map(|encrypted| send(&encrypted))
            .map_err(|_| SrtpError::Packet)
    }
}

/// Decrypts what the peer sends.
pub struct SrtpReceiver {
    key: SdesKey,
    rtp: Streams,
    rtcp: Streams,
}

impl SrtpReceiver {
    /// With the key of the peer.
    ///
    /// # Errors
    /// [`SrtpError::Key`].
    pub fn new(key: &SdesKey) -> Result<Self, SrtpError> {
        Ok(Self {
            key: *key,
            rtp: Streams::new(key)?,
            rtcp: Streams::new(key)?,
        })
    }

    /// Decrypts a packet, and gives it to `take`.
    ///
    /// # Errors
    /// [`SrtpError::Packet`]; [`SrtpError::Key`] never after [`SrtpReceiver::new`].
    pub fn rtp<T>(&mut self, packet: &[u8], take: impl FnOnce(&[u8]) -> T) -> Result<T, SrtpError> {
        let (header, _) = RtpHeader::parse(packet).ok_or(SrtpError::Packet)?;
        let key = &self.key;
        self.rtp.open(key, header.ssrc, |context| {
            let decrypted = context.decrypt_rtp(packet).ok()?;
            Some(take(&decrypted))
        })
    }

    /// Decrypts a compound packet of reports, and gives it to `take`.
    ///
    /// # Errors
    /// As of [`SrtpReceiver::rtp`].
    pub fn rtcp<T>(
        &mut self,
        packet: &[u8],
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, SrtpError> {
        let ssrc = packet.get(4..).and_then(|rest| rest.first_chunk::<4>());
        let ssrc = u32::from_be_bytes(*ssrc.ok_or(SrtpError::Packet)?);
        let key = &self.key;
        self.rtcp.open(key, ssrc, |context| {
            let decrypted = context.decrypt_rtcp(packet).ok()?;
            Some(take(&decrypted))
        })
    }
}

/// The contexts of one peer's streams.
struct Streams {
    /// Those that were authentic, the latest first.
    known: [Option<(u32, Context)>; STREAMS_MAX],
    unknown: Context,
    failures: u32,
}

impl Streams {
    fn new(key: &SdesKey) -> Result<Self, SrtpError> {
        Ok(Self {
            known: [None, None],
            unknown: context(key)?,
            failures: 0,
        })
    }

    fn open<T>(
        &mut self,
        key: &SdesKey,
        ssrc: u32,
        decrypt: impl FnOnce(&mut Context) -> Option<T>,
    ) -> Result<T, SrtpError> {
        let mut known = self.known.iter_mut().flatten();
        if let Some((_, context)) = known.find(|(known, _)| *known == ssrc) {
            return decrypt(context).ok_or(SrtpError::Packet);
        }
        let Some(decrypted) = decrypt(&mut self.unknown) else {
            self.failures += 1;
            if self.failures >= FAILURES_MAX {
                self.failures = 0;
                self.unknown = context(key)?;
            }
            return Err(SrtpError::Packet);
        };
        let fresh = context(key)?;
        let opened = std::mem::replace(&mut self.unknown, fresh);
        self.failures = 0;
        self.known.rotate_right(1);
        if let Some(first) = self.known.first_mut() {
            *first = Some((ssrc, opened));
        }
        Ok(decrypted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::rtcp::{COMPOUND_BYTES_MAX, Compound};

    fn key(byte: u8) -> SdesKey {
        SdesKey::new([byte; 30])
    }

    fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
        let header = RtpHeader {
            marker: false,
            payload_type: 0,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc,
        };
        let mut bytes = vec![0; 172];
        header.write(&[0x55; 160], &mut bytes).unwrap();
        bytes
    }

    fn encrypted(sender: &mut SrtpSender, packet: &[u8]) -> Vec<u8> {
        sender.rtp(packet, <[u8]>::to_vec).unwrap()
    }

    #[test]
    fn what_one_side_encrypts_the_other_reads_once() {
        let mut sender = SrtpSender::new(&key(1)).unwrap();
        let mut receiver = SrtpReceiver::new(&key(1)).unwrap();
        // Beyond the end of the sequence numbers.
        for sequence in (0..140_000_u32).step_by(7).map(|number| number as u16) {
            let plain = packet(9, sequence);
            let sent = encrypted(&mut sender, &plain);
            assert_eq!(sent.len(), plain.len() + 10);
            assert_eq!(receiver.rtp(&sent, <[u8]>::to_vec), Ok(plain));
            let again = receiver.rtp(&sent, <[u8]>::to_vec);
            assert_eq!(again, Err(SrtpError::Packet));
        }
        let mut stranger = SrtpReceiver::new(&key(2)).unwrap();
        let sent = encrypted(&mut sender, &packet(9, 3));
        let heard = stranger.rtp(&sent, <[u8]>::to_vec);
        assert_eq!(heard, Err(SrtpError::Packet));
    }

    #[test]
    fn reports_are_encrypted_too() {
        let mut sender = SrtpSender::new(&key(1)).unwrap();
        let mut receiver = SrtpReceiver::new(&key(1)).unwrap();
        let compound = Compound {
            ssrc: 9,
            sender: None,
            block: None,
            name: "name",
            goodbye: true,
        };
        let mut plain = [0; COMPOUND_BYTES_MAX];
        let len = compound.write(&mut plain).unwrap();
        let sent = sender.rtcp(&plain[..len], <[u8]>::to_vec).unwrap();
        assert!(!sent.windows(4).any(|bytes| bytes == b"name"));
        let heard = receiver.rtcp(&sent, <[u8]>::to_vec).unwrap();
        assert_eq!(heard, plain[..len]);
        let mut changed = sent.clone();
        changed[9] ^= 1;
        assert!(receiver.rtcp(&changed, <[u8]>::to_vec).is_err());
        assert!(receiver.rtcp(&sent[..7], <[u8]>::to_vec).is_err());
    }

    #[test]
    fn a_flood_of_forged_streams_leaves_the_peers_stream_as_it_is() {
        let mut sender = SrtpSender::new(&key(1)).unwrap();
        let mut receiver = SrtpReceiver::new(&key(1)).unwrap();
        for round in 0..1000_u16 {
            let plain = packet(9, round);
            let sent = encrypted(&mut sender, &plain);
            assert_eq!(receiver.rtp(&sent, <[u8]>::to_vec), Ok(plain));
            let mut forged = packet(1000 + u32::from(round), 1);
            forged.extend([0; 10]);
            assert!(receiver.rtp(&forged, <[u8]>::to_vec).is_err());
            assert!(receiver.rtp.failures < FAILURES_MAX);
        }
        // The peer begins another stream.
        let plain = packet(10, 5);
        let sent = encrypted(&mut sender, &plain);
        assert_eq!(receiver.rtp(&sent, <[u8]>::to_vec), Ok(plain));
    }
}
