//! Setting up an organization with a one-time link (O1): by the app, or by a page of the service for who
//! has no app yet.

use super::check::to_its_end;
use super::error::Refused;
use super::routes::{Anybody, Ask, Routes};
use crate::places;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::time::Instant;
use store::clock::now;
use wire::{SetUp, SetUpRequest, SetupLookup, SetupOffer, route};

const PAGE: &str = include_str!("setup/page.html");
const SCRIPT: &str = include_str!("setup/page.js");
const STYLE: &str = include_str!("setup/page.css");
/// The page runs its own script, asks its own service, and is shown in no other page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LOOK_UP_SETUP, look_up)
        .on(route::SET_UP, set_up)
        .plain(route::SETUP_PAGE, get(page))
        .plain(route::SETUP_SCRIPT, get(script))
        .plain(route::SETUP_STYLE, get(style))
}

async fn look_up(ask: Ask<(), SetupLookup, Anybody>) -> Result<SetupOffer, Refused> {
    let (address, at) = (ask.who.address, Instant::now());
    let offer = ask
        .app
        .auth
        .setup_offer(&ask.input.token, address, at, now());
    Ok(offer.await?)
}

async fn set_up(ask: Ask<(), SetUpRequest, Anybody>) -> Result<SetUp, Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    to_its_end(async move {
        let (done, user) = app
            .auth
            .set_up(&input, who.address, Instant::now(), now())
            .await?;
        note.member(&user);
        tracing::info!(user_id = %user, organization_id = %done.organization_id, "an organization was set up");
        Ok(done)
    })
    .await
}

async fn page() -> Response {
    file("text/html; charset=utf-8", PAGE.to_owned())
}

async fn script() -> Response {
    let countries = places::COUNTRIES;
    let text = format!("const COUNTRIES = \"{countries}\".split(\" \");\n{SCRIPT}");
    file("text/javascript; charset=utf-8", text)
}

async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE.to_owned())
}

fn file(kind: &'static str, text: String) -> Response {
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        // The link's secret is in the page's address.
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
