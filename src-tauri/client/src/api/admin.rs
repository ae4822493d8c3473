//! What those who manage an organization ask, and everybody about recordings: one method a route.

use reqwest::Method;
use wire::{
    AuditAction, AuditEntry, Balance, Call, CallId, CallRecording, Group, GroupId, GroupRequest,
    InboundCallRequest, LeadId, LedgerEntry, List, Member, MemberInvite, MemberInviteId,
    MemberInviteRequest, NewMemberInvite, PhoneNumber, PhoneNumberId, PhoneNumberRequest, PlanInfo,
    RecordingPeaks, RecordingRequest, Role, RoleId, RoleRequest, Timestamp, TopUpRequest, Usage,
    UserId,
};

use super::Api;
use crate::ClientError;

/// Which lines of the audit log are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Those of this person.
    pub user_id: Option<UserId>,
    /// Those of this call.
    pub call_id: Option<CallId>,
    /// Those of this kind.
    pub action: Option<AuditAction>,
    /// Only what was allowed, or only what was refused.
    pub allowed: Option<bool>,
    /// Since when.
    pub from: Option<Timestamp>,
    /// Until when.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let action = self.action.and_then(|action| {
            let value = serde_json::to_value(action).ok()?;
            value.as_str().map(str::to_owned)
        });
        [
            ("user_id", self.user_id.as_ref().map(ToString::to_string)),
            ("call_id", self.call_id.as_ref().map(ToString::to_string)),
            ("action", action),
            ("allowed", self.allowed.map(|allowed| allowed.to_string())),
            ("from", self.from.map(|from| from.to_string())),
            ("to", self.to.map(|to| to.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Vec<(&'static str, String)> {
    let from = from.map(|from| ("from", from.to_string()));
    let to = to.map(|to| ("to", to.to_string()));
    from.into_iter().chain(to).collect()
}

impl Api {
    /// `GET membership/`: every member, active or not.
    ///
    /// # Errors
    /// As every request.
    pub async fn members(&self) -> Result<List<Member>, ClientError> {
        self.get("membership/?_limit=200").await
    }

    /// `GET member_invite/`: invitations by link, newest first.
    ///
    /// # Errors
    /// As every request.
    pub async fn member_invites(&self) -> Result<List<MemberInvite>, ClientError> {
        self.get("member_invite/?_limit=200").await
    }

    /// `POST member_invite/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn create_member_invite(
        &self,
        request: &MemberInviteRequest,
    ) -> Result<NewMemberInvite, ClientError> {
        self.post("member_invite/", request).await
    }

    /// `DELETE member_invite/{id}/`: takes it back.
    ///
    /// # Errors
    /// As every request.
    pub async fn revoke_member_invite(&self, id: &MemberInviteId) -> Result<(), ClientError> {
        self.delete(&format!("member_invite/{id}/")).await
    }

    /// `POST role/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn create_role(&self, request: &RoleRequest) -> Result<Role, ClientError> {
        self.post("role/", request).await
    }

    /// `PUT role/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn change_role(
        &self,
        id: &RoleId,
        request: &RoleRequest,
    ) -> Result<Role, ClientError> {
        self.put(&format!("role/{id}/"), request).await
    }

    /// `DELETE role/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn delete_role(&self, id: &RoleId) -> Result<(), ClientError> {
        self.delete(&format!("role/{id}/")).await
    }

    /// `POST group/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn create_group(&self, request: &GroupRequest) -> Result<Group, ClientError> {
        self.post("group/", request).await
    }

    /// `PUT group/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn change_group(
        &self,
        id: &GroupId,
        request: &GroupRequest,
    ) -> Result<Group, ClientError> {
        self.put(&format!("group/{id}/"), request).await
    }

    /// `DELETE group/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn delete_group(&self, id: &GroupId) -> Result<(), ClientError> {
        self.delete(&format!("group/{id}/")).await
    }

    /// `POST phone_number/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn create_phone_number(
        &self,
        request: &PhoneNumberRequest,
    ) -> Result<PhoneNumber, ClientError> {
        self.post("phone_number/", request).await
    }

    /// `PUT phone_number/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn change_phone_number(
        &self,
        id: &PhoneNumberId,
        request: &PhoneNumberRequest,
    ) -> Result<PhoneNumber, ClientError> {
        self.put(&format!("phone_number/{id}/"), request).await
    }

    /// `DELETE phone_number/{id}/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn delete_phone_number(&self, id: &PhoneNumberId) -> Result<(), ClientError> {
        self.delete(&format!("phone_number/{id}/")).await
    }

    /// `GET plan/`: what each plan holds.
    ///
    /// # Errors
    /// As every request.
    pub async fn plans(&self) -> Result<List<PlanInfo>, ClientError> {
        self.get("plan/").await
    }

    /// `GET usage/balance/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn balance(&self) -> Result<Balance, ClientError> {
        self.get("usage/balance/").await
    }

    /// `GET usage/`: the last 30 days when neither moment is given.
    ///
    /// # Errors
    /// As every request.
    pub async fn usage(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Usage, ClientError> {
        let query = between(from, to);
        self.ask(|api| api.builder(Method::GET, "usage/").query(&query))
            .await
    }

    /// `GET usage/ledger/`: newest first.
    ///
    /// # Errors
    /// As every request.
    pub async fn ledger(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        skip: u32,
    ) -> Result<List<LedgerEntry>, ClientError> {
        let mut query = between(from, to);
        query.push(("_skip", skip.to_string()));
        self.ask(|api| api.builder(Method::GET, "usage/ledger/").query(&query))
            .await
    }

    /// `GET usage/csv/`: the ledger as CSV.
    ///
    /// # Errors
    /// As every request.
    pub async fn usage_csv(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Vec<u8>, ClientError> {
        let query = between(from, to);
        self.download(|api| api.builder(Method::GET, "usage/csv/").query(&query))
            .await
    }

    /// `POST usage/top_up/`, in local mode.
    ///
    /// # Errors
    /// As every request.
    pub async fn top_up(&self, request: &TopUpRequest) -> Result<Balance, ClientError> {
        self.post("usage/top_up/", request).await
    }

    /// `GET audit/`: newest first.
    ///
    /// # Errors
    /// As every request.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        skip: u32,
    ) -> Result<List<AuditEntry>, ClientError> {
        let mut query = filter.query();
        query.push(("_skip", skip.to_string()));
        self.ask(|api| api.builder(Method::GET, "audit/").query(&query))
            .await
    }

    /// `GET audit/csv/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn audit_csv(&self, filter: &AuditFilter) -> Result<Vec<u8>, ClientError> {
        let query = filter.query();
        self.download(|api| api.builder(Method::GET, "audit/csv/").query(&query))
            .await
    }

    /// `GET organization/export/`: all of the organization's data, as JSON.
    ///
    /// # Errors
    /// As every request.
    pub async fn export(&self) -> Result<Vec<u8>, ClientError> {
        self.download(|api| api.builder(Method::GET, "organization/export/"))
            .await
    }

    /// `DELETE lead/{id}/`: with its calls and recordings.
    ///
    /// # Errors
    /// As every request.
    pub async fn delete_lead(&self, id: &LeadId) -> Result<(), ClientError> {
        self.delete(&format!("lead/{id}/")).await
    }

    /// `GET activity/call/{id}/recording/peaks/`: the waveform.
    ///
    /// # Errors
    /// As every request.
    pub async fn recording_peaks(&self, id: &CallId) -> Result<RecordingPeaks, ClientError> {
        self.get(&format!("activity/call/{id}/recording/peaks/"))
            .await
    }

    /// `GET activity/call/{id}/recording/?download=true`: the whole file, Ogg Opus.
    ///
    /// # Errors
    /// As every request.
    pub async fn recording(&self, id: &CallId) -> Result<Vec<u8>, ClientError> {
        let path = format!("activity/call/{id}/recording/?download=true");
        self.download(|api| api.builder(Method::GET, &path)).await
    }

    /// `GET activity/call/{id}/recording/` with a range: the bytes from the first to the last, or as
    /// many of them as there are, and the length of the whole file.
    ///
    /// # Errors
    /// As every request.
    pub async fn recording_part(
        &self,
        id: &CallId,
        first: u64,
        last: u64,
    ) -> Result<(Vec<u8>, u64), ClientError> {
        let path = format!("activity/call/{id}/recording/");
        let range = format!("bytes={first}-{last}");
        self.part(|api| {
            let builder = api.builder(Method::GET, &path);
            builder.header(reqwest::header::RANGE, &range)
        })
        .await
    }

    /// `DELETE activity/call/{id}/recording/`.
    ///
    /// # Errors
    /// As every request.
    pub async fn delete_recording(&self, id: &CallId) -> Result<(), ClientError> {
        self.delete(&format!("activity/call/{id}/recording/")).await
    }

    /// `PUT activity/call/{id}/recording/`: the rep pauses it, or lets it go on.
    ///
    /// # Errors
    /// As every request.
    pub async fn pause_recording(
        &self,
        id: &CallId,
        paused: bool,
    ) -> Result<CallRecording, ClientError> {
        let path = format!("activity/call/{id}/recording/");
        self.put(&path, &RecordingRequest { paused }).await
    }

    /// `POST activity/call/{id}/answer/`: the rep takes a call that came in.
    ///
    /// # Errors
    /// As every request.
    pub async fn answer(&self, id: &CallId) -> Result<Call, ClientError> {
        self.ask(|api| api.builder(Method::POST, &format!("activity/call/{id}/answer/")))
            .await
    }

    /// `POST demo/inbound_call/`, in local mode: the simulated lead calls.
    ///
    /// # Errors
    /// As every request.
    pub async fn inbound_call(&self, request: &InboundCallRequest) -> Result<Call, ClientError> {
        self.post("demo/inbound_call/", request).await
    }
}
