//! Asking a route: its request, the token that goes with it, and how answers and refusals are read.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wire::route::{
    self, Body, File, Gives, Input, Json, Nothing, Output, PathId, Query, Route, Takes, Upload,
};
use wire::{CallId, ErrorBody, List, ListQuery, MediaAnswer, MediaOffer, RecordingQuery};

use super::Api;
use crate::ClientError;
use crate::error::Ticket;
use crate::local::PROOF_KEPT;

/// The longest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest file that is downloaded, in bytes.
const FILE_BYTES_MAX: usize = 512 * 1024 * 1024;
const FILE_WAIT: Duration = Duration::from_secs(600);
/// For a part of a file, over a line that is slow.
const UPLOAD_WAIT: Duration = Duration::from_secs(120);
/// For what must be tried again soon: a leg whose sound is lost is held for 30 s.
const SHORT_ANSWER_WAIT: Duration = Duration::from_secs(5);
/// The longest list that is read to its end, in items.
const LIST_ITEMS_MAX: usize = 20_000;

/// What comes out of a route, as a client reads it. A [`File`] is not one: it is downloaded.
pub trait Answer: Output {
    /// The answer itself.
    type Value: DeserializeOwned;
}

impl<T: DeserializeOwned> Answer for Json<T>
where
    Self: Output,
{
    type Value = T;
}

impl Answer for Nothing {
    type Value = ();
}

/// One request, ready to be sent as often as it takes.
struct Ask {
    method: Method,
    path: String,
    takes: Takes,
    input: Value,
    wait: Option<Duration>,
    range: Option<String>,
    /// The bytes in the body, where it takes some.
    bytes: Vec<u8>,
}

impl Ask {
    fn new<Id: PathId, In: Input, Out>(
        route: &Route<Id, In, Out>,
        id: &Id,
        input: &In::Value,
    ) -> Result<Self, ClientError> {
        let input = serde_json::to_value(input);
        Ok(Self {
            method: method(route.rule.method),
            path: route.path(id),
            takes: route.rule.takes,
            input: input.map_err(|error| ClientError::Protocol(error.to_string()))?,
            wait: None,
            range: None,
            bytes: Vec::new(),
        })
    }
}

impl Api {
    /// Asks a route: with the id in its path, or `()`, and what goes in, or `()`.
    ///
    /// # Errors
    /// [`ClientError::Refused`], [`ClientError::Unreachable`], or [`ClientError::Protocol`] when the
    /// answer is not what is documented.
    pub async fn call<Id: PathId, In: Input, Out: Answer>(
        &self,
        route: &Route<Id, In, Out>,
        id: &Id,
        input: &In::Value,
    ) -> Result<Out::Value, ClientError> {
        self.read_as::<Out>(&Ask::new(route, id, input)?).await
    }

