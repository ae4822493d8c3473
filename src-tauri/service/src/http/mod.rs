//! The HTTP API: thin handlers over the store, the hub and the calls.

mod audit;
mod auth;
mod call;
mod check;
mod csv;
mod data;
mod directory;
mod error;
mod extract;
mod group;
mod inbound;
mod invite;
mod number;
mod openapi;
mod ops;
mod organization;
mod plan;
mod recording;
mod role;
mod trace;
mod usage;

pub use error::Refused;
pub use ops::Readiness;

use crate::app::App;
use crate::hub::socket;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::{Code, ErrorBody, List, ListQuery};

/// Every route of the service.
pub fn router(app: Arc<App>) -> Router {
    let (api, document) = api().split_for_parts();
    let document = openapi::text(&document);
    Router::new()
        .merge(api)
        .route("/api/v1/socket/", get(upgrade))
        .route("/api/events.schema.json", get(openapi::events_schema))
        .route(
            "/api/openapi.json",
            get(move || openapi::document(document)),
        )
        .route("/health", get(ops::health))
        .route("/ready", get(ops::ready))
        .route("/metrics", get(ops::metrics))
        .merge(
            utoipa_swagger_ui::SwaggerUi::new("/api/docs")
                .config(utoipa_swagger_ui::Config::new(["/api/openapi.json"])),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            crate::access::gate,
        ))
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            trace::watch,
        ))
        .with_state(app)
}

/// The routes that the OpenAPI document lists.
fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(auth::sign_in))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::sign_out))
        .routes(routes!(invite::offer))
        .routes(routes!(invite::accept))
        .routes(routes!(organization::me))
        .routes(routes!(organization::users))
        .routes(routes!(organization::user_availability))
        .routes(routes!(organization::user))
        .routes(routes!(organization::roles, role::create_role))
        .routes(routes!(role::change_role, role::delete_role))
        .routes(routes!(organization::groups, group::create_group))
        .routes(routes!(group::change_group, group::delete_group))
        .routes(routes!(organization::memberships))
        .routes(routes!(invite::invites, invite::create_invite))
        .routes(routes!(invite::revoke_invite))
        .routes(routes!(organization::patch_membership))
        .routes(routes!(organization::patch_organization))
        .routes(routes!(data::export))
        .routes(routes!(plan::plans))
        .routes(routes!(usage::usage))
        .routes(routes!(usage::balance))
        .routes(routes!(usage::ledger))
        .routes(routes!(usage::usage_csv))
        .routes(routes!(usage::top_up))
        .routes(routes!(audit::entries))
        .routes(routes!(audit::entries_csv))
        .routes(routes!(directory::leads))
        .routes(routes!(directory::lead, data::delete_lead))
        .routes(routes!(directory::contacts))
        .routes(routes!(
            directory::phone_numbers,
            number::create_phone_number
        ))
        .routes(routes!(
            number::change_phone_number,
            number::delete_phone_number
        ))
        .routes(routes!(call::calls, call::place))
        .routes(routes!(call::call))
        .routes(routes!(inbound::answer))
        .routes(routes!(inbound::inbound_call))
        .routes(routes!(call::hang_up))
        .routes(routes!(call::hold))
        .routes(routes!(call::mute))
        .routes(routes!(call::dtmf))
        .routes(routes!(call::media))
        .routes(routes!(
            recording::recording,
            recording::pause,
            recording::delete
        ))
        .routes(routes!(recording::peaks))
        .routes(routes!(call::join, call::leave))
        .routes(routes!(call::mode))
        .routes(routes!(call::invite))
        .routes(routes!(call::invitation_targets))
        .routes(routes!(call::invitations))
        .routes(routes!(call::decline))
}

/// Opens a WebSocket. The messages are in `/api/events.schema.json`; the token goes into `hello`.
async fn upgrade(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return Refused::new(
            Code::InvalidRequest,
            "This path takes a WebSocket (RFC 6455).",
        )
        .into_response();
    };
    upgrade
        .max_message_size(socket::FRAME_BYTES_MAX)
        .max_frame_size(socket::FRAME_BYTES_MAX)
        .on_upgrade(move |socket| socket::serve(app, socket))
}

async fn not_found(uri: Uri) -> Refused {
    let hint = if uri.path().ends_with('/') {
        "There is no such path. All of them are in /api/openapi.json."
    } else {
        "There is no such path. The API's paths end with a slash; all of them are in /api/openapi.json."
    };
    Refused::new(Code::NotFound, hint)
}

/// The answer to a method that a path is not for.
pub async fn method_not_allowed() -> Response {
    let body = ErrorBody::new(
        Code::InvalidRequest,
        "This path is not for that method. What it takes is in /api/openapi.json.",
    );
    (StatusCode::METHOD_NOT_ALLOWED, axum::Json(body)).into_response()
}

/// A page of items, of which one more than the page holds was read.
fn page<T>(mut items: Vec<T>, query: &ListQuery) -> List<T> {
    let limit = query.limit() as usize;
    let has_more = items.len() > limit;
    items.truncate(limit);
    List {
        data: items,
        has_more,
        cursor: None,
    }
}
