//! What the plans hold (J3).

use super::error::Refused;
use super::extract::Caller;
use axum::Json;
use wire::{List, Plan, PlanFeature, PlanInfo};

/// Name, description, and whether it is part of coaching.
const FEATURES: [(&str, &str, bool); 5] = [
    (
        "Listen",
        "Hear a teammate's call while it is in progress, without being heard.",
        true,
    ),
    (
        "Whisper & Barge",
        "Speak to the teammate alone, or to everybody on the call.",
        true,
    ),
    (
        "Invite to a call",
        "Ask teammates who are online onto your own call.",
        true,
    ),
    (
        "Call recording",
        "Keep calls, and play them on the lead's page.",
        false,
    ),
    (
        "Audit log",
        "See who joined which call and when, and what was refused.",
        false,
    ),
];

/// What each plan holds: the same features for every plan, in the same order.
#[utoipa::path(
    get, path = "/api/v1/plan/", tag = "organization",
    responses((status = 200, description = "Every plan.", body = List<PlanInfo>))
)]
pub async fn plans(Caller(_): Caller) -> Result<Json<List<PlanInfo>>, Refused> {
    let plans = [
        (Plan::Startup, "Startup", true),
        (Plan::Professional, "Professional", true),
        (Plan::BusinessLegacy, "Business (legacy)", false),
        (Plan::Enterprise, "Enterprise", true),
    ];
    let data = plans
        .into_iter()
        .map(|(plan, name, on_sale)| PlanInfo {
            plan,
            name: name.into(),
            on_sale,
            features: FEATURES
                .iter()
                .map(|(name, description, is_coaching)| PlanFeature {
                    name: (*name).into(),
                    description: (*description).into(),
                    included: !is_coaching || plan.has_call_coaching(),
                })
                .collect(),
        })
        .collect();
    Ok(Json(List {
        data,
        has_more: false,
        cursor: None,
    }))
}
