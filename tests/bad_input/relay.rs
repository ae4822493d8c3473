//! A relay between the clients' sound and the service: it passes on every datagram, keeps some of them,
//! and can send them again from the very address that their client is known by.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UdpSocket;

/// Datagrams that are kept of each kind.
const KEPT_MAX: usize = 64;
const DATAGRAM_BYTES_MAX: usize = 2048;

/// What a datagram is, by its first byte (RFC 7983 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Stun,
    Dtls,
    Rtp,
    Other,
}

impl Kind {
    fn of(datagram: &[u8]) -> Self {
        match datagram.first() {
            Some(0..=3) => Self::Stun,
            Some(20..=63) => Self::Dtls,
            Some(128..=191) => Self::Rtp,
            _ => Self::Other,
        }
    }
}

#[derive(Default)]
struct Seen {
    kept: HashMap<Kind, Vec<Vec<u8>>>,
    /// One socket a client: as this the service knows it.
    doors: HashMap<SocketAddr, Arc<UdpSocket>>,
}

/// The relay, passing on until the runtime ends.
pub struct Relay {
    /// Where clients are told to send.
    pub address: SocketAddr,
    /// Where the service is to listen: the same port of another address of this machine.
    pub service: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Relay {
    pub async fn bind() -> Self {
        for _ in 0..100 {
            let front = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).await;
            let front = Arc::new(front.expect("a socket"));
            let address = front.local_addr().expect("an address");
            let service = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
            if UdpSocket::bind(service).await.is_err() {
                continue;
            }
            let seen = Arc::new(Mutex::new(Seen::default()));
            tokio::spawn(pass_on(front, service, Arc::clone(&seen)));
            return Self {
                address,
                service,
                seen,
            };
        }
        panic!("no port is free at two addresses");
    }

    /// Datagrams of clients, of this kind.
    pub fn kept(&self, kind: Kind) -> Vec<Vec<u8>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.kept.get(&kind).cloned().unwrap_or_default()
    }

    /// The clients' sockets at the service.
    pub fn doors(&self) -> Vec<Arc<UdpSocket>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.doors.values().cloned().collect()
    }
}

async fn pass_on(front: Arc<UdpSocket>, service: SocketAddr, seen: Arc<Mutex<Seen>>) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((len, from)) = front.recv_from(&mut buffer).await else {
            continue;
        };
        let datagram = &buffer[..len];
        let known = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = seen.kept.entry(Kind::of(datagram)).or_default();
            if kept.len() < KEPT_MAX {
                kept.push(datagram.to_vec());
            }
            seen.doors.get(&from).cloned()
        };
        let door = match known {
            Some(door) => door,
            None => {
                let door = open(Arc::clone(&front), from, service).await;
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.doors.insert(from, Arc::clone(&door));
                door
            }
        };
        let _ = door.send(datagram).await;
    }
}

/// A socket for one client, whose answers go back to that client.
async fn open(front: Arc<UdpSocket>, client: SocketAddr, service: SocketAddr) -> Arc<UdpSocket> {
    let door = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let door = Arc::new(door.expect("a socket"));
    door.connect(service).await.expect("an address");
    let back = Arc::clone(&door);
    tokio::spawn(async move {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        loop {
            if let Ok(len) = back.recv(&mut buffer).await {
                let _ = front.send_to(&buffer[..len], client).await;
            }
        }
    });
    door
}
