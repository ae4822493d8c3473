//! What the load needs of the service's HTTP API, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wire::{
    Call, CallId, CallStatus, ClientType, CoachLeg, JoinRequest, Lead, List, Me, MediaAnswer,
    MediaOffer, Organization, OrganizationPatch, PhoneNumber, PhoneNumberKind, PlaceCallRequest,
    RecordingSettings, SignInRequest, Tokens,
};

use crate::error::BenchError;
use crate::metrics::Metrics;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The demonstration's password.
const PASSWORD: &str = "demo-password";
/// The demonstration's lead who answers after a second and talks.
const TALKING_LEAD: &str = "Globex";

/// A connection to one service.
pub struct Api {
    http: reqwest::Client,
    runtime: Runtime,
    base: String,
}

#[derive(Debug, Clone)]
pub struct User {
    token: String,
}

/// Calls placed by many reps, one after the other.
#[derive(Debug)]
pub struct Placed {
    /// Each call with the index of its rep.
    pub calls: Vec<(usize, CallId)>,
    /// Why the first failed call could not be placed.
    pub refusal: Option<BenchError>,
    /// From the first request to the last.
    pub asked_in: Duration,
}

/// What a rep needs to call.
#[derive(Debug, Clone)]
pub struct Dialling(PlaceCallRequest);

