//! The bodies as a TypeScript program sees them.

use specta::Types;
use specta_typescript::Typescript;

fn exported() -> Result<String, specta_typescript::Error> {
    let types = Types::default()
        .register::<wire::Me>()
        .register::<wire::Call>()
        .register::<wire::PlaceCallRequest>()
        .register::<wire::Lead>()
        .register::<wire::PhoneNumber>()
        .register::<wire::Group>()
        .register::<wire::UserAvailability>()
        .register::<wire::Invitation>()
        .register::<wire::InvitationTarget>()
        .register::<wire::Level>()
        .register::<wire::ErrorBody>();
    Typescript::default().export(&types, specta_serde::Format)
}

/// The declaration of this name, with single spaces.
fn declared(text: &str, name: &str) -> String {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with(['/', '*']));
    let mut lines = code.skip_while(|line| !line.starts_with(&format!("export type {name} =")));
    let mut words = Vec::new();
    for line in &mut lines {
        words.extend(line.split_whitespace());
        if line.ends_with("};") || line.ends_with(';') && !line.starts_with('\t') {
            break;
        }
    }
    words.join(" ")
}

#[test]
fn typescript_says_what_json_says() {
    let text = exported().unwrap();
    let is = |name: &str, shape: &str| {
        assert_eq!(
            declared(&text, name),
            format!("export type {name} = {shape};")
        );
    };
    is("CallId", "string");
    is("Timestamp", "string");
    is(
        "CallStatus",
        "\"created\" | \"ringing\" | \"in-progress\" | \"completed\" | \"busy\" | \"no-answer\" \
         | \"cancel\" | \"failed\"",
    );
    is("CoachMode", "\"listen\" | \"whisper\" | \"barge\"");
    is(
        "Joinability",
        "{ joinable: boolean, code?: Code | null, message?: string | null, }",
    );
    is(
        "PlaceCallRequest",
        "{ local_phone_id: PhoneNumberId, lead_id: LeadId, contact_id?: ContactId | null, \
         remote_phone?: string | null, }",
    );
    is(
        "PhoneNumber",
        "{ id: PhoneNumberId, number: string, label: string, type: PhoneNumberKind, \
         user_id: UserId | null, user_ids: UserId[], }",
    );
    is(
        "Organization",
        "{ id: OrganizationId, name: string, country: string, time_zone: string, plan: Plan, \
         plan_change_allowed: boolean, coach_rate_micro_dollars_per_minute: number, \
         call_rate_micro_dollars_per_minute: number, recording: RecordingSettings, \
         second_factor_required: boolean, }",
    );
    let call = declared(&text, "Call");
    for field in [
        "date_answered: Timestamp | null",
        "duration: number",
        "coach_legs: CoachLeg[]",
    ] {
        assert!(call.contains(field), "{field} in {call}");
    }
}
