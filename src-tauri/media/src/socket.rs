//! One UDP socket in batches: many datagrams, one system call.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use str0m::net::DatagramSend;

use crate::metrics::{Stage, WorkerMetrics};

/// Datagrams in one `recvmmsg`.
pub(crate) const RECEIVE_BATCH: usize = 64;
/// Datagrams in one `sendmmsg`: a call of 100 goes out in one.
pub(crate) const SEND_BATCH: usize = 128;
/// The longest datagram that is read. Longer ones are cut off, and so fail to authenticate.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// The kernel's buffer in either direction. It may grant less.
const KERNEL_BUFFER_BYTES: usize = 4 << 20;

/// Binds a worker's socket.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // As much as the kernel allows: less is no error.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &KERNEL_BUFFER_BYTES);
    let _ = setsockopt(&socket, sockopt::SndBuf, &KERNEL_BUFFER_BYTES);
    Ok(socket)
}

/// The receiving half: a batch of datagrams, read in place.
pub(crate) struct Incoming {
    headers: MultiHeaders<SockaddrStorage>,
    buffer: Box<[u8]>,
    // The length and source of each datagram of the current batch.
    batch: Vec<(usize, SocketAddr)>,
}

impl Incoming {
    pub(crate) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(RECEIVE_BATCH, None),
            buffer: vec![0; RECEIVE_BATCH * DATAGRAM_BYTES_MAX].into_boxed_slice(),
            batch: Vec::with_capacity(RECEIVE_BATCH),
        }
    }

    /// Reads up to [`RECEIVE_BATCH`] datagrams, and returns how many.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, metrics: &WorkerMetrics) -> usize {
        self.batch.clear();
        let mut chunks = self.buffer.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        let mut slices: [[IoSliceMut<'_>; 1]; RECEIVE_BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        metrics.receive_calls.add(1);
        let received = recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        );
        let Ok(received) = received else {
            // Nothing there, or an error caused by one peer (ICMP): the next read goes on.
            return 0;
        };
        for message in received {
            // A source that is not an address gets one that matches no one.
            let source = message.address.as_ref().and_then(socket_address);
            let source = source.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
            self.batch.push((message.bytes, source));
        }
        self.batch.len()
    }

    /// One datagram of the current batch.
    pub(crate) fn datagram(&self, at: usize) -> Option<(SocketAddr, &[u8])> {
        let (len, source) = *self.batch.get(at)?;
        let start = at * DATAGRAM_BYTES_MAX;
        let bytes = self
            .buffer
            .get(start..start + len.min(DATAGRAM_BYTES_MAX))?;
        Some((source, bytes))
    }
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(v4.ip().into(), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddr::new(
        IpAddr::V6(v6.ip()).to_canonical(),
        v6.port(),
    ))
}

/// The sending half: datagrams collect here, and leave together.
pub(crate) struct Outgoing {
    headers: MultiHeaders<SockaddrStorage>,
    datagrams: Vec<DatagramSend>,
    addresses: Vec<Option<SockaddrStorage>>,
    is_v6: bool,
    /// Time spent in `sendmmsg` since it was last taken.
    spent: Duration,
}

impl Outgoing {
    pub(crate) fn new(local: SocketAddr) -> Self {
        Self {
            headers: MultiHeaders::preallocate(SEND_BATCH, None),
            datagrams: Vec::with_capacity(SEND_BATCH),
            addresses: Vec::with_capacity(SEND_BATCH),
            is_v6: local.is_ipv6(),
            spent: Duration::ZERO,
        }
    }

    /// Adds a datagram, and sends the batch when it is full.
    pub(crate) fn push(
        &mut self,
        socket: &UdpSocket,
        metrics: &WorkerMetrics,
        destination: SocketAddr,
        datagram: DatagramSend,
    ) {
        self.addresses.push(Some(self.storage(destination)));
        self.datagrams.push(datagram);
        if self.datagrams.len() >= SEND_BATCH {
            self.send(socket, metrics);
        }
    }

    fn storage(&self, destination: SocketAddr) -> SockaddrStorage {
        match destination {
            SocketAddr::V4(v4) if self.is_v6 => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            SocketAddr::V4(v4) => v4.into(),
            SocketAddr::V6(v6) => v6.into(),
        }
    }

    /// Sends everything collected so far. What the kernel does not accept is dropped and counted:
    /// late sound is worth nothing.
    pub(crate) fn send(&mut self, socket: &UdpSocket, metrics: &WorkerMetrics) {
        let total = self.datagrams.len();
        if total == 0 {
            return;
        }
        let started = Instant::now();
        let mut done = 0;
        // Each round sends or gives up at least one.
        while done < total {
            let datagrams = self.datagrams.get(done..).unwrap_or_default();
            let addresses = self.addresses.get(done..).unwrap_or_default();
            let count = datagrams.len().min(SEND_BATCH);
            let slices: [[IoSlice<'_>; 1]; SEND_BATCH] = std::array::from_fn(|at| {
                let bytes: &[u8] = datagrams.get(at).map_or(&[], |datagram| datagram);
                [IoSlice::new(bytes)]
            });
            metrics.send_calls.add(1);
            let sent = sendmmsg(
                socket.as_raw_fd(),
                &mut self.headers,
                slices.iter().take(count),
                addresses,
                [],
                MsgFlags::MSG_DONTWAIT,
            )
            .map(Iterator::count);
            match sent {
                Ok(0) => {
                    metrics.send_failed.add((total - done) as u64);
                    break;
                }
                Ok(sent) => {
                    metrics.packets_out.add(sent as u64);
                    done += sent;
                }
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    metrics.send_failed.add((total - done) as u64);
                    break;
                }
                // The fault of this one datagram's destination, or of an earlier one's.
                Err(_) => {
                    metrics.send_failed.add(1);
                    done += 1;
                }
            }
        }
        self.datagrams.clear();
        self.addresses.clear();
        let spent = started.elapsed();
        self.spent += spent;
        metrics.record(Stage::Send, spent);
    }

    /// The time spent in system calls since the last call, so that it is not counted twice.
    pub(crate) fn take_spent(&mut self) -> Duration {
        std::mem::take(&mut self.spent)
    }
}
