//! What the last response to an INVITE means to a person (RFC 3261 §21).

use media::LeadSignal;

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is so, whichever trunk is asked.
    Final(LeadSignal),
    /// Nobody took it in time, if it rang; else the trunk did not reach anybody.
    NotHere,
    /// Somewhere else.
    Elsewhere,
    /// The session is to be longer.
    Longer,
    /// This server is not to be had; another one of the trunk may be.
    NotThisServer,
    /// This trunk will not; another one may.
    NotThisTrunk,
}

/// Of a status code from 300 on.
pub(super) const fn meaning(code: u16) -> Meaning {
    match code {
        300..=399 => Meaning::Elsewhere,
        486 | 600 => Meaning::Final(LeadSignal::Busy),
        // 607 and 608 are of RFC 8197 and RFC 8688.
        603 | 607 | 608 => Meaning::Final(LeadSignal::Declined),
        404 | 410 | 484 | 485 | 604 => Meaning::Final(LeadSignal::Unreachable),
        480 => Meaning::Final(LeadSignal::NoAnswer),
        408 | 487 => Meaning::NotHere,
        422 => Meaning::Longer,
        503 => Meaning::NotThisServer,
        _ => Meaning::NotThisTrunk,
    }
}
