//! Invitations to coach the call (W3).

use crate::{INVITATIONS_KEPT_MAX, Invitee, Machine, Output, Refusal, Viewer};
use wire::{Invitation, InvitationId, InvitationStatus, UserId};

impl Machine {
    /// Every invitation that is remembered, oldest first.
    pub fn invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations.iter()
    }

    /// Every invitation that waits for an answer.
    pub fn open_invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations
            .iter()
            .filter(|invitation| invitation.status == InvitationStatus::Open)
    }

    /// The open invitation of this user, of which there is one at most.
    #[must_use]
    pub fn open_invitation(&self, invitee: &UserId) -> Option<&Invitation> {
        self.open_invitations()
            .find(|invitation| invitation.invitee_id == *invitee)
    }

    /// The invitation with this id, unless it was answered so long ago that it is forgotten here.
    #[must_use]
    pub fn invitation(&self, id: &InvitationId) -> Option<&Invitation> {
        self.invitations
            .iter()
            .find(|invitation| invitation.id == *id)
    }

    /// All are invited, or on a refusal nobody: the rep then knows whom they are waiting for.
    /// Whoever has an open invitation keeps it, with its date.
    pub(crate) fn invite(&mut self, user: &UserId, invitees: Vec<Invitee>) -> Result<(), Refusal> {
        self.rep_only(user, "invite teammates")?;
        let mut invited: Vec<Invitee> = Vec::new();
        for invitee in invitees {
            if !invitee.native_online {
                return Err(Refusal::invitee_offline());
            }
            if self.live_coach(&invitee.user).is_some() {
                return Err(Refusal::invitee_on_call());
            }
            let viewer = Viewer {
                user: invitee.user.clone(),
                authority: invitee.authority,
            };
            self.joinability(&viewer)
                .map_err(|refusal| Refusal::invitee(&refusal))?;
            let twice = invited.iter().any(|one| one.user == invitee.user);
            if !twice && self.open_invitation(&invitee.user).is_none() {
                invited.push(invitee);
            }
        }
        // More open invitations than places could never all be accepted.
        let open_max = self.limits.party_max;
        if self
            .open_invitations()
            .count()
            .saturating_add(invited.len())
            > open_max
        {
            return Err(Refusal::too_many_invitations(open_max));
        }
        for invitee in invited {
            self.open(invitee);
        }
        Ok(())
    }

    fn open(&mut self, invitee: Invitee) {
        if self.invitations.len() >= INVITATIONS_KEPT_MAX
            && let Some(at) = self
                .invitations
                .iter()
                .position(|one| one.status != InvitationStatus::Open)
        {
            self.invitations.remove(at);
        }
        let invitation = Invitation {
            id: invitee.invitation,
            call_id: self.call.id.clone(),
            lead: self.call.lead.clone(),
            inviter_id: self.call.user_id.clone(),
            invitee_id: invitee.user,
            status: InvitationStatus::Open,
            date_created: self.now,
            date_expires: self.now.plus_millis(self.limits.invitation_ms),
        };
        self.put(Output::InvitationChanged(Box::new(invitation.clone())));
        self.invitations.push(invitation);
    }

    /// Whether a join may name this invitation: an open one of this user's, or the one that let them
    /// in before, so that a join can be tried again.
    pub(crate) fn may_accept(&self, user: &UserId, id: &InvitationId) -> Result<(), Refusal> {
        let invitation = self
            .invitation(id)
            .filter(|invitation| invitation.invitee_id == *user)
            .ok_or_else(Refusal::no_invitation)?;
        let again =
            invitation.status == InvitationStatus::Accepted && self.live_coach(user).is_some();
        if invitation.status == InvitationStatus::Open || again {
            Ok(())
        } else {
            Err(Refusal::invitation_closed())
        }
    }

    /// Whichever way an invited user came in, the invitation is answered by it.
    pub(crate) fn accept_invitation(&mut self, user: &UserId) {
        self.close_invitations(InvitationStatus::Accepted, |invitation| {
            invitation.invitee_id == *user
        });
    }

    pub(crate) fn decline(&mut self, user: &UserId, id: &InvitationId) -> Result<(), Refusal> {
        let invitation = self
            .invitation(id)
            .filter(|invitation| invitation.invitee_id == *user)
            .ok_or_else(Refusal::no_invitation)?;
        match invitation.status {
            InvitationStatus::Open => {
                self.close_invitations(InvitationStatus::Declined, |invitation| {
                    invitation.id == *id
                });
                Ok(())
            }
            // Said twice.
            InvitationStatus::Declined => Ok(()),
            InvitationStatus::Accepted
            | InvitationStatus::Expired
            | InvitationStatus::Cancelled => Err(Refusal::invitation_closed()),
        }
    }

    pub(crate) fn expire_invitations(&mut self) {
        let now = self.now;
        self.close_invitations(InvitationStatus::Expired, |invitation| {
            invitation.date_expires <= now
        });
    }

    pub(crate) fn close_invitations(
        &mut self,
        status: InvitationStatus,
        which: impl Fn(&Invitation) -> bool,
    ) {
        let mut closed = Vec::new();
        for invitation in &mut self.invitations {
            if invitation.status == InvitationStatus::Open && which(invitation) {
                invitation.status = status;
                closed.push(Output::InvitationChanged(Box::new(invitation.clone())));
            }
        }
        for output in closed {
            self.put(output);
        }
    }
}
