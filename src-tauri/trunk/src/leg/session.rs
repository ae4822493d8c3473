//! What both sides agree on for the sound of one leg: our half of offer and answer (RFC 3264), passed
//! on to the phone's media.

use std::net::IpAddr;

use crate::TrunkError;
use crate::phone::{PhoneControl, PhoneError, sdes_key};
use crate::sdp::{self, Local, MediaDirection, SdpError};
use crate::settings::{PhoneCodec, Transport, TrunkSettings};

/// One leg's session.
pub(super) struct Session {
    local: Local,
    control: PhoneControl,
    agreed: bool,
    /// Our last description.
    last: String,
    /// The direction in our last offer, and the one the other side knows of.
    offered: MediaDirection,
    told: MediaDirection,
}

/// Why there is no agreement.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Description(#[from] SdpError),
    #[error(transparent)]
    Media(#[from] PhoneError),
}

impl Session {
    /// A session without an agreement yet.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(super) fn new(control: PhoneControl) -> Result<Self, TrunkError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| TrunkError::Media(error.to_string()))?;
        // Short enough for every peer to read.
        let session_id = u64::from_be_bytes(random) >> 33;
        Ok(Self {
            local: Local {
                address: IpAddr::from([0, 0, 0, 0]),
                port: control.local_port(),
                session_id,
                version: 0,
                direction: MediaDirection::SendReceive,
                codecs: Vec::new(),
                crypto: None,
            },
            control,
            agreed: false,
            last: String::new(),
            offered: MediaDirection::SendReceive,
            told: MediaDirection::SendReceive,
        })
    }

    /// Begins again with this trunk.
    ///
    /// # Errors
    /// When the system has no randomness for a key.
    pub(super) fn begin(
        &mut self,
        settings: &TrunkSettings,
        address: IpAddr,
    ) -> Result<(), TrunkError> {
        let codec = |codec: &PhoneCodec| match codec {
            PhoneCodec::Pcma => voice::Codec::Pcma,
            PhoneCodec::Pcmu => voice::Codec::Pcmu,
            PhoneCodec::Opus => voice::Codec::Opus,
        };
        self.local.address = address;
        self.local.codecs = settings.codecs.iter().map(codec).collect();
        self.local.crypto = match settings.transport {
            Transport::Tls => {
                Some(sdes_key().map_err(|error| TrunkError::Media(error.to_string()))?)
            }
            Transport::Udp | Transport::Tcp => None,
        };
        self.agreed = false;
        Ok(())
    }

    pub(super) fn offer(&mut self) -> Vec<u8> {
        self.offered = self.local.direction;
        if sdp::offer(&self.local) != self.last {
            self.local.version += 1;
            self.last = sdp::offer(&self.local);
        }
        self.last.clone().into_bytes()
    }

    /// Takes the other side's answer.
    ///
    /// # Errors
    /// [`SessionError`]; the previous agreement stays.
    pub(super) fn answered(&mut self, body: &[u8]) -> Result<(), SessionError> {
        let description = sdp::parse(body)?;
        let negotiated = sdp::accept(&self.local, &description)?;
        self.control.negotiated(negotiated)?;
        self.agreed = true;
        self.told = self.offered;
        Ok(())
    }

    /// Takes the other side's offer and returns our answer.
    ///
    /// # Errors
    /// [`SessionError`]; the previous agreement stays.
    pub(super) fn offered(&mut self, body: &[u8]) -> Result<Vec<u8>, SessionError> {
        let description = sdp::parse(body)?;
        let (mut answer, negotiated) = sdp::answer(&self.local, &description)?;
        self.control.negotiated(negotiated)?;
        // The version stays as long as nothing changes (RFC 3264 §8, RFC 4028 §7.4).
        if answer != self.last {
            self.local.version += 1;
            (answer, _) = sdp::answer(&self.local, &description)?;
        }
        self.last.clone_from(&answer);
        self.agreed = true;
        self.told = self.local.direction;
        Ok(answer.into_bytes())
    }

    /// Whether sound can flow.
    pub(super) const fn is_agreed(&self) -> bool {
        self.agreed
    }

    /// Puts the lead on hold, or takes them off. The other side is still to be told.
    pub(super) fn hold(&mut self, held: bool) {
        self.control.set_held(held);
        self.local.direction = if held {
            MediaDirection::SendOnly
        } else {
            MediaDirection::SendReceive
        };
    }

    /// Whether the other side doesn't know yet that the lead is, or no longer is, on hold.
    pub(super) fn has_news(&self) -> bool {
        self.told != self.local.direction
    }

    /// The phone's media.
    pub(super) const fn control(&mut self) -> &mut PhoneControl {
        &mut self.control
    }
}
