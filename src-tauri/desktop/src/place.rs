//! Where the app works: with the team or the demo data of this computer, or with a server.

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::address::checked;
use crate::error::AppError;

/// Where the app works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// The team that was set up on this computer, with the bundled service.
    Team,
    /// Demo data on this computer, with the bundled service.
    Demo,
    /// A server.
    Server {
        /// Its address.
        url: String,
    },
}

/// One that the bundled service serves. They share neither a folder nor a port (O1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// The team.
    Team,
    /// Demo data.
    Demo,
}

impl Place {
    /// The same, if a password may be sent there.
    ///
    /// # Errors
    /// When it may not.
    pub fn checked(self) -> Result<Self, AppError> {
        match self {
            Self::Server { url } => Ok(Self::Server {
                url: checked(&url)?,
            }),
            local => Ok(local),
        }
    }

    /// Which of the bundled service's it is; none if it's a server.
    pub const fn local(&self) -> Option<Local> {
        match self {
            Self::Team => Some(Local::Team),
            Self::Demo => Some(Local::Demo),
            Self::Server { .. } => None,
        }
    }

    /// What the key ring knows it by. The bundled service stays the same one on another port.
    pub fn key(&self) -> &str {
        match self {
            Self::Team => "local team",
            Self::Demo => "local demo",
            Self::Server { url } => url,
        }
    }
}

impl From<Local> for Place {
    fn from(local: Local) -> Self {
        match local {
            Local::Team => Self::Team,
            Local::Demo => Self::Demo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o1_no_two_places_share_an_entry_of_the_key_ring() {
        let server = |url: &str| Place::Server { url: url.into() };
        let places = [Place::Team, Place::Demo, server("https://a.example")];
        for (at, one) in places.iter().enumerate() {
            assert!(
                places
                    .iter()
                    .skip(at + 1)
                    .all(|other| one.key() != other.key())
            );
        }
        // And none of them is an address that somebody could choose.
        assert!(server(Place::Team.key()).checked().is_err());
        assert!(server(Place::Demo.key()).checked().is_err());
    }
}
