//! JSON that is taken as it is documented, and in no other form.
//!
//! serde reads more than that: an array in place of an object, `{"native": null}` for `"native"`, and
//! fields that an inner object doesn't have. So what was read is written again, and has to have the shape
//! of what came.

use serde::Serialize;
use serde_json::Value;

/// Where what came differs in shape from what was read out of it, and how; none where it doesn't.
pub fn departure(came: &[u8], read: &impl Serialize) -> Option<(String, &'static str)> {
    let (Ok(came), Ok(read)) = (serde_json::from_slice(came), serde_json::to_value(read)) else {
        return Some((String::new(), "it can't be compared with what's documented"));
    };
    let mut place = String::new();
    let why = differs(&came, &read, &mut place)?;
    Some((place, why))
}

fn differs(came: &Value, read: &Value, place: &mut String) -> Option<&'static str> {
    match (came, read) {
        (Value::Object(came), Value::Object(read)) => came.iter().find_map(|(name, came)| {
            within(place, name, |place| match read.get(name) {
                Some(read) => differs(came, read, place),
                // Null is as good as not given.
                None if came.is_null() => None,
                None => Some("unknown field"),
            })
        }),
        (Value::Array(came), Value::Array(read)) => {
            let mut items = came.iter().zip(read).enumerate();
            items.find_map(|(at, (came, read))| {
                within(place, &at.to_string(), |place| differs(came, read, place))
            })
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => None,
        (_, Value::Object(_)) => Some("expected an object"),
        (_, Value::Array(_)) => Some("expected an array"),
        (_, Value::String(_)) => Some("expected a string"),
        (_, Value::Number(_)) => Some("expected a number"),
        (_, Value::Bool(_)) => Some("expected true or false"),
        (_, Value::Null) => Some("expected null"),
    }
}

/// Looks one step deeper; the place stays where something was found.
fn within<T>(
    place: &mut String,
    step: &str,
    look: impl FnOnce(&mut String) -> Option<T>,
) -> Option<T> {
    let length = place.len();
    if length > 0 {
        place.push('.');
    }
    place.push_str(step);
    let found = look(place);
    if found.is_none() {
        place.truncate(length);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use wire::{
        ClientMessage, InvitationRequest, JoinRequest, OrganizationPatch, PhoneNumberRequest,
        SignInRequest,
    };

    fn read<T: Serialize + DeserializeOwned>(text: &str) -> Option<(String, &'static str)> {
        let read: T = serde_json::from_str(text).unwrap();
        departure(text.as_bytes(), &read)
    }

    #[test]
    fn what_serde_reads_beyond_what_is_documented_is_found() {
        let expected = |place: &str, why| Some((place.to_owned(), why));
        assert_eq!(
            read::<JoinRequest>("[]"),
            expected("", "expected an object")
        );
        let sign_in = r#"["mail", "password", "native"]"#;
        let found = read::<SignInRequest>(sign_in);
        assert_eq!(found, expected("", "expected an object"));
        let enumerated = r#"{"email":"a","password":"b","client_type":{"native":null}}"#;
        let found = read::<SignInRequest>(enumerated);
        assert_eq!(found, expected("client_type", "expected a string"));
        let inner = r#"{"recording":[true,false,30]}"#;
        let found = read::<OrganizationPatch>(inner);
        assert_eq!(found, expected("recording", "expected an object"));
        let more =
            r#"{"recording":{"enabled":true,"announced":false,"retention_days":0,"more":1}}"#;
        let found = read::<OrganizationPatch>(more);
        assert_eq!(found, expected("recording.more", "unknown field"));
        let message = r#"["hello", "token", null, null]"#;
        if let Ok(read) = serde_json::from_str::<ClientMessage>(message) {
            assert!(departure(message.as_bytes(), &read).is_some());
        }
    }

    #[test]
    fn what_is_documented_is_taken() {
        assert_eq!(read::<JoinRequest>("{}"), None);
        assert_eq!(read::<JoinRequest>(r#"{"invitation_id":null}"#), None);
        assert_eq!(read::<JoinRequest>(r#"{"invitation_id":"invi_1"}"#), None);
        let invitation = r#"{"user_ids":["user_1","user_2"]}"#;
        assert_eq!(read::<InvitationRequest>(invitation), None);
        let number = r#"{"number":"+15550001","label":"A","type":"internal"}"#;
        assert_eq!(read::<PhoneNumberRequest>(number), None);
        assert_eq!(read::<ClientMessage>(r#"{"type":"heartbeat"}"#), None);
        let hello = r#"{"type":"hello","access_token":"a","stream_id":null,"after_seq":3}"#;
        assert_eq!(read::<ClientMessage>(hello), None);
        assert_eq!(departure(b"null", &()), None);
    }
}
