//! Who the peer is: the address of its description, or the one that its NAT gives it (symmetric RTP).
//! Everyone else is a stranger.

use std::net::SocketAddr;

/// What a source is, before its packet was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Peer,
    /// The peer, if its packet is what the peer would send: [`Source::confirm`] then holds to it.
    Perhaps,
    /// Someone else.
    Stranger,
}

/// Where the peer sends from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    described: SocketAddr,
    described_rtcp: SocketAddr,
    /// The source that is held to.
    latched: Option<SocketAddr>,
    latched_rtcp: Option<SocketAddr>,
}

impl Source {
    pub const fn new(described: SocketAddr, described_rtcp: SocketAddr) -> Self {
        Self {
            described,
            described_rtcp,
            latched: None,
            latched_rtcp: None,
        }
    }

    /// A new description: one with another address may be of another machine. Whether it is.
    pub fn describe(&mut self, described: SocketAddr, described_rtcp: SocketAddr) -> bool {
        let is_other = described != self.described;
        // A hold of the old way describes no place, and moves no one.
        if described.ip().is_unspecified() {
            return false;
        }
        if is_other {
            *self = Self::new(described, described_rtcp);
        } else {
            self.described_rtcp = described_rtcp;
        }
        is_other
    }

    /// What the source of an RTP packet is.
    pub fn standing(&self, source: SocketAddr) -> Standing {
        match self.latched {
            Some(latched) if latched == source => Standing::Peer,
            Some(_) if source != self.described => Standing::Stranger,
            // No one is held to yet, or whoever came first was not who was described.
            _ => Standing::Perhaps,
        }
    }

    /// The source sent what the peer would send: it is held to.
    pub fn confirm(&mut self, source: SocketAddr) {
        if self.latched != Some(source) {
            self.latched = Some(source);
            self.latched_rtcp = None;
        }
    }

    /// What the source of an RTCP packet is: what is described, or the same machine as RTP's.
    pub fn standing_rtcp(&self, source: SocketAddr) -> Standing {
        let is_same_machine = self.latched.is_some_and(|rtp| rtp.ip() == source.ip());
        if self.latched_rtcp == Some(source) || source == self.described_rtcp {
            Standing::Peer
        } else if is_same_machine && self.latched_rtcp.is_none() {
            Standing::Perhaps
        } else {
            Standing::Stranger
        }
    }

    /// The source sent reports: they go back there.
    pub fn confirm_rtcp(&mut self, source: SocketAddr) {
        self.latched_rtcp = Some(source);
    }

    /// Where RTP goes.
    pub fn destination(&self) -> SocketAddr {
        self.latched.unwrap_or(self.described)
    }

    /// Where RTCP goes, when it has a port of its own.
    pub fn destination_rtcp(&self) -> SocketAddr {
        match (self.latched_rtcp, self.latched) {
            (Some(rtcp), _) => rtcp,
            // Behind a NAT the described address leads nowhere.
            (None, Some(rtp)) if rtp.ip() != self.described.ip() => {
                SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1))
            }
            _ => self.described_rtcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_to_send_what_was_negotiated_is_the_peer() {
        let mut source = Source::new(at("10.0.0.5:4000"), at("10.0.0.5:4001"));
        let (nat, other) = (at("198.51.100.7:9000"), at("198.51.100.8:9000"));
        assert_eq!(source.destination(), at("10.0.0.5:4000"));
        assert_eq!(source.standing(nat), Standing::Perhaps);
        assert_eq!(
            source.standing_rtcp(at("198.51.100.7:9001")),
            Standing::Stranger
        );
        source.confirm(nat);
        assert_eq!(source.standing(nat), Standing::Peer);
        assert_eq!(source.standing(other), Standing::Stranger);
        assert_eq!(source.standing(at("198.51.100.7:9002")), Standing::Stranger);
        assert_eq!(source.destination(), nat);
        assert_eq!(source.destination_rtcp(), at("198.51.100.7:9001"));
        assert_eq!(
            source.standing_rtcp(at("198.51.100.7:7777")),
            Standing::Perhaps
        );
        source.confirm_rtcp(at("198.51.100.7:7777"));
        assert_eq!(
            source.standing_rtcp(at("198.51.100.7:9001")),
            Standing::Stranger
        );
        assert_eq!(source.destination_rtcp(), at("198.51.100.7:7777"));
    }

    #[test]
    fn who_was_described_takes_precedence_over_whoever_came_first() {
        let described = at("192.0.2.5:4000");
        let mut source = Source::new(described, at("192.0.2.5:4001"));
        let thief = at("198.51.100.7:9000");
        source.confirm(thief);
        assert_eq!(source.standing(described), Standing::Perhaps);
        source.confirm(described);
        assert_eq!(source.standing(thief), Standing::Stranger);
        assert_eq!(source.destination(), described);
        assert_eq!(source.destination_rtcp(), at("192.0.2.5:4001"));
    }

    #[test]
    fn only_a_new_description_lets_the_source_change() {
        let (described, rtcp) = (at("10.0.0.5:4000"), at("10.0.0.5:4001"));
        let mut source = Source::new(described, rtcp);
        let nat = at("198.51.100.7:9000");
        source.confirm(nat);
        assert!(!source.describe(described, rtcp));
        assert!(!source.describe(at("0.0.0.0:4000"), at("0.0.0.0:4001")));
        assert_eq!(source.standing(nat), Standing::Peer);
        assert!(source.describe(at("10.0.0.6:4000"), at("10.0.0.6:4001")));
        assert_eq!(source.destination(), at("10.0.0.6:4000"));
        assert_eq!(source.standing(nat), Standing::Perhaps);
    }
}
