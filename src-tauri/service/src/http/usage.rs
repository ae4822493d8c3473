//! Money: the balance, what was spent, the ledger (B4).

use super::csv;
use super::error::Refused;
use super::routes::{Ask, Routes};
use axum::response::Response;
use store::clock::now;
use store::{Payment, Span};
use wire::{
    Balance, Code, LedgerEntry, LedgerKind, List, MicroDollars, TopUpRequest, Usage, UsageQuery,
    route,
};

/// How long back is looked when nobody says, in milliseconds: 30 days.
const SPAN_MS: i64 = 30 * 24 * 3_600_000;
/// Lines that an export holds at most.
const EXPORT_LINES_MAX: u32 = 200_000;
/// The most that is put in at once: $1000.
const TOP_UP_MAX: i64 = 1_000_000_000;

pub fn routes() -> Routes {
    Routes::default()
        .on(route::BALANCE, balance)
        .on(route::USAGE, usage)
        .on(route::LIST_LEDGER, list)
        .on(route::EXPORT_LEDGER, export)
        .on(route::TOP_UP, top_up)
}

fn span(query: &UsageQuery) -> Span {
    // The last moment is not part of a span: what was charged this very millisecond is.
    let to = query.to.unwrap_or(now().plus_millis(1));
    (query.from.unwrap_or(to.plus_millis(-SPAN_MS)), to)
}

async fn balance(Ask { app, who, .. }: Ask<(), ()>) -> Result<Balance, Refused> {
    Ok(app.store.balance(&who.organization_id).await?)
}

async fn usage(
    Ask {
        app, who, input, ..
    }: Ask<(), UsageQuery>,
) -> Result<Usage, Refused> {
    let (ledger, of, span) = (&app.store, &who.organization_id, span(&input));
    let allowance = ledger.allowance(of).await?;
    Ok(Usage {
        balance: ledger.balance(of).await?,
        top_up_allowed: allowance.top_up,
        rates: ::usage::rates(),
        by_day: ledger.spend_by(of, span, false).await?,
        by_month: ledger.spend_by(of, span, true).await?,
        by_coach: ledger.spend_by_coach(of, span).await?,
        by_call: ledger.spend_by_call(of, span).await?,
    })
}

async fn list(ask: Ask<(), UsageQuery>) -> Result<List<LedgerEntry>, Refused> {
    let Ask {
        app, who, input, ..
    } = ask;
    let wanted = input.page();
    let entries = app
        .store
        .ledger_entries(&who.organization_id, span(&input), &wanted)
        .await?;
    Ok(entries)
}

async fn export(ask: Ask<(), UsageQuery>) -> Result<Response, Refused> {
    let Ask {
        app,
        who,
        input,
        note,
        ..
    } = ask;
    note.detail("usage");
    let entries = app
        .store
        .named_ledger_entries(&who.organization_id, span(&input), EXPORT_LINES_MAX)
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
        "note",
    ];
    let lines = entries.into_iter().map(|(entry, lead, person)| {
        let kind = match entry.kind {
            LedgerKind::Coaching => "coaching",
            LedgerKind::Call => "call",
            LedgerKind::TopUp => "top_up",
            LedgerKind::Credit => "credit",
            LedgerKind::Correction => "correction",
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
            entry.note.unwrap_or_default(),
        ]
    });
    csv::file("usage.csv", &columns, lines)
}

async fn top_up(ask: Ask<(), TopUpRequest>) -> Result<Balance, Refused> {
    let Ask {
        app,
        who,
        input: request,
        note,
        ..
    } = ask;
    note.detail(format_args!("{} micro-dollars", request.micro_dollars.0));
    if !app.store.allowance(&who.organization_id).await?.top_up {
        return Err(Refused::new(
            Code::PermissionRequired,
            "Credit can't be added here. Ask whoever runs the service.",
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let named =
        (1..=64).contains(&request.request_id.len()) && request.request_id.bytes().all(plain);
    if !named || !(1..=TOP_UP_MAX).contains(&request.micro_dollars.0) {
        return Err(Refused::new(
            Code::InvalidRequest,
            "A payment must be 1 to 1000000000 micro-dollars, with a `request_id` of 1 to 64 \
             letters, digits, _ or -.",
        ));
    }
    let payment = Payment {
        micro_dollars: request.micro_dollars,
        user_id: who.user_id.clone(),
        request_id: request.request_id,
        at: now(),
    };
    app.store.pay(&who.organization_id, &payment).await?;
    tracing::info!(by = %who.user_id, organization_id = %who.organization_id, "added credit");
    app.balances.note(who.organization_id.clone());
    Ok(app.store.balance(&who.organization_id).await?)
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
