//! Reads a UDP socket in batches: many datagrams, one system call.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

/// Datagrams in one system call.
const DATAGRAMS: usize = 32;
/// The longest datagram that is read whole.
const DATAGRAM_BYTES_MAX: usize = 2048;

pub struct Batch {
    headers: MultiHeaders<SockaddrStorage>,
    buffer: Box<[u8]>,
}

impl Batch {
    pub fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(DATAGRAMS, None),
            buffer: vec![0; DATAGRAMS * DATAGRAM_BYTES_MAX].into_boxed_slice(),
        }
    }

    /// Passes everything waiting at the socket to `take`, in order, with its source.
    pub fn drain(&mut self, socket: &UdpSocket, mut take: impl FnMut(&[u8], SocketAddr)) {
        loop {
            let mut received_of = [(0, None); DATAGRAMS];
            let mut chunks = self.buffer.chunks_exact_mut(DATAGRAM_BYTES_MAX);
            let mut slices: [[IoSliceMut<'_>; 1]; DATAGRAMS] =
                std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
            let received = recvmmsg(
                socket.as_raw_fd(),
                &mut self.headers,
                slices.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            );
            // Nothing there, or an error caused by an earlier datagram (ICMP).
            let Ok(received) = received else {
                return;
            };
            let mut count = 0;
            for (received_of, message) in received_of.iter_mut().zip(received) {
                let address = message
                    .address
                    .as_ref()
                    .and_then(SockaddrStorage::as_sockaddr_in);
                let source = address.map(|v4| SocketAddr::from((v4.ip(), v4.port())));
                *received_of = (message.bytes.min(DATAGRAM_BYTES_MAX), source);
                count += 1;
            }
            let datagrams = self
                .buffer
                .chunks_exact(DATAGRAM_BYTES_MAX)
                .zip(&received_of);
            for (datagram, (length, source)) in datagrams.take(count) {
                if let Some(source) = source {
                    take(&datagram[..*length], *source);
                }
            }
            if count < DATAGRAMS {
                return;
            }
        }
    }
}
