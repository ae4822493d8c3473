//! Whose turn it is to change the session: one offer at a time (RFC 3261 §14, RFC 3311 §5).
//!
//! Pure: time is an argument, in milliseconds from any start, and so is chance.

/// How often a change that is put off is tried again.
const ATTEMPTS_MAX: u32 = 8;
/// After this long without an ACK the other side will send none: 64 × T1 (RFC 3261 §13.3.1.4).
const ACK_MAX_MS: u64 = 32_000;

/// The INVITE transaction of this call that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Open {
    #[default]
    None,
    Ours,
    /// We answered theirs, and wait for the ACK; `has_offer`: our answer was an offer, and the ACK brings
    /// theirs (RFC 3261 §13.2.1).
    Theirs {
        cseq: u32,
        has_offer: bool,
        until: u64,
    },
}

/// The turns of one call.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    open: Open,
    /// When our next re-INVITE may be sent; none when we want none.
    due: Option<u64>,
    attempts: u32,
}

impl Exchange {
    /// We want to send a re-INVITE, as soon as it is our turn.
    pub(super) fn want(&mut self, now: u64) {
        self.attempts = 0;
        self.due = self.due.or(Some(now));
    }

    /// Whether it is our turn.
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.wake_at().is_some_and(|at| at <= now)
    }

    /// When it will be, if nothing else happens.
    pub(super) fn wake_at(&self) -> Option<u64> {
        match self.open {
            Open::None => self.due,
            Open::Ours => None,
            Open::Theirs { until, .. } => self.due.map(|due| due.max(until)),
        }
    }

    /// Our re-INVITE is sent.
    pub(super) fn begin(&mut self) {
        self.open = Open::Ours;
        self.due = None;
    }

    /// There is nothing to send any more.
    pub(super) fn forget(&mut self) {
        self.due = None;
    }

    /// Our re-INVITE had its final response.
    pub(super) fn ended(&mut self) {
        if self.open == Open::Ours {
            self.open = Open::None;
        }
    }

    /// It is to be tried again at this time. False when it was tried often enough.
    pub(super) fn again(&mut self, at: u64) -> bool {
        self.attempts += 1;
        let goes_on = self.attempts < ATTEMPTS_MAX;
        if goes_on {
            // What was asked for meanwhile waits as well.
            self.due = Some(at);
        }
        goes_on
    }

    /// Whether a re-INVITE or UPDATE of theirs crosses what is under way, and is refused with 491
    /// (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn is_crossed(&self, now: u64, is_invite: bool, has_offer: bool) -> bool {
        let our_offer_is_open = match self.open {
            Open::None => false,
            Open::Ours => true,
            Open::Theirs {
                has_offer, until, ..
            } => has_offer && now < until,
        };
        our_offer_is_open && (is_invite || has_offer)
    }

    /// We answered a re-INVITE of theirs with 2xx; `has_offer`: with our offer.
    pub(super) fn answered(&mut self, now: u64, cseq: u32, has_offer: bool) {
        self.open = Open::Theirs {
            cseq,
            has_offer,
            until: now + ACK_MAX_MS,
        };
    }

    /// An ACK came. Whether it brings the answer to our offer.
    pub(super) fn acknowledged(&mut self, cseq: u32) -> bool {
        let Open::Theirs {
            cseq: own,
            has_offer,
            ..
        } = self.open
        else {
            return false;
        };
        if cseq != own {
            return false;
        }
        self.open = Open::None;
        has_offer
    }
}

/// How long to wait after a 491 (RFC 3261 §14.1): whoever made the Call-ID waits longer, so that one comes
/// first.
pub(super) fn crossed_wait_ms(is_owner: bool, random: u32) -> u64 {
    let random = u64::from(random);
    if is_owner {
        2_100 + 10 * (random % 191)
    } else {
        10 * (random % 201)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_change_waits_for_theirs_to_be_acknowledged() {
        let mut exchange = Exchange::default();
        exchange.answered(5, 7, false);
        exchange.want(10);
        assert!(!exchange.is_due(10));
        assert_eq!(exchange.wake_at(), Some(32_005), "no ACK comes any more");
        assert!(!exchange.acknowledged(6), "the ACK of another one");
        assert!(!exchange.is_due(10));
        assert!(!exchange.acknowledged(7), "it brings no answer");
        assert!(exchange.is_due(10));
    }

    #[test]
    fn an_ack_brings_the_answer_to_our_offer_once() {
        let mut exchange = Exchange::default();
        exchange.answered(0, 7, true);
        assert!(exchange.acknowledged(7));
        assert!(!exchange.acknowledged(7));
    }

    #[test]
    fn only_one_offer_is_open_at_a_time() {
        let mut exchange = Exchange::default();
        let crosses = |exchange: &Exchange| {
            [(true, true), (true, false), (false, true), (false, false)]
                .map(|(is_invite, has_offer)| exchange.is_crossed(9, is_invite, has_offer))
        };
        assert_eq!(crosses(&exchange), [false; 4]);
        exchange.want(0);
        exchange.begin();
        // An UPDATE without an offer changes nothing of ours.
        assert_eq!(crosses(&exchange), [true, true, true, false]);
        exchange.ended();
        assert_eq!(crosses(&exchange), [false; 4]);
        exchange.answered(9, 1, true);
        assert_eq!(crosses(&exchange), [true, true, true, false]);
        // Its ACK was lost, and they go on.
        exchange.answered(9, 2, false);
        assert_eq!(crosses(&exchange), [false; 4]);
    }

    #[test]
    fn a_change_is_tried_again_within_a_bound() {
        let mut exchange = Exchange::default();
        exchange.want(0);
        for at in 1..u64::from(ATTEMPTS_MAX) {
            assert!(exchange.is_due(at - 1));
            exchange.begin();
            exchange.ended();
            assert!(exchange.again(at));
            assert_eq!(exchange.wake_at(), Some(at));
        }
        exchange.begin();
        exchange.ended();
        assert!(!exchange.again(99));
        assert_eq!(exchange.wake_at(), None);
    }

    #[test]
    fn whoever_made_the_call_waits_longer() {
        for random in (0..100_000).chain([u32::MAX]) {
            let (owner_ms, other_ms) = (
                crossed_wait_ms(true, random),
                crossed_wait_ms(false, random),
            );
            assert!((2_100..=4_000).contains(&owner_ms) && owner_ms % 10 == 0);
            assert!(other_ms <= 2_000 && other_ms % 10 == 0);
        }
    }
}
