//! The headers of a leg's messages: who calls, how long a session lasts, where else to try.

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{self, HasHeaders, Header, Request, Response};

use super::course::SessionTimer;
use crate::endpoint::Trunk;
use crate::settings::Identity;

/// A session is never asked to last longer than a day.
const SESSION_MAX_S: u32 = 86_400;
/// The shortest session that may be agreed on (RFC 4028 §4).
const SESSION_MIN_S: u32 = 90;

/// What an INVITE says beside what every one does.
pub(super) fn invite_headers(trunk: &Trunk, local_phone: &str, session_s: u32) -> Vec<Header> {
    let mut headers = Vec::with_capacity(4);
    if trunk.settings.identity != Identity::From
        && let Ok(uri) = trunk.caller_uri(local_phone)
    {
        headers.push(Header::PAssertedIdentity(format!("<{uri}>").into()));
    }
    if session_s > 0 {
        headers.push(Header::Supported("timer".into()));
        headers.push(Header::SessionExpires(session_s.to_string().into()));
        // What a trunk asked for with 422 is the least from then on (RFC 4028 §7.3).
        let asked = session_s > trunk.settings.session_s;
        let least_s = if asked { session_s } else { SESSION_MIN_S };
        headers.push(Header::MinSE(least_s.to_string().into()));
    }
    headers
}

/// What says that a body is a session description.
pub(super) fn description() -> Header {
    Header::ContentType("application/sdp".into())
}

/// The session timer that an answer to our INVITE agrees to (RFC 4028 §7.2).
pub(super) fn timer_of_answer(response: &Response) -> Option<SessionTimer> {
    let (expires_s, refresher) = session_expires(response)?;
    // Without a word of who renews it, it is who called.
    let ours = refresher != Some(Refresher::Callee);
    Some(SessionTimer { expires_s, ours })
}

/// The session timer that we agree to for an INVITE from the trunk, with what our answer says of it
/// (RFC 4028 §9): the caller renews, when it can.
pub(super) fn timer_of_offer(request: &Request) -> Option<(SessionTimer, Vec<Header>)> {
    let (expires_s, refresher) = session_expires(request)?;
    let supported = values(request, "supported");
    let can = supported
        .split(',')
        .any(|option| option.trim().eq_ignore_ascii_case("timer"));
    let ours = !can || refresher == Some(Refresher::Callee);
    let who = if ours { "uas" } else { "uac" };
    let mut headers = vec![Header::SessionExpires(
        format!("{expires_s};refresher={who}").into(),
    )];
    if can {
        headers.push(Header::Require("timer".into()));
    }
    Some((SessionTimer { expires_s, ours }, headers))
}

/// What a request within the call, which renews the session, is answered with.
pub(crate) fn renewed(request: &Request) -> Vec<Header> {
    let value = values(request, "session-expires");
    if session_expires(request).is_none() {
        return Vec::new();
    }
    vec![Header::SessionExpires(value.into())]
}

pub(super) fn renewal(timer: SessionTimer) -> Vec<Header> {
    // In a request within the call, who sends it is the UAC.
    let value = format!("{};refresher=uac", timer.expires_s);
    vec![
        Header::Supported("timer".into()),
        Header::SessionExpires(value.into()),
    ]
}

/// The least session that a 422 asks for.
pub(super) fn least_session_s(response: &Response) -> Option<u32> {
    let least = number(&values(response, "min-se"))?;
    (SESSION_MIN_S..=SESSION_MAX_S)
        .contains(&least)
        .then_some(least)
}

/// Where a redirection leads, when that is the trunk itself: no one else's word sends our calls, and
/// their costs, anywhere.
pub(super) fn redirection(trunk: &Trunk, response: &Response) -> Option<sip::Uri> {
    let contacts = response.typed_contact_headers().ok()?;
    let own = |uri: &sip::Uri| match &uri.host_with_port.host {
        sip::Host::IpAddr(address) => trunk.is_own(*address),
        sip::Host::Domain(name) => name.to_string().eq_ignore_ascii_case(&trunk.settings.host),
    };
    let uris = contacts.into_iter().map(|contact| contact.uri);
    uris.take(8).find(own)
}

/// Who calls, in E.164: P-Asserted-Identity, or else From; none when it is withheld (RFC 3323, RFC 3325)
/// or no number.
pub(crate) fn caller(request: &Request) -> Option<String> {
    let hidden = values(request, "privacy")
        .split(';')
        .any(|wish| wish.trim().eq_ignore_ascii_case("id"));
    if hidden {
        return None;
    }
    let asserted = values(request, "p-asserted-identity");
    let from = values(request, "from");
    [asserted, from]
        .iter()
        .find_map(|value| e164(user_of(value)?))
}

