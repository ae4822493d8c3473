//! What coaches ask of calls, and those who invite them.

use super::handle::{Caller, Calls, LOOKUPS_MAX, Result, error, fresh, stored};
use super::question::{Question, Refused, Snapshot};
use call::{Input, Invitee, Join, Limits, Refusal, Viewer, joinability};
use std::sync::atomic::Ordering;
use wire::{
    Call, CallId, ClientType, CoachLeg, CoachLegStatus, Code, Invitation, InvitationId,
    InvitationRequest, InvitationStatus, InvitationTarget, JoinRequest, Joinability, LegId, List,
    ModeRequest, UserId,
};

/// How many users one request may invite.
const INVITEES_MAX: usize = 100;

impl Calls {
    /// Joins a call in Listen, or moves the audio of a coach to this device (J1 to J4, M1).
    ///
    /// # Errors
    /// `inbound_call`, `external_number`, `plan_required`, `permission_required`, `own_call`,
    /// `call_full`, `invite_expired`; `user_offline` for another client than the desktop app.
    pub async fn join(
        &self,
        caller: &Caller,
        call: &CallId,
        request: &JoinRequest,
    ) -> Result<CoachLeg> {
        if caller.client_type != ClientType::Native {
            return Err(error(
                Code::UserOffline,
                "Coaching takes the desktop app. Sign in there and join from it.",
            ));
        }
        let leg = fresh(LegId::from_suffix)?;
        let input = |authority| {
            Input::Join(Join {
                user: caller.user_id.clone(),
                device: caller.device_id.clone(),
                authority,
                leg: leg.clone(),
                invitation: request.invitation_id.clone(),
            })
        };
        let snapshot = self.decide(caller, call, input).await?;
        leg_of(&snapshot, &caller.user_id)
    }

    /// A coach leaves; nothing else ends (J5). The leg is done.
    ///
    /// # Errors
    /// `not_found` for who does not coach.
    pub async fn leave(&self, caller: &Caller, call: &CallId) -> Result<CoachLeg> {
        let user = caller.user_id.clone();
        let snapshot = self.give(caller, call, Input::Leave { user }, None).await?;
        leg_of(&snapshot, &caller.user_id)
    }

    /// A coach switches the mode (M1, A2). It holds when this returns.
    ///
    /// # Errors
    /// `permission_required`, `plan_required`; `conflict` when another device has the audio, or it is
    /// being reconnected; `not_found` for who does not coach.
    pub async fn set_mode(
        &self,
        caller: &Caller,
        call: &CallId,
        request: &ModeRequest,
    ) -> Result<CoachLeg> {
        let input = |authority| Input::SetMode {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
            mode: request.mode,
            authority,
        };
        let snapshot = self.decide(caller, call, input).await?;
        leg_of(&snapshot, &caller.user_id)
    }

    /// The rep invites teammates: all of them, or on an error nobody (W3). Who has an open invitation
    /// keeps that one.
    ///
    /// # Errors
    /// `invalid_request` for none or more than 100, `not_found` for who is no teammate, `user_offline`
    /// for who has no desktop app online, and whatever would refuse an invited teammate's join.
    pub async fn invite(
        &self,
        caller: &Caller,
        call: &CallId,
        request: &InvitationRequest,
    ) -> Result<List<Invitation>> {
        let users = &request.user_ids;
        if users.is_empty() || users.len() > INVITEES_MAX {
            return Err(error(
                Code::InvalidRequest,
                format!("Invite 1 to {INVITEES_MAX} teammates at once."),
            ));
        }
        for _ in 0..LOOKUPS_MAX {
            let facts_of = self.shared.facts.load(Ordering::SeqCst);
            let mut invitees = Vec::with_capacity(users.len());
            for user in users {
                let member = self.member(&caller.organization_id, user).await?;
                let authority =
                    member.ok_or_else(|| error(Code::NotFound, "There is no such teammate."))?;
                invitees.push(Invitee {
                    user: user.clone(),
                    authority,
                    native_online: self.shared.directory.is_native_online(user),
                    invitation: fresh(InvitationId::from_suffix)?,
                });
            }
            let user = caller.user_id.clone();
            let input = Input::Invite { user, invitees };
            match self.try_give(caller, call, input, Some(facts_of)).await {
                Err(Refused::Stale) => {}
                Err(refused) => return Err(self.explain(caller, call, refused).await),
                Ok(snapshot) => return Ok(open_of(&snapshot, users)),
            }
        }
        Err(Refused::Stale.into())
    }

