//! One method a route, in the order of the service's OpenAPI document.

use reqwest::Method;
use wire::{
    Availability, Call, CallId, CoachLeg, CoachMode, Contact, DtmfRequest, Group, HoldRequest,
    Invitation, InvitationId, InvitationRequest, InvitationTarget, JoinRequest, Lead, LeadId, List,
    Me, MediaAnswer, MediaOffer, MembershipId, MembershipPatch, ModeRequest, MuteRequest,
    OrganizationId, OrganizationPatch, PhoneNumber, PlaceCallRequest, Role, User,
};

use super::{Api, SHORT_ANSWER_WAIT};
use crate::ClientError;

impl Api {
    /// `GET me/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.get("me/").await
    }

    /// `GET user/`: the organization's members.
    ///
    /// # Errors
    /// As every request.
    pub async fn users(&self) -> Result<List<User>, ClientError> {
        self.get("user/?_limit=200").await
    }

    /// `GET user/availability/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn availability(&self) -> Result<Availability, ClientError> {
        self.get("user/availability/").await
    }

    /// `GET role/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn roles(&self) -> Result<List<Role>, ClientError> {
        self.get("role/?_limit=200").await
    }

    /// `GET group/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn groups(&self) -> Result<List<Group>, ClientError> {
        self.get("group/?_limit=200").await
    }

    /// `GET lead/`: those whose name holds `query`; all when it is empty.
    ///
    /// # Errors
    /// As every request.
    pub async fn leads(&self, query: &str) -> Result<List<Lead>, ClientError> {
        let query = [("query", query), ("_limit", "200")];
        let query = if query[0].1.is_empty() {
            &query[1..]
        } else {
            &query[..]
        };
        self.ask(|api| api.builder(Method::GET, "lead/").query(query))
            .await
    }

    /// `GET lead/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn lead(&self, id: &LeadId) -> Result<Lead, ClientError> {
        self.get(&format!("lead/{id}/")).await
    }

    /// `GET contact/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn contacts(&self) -> Result<List<Contact>, ClientError> {
        self.get("contact/?_limit=200").await
    }

    /// `GET phone_number/`: the organization's own numbers.
    ///
    /// # Errors
    /// As every request.
    pub async fn phone_numbers(&self) -> Result<List<PhoneNumber>, ClientError> {
        self.get("phone_number/?_limit=200").await
    }

    /// `PATCH membership/{id}/`, for those who manage the organization.
    ///
    /// # Errors
    /// As every request.
    pub async fn patch_membership(
        &self,
        id: &MembershipId,
        patch: &MembershipPatch,
    ) -> Result<(), ClientError> {
        let path = format!("membership/{id}/");
        self.tell(Method::PATCH, &path, Some(patch)).await
    }

    /// `PATCH organization/{id}/`, for those who manage it.
    ///
    /// # Errors
    /// As every request.
    pub async fn patch_organization(
        &self,
        id: &OrganizationId,
        patch: &OrganizationPatch,
    ) -> Result<(), ClientError> {
        let path = format!("organization/{id}/");
        self.tell(Method::PATCH, &path, Some(patch)).await
    }

    /// `GET activity/call/?active=true`: the calls in progress.
    ///
    /// # Errors
    /// As every request.
    pub async fn active_calls(&self) -> Result<List<Call>, ClientError> {
        self.get("activity/call/?active=true&_limit=200").await
    }

    /// `GET activity/call/?lead_id=…`: a lead's calls, newest first.
    ///
    /// # Errors
    /// As every request.
    pub async fn calls_of_lead(&self, lead_id: &LeadId) -> Result<List<Call>, ClientError> {
        self.get(&format!("activity/call/?lead_id={lead_id}")).await
    }

    /// `GET activity/call/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn call(&self, id: &CallId) -> Result<Call, ClientError> {
        self.get(&call_path(id, "")).await
    }

    /// `POST activity/call/`: places a call.
    ///
    /// # Errors
    /// As every request.
    pub async fn place_call(&self, request: &PlaceCallRequest) -> Result<Call, ClientError> {
        self.post("activity/call/", request).await
    }

    /// `POST activity/call/{id}/hangup/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn hang_up(&self, id: &CallId) -> Result<(), ClientError> {
        self.tell::<()>(Method::POST, &call_path(id, "hangup/"), None)
            .await
    }

    /// `PUT activity/call/{id}/hold/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn hold(&self, id: &CallId, held: bool) -> Result<(), ClientError> {
        let path = call_path(id, "hold/");
        self.tell(Method::PUT, &path, Some(&HoldRequest { held }))
            .await
    }

    /// `PUT activity/call/{id}/mute/`: of the user's own leg.
    ///
    /// # Errors
    /// As every request.
    pub async fn mute(&self, id: &CallId, muted: bool) -> Result<(), ClientError> {
        let path = call_path(id, "mute/");
        self.tell(Method::PUT, &path, Some(&MuteRequest { muted }))
            .await
    }

    /// `POST activity/call/{id}/dtmf/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn dtmf(&self, id: &CallId, request: &DtmfRequest) -> Result<(), ClientError> {
        let path = call_path(id, "dtmf/");
        self.tell(Method::POST, &path, Some(request)).await
    }

    /// `POST activity/call/{id}/media/`: the SDP answer to an offer for the user's own leg.
    ///
    /// # Errors
    /// As every request.
    pub async fn media(&self, id: &CallId, offer_sdp: String) -> Result<String, ClientError> {
        let offer = MediaOffer { sdp: offer_sdp };
        let path = call_path(id, "media/");
        let build = |api: &Self| {
            let builder = api.builder(Method::POST, &path).json(&offer);
            builder.timeout(SHORT_ANSWER_WAIT)
        };
        let answer: MediaAnswer = self.ask(build).await?;
        Ok(answer.sdp)
    }

    /// `POST activity/call/{id}/coach_leg/`: joins.
    ///
    /// # Errors
    /// As every request.
    pub async fn join(&self, id: &CallId, request: &JoinRequest) -> Result<CoachLeg, ClientError> {
        self.post(&call_path(id, "coach_leg/"), request).await
    }

    /// `PUT activity/call/{id}/coach_leg/mode/`: switches the mode.
    ///
    /// # Errors
    /// As every request.
    pub async fn set_mode(&self, id: &CallId, mode: CoachMode) -> Result<CoachLeg, ClientError> {
        let path = call_path(id, "coach_leg/mode/");
        self.ask(|api| api.builder(Method::PUT, &path).json(&ModeRequest { mode }))
            .await
    }

    /// `DELETE activity/call/{id}/coach_leg/`: leaves.
    ///
    /// # Errors
    /// As every request.
    pub async fn leave(&self, id: &CallId) -> Result<(), ClientError> {
        self.tell::<()>(Method::DELETE, &call_path(id, "coach_leg/"), None)
            .await
    }

    /// `GET activity/call/{id}/invitation_target/`: whom the rep could invite.
    ///
    /// # Errors
    /// As every request.
    pub async fn invitation_targets(
        &self,
        id: &CallId,
    ) -> Result<List<InvitationTarget>, ClientError> {
        self.get(&call_path(id, "invitation_target/")).await
    }

    /// `POST activity/call/{id}/invitation/`: the rep invites teammates.
    ///
    /// # Errors
    /// As every request.
    pub async fn invite(
        &self,
        id: &CallId,
        request: &InvitationRequest,
    ) -> Result<List<Invitation>, ClientError> {
        self.post(&call_path(id, "invitation/"), request).await
    }

    /// `GET invitation/`: the user's own open ones.
    ///
    /// # Errors
    /// As every request.
    pub async fn invitations(&self) -> Result<List<Invitation>, ClientError> {
        self.get("invitation/").await
    }

    /// `POST invitation/{id}/decline/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn decline(&self, id: &InvitationId) -> Result<(), ClientError> {
        self.tell::<()>(Method::POST, &format!("invitation/{id}/decline/"), None)
            .await
    }
}

fn call_path(id: &CallId, rest: &str) -> String {
    format!("activity/call/{id}/{rest}")
}
