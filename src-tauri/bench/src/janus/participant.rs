//! A participant of Janus's room, by plain RTP.

use std::net::UdpSocket;

use trunk::rtp::RtpHeader;

use crate::error::BenchError;
use crate::tally::{Tally, rtp_header};

/// The payload type of Opus, on both sides.
pub const PAYLOAD_TYPE: u8 = 111;

/// One plain-RTP participant.
pub struct Participant {
    socket: UdpSocket,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    pub tally: Tally,
    /// Bytes of Opus that it got.
    pub payload_bytes: u64,
    /// What came in the window, kept for the check of what was heard: at most [`KEPT_PACKETS_MAX`].
    pub kept: Vec<Vec<u8>>,
}

/// Five seconds.
const KEPT_PACKETS_MAX: usize = 250;

impl Participant {
    /// On a socket that is connected to its port of Janus.
    pub fn new(socket: UdpSocket, ssrc: u32) -> Self {
        Self {
            socket,
            ssrc,
            sequence: 0,
            timestamp: 0,
            tally: Tally::default(),
            payload_bytes: 0,
            kept: Vec::new(),
        }
    }

    /// Sends the next packet.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), BenchError> {
        let mut packet = [0; 1500];
        let header = RtpHeader {
            marker: false,
            payload_type: PAYLOAD_TYPE,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let len = header
            .write(payload, &mut packet)
            .ok_or_else(|| BenchError::Unexpected("a packet that is too long".into()))?;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(mix::FRAME_SAMPLES as u32);
        self.socket
            .send(&packet[..len])
            .map(drop)
            .map_err(BenchError::system("send to Janus"))
    }

    /// Takes everything that came.
    pub fn drain(&mut self) -> Result<(), BenchError> {
        let mut packet = [0; 1500];
        loop {
            match self.socket.recv(&mut packet) {
                Ok(len) => self.take(&packet[..len]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(BenchError::system("hear from Janus")(error)),
            }
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let Some((header, payload_at)) = rtp_header(datagram) else {
            return;
        };
        self.tally.count(&header);
        let payload = &datagram[payload_at..];
        self.payload_bytes += payload.len() as u64;
        if self.kept.len() < KEPT_PACKETS_MAX {
            self.kept.push(payload.to_vec());
        }
    }

    /// Counts and keeps from now on.
    pub fn restart(&mut self) {
        self.tally.restart();
        self.payload_bytes = 0;
        self.kept.clear();
    }
}
