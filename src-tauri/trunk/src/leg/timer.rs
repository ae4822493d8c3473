//! Session timers (RFC 4028): what is asked for, what both sides agree on, and what becomes of a refresh
//! that fails. Pure: messages are read and written by [`super::headers`].

/// The shortest session that may be agreed on (§4, §5).
pub(super) const LEAST_S: u32 = 90;
/// A session is never asked to last longer than a day.
pub(super) const MOST_S: u32 = 86_400;
/// The longest that a refresh, or another change, is put off because the other side asks for it.
const RETRY_MAX_S: u32 = 60;

/// A session timer agreed on by both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionTimer {
    pub(super) expires_s: u32,
    /// Whether it is ours to refresh.
    pub(super) ours: bool,
}

/// Who refreshes, as messages call it: by who sent the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

/// What a message says of its sender's timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// Whether its sender supports timers.
    pub(super) supported: bool,
    pub(super) expires_s: Option<u32>,
    pub(super) refresher: Option<Refresher>,
    /// Min-SE.
    pub(super) least_s: Option<u32>,
}

/// What one of our messages says of the timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Says {
    pub(super) expires_s: u32,
    pub(super) refresher: Option<Refresher>,
    /// Min-SE, in a request (§5).
    pub(super) least_s: Option<u32>,
    /// Whether the timer is required of the other side, in a response (§9).
    pub(super) required: bool,
}

/// The session is too short for us: 422 with this Min-SE (§6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooShort {
    pub(super) least_s: u32,
}

/// One call's timer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// What we ask for ourselves; 0 for no timer.
    wanted_s: u32,
    /// The largest Min-SE heard in this call (§7.3).
    least_s: u32,
    agreed: Option<SessionTimer>,
}

impl Terms {
    /// Before the call.
    pub(super) const fn new(wanted_s: u32) -> Self {
        Self {
            wanted_s,
            least_s: LEAST_S,
            agreed: None,
        }
    }

    pub(super) const fn agreed(&self) -> Option<SessionTimer> {
        self.agreed
    }

    /// What our INVITE says (§7.1). Who refreshes is left to the other side.
    pub(super) fn invite(&self) -> Option<Says> {
        (self.wanted_s > 0).then(|| Says {
            expires_s: self.wanted_s.max(self.least_s),
            refresher: None,
            least_s: Some(self.least_s),
            required: false,
        })
    }

    /// What any re-INVITE or UPDATE of ours says, since each renews the session: the same as before, so
    /// that neither the interval nor the roles change (§7.4).
    pub(super) fn refresh(&self) -> Option<Says> {
        self.agreed.map(|timer| Says {
            expires_s: timer.expires_s.max(self.least_s),
            refresher: Some(if timer.ours {
                Refresher::Uac
            } else {
                Refresher::Uas
            }),
            least_s: Some(self.least_s),
            required: false,
        })
    }

    /// A 2xx to one of these requests (§7.2): without an interval, the session no longer expires.
    pub(super) fn answered(&mut self, said: Said) -> Option<SessionTimer> {
        // It must say who refreshes. If it does not, it is who did, and at first whoever asked.
        let before = self.agreed.is_none_or(|timer| timer.ours);
        self.agreed = said.expires_s.map(|expires_s| SessionTimer {
            expires_s: expires_s.clamp(LEAST_S, MOST_S),
            ours: match said.refresher {
                Some(Refresher::Uac) => true,
                Some(Refresher::Uas) => false,
                None => before,
            },
        });
        self.agreed
    }

    /// A 422 to one of these requests (§7.3). Whether to ask again for the longer session.
    pub(super) fn too_short(&mut self, said: Said) -> bool {
        let asked_s = self.refresh().or_else(|| self.invite());
        let asked_s = asked_s.map_or(0, |says| says.expires_s);
        let least_s = said.least_s.filter(|least_s| *least_s <= MOST_S);
        let Some(least_s) = least_s.filter(|least_s| *least_s > asked_s) else {
            return false;
        };
        self.least_s = least_s;
        true
    }

    /// A request of theirs that begins or renews the session, and what our 2xx says (§9).
    ///
    /// # Errors
    /// [`TooShort`].
    pub(super) fn asked(&mut self, said: Said) -> Result<Option<Says>, TooShort> {
        let their_least_s = said.least_s.unwrap_or(LEAST_S).clamp(LEAST_S, MOST_S);
        let before = self.agreed;
        let asked_s = match said.expires_s {
            Some(expires_s) if expires_s < LEAST_S => {
                if said.supported {
                    return Err(TooShort { least_s: LEAST_S });
                }
                // Who does not know timers does not know a 422, and we may not ask for more.
                None
            }
            Some(expires_s) => Some(expires_s.min(MOST_S)),
            // They know timers and ask for none: ours stays.
            None => before
                .filter(|_| said.supported)
                .map(|timer| timer.expires_s.max(their_least_s)),
        };
        self.least_s = self.least_s.max(their_least_s);
        // Table 2: who does not know timers does not refresh; who has no wish keeps their part.
        let ours = match said.refresher {
            _ if !said.supported => true,
            Some(Refresher::Uac) => false,
            Some(Refresher::Uas) => true,
            None => before.is_some_and(|timer| timer.ours),
        };
        self.agreed = asked_s.map(|expires_s| SessionTimer { expires_s, ours });
        Ok(self.agreed.map(|timer| Says {
            expires_s: timer.expires_s,
            refresher: Some(if timer.ours {
                Refresher::Uas
            } else {
                Refresher::Uac
            }),
            least_s: None,
            required: said.supported,
        }))
    }
}

/// What to do about one of our requests that change or renew the session, and was not answered with 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The other side does not know the call any more: end it (RFC 3261 §12.2.1.2).
    Gone,
    /// It crossed theirs: wait, and try again (RFC 3261 §14.1).
    Crossed,
    /// They ask us to wait.
    Later { after_ms: u64 },
    /// The session is too short for them (§7.3).
    TooShort,
    /// They do not take the method: use a re-INVITE (§7.4).
    ByInvite,
    /// Refused: the session stays as it is, and expires.
    Refused,
}

/// The reaction to a final response other than 2xx; `code` is `None` without one.
pub(super) fn reaction(code: Option<u16>, is_update: bool, retry_after_s: Option<u32>) -> Reaction {
    match code {
        // No answer to a method that they may not know says nothing of the call. To a re-INVITE the stack
        // itself answers 408 when no one does, so that one without an answer was never sent.
        None if is_update => Reaction::ByInvite,
        None => Reaction::Refused,
        Some(408 | 481) => Reaction::Gone,
        Some(491) => Reaction::Crossed,
        Some(422) => Reaction::TooShort,
        Some(404 | 413 | 480 | 486 | 500 | 503 | 600 | 603)
            if retry_after_s.is_some_and(|after_s| after_s <= RETRY_MAX_S) =>
        {
            let after_s = retry_after_s.unwrap_or_default();
            Reaction::Later {
                after_ms: u64::from(after_s) * 1_000,
            }
        }
        Some(_) if is_update => Reaction::ByInvite,
        Some(_) => Reaction::Refused,
    }
}

#[cfg(test)]
mod tests;
