//! The ports that phones are given.

use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::sys::socket::{setsockopt, sockopt};

use super::PhoneError;

/// What the kernel is asked to keep of RTP, in bytes: some seconds of any codec.
const RECEIVE_BYTES: usize = 128 * 1024;

/// What marks voice on its way (RFC 3246): Expedited Forwarding, 46, in the upper six bits.
const EXPEDITED: i32 = 46 << 2;

/// Pairs of ports out of a range: an even one for RTP, and the odd one after it for RTCP. Clones share
/// the range.
#[derive(Debug, Clone)]
pub struct Ports {
    range: Arc<Range>,
}

#[derive(Debug)]
struct Range {
    bind: IpAddr,
    first: u16,
    /// One for each pair.
    taken: Box<[AtomicBool]>,
    /// Where the next search begins: a pair that was just given back rests as long as others are
    /// free, so that what is still under way to it reaches no one.
    next: AtomicUsize,
}

impl Ports {
    /// The pairs of a range, bound to one address. A range without a pair gives none.
    #[must_use]
    pub fn new(bind: IpAddr, range: RangeInclusive<u16>) -> Self {
        let first = range.start().saturating_add(range.start() % 2);
        let ports = usize::from(*range.end()) + 1;
        let pairs = ports.saturating_sub(usize::from(first)) / 2;
        Self {
            range: Arc::new(Range {
                bind,
                first,
                taken: (0..pairs).map(|_| AtomicBool::new(false)).collect(),
                next: AtomicUsize::new(0),
            }),
        }
    }

    /// The next pair that is free; it is given back when it is dropped. Ports of the range that someone
    /// else has are passed over.
    ///
    /// # Errors
    /// [`PhoneError::NoPort`] when none is left.
    pub fn take(&self) -> Result<PortPair, PhoneError> {
        for _ in 0..self.range.taken.len() {
            let at = self.range.next.fetch_add(1, Ordering::Relaxed) % self.range.taken.len();
            let Some(taken) = self.range.taken.get(at) else {
                continue;
            };
            if taken.swap(true, Ordering::AcqRel) {
                continue;
            }
            let seat = Seat {
                range: Arc::clone(&self.range),
                at,
            };
            let port = self.range.first.saturating_add(2 * at as u16);
            let open = |port| open(SocketAddr::new(self.range.bind, port));
            if let (Ok(rtp), Ok(rtcp)) = (open(port), open(port.saturating_add(1))) {
                return Ok(PortPair {
                    rtp,
                    rtcp,
                    port,
                    seat,
                });
            }
        }
        Err(PhoneError::NoPort)
    }

    /// How many pairs are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        let taken = self.range.taken.iter();
        taken.filter(|taken| taken.load(Ordering::Acquire)).count()
    }

    /// How many pairs there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.range.taken.len()
    }
}

fn open(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // As much as the kernel allows: less is no error. Without its time of arrival a datagram came when
    // it was read.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BYTES);
    let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &true);
    // Networks that know voice let it pass first.
    let _ = match address {
        SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4Tos, &EXPEDITED),
        SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6TClass, &EXPEDITED),
    };
    Ok(socket)
}

/// A place in the range, until it is dropped.
#[derive(Debug)]
struct Seat {
    range: Arc<Range>,
    at: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(taken) = self.range.taken.get(self.at) {
            taken.store(false, Ordering::Release);
        }
    }
}

/// Two sockets, one beside the other.
#[derive(Debug)]
pub struct PortPair {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    port: u16,
    // The last field: the place is free once the sockets are closed.
    seat: Seat,
}

impl PortPair {
    #[must_use]
    pub const fn rtp_port(&self) -> u16 {
        self.port
    }

    /// Sends RTP; whether the kernel took it. Late sound is worth nothing, so nothing waits.
    pub(super) fn send_rtp(&self, destination: SocketAddr, bytes: &[u8]) -> bool {
        let destination = self.reachable(destination);
        self.rtp.send_to(bytes, destination).is_ok()
    }

    /// Sends RTCP; whether the kernel took it.
    pub(super) fn send_rtcp(&self, destination: SocketAddr, bytes: &[u8]) -> bool {
        let destination = self.reachable(destination);
        self.rtcp.send_to(bytes, destination).is_ok()
    }

    /// An address as the sockets want it: those of both families want all as of IPv6.
    fn reachable(&self, destination: SocketAddr) -> SocketAddr {
        match destination {
            SocketAddr::V4(v4) if self.seat.range.bind.is_ipv6() => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// An even port with some after it for each of these tests, and each run of them.
    fn base(test: u16) -> u16 {
        10_000 + (std::process::id() % 400) as u16 * 20 + test * 10
    }

    #[test]
    fn port_pairs_rotate_and_return_when_dropped() {
        let base = base(0);
        let ports = Ports::new(HERE, base + 1..=base + 9);
        assert_eq!(ports.total(), 4);
        let pairs: Vec<_> = (0..4).map(|_| ports.take().unwrap()).collect();
        assert!(matches!(ports.take(), Err(PhoneError::NoPort)));
        let numbers: BTreeSet<_> = pairs.iter().map(PortPair::rtp_port).collect();
        assert_eq!(numbers, BTreeSet::from([2, 4, 6, 8].map(|at| base + at)));
        for pair in &pairs {
            let rtcp = pair.rtcp.local_addr().unwrap().port();
            assert_eq!(rtcp, pair.rtp_port() + 1);
        }
        drop(pairs);
        assert_eq!(ports.taken(), 0);
        let (first, second) = (ports.take().unwrap(), ports.clone().take().unwrap());
        assert_ne!(first.rtp_port(), second.rtp_port());
        assert_eq!(ports.taken(), 2);
    }

    #[test]
    fn a_port_in_use_is_skipped() {
        let base = base(1);
        let other = UdpSocket::bind((HERE, base + 1)).unwrap();
        let ports = Ports::new(HERE, base..=base + 3);
        let pair = ports.take().unwrap();
        assert_eq!(pair.rtp_port(), base + 2);
        assert!(ports.take().is_err());
        assert_eq!(ports.taken(), 1);
        drop(other);
        assert_eq!(ports.take().unwrap().rtp_port(), base);
    }

    #[test]
    fn sockets_of_both_families_reach_a_peer_of_the_older_one() {
        let any = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
        let peer = UdpSocket::bind((HERE, 0)).unwrap();
        let Ok(pair) = Ports::new(any, 18_000..=18_199).take() else {
            // A machine without IPv6.
            return;
        };
        assert!(pair.send_rtp(peer.local_addr().unwrap(), b"sound"));
        let (len, from) = peer.recv_from(&mut [0; 16]).unwrap();
        assert_eq!((len, from.port()), (5, pair.rtp_port()));
    }

    #[test]
    fn a_range_without_a_pair_gives_none() {
        for range in [26_131..=26_131, 26_131..=26_132, 65_535..=65_535] {
            assert_eq!(Ports::new(HERE, range.clone()).total(), 0, "{range:?}");
            assert!(Ports::new(HERE, range).take().is_err());
        }
        assert_eq!(Ports::new(HERE, 65_534..=65_535).total(), 1);
    }
}