    /// The same, for what is asked again when it is not answered soon.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub(crate) async fn call_soon<Id: PathId, In: Input, Out: Answer>(
        &self,
        route: &Route<Id, In, Out>,
        id: &Id,
        input: &In::Value,
    ) -> Result<Out::Value, ClientError> {
        let mut ask = Ask::new(route, id, input)?;
        ask.wait = Some(SHORT_ANSWER_WAIT);
        self.read_as::<Out>(&ask).await
    }

    async fn read_as<Out: Answer>(&self, ask: &Ask) -> Result<Out::Value, ClientError> {
        // `null` stands for the body that there is not.
        read(self.authorized(ask).await?, Out::GIVES).await
    }

    /// A list to its end, page by page.
    ///
    /// # Errors
    /// As [`Api::call`]; and [`ClientError::Protocol`] when there is no end to it.
    pub async fn list<Q: Serialize, T: DeserializeOwned>(
        &self,
        route: &Route<(), Query<Q>, Json<List<T>>>,
        query: &Q,
    ) -> Result<Vec<T>, ClientError>
    where
        Query<Q>: Input<Value = Q>,
        Json<List<T>>: Answer<Value = List<T>>,
    {
        let mut ask = Ask::new(route, &(), query)?;
        set(&mut ask.input, "_limit", ListQuery::LIMIT_MAX.into());
        let mut all = Vec::new();
        loop {
            let page: List<T> = read(self.authorized(&ask).await?, Gives::Json).await?;
            let is_empty = page.data.is_empty();
            all.extend(page.data);
            if !page.has_more {
                return Ok(all);
            }
            if is_empty || all.len() > LIST_ITEMS_MAX {
                return Err(ClientError::Protocol("the list doesn't end".into()));
            }
            match page.cursor {
                Some(cursor) => set(&mut ask.input, "_cursor", cursor.into()),
                None => set(&mut ask.input, "_skip", all.len().into()),
            }
        }
    }

    /// A whole file.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn download<Id: PathId, In: Input>(
        &self,
        route: &Route<Id, In, File>,
        id: &Id,
        input: &In::Value,
    ) -> Result<Vec<u8>, ClientError> {
        let mut ask = Ask::new(route, id, input)?;
        ask.wait = Some(FILE_WAIT);
        accepted(self.authorized(&ask).await?, FILE_BYTES_MAX).await
    }

    /// Sends bytes, in one piece: cut a large file into several.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn upload<Id: PathId, T, Out: Answer>(
        &self,
        route: &Route<Id, Upload<T>, Out>,
        id: &Id,
        input: &T,
        bytes: Vec<u8>,
    ) -> Result<Out::Value, ClientError>
    where
        Upload<T>: Input<Value = T>,
    {
        let mut ask = Ask::new(route, id, input)?;
        ask.wait = Some(UPLOAD_WAIT);
        ask.bytes = bytes;
        self.read_as::<Out>(&ask).await
    }

    /// The bytes of a call's recording from the first to the last, or as many of them as there are, and
    /// the length of the whole file.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn recording_part(
        &self,
        id: &CallId,
        first: u64,
        last: u64,
    ) -> Result<(Vec<u8>, u64), ClientError> {
        let mut ask = Ask::new(&route::GET_RECORDING, id, &RecordingQuery::default())?;
        ask.range = Some(format!("bytes={first}-{last}"));
        let response = self.authorized(&ask).await?;
        // `bytes 0-99/1234` (RFC 9110, section 14.4).
        let range = response.headers().get(reqwest::header::CONTENT_RANGE);
        let length = range
            .and_then(|range| range.to_str().ok()?.rsplit_once('/')?.1.parse().ok())
            .or(response.content_length());
        let bytes = accepted(response, BODY_BYTES_MAX).await?;
        let length = length.unwrap_or(bytes.len() as u64);
        Ok((bytes, length))
    }

    /// The answer to an SDP offer for the user's own leg. It is waited for a short while only.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn media(&self, id: &CallId, offer_sdp: String) -> Result<MediaAnswer, ClientError> {
        let offer = MediaOffer::new(offer_sdp);
        self.call_soon(&route::OFFER_MEDIA, id, &offer).await
    }

    /// Asks a route that the window may ask, by its name. Every other one is refused.
    ///
    /// # Errors
    /// As [`Api::call`]; [`wire::Code::InvalidRequest`] when id or input are not of the route's types,
    /// and [`wire::Code::NotFound`] for a route that the window may not ask.
    pub async fn call_for_window(
        &self,
        name: &str,
        id: Option<&str>,
        input: Value,
    ) -> Result<Value, ClientError> {
        let mut window = Window {
            name,
            id: id.unwrap_or_default(),
            input,
            ask: None,
        };
        route::visit(&mut window);
        let refused = || refusal(wire::Code::NotFound, format!("there's no route {name}"));
        let (ask, gives) = window.ask.ok_or_else(refused)??;
        read(self.authorized(&ask).await?, gives).await
    }

    /// An authorized request goes out with the access token; when that is no longer taken, once more with
    /// a new one.
    async fn authorized(&self, ask: &Ask) -> Result<Response, ClientError> {
        let with_token = |token: &Option<String>| {
            let builder = self.build(ask);
            match token {
                Some(token) => builder.bearer_auth(token),
                None => builder,
            }
        };
        let token = self.access_token();
        let response = self.send(with_token(&token)).await?;
        if response.status() != reqwest::StatusCode::UNAUTHORIZED || token.is_none() {
            return Ok(response);
        }
        self.refresh(token.as_deref()).await?;
        self.send(with_token(&self.access_token())).await
    }

    /// Sends it. The app's own service has to prove itself before, so that no one else has the token.
    async fn send(&self, builder: RequestBuilder) -> Result<Response, ClientError> {
        if let Some(door) = self.door() {
            door.pass(PROOF_KEPT).await?;
        }
        builder.send().await.map_err(unreachable)
    }

    fn build(&self, ask: &Ask) -> RequestBuilder {
        let builder = self.builder(ask.method.clone(), &ask.path);
        let builder = match ask.takes {
            Takes::Nothing => builder,
            Takes::Query => builder.query(&ask.input),
            Takes::Body => builder.json(&ask.input),
            Takes::Upload => builder
                .query(&ask.input)
                .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
                .body(ask.bytes.clone()),
        };
        let builder = match ask.wait {
            Some(wait) => builder.timeout(wait),
            None => builder,
        };
        match &ask.range {
            Some(range) => builder.header(reqwest::header::RANGE, range),
            None => builder,
        }
    }

    /// Asks a route that takes no token: what it is shown is a secret itself.
    pub(super) async fn call_as_anybody<B, Out: Answer>(
        &self,
        route: &Route<(), Body<B>, Out>,
        body: &B,
    ) -> Result<Out::Value, ClientError>
    where
        Body<B>: Input<Value = B>,
    {
        let ask = Ask::new(route, &(), body)?;
        read(self.send(self.build(&ask)).await?, Out::GIVES).await
    }

    /// The same, for what is asked again when it is not answered soon.
    pub(super) async fn call_as_anybody_soon<B, Out: Answer>(
        &self,
        route: &Route<(), Body<B>, Out>,
        body: &B,
    ) -> Result<Out::Value, ClientError>
    where
        Body<B>: Input<Value = B>,
    {
        let mut ask = Ask::new(route, &(), body)?;
        ask.wait = Some(SHORT_ANSWER_WAIT);
        read(self.send(self.build(&ask)).await?, Out::GIVES).await
    }
}

