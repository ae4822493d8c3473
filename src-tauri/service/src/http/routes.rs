//! Routes and their handlers: the table in `wire` says what a route is, this brings each together with
//! the function that answers it, and the compiler holds the function to the route's types.

use super::error::Refused;
use super::gate::unauthenticated;
use crate::app::App;
use crate::audit::Note;
use crate::strict;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRequestParts, Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use store::Principal;
use wire::route::{self, Input, Method, Output, PathId, Route, Rule, Takes};
use wire::{Code, List, ListQuery};

/// The longest body that is accepted, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes beyond it that are read and thrown away, so that the client gets to read the refusal.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a handler is asked.
pub struct Ask<Id, T, W = Principal> {
    pub app: Arc<App>,
    /// Who asks, as the gate in front of all routes found out. It has refused already what their role
    /// may not do: see [`crate::access`].
    pub who: W,
    pub id: Id,
    pub input: T,
    /// What the audit log is to say, where the route is audited.
    pub note: Note,
    pub headers: HeaderMap,
    /// The bytes of an upload; empty for all others.
    pub body: Body,
    /// Where they ask from; none only if the server was not told.
    from: Option<IpAddr>,
}

impl<Id, T, W> Ask<Id, T, W> {
    /// Where they ask from.
    ///
    /// # Errors
    /// A fault of ours when nobody knows.
    pub fn address(&self) -> Result<IpAddr, Refused> {
        self.from.ok_or_else(from_nowhere)
    }
}

/// Who asks: a [`Principal`], or [`Anybody`].
pub trait Asking: Sized + Send {
    /// Whether a route that is for anybody can be asked by them.
    const KNOWN: bool;

    /// # Errors
    /// The refusal when nobody is there.
    fn of(parts: &Parts) -> Result<Self, Refused>;
}

impl Asking for Principal {
    const KNOWN: bool = true;

    fn of(parts: &Parts) -> Result<Self, Refused> {
        let who = parts.extensions.get::<Self>().cloned();
        who.ok_or_else(unauthenticated)
    }
}

/// Somebody who need not say who they are; all that is known is where they ask from.
pub struct Anybody {
    pub address: IpAddr,
}

impl Asking for Anybody {
    const KNOWN: bool = false;

    fn of(parts: &Parts) -> Result<Self, Refused> {
        let address = address_of(parts).ok_or_else(from_nowhere)?;
        Ok(Self { address })
    }
}

fn address_of(parts: &Parts) -> Option<IpAddr> {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    address.map(|ConnectInfo(address)| address.ip())
}

fn from_nowhere() -> Refused {
    tracing::error!("a request came from no address");
    Refused::new(
        Code::Internal,
        "The service couldn't tell where the request came from.",
    )
}

/// How a handler's answer becomes the route's.
pub trait Answer: Output {
    /// What the handler gives.
    type Value;

    fn response(status: StatusCode, value: Self::Value) -> Response;
}

impl Answer for route::Nothing {
    type Value = ();

    fn response(status: StatusCode, (): ()) -> Response {
        status.into_response()
    }
}

impl<T: Serialize> Answer for route::Json<T>
where
    Self: Output,
{
    type Value = T;

    fn response(status: StatusCode, value: T) -> Response {
        (status, Json(value)).into_response()
    }
}

impl Answer for route::File {
    /// With its headers, and its status: a part of a file has another one.
    type Value = Response;

    fn response(_: StatusCode, response: Response) -> Response {
        response
    }
}

/// Routes with their handlers.
#[derive(Default)]
pub struct Routes {
    router: Router<Arc<App>>,
    /// The names of those that have a handler.
    pub handled: Vec<&'static str>,
}

impl Routes {
    /// With a route and the function that answers it.
    #[must_use]
    pub fn on<Id, In, Out, W, F, Answered>(mut self, route: Route<Id, In, Out>, handler: F) -> Self
    where
        Id: PathId,
        In: Input,
        Out: Answer,
        W: Asking,
        F: Fn(Ask<Id, In::Value, W>) -> Answered + Clone + Send + Sync + 'static,
        Answered: Future<Output = Result<Out::Value, Refused>> + Send,
    {
        let rule = route.rule;
        debug_assert_eq!(W::KNOWN, rule.who != route::Who::Anybody, "{}", rule.name);
        let status = StatusCode::from_u16(rule.status).unwrap_or(StatusCode::OK);
        let bounds: Arc<[Bounds]> = In::parameters().iter().map(Bounds::of).collect();
        let serve = move |State(app): State<Arc<App>>, request: Request| {
            let (handler, bounds) = (handler.clone(), bounds.clone());
            async move {
                let asked = ask::<Id, In, W>(app, request, &bounds).await?;
                let value = handler(asked).await?;
                Ok::<_, Refused>(Out::response(status, value))
            }
        };
        self.handled.push(rule.name);
        self.router = self.router.route(rule.path, on(filter(rule.method), serve));
        self
    }

    /// With a route that has no types.
    #[must_use]
    pub fn plain(mut self, rule: Rule, handler: MethodRouter<Arc<App>>) -> Self {
        self.handled.push(rule.name);
        self.router = self.router.route(rule.path, handler);
        self
    }

