//! Datagrams with the time at which they came.

use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use nix::sys::time::TimeSpec;

/// The longest datagram that is read; none of sound is as long.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// The most that a datagram is believed to have waited.
const AGE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Datagram<'a> {
    pub source: SocketAddr,
    pub bytes: &'a [u8],
    /// How long it has waited in the kernel.
    pub age: Duration,
}

/// Reads datagrams, one at a time, without blocking.
pub(super) struct Incoming {
    buffer: Box<[u8; DATAGRAM_BYTES_MAX]>,
    control: Vec<u8>,
}

impl Incoming {
    pub fn new() -> Self {
        Self {
            buffer: Box::new([0; DATAGRAM_BYTES_MAX]),
            control: cmsg_space!(TimeSpec),
        }
    }

    /// The next datagram; none when nothing is there.
    pub fn receive(&mut self, socket: &UdpSocket) -> Option<Datagram<'_>> {
        let (source, len, came) = {
            let mut slices = [IoSliceMut::new(self.buffer.as_mut_slice())];
            let received = recvmsg::<SockaddrStorage>(
                socket.as_raw_fd(),
                &mut slices,
                Some(&mut self.control),
                MsgFlags::MSG_DONTWAIT,
            );
            // Nothing there, or an error that belongs to one peer (ICMP): the next read goes on.
            let received = received.ok()?;
            let mut told = received.cmsgs().ok().into_iter().flatten();
            let came = told.find_map(|told| match told {
                ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                _ => None,
            });
            // What is longer than is read is nothing that is meant for a phone.
            let is_whole = !received.flags.contains(MsgFlags::MSG_TRUNC);
            let len = if is_whole { received.bytes } else { 0 };
            // A source that is no address is given one that matches no one.
            let source = received.address.as_ref().and_then(socket_address);
            let source = source.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
            (source, len, came)
        };
        let age = came
            .and_then(|came| SystemTime::now().duration_since(UNIX_EPOCH + came).ok())
            .unwrap_or_default();
        Some(Datagram {
            source,
            bytes: self.buffer.get(..len)?,
            age: age.min(AGE_MAX),
        })
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
