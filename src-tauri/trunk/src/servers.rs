//! The servers of a trunk: which there are by now (RFC 3263), and which of them is meant.

use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Servers of one trunk that are known at once.
pub(crate) const SERVERS_MAX: usize = 16;
/// How long one that failed comes after all others.
const SHUN_TIME: Duration = Duration::from_secs(300);

/// The servers of one trunk, in the order in which they are to be tried.
#[derive(Default)]
pub(crate) struct Servers(RwLock<Known>);

#[derive(Default)]
struct Known {
    ordered: Vec<SocketAddr>,
    /// Those that failed, the earliest first.
    shunned: Vec<(SocketAddr, Instant)>,
}

impl Known {
    fn is_shunned(&self, server: SocketAddr, now: Instant) -> bool {
        let lately = |since: Instant| now.saturating_duration_since(since) < SHUN_TIME;
        let mut shunned = self.shunned.iter();
        shunned.any(|(own, since)| *own == server && lately(*since))
    }
}

impl Servers {
    /// Takes what a look-up found. An order that was drawn stays as long as the servers are the same: we
    /// are not to wander from one to another while nothing happens.
    pub(crate) fn replace(&self, mut ordered: Vec<SocketAddr>) {
        ordered.truncate(SERVERS_MAX);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let are_same = ordered.len() == known.ordered.len()
            && ordered.iter().all(|server| known.ordered.contains(server));
        if are_same {
            return;
        }
        known.shunned.retain(|(own, _)| ordered.contains(own));
        known.ordered = ordered;
    }

    /// The one to speak to now; none before any was found.
    pub(crate) fn current(&self, now: Instant) -> Option<SocketAddr> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut servers = known.ordered.iter().copied();
        let better = servers.find(|own| !known.is_shunned(*own, now));
        // When all fail, the one that has failed for longest may be back.
        better.or_else(|| known.shunned.first().map(|(server, _)| *server))
    }

    /// Puts one after all others for a while, since it does not answer.
    pub(crate) fn shun(&self, server: SocketAddr, now: Instant) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.ordered.len() < 2 || !known.ordered.contains(&server) {
            return;
        }
        known.shunned.retain(|(own, _)| *own != server);
        known.shunned.push((server, now));
    }

    pub(crate) fn all(&self) -> Vec<SocketAddr> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.ordered.clone()
    }

    pub(crate) fn count(&self) -> usize {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.ordered.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_server_that_fails_comes_last_for_a_while() {
        let (servers, now) = (Servers::default(), Instant::now());
        assert_eq!(servers.current(now), None);
        servers.replace(vec![at(1), at(2)]);
        servers.shun(at(1), now);
        assert_eq!(servers.current(now), Some(at(2)));
        // A look-up changes nothing of that.
        servers.replace(vec![at(2), at(1)]);
        assert_eq!(servers.current(now), Some(at(2)));
        assert_eq!(servers.current(now + SHUN_TIME), Some(at(1)));
    }

    #[test]
    fn when_all_fail_they_are_tried_in_turn() {
        let (servers, now) = (Servers::default(), Instant::now());
        servers.replace(vec![at(1), at(2), at(3)]);
        let tried: Vec<_> = (0..6)
            .map(|_| {
                let server = servers.current(now).unwrap();
                servers.shun(server, now);
                server.port()
            })
            .collect();
        assert_eq!(tried, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn the_only_server_is_never_given_up() {
        let (servers, now) = (Servers::default(), Instant::now());
        servers.replace(vec![at(1)]);
        servers.shun(at(1), now);
        servers.shun(at(7), now);
        assert_eq!(servers.current(now), Some(at(1)));
        servers.replace((0..100).map(at).collect());
        assert_eq!(servers.count(), SERVERS_MAX);
    }
}