impl Api {
    pub fn new(address: SocketAddr) -> Result<Self, BenchError> {
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(BenchError::unexpected("an HTTP client"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BenchError::system("start a runtime"))?;
        Ok(Self {
            http,
            runtime,
            base: format!("http://{address}"),
        })
    }

    /// Signs a user of the demonstration in, as the desktop app does.
    pub fn sign_in(&self, email: &str) -> Result<User, BenchError> {
        let request = SignInRequest {
            email: email.into(),
            password: PASSWORD.into(),
            client_type: ClientType::Native,
            device_name: None,
        };
        let tokens: Tokens = self.post(None, "auth/sign_in/", &request)?;
        Ok(User {
            token: tokens.access_token,
        })
    }

    /// Looks up an internal number and the talking lead.
    pub fn dialling(&self, rep: &User) -> Result<Dialling, BenchError> {
        let numbers: List<PhoneNumber> = self.get(rep, "phone_number/")?;
        let number = numbers
            .data
            .into_iter()
            .find(|number| number.kind == PhoneNumberKind::Internal)
            .ok_or_else(|| BenchError::Unexpected("there is no internal number".into()))?;
        let leads: List<Lead> = self.get(rep, "lead/?query=Globex")?;
        let lead = leads
            .data
            .into_iter()
            .find(|lead| lead.display_name == TALKING_LEAD)
            .ok_or_else(|| BenchError::Unexpected(format!("there is no lead {TALKING_LEAD}")))?;
        Ok(Dialling(PlaceCallRequest {
            local_phone_id: number.id,
            lead_id: Some(lead.id),
            contact_id: None,
            remote_phone: None,
        }))
    }

    /// Places a call; the lead rings.
    pub fn place(&self, rep: &User, dialling: &Dialling) -> Result<CallId, BenchError> {
        let call: Call = self.post(Some(rep), "activity/call/", &dialling.0)?;
        Ok(call.id)
    }

    /// Places a call for each rep, one every `every`, whether or not earlier requests were answered.
    pub fn place_all(&self, reps: &[User], dialling: &Dialling, every: Duration) -> Placed {
        let url = format!("{}/api/v1/activity/call/", self.base);
        self.runtime.block_on(async {
            let mut pace = tokio::time::interval(every);
            let mut asked = JoinSet::new();
            let began = std::time::Instant::now();
            for (at, rep) in reps.iter().enumerate() {
                pace.tick().await;
                let request = self.http.post(&url).json(&dialling.0);
                let answer = fetch(request.bearer_auth(&rep.token));
                asked.spawn(async move { (at, answer.await) });
            }
            let mut placed = Placed {
                calls: Vec::with_capacity(reps.len()),
                refusal: None,
                asked_in: began.elapsed(),
            };
            while let Some(done) = asked.join_next().await {
                let call = done
                    .map_err(BenchError::unexpected("a request to its end"))
                    .and_then(|(at, text)| Ok((at, read::<Call>("a placed call", &text?)?.id)));
                match call {
                    Ok(call) => placed.calls.push(call),
                    Err(error) => placed.refusal = placed.refusal.or(Some(error)),
                }
            }
            placed
        })
    }

    /// Where a call stands.
    pub fn status(&self, rep: &User, call: &CallId) -> Result<CallStatus, BenchError> {
        let call: Call = self.get(rep, &format!("activity/call/{call}/"))?;
        Ok(call.status)
    }

    /// Turns off recording in the admin's organization.
    pub fn stop_recording(&self, admin: &User) -> Result<(), BenchError> {
        let me: Me = self.get(admin, "me/")?;
        let path = format!("organization/{}/", me.organization.id);
        let patch = OrganizationPatch {
            recording: Some(RecordingSettings {
                enabled: false,
                ..me.organization.recording
            }),
            ..OrganizationPatch::default()
        };
        let request = self.http.patch(format!("{}/api/v1/{path}", self.base));
        let text = self.run(request.json(&patch).bearer_auth(&admin.token))?;
        read::<Organization>(&path, &text).map(drop)
    }

    /// Waits until the lead has answered.
    pub fn answered(&self, rep: &User, call: &CallId) -> Result<(), BenchError> {
        let until = std::time::Instant::now() + ANSWER_TIMEOUT;
        loop {
            let now = self.status(rep, call)?;
            if now == CallStatus::InProgress {
                return Ok(());
            }
            if now.is_over() || std::time::Instant::now() > until {
                return Err(BenchError::Unexpected(format!(
                    "the lead did not answer: {now:?}"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn join(&self, coach: &User, call: &CallId) -> Result<(), BenchError> {
        let path = format!("activity/call/{call}/coach_leg/");
        self.post::<_, CoachLeg>(Some(coach), &path, &JoinRequest::default())
            .map(drop)
    }

    /// Offers media for the user's own leg, and returns the answer.
    pub fn connect(&self, user: &User, call: &CallId, sdp: &str) -> Result<String, BenchError> {
        let answer: MediaAnswer = self.post(
            Some(user),
            &format!("activity/call/{call}/media/"),
            &MediaOffer::new(sdp),
        )?;
        Ok(answer.sdp)
    }

    /// Ends the rep's call, for everyone on it.
    pub fn hang_up(&self, rep: &User, call: &CallId) -> Result<(), BenchError> {
        let url = format!("{}/api/v1/activity/call/{call}/hangup/", self.base);
        self.run(self.http.post(url).bearer_auth(&rep.token))
            .map(drop)
    }

    /// The service's current counters.
    pub fn metrics(&self) -> Result<Metrics, BenchError> {
        let page = self.run(self.http.get(format!("{}/metrics", self.base)))?;
        Ok(Metrics::parse(&page))
    }

    fn post<B: Serialize, R: DeserializeOwned>(
        &self,
        user: Option<&User>,
        path: &str,
        body: &B,
    ) -> Result<R, BenchError> {
        let request = self
            .http
            .post(format!("{}/api/v1/{path}", self.base))
            .json(body);
        let request = match user {
            Some(user) => request.bearer_auth(&user.token),
            None => request,
        };
        read(path, &self.run(request)?)
    }

    fn get<R: DeserializeOwned>(&self, user: &User, path: &str) -> Result<R, BenchError> {
        let request = self.http.get(format!("{}/api/v1/{path}", self.base));
        read(path, &self.run(request.bearer_auth(&user.token))?)
    }

    fn run(&self, request: reqwest::RequestBuilder) -> Result<String, BenchError> {
        self.runtime.block_on(fetch(request))
    }
}

/// The body of a successful response.
async fn fetch(request: reqwest::RequestBuilder) -> Result<String, BenchError> {
    let response = request
        .send()
        .await
        .map_err(BenchError::unexpected("the service answers"))?;
    let (status, url) = (response.status(), response.url().path().to_owned());
    let text = response
        .text()
        .await
        .map_err(BenchError::unexpected("the service answers"))?;
    if status.is_success() {
        return Ok(text);
    }
    let start: String = text.chars().take(200).collect();
    Err(BenchError::Unexpected(format!("{url}: {status}: {start}")))
}

fn read<R: DeserializeOwned>(path: &str, text: &str) -> Result<R, BenchError> {
    serde_json::from_str(text).map_err(BenchError::unexpected(format!("the body of {path}")))
}
