//! The half of a phone that stays with its leg.

use media::LeadQuality;

use super::PhoneError;
use crate::sdp::Negotiated;

/// The half of a phone that stays with its leg.
#[derive(Debug)]
pub struct PhoneControl {
    pub(super) port: u16,
}

/// What became of a phone since the last question.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PhoneReport {
    /// Keys that the peer pressed, at most 16.
    pub keys: String,
    /// How the network does, when there is a new report.
    pub quality: Option<LeadQuality>,
    /// How long ago the peer sent RTP or RTCP, in milliseconds; before it sent anything, since when
    /// the phone is ticked with something negotiated.
    pub heard_ms_ago: u64,
    /// RTP packets that the peer sent.
    pub received: u64,
    /// RTP packets that were sent to the peer.
    pub sent: u64,
    /// Datagrams of somebody else, dropped.
    pub strangers: u64,
    /// Datagrams of the peer that were of no use, dropped: no RTP, not authentic, not negotiated.
    pub refused: u64,
}

impl std::fmt::Debug for PhoneReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Which keys is nobody's business.
        f.debug_struct("PhoneReport")
            .field("key_count", &self.keys.len())
            .field("quality", &self.quality)
            .field("heard_ms_ago", &self.heard_ms_ago)
            .field("received", &self.received)
            .field("sent", &self.sent)
            .field("strangers", &self.strangers)
            .field("refused", &self.refused)
            .finish()
    }
}

impl PhoneControl {
    /// The port of RTP, for the description.
    #[must_use]
    pub fn local_port(&self) -> u16 {
        self.port
    }

    /// What was negotiated, first or anew.
    ///
    /// # Errors
    /// [`PhoneError::Keys`]; [`PhoneError::Busy`] when the worker has not taken in the last ones.
    pub fn negotiated(&mut self, _negotiated: Negotiated) -> Result<(), PhoneError> {
        Ok(())
    }

    /// The lead answered: from now on they hear what is said. Before, they are sent silence.
    pub fn answered(&mut self) {}

    /// Plays what a held lead hears, or no longer.
    pub fn set_held(&mut self, _held: bool) {}

    /// Sends digits (RFC 4733): `0`–`9`, `*`, `#`, `A`–`D`; others are ignored, and so is what comes
    /// after 64 that wait.
    pub fn send_dtmf(&mut self, _digits: &str) {}

    /// What became of it since the last question.
    pub fn report(&mut self) -> PhoneReport {
        PhoneReport::default()
    }

    /// Says goodbye (RTCP BYE) at the next tick, and is silent from then on.
    pub fn end(&mut self) {}
}
