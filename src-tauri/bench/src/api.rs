//! The service's HTTP API, as far as the load needs it, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use wire::{
    Call, CallId, CallStatus, ClientType, CoachLeg, JoinRequest, Lead, List, MediaAnswer,
    MediaOffer, PhoneNumber, PhoneNumberKind, PlaceCallRequest, SignInRequest, Tokens,
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

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct User {
    token: String,
}

/// What a rep needs to call.
#[derive(Debug, Clone)]
pub struct Dialling(PlaceCallRequest);

impl Api {
    /// For the service at `address`.
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
        };
        let tokens: Tokens = self.post(None, "auth/sign_in/", &request)?;
        Ok(User {
            token: tokens.access_token,
        })
    }

    /// Looks up an internal number and the lead who talks.
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
            lead_id: lead.id,
            contact_id: None,
            remote_phone: None,
        }))
    }

    /// Places a call; the lead rings.
    pub fn place(&self, rep: &User, dialling: &Dialling) -> Result<CallId, BenchError> {
        let call: Call = self.post(Some(rep), "activity/call/", &dialling.0)?;
        Ok(call.id)
    }

    /// Waits until the lead has answered.
    pub fn answered(&self, rep: &User, call: &CallId) -> Result<(), BenchError> {
        let until = std::time::Instant::now() + ANSWER_TIMEOUT;
        loop {
            let now: Call = self.get(rep, &format!("activity/call/{call}/"))?;
            if now.status == CallStatus::InProgress {
                return Ok(());
            }
            if now.status.is_over() || std::time::Instant::now() > until {
                return Err(BenchError::Unexpected(format!(
                    "the lead did not answer: {:?}",
                    now.status
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Joins as a coach, in Listen.
    pub fn join(&self, coach: &User, call: &CallId) -> Result<(), BenchError> {
        let path = format!("activity/call/{call}/coach_leg/");
        self.post::<_, CoachLeg>(Some(coach), &path, &JoinRequest::default())
            .map(drop)
    }

    /// Offers media for the user's own leg; the answer.
    pub fn connect(&self, user: &User, call: &CallId, sdp: &str) -> Result<String, BenchError> {
        let answer: MediaAnswer = self.post(
            Some(user),
            &format!("activity/call/{call}/media/"),
            &MediaOffer { sdp: sdp.into() },
        )?;
        Ok(answer.sdp)
    }

    /// Ends the rep's call, for everyone on it.
    pub fn hang_up(&self, rep: &User, call: &CallId) -> Result<(), BenchError> {
        let url = format!("{}/api/v1/activity/call/{call}/hangup/", self.base);
        self.run(self.http.post(url).bearer_auth(&rep.token))
            .map(drop)
    }

    /// The service's counters now.
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
        self.runtime.block_on(async {
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
        })
    }
}

fn read<R: DeserializeOwned>(path: &str, text: &str) -> Result<R, BenchError> {
    serde_json::from_str(text).map_err(BenchError::unexpected(format!("the body of {path}")))
}
