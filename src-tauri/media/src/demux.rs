//! Whose datagram is this? In constant time, whatever a stranger sends.
//!
//! By its source address once the peer has proven itself from there; before that, by the username
//! fragment in a STUN binding request, which names one connection. Everything else is dropped.

use std::collections::HashMap;
use std::net::SocketAddr;

/// Addresses remembered for one connection. A new one replaces the oldest.
const ADDRESSES_MAX: usize = 8;

/// Which connection a datagram belongs to; `usize` is the connection's key.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<SocketAddr, usize>,
    ufrags: HashMap<String, usize>,
    known: HashMap<usize, Known>,
}

#[derive(Debug)]
struct Known {
    ufrag: String,
    addresses: Vec<SocketAddr>,
}

impl Demux {
    /// Registers a connection under the fragment that its peer will name.
    pub(crate) fn insert(&mut self, key: usize, ufrag: &str) {
        self.ufrags.insert(ufrag.to_owned(), key);
        let known = Known {
            ufrag: ufrag.to_owned(),
            addresses: Vec::new(),
        };
        self.known.insert(key, known);
    }

    /// The peer of a connection will name another fragment from now on. Its addresses stay its own.
    pub(crate) fn rename(&mut self, key: usize, ufrag: &str) {
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        let before = std::mem::replace(&mut known.ufrag, ufrag.to_owned());
        self.ufrags.remove(&before);
        self.ufrags.insert(ufrag.to_owned(), key);
    }

    /// Forgets a connection and all its addresses.
    pub(crate) fn remove(&mut self, key: usize) {
        let Some(known) = self.known.remove(&key) else {
            return;
        };
        self.ufrags.remove(&known.ufrag);
        for address in known.addresses {
            if self.addresses.get(&address) == Some(&key) {
                self.addresses.remove(&address);
            }
        }
    }

    /// The connection whose peer has proven itself from this address.
    pub(crate) fn by_address(&self, source: SocketAddr) -> Option<usize> {
        self.addresses.get(&source).copied()
    }

    /// The connection that a STUN request names. That proves nothing yet.
    pub(crate) fn by_ufrag(&self, datagram: &[u8]) -> Option<usize> {
        let ufrag = std::str::from_utf8(request_ufrag(datagram)?).ok()?;
        self.ufrags.get(ufrag).copied()
    }

    /// The peer has proven itself from this address, which is theirs from now on.
    pub(crate) fn learn(&mut self, key: usize, source: SocketAddr) {
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        if self.addresses.insert(source, key) == Some(key) {
            return;
        }
        if known.addresses.len() >= ADDRESSES_MAX {
            let oldest = known.addresses.remove(0);
            if self.addresses.get(&oldest) == Some(&key) {
                self.addresses.remove(&oldest);
            }
        }
        known.addresses.retain(|address| *address != source);
        known.addresses.push(source);
    }

    #[cfg(test)]
    /// Nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.addresses.is_empty() && self.ufrags.is_empty()
    }
}

/// Whether a datagram claims to be STUN (RFC 7983 §7).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|byte| *byte < 4)
}

/// Identifies a STUN request (RFC 8489 §5).
pub(crate) type Transaction = [u8; 12];

/// The transaction of a STUN message.
pub(crate) fn stun_transaction(datagram: &[u8]) -> Option<Transaction> {
    datagram.get(8..STUN_HEADER_BYTES)?.try_into().ok()
}

const STUN_HEADER_BYTES: usize = 20;
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const STUN_BINDING_REQUEST: [u8; 2] = [0, 1];
const STUN_USERNAME: [u8; 2] = [0, 6];
/// Attributes that are read; every client puts the username among the first.
const STUN_ATTRIBUTES_MAX: usize = 16;

/// The part of the username before the colon in a STUN binding request (RFC 8489 §14.3, RFC 8445
/// §7.2.2), which is the receiver's own fragment.
fn request_ufrag(datagram: &[u8]) -> Option<&[u8]> {
    let header = datagram.get(..STUN_HEADER_BYTES)?;
    if header.get(..2)? != STUN_BINDING_REQUEST || header.get(4..8)? != STUN_COOKIE {
        return None;
    }
    let mut attributes = datagram.get(STUN_HEADER_BYTES..)?;
    for _ in 0..STUN_ATTRIBUTES_MAX {
        let kind = attributes.get(..2)?;
        let len = usize::from(u16::from_be_bytes([
            *attributes.get(2)?,
            *attributes.get(3)?,
        ]));
        let value = attributes.get(4..4 + len)?;
        if kind == STUN_USERNAME {
            let colon = value.iter().position(|byte| *byte == b':')?;
            return value.get(..colon);
        }
        attributes = attributes.get(4 + len.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding_request(username: &str) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        datagram.extend([7; 12]);
        // Another attribute first, of a length that needs padding.
        datagram.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        datagram.extend([0, 6, 0, username.len() as u8]);
        datagram.extend(username.as_bytes());
        datagram.resize(datagram.len().next_multiple_of(4), 0);
        datagram
    }

    #[test]
    fn a_request_names_the_receivers_fragment() {
        let datagram = binding_request("ours:theirs");
        assert_eq!(request_ufrag(&datagram), Some(&b"ours"[..]));
        assert_eq!(request_ufrag(&binding_request("nocolon")), None);
    }

    #[test]
    fn truncated_and_corrupted_requests_never_panic() {
        let datagram = binding_request("ours:theirs");
        for len in 0..datagram.len() {
            let _ = request_ufrag(&datagram[..len]);
        }
        for at in 0..datagram.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bent = datagram.clone();
                bent[at] = value;
                let _ = request_ufrag(&bent);
            }
        }
    }

    #[test]
    fn a_connection_leaves_nothing_behind() {
        let mut demux = Demux::default();
        demux.insert(3, "ours");
        for port in 1..=40 {
            demux.learn(3, SocketAddr::from(([127, 0, 0, 1], port)));
        }
        assert_eq!(demux.addresses.len(), ADDRESSES_MAX);
        assert_eq!(
            demux.by_address(SocketAddr::from(([127, 0, 0, 1], 40))),
            Some(3)
        );
        assert_eq!(demux.by_ufrag(&binding_request("ours:theirs")), Some(3));
        demux.remove(3);
        assert!(demux.is_empty());
    }

    #[test]
    fn a_renamed_connection_keeps_its_addresses_and_leaves_nothing_behind() {
        let mut demux = Demux::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        demux.insert(3, "ours");
        demux.learn(3, address);
        demux.rename(3, "new");
        assert_eq!(demux.by_address(address), Some(3));
        assert_eq!(demux.by_ufrag(&binding_request("ours:theirs")), None);
        assert_eq!(demux.by_ufrag(&binding_request("new:theirs")), Some(3));
        // The same name again, and a connection that is gone.
        demux.rename(3, "new");
        assert_eq!(demux.by_ufrag(&binding_request("new:theirs")), Some(3));
        demux.rename(4, "nobody");
        demux.remove(3);
        assert!(demux.is_empty());
    }

    #[test]
    fn an_address_belongs_to_who_proved_it_last() {
        let mut demux = Demux::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        demux.insert(1, "one");
        demux.insert(2, "two");
        demux.learn(1, address);
        demux.learn(2, address);
        assert_eq!(demux.by_address(address), Some(2));
        demux.remove(1);
        assert_eq!(demux.by_address(address), Some(2));
        demux.remove(2);
        assert!(demux.is_empty());
    }
}
