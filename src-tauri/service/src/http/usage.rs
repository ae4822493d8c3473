//! Money: the balance, what was spent, the ledger (B4).

use super::csv;
use super::error::Refused;
use super::extract::{Caller, JsonBody, Params};
use crate::app::App;
use crate::audit::Note;
use crate::clock::now;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use store::{Payment, Span};
use wire::{
    Balance, Code, LedgerEntry, LedgerKind, List, ListQuery, MicroDollars, Timestamp, TopUpRequest,
    Usage,
};

/// How long back is looked when nobody says, in milliseconds: 30 days.
const SPAN_MS: i64 = 30 * 24 * 3_600_000;
/// Lines that an export holds at most.
const EXPORT_LINES_MAX: u32 = 200_000;
/// The most that is put in at once: $1000.
const TOP_UP_MAX: i64 = 1_000_000_000;

/// Which time is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// From when on; 30 days before the end when not given.
    pub from: Option<Timestamp>,
    /// Until when; now when not given.
    pub to: Option<Timestamp>,
    /// How many items at most: 1 to 200, 100 when not given.
    #[serde(rename = "_limit")]
    #[param(rename = "_limit", minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// How many items to pass over: 0 when not given.
    #[serde(rename = "_skip")]
    #[param(rename = "_skip")]
    pub skip: Option<u32>,
    /// The `cursor` of the page before.
    #[serde(rename = "_cursor")]
    #[param(rename = "_cursor")]
    pub cursor: Option<String>,
}

impl UsageQuery {
    fn span(&self) -> Span {
        // The last moment is not part of a span: what was charged this very millisecond is.
        let to = self.to.unwrap_or(now().plus_millis(1));
        (self.from.unwrap_or(to.plus_millis(-SPAN_MS)), to)
    }
}

/// The balance.
#[utoipa::path(
    get, path = "/api/v1/usage/balance/", tag = "usage",
    responses((status = 200, description = "As it is now.", body = Balance))
)]
pub async fn balance(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
) -> Result<Json<Balance>, Refused> {
    Ok(Json(app.store.balance(&who.organization_id).await?))
}

/// Balance, rates, and what was spent: by day, by month, by coach and by call.
#[utoipa::path(
    get, path = "/api/v1/usage/", tag = "usage", params(UsageQuery),
    responses((status = 200, description = "All of it, in micro-dollars and UTC.", body = Usage))
)]
pub async fn usage(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<UsageQuery>,
) -> Result<Json<Usage>, Refused> {
    let (ledger, of, span) = (&app.store, &who.organization_id, query.span());
    Ok(Json(Usage {
        balance: ledger.balance(of).await?,
        top_up_allowed: app.config.demo,
        rates: ::usage::rates(),
        by_day: ledger.spend_by(of, span, false).await?,
        by_month: ledger.spend_by(of, span, true).await?,
        by_coach: ledger.spend_by_coach(of, span).await?,
        by_call: ledger.spend_by_call(of, span).await?,
    }))
}

/// The lines of the ledger, newest first.
#[utoipa::path(
    get, path = "/api/v1/usage/ledger/", tag = "usage", params(UsageQuery),
    responses((status = 200, description = "One page.", body = List<LedgerEntry>))
)]
pub async fn ledger(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<UsageQuery>,
) -> Result<Json<List<LedgerEntry>>, Refused> {
    let bounds = ListQuery {
        limit: query.limit,
        skip: query.skip,
        cursor: query.cursor.clone(),
    };
    let entries = app
        .store
        .ledger_entries(&who.organization_id, query.span(), &bounds);
    Ok(Json(entries.await?))
}

/// The lines of the ledger as CSV, oldest first; at most 200 000.
///
/// Columns: date, kind, call, lead, person, minute, dollars (exact, below zero for a charge),
/// micro_dollars.
#[utoipa::path(
    get, path = "/api/v1/usage/csv/", tag = "usage", params(UsageQuery),
    responses((status = 200, description = "The lines.", body = String, content_type = "text/csv"))
)]
pub async fn usage_csv(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<UsageQuery>,
    note: Note,
) -> Result<Response, Refused> {
    note.detail("usage");
    let entries = app
        .store
        .named_ledger_entries(&who.organization_id, query.span(), EXPORT_LINES_MAX)
        .await?;
    let columns = [
        "date",
        "kind",
        "call",
        "lead",
        "person",
        "minute",
        "dollars",
        "micro_dollars",
    ];
    let lines = entries.into_iter().map(|(entry, lead, person)| {
        let kind = match entry.kind {
            LedgerKind::Coaching => "coaching",
            LedgerKind::Call => "call",
            LedgerKind::TopUp => "top_up",
        };
        [
            entry.date.to_string(),
            kind.to_owned(),
            entry.call_id.map(String::from).unwrap_or_default(),
            lead.unwrap_or_default(),
            person.unwrap_or_default(),
            entry
                .minute
                .map(|minute| minute.to_string())
                .unwrap_or_default(),
            dollars(entry.micro_dollars),
            entry.micro_dollars.0.to_string(),
        ]
    });
    csv::file("usage.csv", &columns, lines)
}

/// Puts money in. Only where the service runs for itself alone (`--demo`).
#[utoipa::path(
    post, path = "/api/v1/usage/top_up/", tag = "usage", request_body = TopUpRequest,
    responses((status = 200, description = "The balance with it.", body = Balance))
)]
pub async fn top_up(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    note: Note,
    JsonBody(request): JsonBody<TopUpRequest>,
) -> Result<Json<Balance>, Refused> {
    note.detail(format_args!("{} micro-dollars", request.micro_dollars.0));
    if !app.config.demo {
        return Err(Refused::new(
            Code::PermissionRequired,
            "Money is not put in here. Ask who runs the service.",
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let named =
        (1..=64).contains(&request.request_id.len()) && request.request_id.bytes().all(plain);
    if !named || !(1..=TOP_UP_MAX).contains(&request.micro_dollars.0) {
        return Err(Refused::new(
            Code::InvalidRequest,
            "A payment is of 1 to 1000000000 micro-dollars and has a name of 1 to 64 letters, digits, _ and -.",
        ));
    }
    let payment = Payment {
        micro_dollars: request.micro_dollars,
        user_id: who.user_id.clone(),
        request_id: request.request_id,
        at: now(),
    };
    app.store.pay(&who.organization_id, &payment).await?;
    tracing::info!(by = %who.user_id, organization_id = %who.organization_id, "money was put in");
    app.balances.note(who.organization_id.clone());
    Ok(Json(app.store.balance(&who.organization_id).await?))
}

/// Dollars with all their digits, at least four after the point: -4000 is `-0.0040`.
fn dollars(amount: MicroDollars) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let whole = amount.0.unsigned_abs();
    let mut digits = format!("{:06}", whole % 1_000_000);
    while digits.len() > 4 && digits.ends_with('0') {
        digits.pop();
    }
    format!("{sign}{}.{digits}", whole / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_dollars_are_written_with_all_their_digits() {
        let written = |amount| dollars(MicroDollars(amount));
        assert_eq!(written(20_000), "0.0200");
        assert_eq!(written(-4_000), "-0.0040");
        assert_eq!(written(25_000_001), "25.000001");
        assert_eq!(written(0), "0.0000");
        assert_eq!(written(i64::MIN), "-9223372036854.775808");
    }
}
