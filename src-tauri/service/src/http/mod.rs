//! The HTTP API: thin handlers over the store, the hub and the calls. Which routes there are, what goes
//! in and comes out and who may ask is in `wire::route`.

mod account;
mod audit;
mod auth;
mod call;
mod check;
mod cors;
mod csv;
mod error;
mod gate;
mod group;
mod import;
mod invite;
mod lead;
mod lead_form;
mod lead_status;
mod line;
mod local;
mod member;
mod number;
mod openapi;
mod ops;
mod organization;
mod outcome;
mod pages;
mod plan;
mod recording;
mod role;
mod routes;
mod second_factor;
mod setup;
mod trace;
mod usage;

pub use error::Refused;
pub use local::LocalSecret;

use crate::app::App;
use crate::socket;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use error::method_not_allowed;
use routes::Routes;
use std::sync::Arc;
use utoipa_swagger_ui::{Config, SwaggerUi};
use wire::{Code, route};

/// Every route of the service.
pub fn router(app: Arc<App>, local: Option<LocalSecret>) -> Router {
    let docs = SwaggerUi::new("/api/docs").config(Config::new(["/api/openapi.json"]));
    let router = routes()
        .router()
        .merge(docs)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            gate::gate,
        ))
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            trace::watch,
        ))
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            cors::cors,
        ))
        .with_state(app);
    match local {
        // In front of everything else.
        Some(secret) => router.layer(axum::middleware::from_fn_with_state(secret, local::guard)),
        None => router,
    }
}

/// Every route with its handler, but the pages of the documentation.
fn routes() -> Routes {
    Routes::default()
        .plain(route::HEALTH, get(ops::health))
        .plain(route::READY, get(ops::ready))
        .plain(route::METRICS, get(ops::metrics))
        .plain(route::OPENAPI, get(openapi::document))
        .plain(route::EVENTS_SCHEMA, get(openapi::events_schema))
        .plain(route::SOCKET, get(upgrade))
        .plain(route::RESET_PAGE, get(pages::reset))
        .plain(route::CONFIRM_PAGE, get(pages::confirm))
        .plain(route::ACCOUNT_SCRIPT, get(pages::script))
        .and(auth::routes())
        .and(account::routes())
        .and(second_factor::routes())
        .and(invite::routes())
        .and(setup::routes())
        .and(member::routes())
        .and(role::routes())
        .and(group::routes())
        .and(organization::routes())
        .and(plan::routes())
        .and(usage::routes())
        .and(audit::routes())
        .and(lead::routes())
        .and(lead_status::routes())
        .and(import::routes())
        .and(number::routes())
        .and(outcome::routes())
        .and(call::routes())
        .and(recording::routes())
}

/// Opens a WebSocket. The messages are in `/api/events.schema.json`; the token goes into `hello`.
async fn upgrade(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return Refused::new(
            Code::InvalidRequest,
            "This path is for WebSocket connections (RFC 6455).",
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
        "This path doesn't exist. See /api/openapi.json for all of them."
    } else {
        "This path doesn't exist. The API's paths end with a slash. See /api/openapi.json for all \
         of them."
    };
    Refused::new(Code::NotFound, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_of_the_table_has_a_handler_and_every_handler_a_route() {
        let routes = routes();
        // Those that the documentation's own pages answer.
        let docs = [route::DOCS, route::DOCS_PAGE, route::DOCS_FILE].map(|rule| rule.name);
        let handled: BTreeSet<_> = routes.handled.iter().copied().chain(docs).collect();
        let table: BTreeSet<_> = route::RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(handled, table);
        assert_eq!(routes.handled.len() + docs.len(), route::RULES.len());
    }
}