    /// Whom the rep may invite now: teammates with a desktop app online who are not on the call, and
    /// whether they could join (W3).
    ///
    /// # Errors
    /// `permission_required` for others than the rep.
    pub async fn invitation_targets(
        &self,
        caller: &Caller,
        call: &CallId,
    ) -> Result<List<InvitationTarget>> {
        let record = self.record(caller, call).await?;
        if record.user_id != caller.user_id {
            return Err(Refusal::rep_only("invite teammates").into());
        }
        let directory = &self.shared.directory;
        let members = directory.members(&caller.organization_id).await;
        let on_call = |user: &UserId| {
            let mut legs = record.coach_legs.iter();
            legs.any(|leg| leg.user_id == *user && leg.status != CoachLegStatus::Done)
        };
        let data = members
            .map_err(stored)?
            .into_iter()
            .filter(|member| member.user_id != caller.user_id && !on_call(&member.user_id))
            .filter(|member| directory.is_native_online(&member.user_id))
            .map(|member| {
                let viewer = Viewer {
                    user: member.user_id.clone(),
                    authority: member.authority,
                };
                InvitationTarget {
                    user_id: member.user_id,
                    joinability: target(&record, &self.shared.settings.limits, &viewer),
                }
            })
            .collect();
        Ok(List {
            data,
            has_more: false,
            cursor: None,
        })
    }

    /// The caller's own open invitations.
    ///
    /// # Errors
    /// None but those of all.
    pub async fn open_invitations(&self, caller: &Caller) -> Result<List<Invitation>> {
        let (organization, user) = (caller.organization_id.clone(), caller.user_id.clone());
        let mut data = self
            .put(|reply| Question::Invitations {
                organization,
                user,
                reply,
            })
            .await?;
        data.sort_by(|one, other| {
            (one.date_created, &one.id).cmp(&(other.date_created, &other.id))
        });
        Ok(List {
            data,
            has_more: false,
            cursor: None,
        })
    }

    /// The invited teammate declines.
    ///
    /// # Errors
    /// `not_found` for others, `invite_expired` when it is no longer open.
    pub async fn decline(&self, caller: &Caller, invitation: &InvitationId) -> Result<Invitation> {
        let snapshot = self
            .ask(|reply| Question::Decline {
                caller: caller.clone(),
                invitation: invitation.clone(),
                reply,
            })
            .await?;
        let mut invitations = snapshot.invitations.iter();
        let found = invitations.find(|one| one.id == *invitation);
        found
            .cloned()
            .ok_or_else(|| Refusal::no_invitation().into())
    }
}

/// Whether a teammate could join, said to the rep.
fn target(record: &Call, limits: &Limits, viewer: &Viewer) -> Joinability {
    let refusal = joinability(record, limits, viewer).err();
    Joinability {
        joinable: refusal.is_none(),
        code: refusal.as_ref().map(|refusal| refusal.code),
        message: refusal.map(|refusal| match refusal.code {
            Code::PermissionRequired => {
                "Their role does not hold the Listen permission. An admin can give it.".to_owned()
            }
            _ => refusal.message,
        }),
    }
}

fn leg_of(snapshot: &Snapshot, user: &UserId) -> Result<CoachLeg> {
    let mut legs = snapshot.record.coach_legs.iter().rev();
    let leg = legs.find(|leg| leg.user_id == *user);
    leg.cloned().ok_or_else(|| Refusal::not_on_call().into())
}

fn open_of(snapshot: &Snapshot, users: &[UserId]) -> List<Invitation> {
    let open = snapshot.invitations.iter().filter(|invitation| {
        invitation.status == InvitationStatus::Open && users.contains(&invitation.invitee_id)
    });
    List {
        data: open.cloned().collect(),
        has_more: false,
        cursor: None,
    }
}
