//! What the plans hold (J3).

use super::error::Refused;
use super::routes::{Ask, Routes};
use wire::{List, Plan, PlanFeature, PlanInfo, route};

/// Name, description, and whether it is part of coaching.
const FEATURES: [(&str, &str, bool); 5] = [
    (
        "Listen",
        "Hear a teammate's call in progress without being heard.",
        true,
    ),
    (
        "Whisper & Barge",
        "Speak to the teammate alone, or to everyone on the call.",
        true,
    ),
    (
        "Invite to a call",
        "Ask teammates who are online to join your call.",
        true,
    ),
    (
        "Call recording",
        "Record calls, and play them on the lead's page.",
        false,
    ),
    (
        "Audit log",
        "See who joined which call and when, and what was denied.",
        false,
    ),
];

pub fn routes() -> Routes {
    Routes::default().on(route::LIST_PLANS, list)
}

async fn list(_: Ask<(), ()>) -> Result<List<PlanInfo>, Refused> {
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
            has_call_coaching: plan.has_call_coaching(),
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
    Ok(List::whole(data))
}