/// Looks for the one route that the window wants.
struct Window<'a> {
    name: &'a str,
    id: &'a str,
    input: Value,
    ask: Option<Result<(Ask, Gives), ClientError>>,
}

impl route::Visitor for Window<'_> {
    fn route<Id: PathId, In: Input, Out: Output>(&mut self, route: Route<Id, In, Out>) {
        if route.rule.name == self.name && route.rule.window {
            self.ask = Some(self.prepare(&route));
        }
    }
}

impl Window<'_> {
    fn prepare<Id: PathId, In: Input, Out: Output>(
        &mut self,
        route: &Route<Id, In, Out>,
    ) -> Result<(Ask, Gives), ClientError> {
        let wrong = |what: &str| {
            let message = format!("{what} is not what {} takes", route.rule.name);
            refusal(wire::Code::InvalidRequest, message)
        };
        let id = Id::read(self.id).ok_or_else(|| wrong("the id"))?;
        let input: In::Value =
            serde_json::from_value(self.input.take()).map_err(|_| wrong("the input"))?;
        Ok((Ask::new(route, &id, &input)?, Out::GIVES))
    }
}

fn refusal(code: wire::Code, message: String) -> ClientError {
    ClientError::Refused {
        code,
        message,
        field: None,
    }
}

fn method(method: route::Method) -> Method {
    match method {
        route::Method::Get => Method::GET,
        route::Method::Post => Method::POST,
        route::Method::Put => Method::PUT,
        route::Method::Patch => Method::PATCH,
        route::Method::Delete => Method::DELETE,
    }
}

fn set(query: &mut Value, name: &str, value: Value) {
    if let Value::Object(query) = query {
        query.insert(name.to_owned(), value);
    }
}

/// Never with the address, which may hold an id, nor with a body.
fn unreachable(error: reqwest::Error) -> ClientError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    ClientError::Unreachable(cause.unwrap_or_else(|| error.to_string()))
}

async fn read<T: DeserializeOwned>(response: Response, gives: Gives) -> Result<T, ClientError> {
    let body = accepted(response, BODY_BYTES_MAX).await?;
    let body = match gives {
        Gives::Json => body.as_slice(),
        Gives::Nothing | Gives::File => b"null",
    };
    serde_json::from_slice(body).map_err(|error| ClientError::Protocol(error.to_string()))
}

/// The body of an answer that is no error.
async fn accepted(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(ClientError::Protocol("the answer is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    let status = response.status();
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(ErrorBody { error }) => Err(match error.ticket {
            Some(ticket) => ClientError::SecondStep {
                code: error.code,
                message: error.message,
                ticket: Ticket(ticket),
            },
            None => ClientError::Refused {
                code: error.code,
                message: error.message,
                field: error.field,
            },
        }),
        Err(_) => Err(ClientError::Protocol(format!("HTTP status {status}"))),
    }
}