    /// With all of these, too.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.handled.extend(other.handled);
        self
    }

    pub fn router(self) -> Router<Arc<App>> {
        self.router
    }
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Reads a request as its route wants it.
async fn ask<Id: PathId, In: Input, W: Asking>(
    app: Arc<App>,
    request: Request,
    bounds: &[Bounds],
) -> Result<Ask<Id, In::Value, W>, Refused> {
    let (mut parts, body) = request.into_parts();
    let who = W::of(&parts)?;
    let from = address_of(&parts);
    let id = id(&mut parts, &app).await?;
    let mut rest = Body::empty();
    let input = match In::TAKES {
        // Nothing is what JSON calls null.
        Takes::Nothing => json(b"null")?,
        Takes::Query => query(&parts, bounds)?,
        Takes::Body => {
            is_json(&parts.headers)?;
            json(&read(body).await?)?
        }
        Takes::Upload => {
            is_bytes(&parts.headers)?;
            rest = body;
            query(&parts, bounds)?
        }
    };
    Ok(Ask {
        app,
        who,
        id,
        input,
        // Nobody reads the note of a route that is not audited.
        note: parts.extensions.remove().unwrap_or_default(),
        headers: parts.headers,
        body: rest,
        from,
    })
}

/// The id in the path. One that cannot be an id of its kind is of nothing.
async fn id<Id: PathId>(parts: &mut Parts, app: &Arc<App>) -> Result<Id, Refused> {
    if let Some(none) = Id::read("") {
        return Ok(none);
    }
    let path = Path::<String>::from_request_parts(parts, app).await;
    path.ok()
        .and_then(|Path(text)| Id::read(&text))
        .ok_or_else(|| Refused::not_found("thing"))
}

fn query<T: DeserializeOwned>(parts: &Parts, bounds: &[Bounds]) -> Result<T, Refused> {
    let invalid = |rejection: QueryRejection| {
        let why = rejection.body_text();
        Refused::new(
            Code::InvalidRequest,
            format!("The query isn't valid: {why}."),
        )
    };
    let Query(value) = Query::<T>::try_from_uri(&parts.uri).map_err(invalid)?;
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(invalid)?;
    for (name, text) in &pairs.0 {
        let bounds = bounds.iter().find(|bounds| bounds.name == *name);
        if let Some(expected) = bounds.and_then(|bounds| bounds.exceeded(text)) {
            return Err(Refused::new(
                Code::InvalidRequest,
                format!("The query isn't valid: `{name}` must be {expected}."),
            ));
        }
    }
    Ok(value)
}

/// The bounds of a parameter in the query. They are those that the documentation states: there is no
/// other list of them.
struct Bounds {
    name: String,
    minimum: Option<i64>,
    maximum: Option<i64>,
    chars_max: Option<u64>,
}

impl Bounds {
    fn of(parameter: &impl Serialize) -> Self {
        let parameter = serde_json::json!(parameter);
        let schema = &parameter["schema"];
        Self {
            name: parameter["name"].as_str().unwrap_or_default().to_owned(),
            minimum: schema["minimum"].as_f64().map(|bound| bound as i64),
            maximum: schema["maximum"].as_f64().map(|bound| bound as i64),
            chars_max: schema["maxLength"].as_u64(),
        }
    }

    /// What is expected, where it isn't that.
    fn exceeded(&self, text: &str) -> Option<String> {
        if let Some(max) = self.chars_max
            && text.chars().count() as u64 > max
        {
            return Some(format!("at most {max} characters"));
        }
        let number: i64 = text.parse().ok()?;
        let (minimum, maximum) = (self.minimum?, self.maximum?);
        let within = (minimum..=maximum).contains(&number);
        (!within).then(|| format!("{minimum} to {maximum}"))
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Refused> {
    if is_of(headers, "application/json") {
        return Ok(());
    }
    Err(Refused::new(
        Code::InvalidRequest,
        "Send the body as JSON, with `Content-Type: application/json`.",
    ))
}

fn is_bytes(headers: &HeaderMap) -> Result<(), Refused> {
    if is_of(headers, "application/octet-stream") {
        return Ok(());
    }
    Err(Refused::new(
        Code::InvalidRequest,
        "Send the bytes as they are, with `Content-Type: application/octet-stream`.",
    ))
}

/// Whether a body is of this media type, or of none that is named.
fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_none_or(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case(media_type)
        })
}

fn json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let invalid = |path: String, error: &dyn std::fmt::Display| {
        let place = if path.is_empty() || path == "." {
            String::new()
        } else {
            format!(" at `{path}`")
        };
        Refused::new(
            Code::InvalidRequest,
            format!("The body isn't valid{place}: {error}."),
        )
    };
    let value: T = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| invalid(error.path().to_string(), error.inner()))?;
    reader
        .end()
        .map_err(|error| invalid(String::new(), &error))?;
    if let Some((place, why)) = strict::departure(bytes, &value) {
        return Err(invalid(place, &why));
    }
    Ok(value)
}

async fn read(body: Body) -> Result<Vec<u8>, Refused> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Refused::new(Code::InvalidRequest, "The body ended too early."))?;
        length += chunk.len();
        if length <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        } else if length > DISCARD_BYTES_MAX {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    if length > BODY_BYTES_MAX {
        return Err(Refused::new(
            Code::TooLarge,
            format!("The body can be up to {BODY_BYTES_MAX} bytes long."),
        ));
    }
    Ok(bytes)
}

/// A page of items, of which one more than the page holds was read.
pub fn page<T>(mut items: Vec<T>, query: &ListQuery) -> List<T> {
    let limit = query.limit() as usize;
    let has_more = items.len() > limit;
    items.truncate(limit);
    List {
        data: items,
        has_more,
        cursor: None,
    }
}
