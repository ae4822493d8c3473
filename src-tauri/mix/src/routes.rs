//! Who takes part in a call and in which role: everything else follows from these routes.

use std::fmt;

use crate::mode::Mode;

/// The most parties in one call: the product's largest call (rule J2), with room to spare.
pub const MAX_PARTIES: usize = 128;

/// One party's leg within one call.
///
/// The number means nothing beyond the call. Its order is the order of summing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegNumber(pub u32);

/// How loud one leg was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegLevel {
    /// Whose level it is.
    pub leg: LegNumber,
    /// How far its sound reached. No one out of reach may learn the level either.
    pub reach: Mode,
    /// From −127 (silent) to 0, in dBov.
    pub level_dbov: i8,
}

/// What a party is to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The salesperson: heard by everyone; hears everyone, and whispers too.
    Rep,
    /// The customer: heard by everyone; hears what is public.
    Lead,
    /// A teammate: heard as far as each frame's reach; hears what is public.
    Coach,
}

/// Why a party was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutesError {
    /// The call already has [`MAX_PARTIES`] parties.
    Full,
    /// The leg is in the call already.
    Duplicate,
    /// The call already has a rep, or a lead, and has one of each at most.
    RoleTaken,
}

impl fmt::Display for RoutesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the call is full",
            Self::Duplicate => "the leg is in the call already",
            Self::RoleTaken => "the call already has a party in this role",
        })
    }
}

impl std::error::Error for RoutesError {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) leg: LegNumber,
    pub(crate) role: Role,
    pub(crate) muted: bool,
}

/// The parties of one call. Deny by default (rule M7): whoever was not added neither hears nor is
/// heard.
///
/// Holds at most [`MAX_PARTIES`], in a fixed space: nothing is allocated, ever.
#[derive(Debug, Clone)]
pub struct Routes {
    // In leg order; what lies beyond `len` has no meaning.
    parties: [Party; MAX_PARTIES],
    len: usize,
    held: bool,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Routes {
    fn eq(&self, other: &Self) -> bool {
        self.held == other.held && self.in_order() == other.in_order()
    }
}

impl Eq for Routes {}

impl Routes {
    /// Routes in which no one hears anyone.
    #[must_use]
    pub const fn new() -> Self {
        const NOBODY: Party = Party {
            leg: LegNumber(0),
            role: Role::Coach,
            muted: false,
        };
        Self {
            parties: [NOBODY; MAX_PARTIES],
            len: 0,
            held: false,
        }
    }

    /// Lets a party in, not muted.
    ///
    /// # Errors
    /// See [`RoutesError`]; the routes are then as they were.
    pub fn add(&mut self, leg: LegNumber, role: Role) -> Result<(), RoutesError> {
        let Err(at) = self.search(leg) else {
            return Err(RoutesError::Duplicate);
        };
        if role != Role::Coach && self.in_order().iter().any(|party| party.role == role) {
            return Err(RoutesError::RoleTaken);
        }
        let Some(tail) = self.parties.get_mut(at..=self.len) else {
            return Err(RoutesError::Full);
        };
        tail.rotate_right(1);
        if let Some(slot) = tail.first_mut() {
            *slot = Party {
                leg,
                role,
                muted: false,
            };
        }
        self.len += 1;
        Ok(())
    }

    /// Takes a party out; `false` when it was not in.
    pub fn remove(&mut self, leg: LegNumber) -> bool {
        let Ok(at) = self.search(leg) else {
            return false;
        };
        self.parties[at..self.len].rotate_left(1);
        self.len -= 1;
        true
    }

    /// Puts the lead on hold, or takes them off it: a held lead neither hears nor is heard.
    pub const fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Whether the lead is on hold.
    #[must_use]
    pub const fn held(&self) -> bool {
        self.held
    }

    /// Mutes a party, or takes the mute off: a muted party hears and is not heard. `false` when the
    /// leg is not in.
    pub fn set_muted(&mut self, leg: LegNumber, muted: bool) -> bool {
        let Ok(at) = self.search(leg) else {
            return false;
        };
        self.parties[at].muted = muted;
        true
    }

    /// Whether the leg is in, and muted.
    #[must_use]
    pub fn muted(&self, leg: LegNumber) -> bool {
        self.search(leg).is_ok_and(|at| self.parties[at].muted)
    }

    /// Whether the leg is in.
    #[must_use]
    pub fn contains(&self, leg: LegNumber) -> bool {
        self.search(leg).is_ok()
    }

    /// What the leg is to the call; `None` when it is not in.
    #[must_use]
    pub fn role(&self, leg: LegNumber) -> Option<Role> {
        self.search(leg).ok().map(|at| self.parties[at].role)
    }

    /// How many parties are in.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no one is in.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Everyone who is in, in leg order.
    pub fn parties(&self) -> impl ExactSizeIterator<Item = (LegNumber, Role)> + '_ {
        self.in_order().iter().map(|party| (party.leg, party.role))
    }

    pub(crate) fn in_order(&self) -> &[Party] {
        &self.parties[..self.len]
    }

    /// Where the leg stands, or else where it would.
    pub(crate) fn search(&self, leg: LegNumber) -> Result<usize, usize> {
        self.in_order()
            .binary_search_by_key(&leg, |party| party.leg)
    }
}
