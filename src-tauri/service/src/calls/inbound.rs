//! Calls that come in: whom they ring, and taking them.

use super::handle::{Caller, Calls, Result, error, fresh, stored};
use crate::clock::now;
use call::{Input, Placed, Viewer};
use std::sync::Arc;
use store::LeadWhoCalls;
use wire::{
    Call, CallId, ClientType, Code, Direction, InboundCallRequest, LeadBrief, LegId,
    OrganizationId, PhoneNumber, PhoneNumberKind, UserId,
};

impl Calls {
    /// A lead calls one of the organization's numbers: it rings with whose number it is, on each of
    /// their desktop apps.
    ///
    /// # Errors
    /// `not_found` for lead or number; `conflict` for a number that takes no calls, which is one that
    /// is nobody's or not internal, and for a lead without a phone; `user_offline` when nobody would
    /// hear it ring.
    pub async fn receive(&self, caller: &Caller, request: &InboundCallRequest) -> Result<Call> {
        let viewer = self.viewer(caller).await?;
        let organization: &OrganizationId = &caller.organization_id;
        let directory = &self.shared.directory;
        let number = directory
            .phone_number(organization, &request.local_phone_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There is no such phone number."))?;
        let lead = directory
            .lead(organization, &request.lead_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There is no such lead."))?;
        let owner = self.who_answers(organization, &number).await?.user;
        let mut contacts = lead.contacts.iter();
        let found = contacts.find_map(|contact| Some((contact, contact.phones.first()?)));
        let (contact, phone) = found.ok_or_else(|| {
            error(
                Code::Conflict,
                "The lead has no phone to call from. Add one to a contact.",
            )
        })?;
        let (contact, phone) = (contact.id.clone(), phone.clone());
        let who_calls = LeadWhoCalls {
            lead: LeadBrief {
                id: lead.id,
                display_name: lead.display_name,
            },
            contact: Some(contact),
        };
        let call = fresh(CallId::from_suffix)?;
        let rung = self.ring(organization, call, owner, number, who_calls, phone);
        Ok(self.shown(&*rung.await?, &viewer))
    }

    /// Somebody calls one of the numbers over a trunk, which lets them wait under `call`: it rings with
    /// whose number it is. Without `organization` the number alone says whose call it is. An unknown
    /// caller becomes a lead; `remote_phone` is none when it is withheld.
    ///
    /// # Errors
    /// `not_found` for a number that is not the organization's; `conflict` for one that takes no calls;
    /// `user_offline` when nobody would hear it ring; `unavailable` when it cannot be kept. Then nothing
    /// of the call is left, but who called may be known from then on.
    pub async fn receive_from_trunk(
        &self,
        call: CallId,
        organization: Option<&OrganizationId>,
        local_phone: &str,
        remote_phone: Option<&str>,
    ) -> Result<Call> {
        let directory = &self.shared.directory;
        let (organization, number) = directory
            .number_called(organization, local_phone)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There is no such phone number."))?;
        let owner = self.who_answers(&organization, &number).await?;
        // Only now: a caller whom nobody would hear becomes no lead.
        let who_calls = directory
            .lead_who_calls(&organization, remote_phone)
            .await
            .map_err(stored)?;
        let phone = remote_phone.unwrap_or_default().to_owned();
        let rep = owner.user.clone();
        let rung = self.ring(&organization, call, rep, number, who_calls, phone);
        Ok(self.shown(&*rung.await?, &owner))
    }

    /// Begins a call that rings with this rep.
    async fn ring(
        &self,
        organization: &OrganizationId,
        call: CallId,
        rep: UserId,
        number: PhoneNumber,
        who_calls: LeadWhoCalls,
        remote_phone: String,
    ) -> Result<Arc<Call>> {
        let placed = Placed {
            id: call,
            rep,
            rep_leg: fresh(LegId::from_suffix)?,
            lead: who_calls.lead,
            contact: who_calls.contact,
            direction: Direction::Inbound,
            local_phone: number.number,
            local_phone_type: number.kind,
            remote_phone,
        };
        self.begin(organization, ClientType::Native, now(), placed)
            .await
    }

    /// With whom a call to this number rings.
    async fn who_answers(
        &self,
        organization: &OrganizationId,
        number: &PhoneNumber,
    ) -> Result<Viewer> {
        let owner = number
            .user_id
            .as_ref()
            .filter(|_| number.kind == PhoneNumberKind::Internal)
            .ok_or_else(|| {
                error(
                    Code::Conflict,
                    "Nobody takes calls to this number. Choose an internal one that is somebody's.",
                )
            })?;
        let member = self.member(organization, owner).await?;
        let online = self.shared.directory.is_native_online(owner);
        let authority = member.filter(|_| online).ok_or_else(|| {
            error(
                Code::UserOffline,
                "Whose number it is has no desktop app online, so nobody would hear it ring.",
            )
        })?;
        Ok(Viewer {
            user: owner.clone(),
            authority,
        })
    }

    /// The rep takes a call that came in.
    ///
    /// # Errors
    /// `permission_required` for others, `conflict` when it was taken already.
    pub async fn answer(&self, caller: &Caller, call: &CallId) -> Result<Call> {
        let user = caller.user_id.clone();
        self.change(caller, call, Input::Answer { user }).await
    }
}