/// Whom a call that comes in is for: the user of the request's URI, or else of To.
pub(crate) fn callee(request: &Request) -> Option<String> {
    let of_uri = request.uri.auth.as_ref().and_then(|auth| e164(&auth.user));
    of_uri.or_else(|| e164(user_of(&values(request, "to"))?))
}

/// The user part of the first URI in a header.
fn user_of(value: &str) -> Option<&str> {
    let (_, uri) = value.split_once(':')?;
    let end = uri.find(['@', '>', ';', ',', ' '])?;
    uri.get(..end)
}

/// A number as trunks write it, in E.164: with `+`, with `00`, or bare.
fn e164(user: &str) -> Option<String> {
    let user = user.split(';').next().unwrap_or_default();
    let digits: String = user
        .chars()
        .filter(|sign| !matches!(sign, '-' | '.' | '(' | ')' | ' '))
        .collect();
    let digits = digits
        .strip_prefix('+')
        .or(digits.strip_prefix("00"))
        .unwrap_or(&digits);
    let is_number = (3..=15).contains(&digits.len()) && digits.bytes().all(|d| d.is_ascii_digit());
    is_number.then(|| format!("+{digits}"))
}

#[derive(PartialEq, Eq)]
enum Refresher {
    Caller,
    Callee,
}

fn session_expires<M: HasHeaders>(message: &M) -> Option<(u32, Option<Refresher>)> {
    let value = values(message, "session-expires");
    let expires_s = number(&value)?.clamp(SESSION_MIN_S, SESSION_MAX_S);
    let refresher = value.split(';').skip(1).find_map(|parameter| {
        let (name, who) = parameter.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("refresher") {
            return None;
        }
        match who.trim() {
            who if who.eq_ignore_ascii_case("uac") => Some(Refresher::Caller),
            who if who.eq_ignore_ascii_case("uas") => Some(Refresher::Callee),
            _ => None,
        }
    });
    Some((expires_s, refresher))
}

/// The number that a header begins with.
fn number(value: &str) -> Option<u32> {
    value.split(';').next()?.trim().parse().ok()
}

/// The values of all headers of this name, with commas; the compact forms are the stack's to know.
fn values<M: HasHeaders>(message: &M, name: &str) -> String {
    let headers = message.headers().iter();
    let own = headers.filter(|header| header.name().eq_ignore_ascii_case(name));
    let values: Vec<&str> = own.map(Header::value).collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &str) -> Request {
        let text = format!(
            "INVITE sip:00155501@192.0.2.7 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
             To: <sip:+15550001@a.example>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n{lines}\r\n\r\n"
        );
        Request::try_from(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_caller_is_asserted_by_the_trunk_or_named_in_from() {
        let from = "From: \"Alice\" <sip:+4930123456@b.example>;tag=1";
        assert_eq!(caller(&request(from)).as_deref(), Some("+4930123456"));
        let both = format!("{from}\r\nP-Asserted-Identity: <tel:+4940765432>");
        assert_eq!(caller(&request(&both)).as_deref(), Some("+4940765432"));
        let hidden = format!("{both}\r\nPrivacy: id");
        assert_eq!(caller(&request(&hidden)), None);
        let anonymous = "From: <sip:anonymous@anonymous.invalid>;tag=1";
        assert_eq!(caller(&request(anonymous)), None);
    }

    #[test]
    fn the_callee_is_named_in_the_uri() {
        let from = "From: <sip:x@b.example>;tag=1";
        assert_eq!(callee(&request(from)).as_deref(), Some("+155501"));
    }

    #[test]
    fn a_session_timer_is_agreed_on_within_its_bounds() {
        let with = |lines: &str| request(&format!("From: <sip:x@b>;tag=1\r\n{lines}"));
        let timer = |lines: &str| timer_of_offer(&with(lines)).map(|(timer, _)| timer);
        assert_eq!(timer(""), None);
        let theirs = timer("Session-Expires: 1800;refresher=uac\r\nSupported: timer").unwrap();
        assert_eq!((theirs.expires_s, theirs.ours), (1800, false));
        let ours = timer("Session-Expires: 5").unwrap();
        assert_eq!((ours.expires_s, ours.ours), (90, true));
        assert_eq!(timer("Session-Expires: soon"), None);
    }
}
