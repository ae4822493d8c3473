//! The headers of a leg's messages: who calls, how long a session lasts, where else to try.

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{self, HasHeaders, Header, Request, Response};

use super::timer::{LEAST_S, Refresher, Said, Says, Terms};
use crate::endpoint::Trunk;
use crate::settings::Identity;

/// What the other side may ask of us within a call.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, NOTIFY";
/// Values of one header that are looked at.
const VALUES_MAX: usize = 64;

/// What an INVITE says beside what every one does.
pub(super) fn invite_headers(trunk: &Trunk, local_phone: &str, terms: &Terms) -> Vec<Header> {
    let mut headers = Vec::with_capacity(5);
    if trunk.settings.identity != Identity::From
        && let Ok(uri) = trunk.caller_uri(local_phone)
    {
        headers.push(Header::PAssertedIdentity(format!("<{uri}>").into()));
    }
    headers.extend(timer(terms.invite()));
    headers.push(allow());
    headers
}

/// What says that a body is a session description.
pub(super) fn description() -> Header {
    Header::ContentType("application/sdp".into())
}

/// What we take within a call, so that the other side knows how to renew it.
pub(super) fn allow() -> Header {
    Header::Allow(ALLOW.into())
}

/// What each request and each 2xx of ours says of the session timer (RFC 4028 §7.1, §9).
pub(super) fn timer(says: Option<Says>) -> Vec<Header> {
    let mut headers = vec![Header::Supported("timer".into())];
    headers.extend(says.into_iter().flat_map(timer_lines));
    headers
}

/// What a refusal of a session that is too short says (RFC 4028 §6).
pub(super) fn least(least_s: u32) -> Header {
    Header::MinSE(least_s.to_string().into())
}

fn timer_lines(says: Says) -> Vec<Header> {
    let who = match says.refresher {
        Some(Refresher::Uac) => ";refresher=uac",
        Some(Refresher::Uas) => ";refresher=uas",
        None => "",
    };
    let expires = Header::SessionExpires(format!("{}{who}", says.expires_s).into());
    let least = says.least_s.map(least);
    let required = says.required.then(|| Header::Require("timer".into()));
    [Some(expires), least, required]
        .into_iter()
        .flatten()
        .collect()
}

/// What a message says of its sender's session timer.
pub(super) fn said<M: HasHeaders>(message: &M) -> Said {
    let expires = values(message, "session-expires");
    let refresher = expires.split(';').skip(1).find_map(|parameter| {
        let (name, who) = parameter.split_once('=')?;
        let is = |own: &str| who.trim().eq_ignore_ascii_case(own);
        if !name.trim().eq_ignore_ascii_case("refresher") {
            None
        } else if is("uac") {
            Some(Refresher::Uac)
        } else {
            is("uas").then_some(Refresher::Uas)
        }
    });
    Said {
        supported: lists(message, "supported", "timer") || lists(message, "require", "timer"),
        expires_s: number(&expires),
        refresher,
        least_s: number(&values(message, "min-se")),
    }
}

/// The Min-SE that an INVITE from the trunk is refused with, if its session is too short (RFC 4028 §9).
pub(crate) fn too_short(request: &Request) -> Option<Header> {
    // Nothing is agreed on yet.
    let refused = Terms::new(LEAST_S).asked(said(request)).err()?;
    Some(least(refused.least_s))
}

/// Whether the other side takes UPDATE; none if it does not say what it takes.
pub(super) fn takes_update<M: HasHeaders>(message: &M) -> Option<bool> {
    let says = message
        .headers()
        .iter()
        .any(|header| header.name().eq_ignore_ascii_case("allow"));
    says.then(|| lists(message, "allow", "update"))
}

/// How long the other side asks us to wait (RFC 3261 §20.33).
pub(super) fn retry_after_s(response: &Response) -> Option<u32> {
    number(&values(response, "retry-after"))
}

/// What a body is.
pub(super) fn content_type(request: &Request) -> String {
    values(request, "content-type")
}

/// Where the other side wants the next requests of the call, as its request or 2xx says (RFC 3261 §12.2).
pub(super) fn target<M: HeadersExt>(message: &M) -> Option<(sip::Uri, sip::Contact)> {
    let contact = message.contact_header().ok()?.clone();
    let first = message.typed_contact_headers().ok()?.into_iter().next()?;
    let can_be_asked = matches!(first.uri.scheme, Some(sip::Scheme::Sip | sip::Scheme::Sips));
    can_be_asked.then_some((first.uri, contact))
}

/// The number of a request's CSeq.
pub(super) fn cseq(request: &Request) -> Option<u32> {
    request.cseq_header().and_then(|cseq| cseq.seq()).ok()
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

/// The number that a header begins with; more than fits is as much as fits.
fn number(value: &str) -> Option<u32> {
    let digits = value.trim_start();
    let end = digits.find(|sign: char| !sign.is_ascii_digit());
    let (digits, rest) = digits.split_at(end.unwrap_or(digits.len()));
    let rest = rest.trim_start();
    let ends = rest.is_empty() || rest.starts_with([';', ',', '(']);
    let number = digits.parse::<u64>().ok().filter(|_| ends)?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Whether a header lists this word.
fn lists<M: HasHeaders>(message: &M, name: &str, word: &str) -> bool {
    let listed = values(message, name);
    let mut words = listed.split(',').take(VALUES_MAX);
    words.any(|own| own.trim().eq_ignore_ascii_case(word))
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
    fn what_is_said_of_a_session_timer_is_read() {
        let read = |lines: &str| said(&request(&format!("From: <sip:x@b>;tag=1\r\n{lines}")));
        assert_eq!(read("Subject: x"), Said::default());
        let all =
            "Session-Expires: 1800 ; Refresher = UAS;x=y\r\nSupported: a, Timer\r\nMin-SE: 120;z";
        let whole = Said {
            supported: true,
            expires_s: Some(1800),
            refresher: Some(Refresher::Uas),
            least_s: Some(120),
        };
        assert_eq!(read(all), whole);
        let short = read("x: 90;refresher=none\r\nk: 100rel\r\nRequire: timer");
        let expected = Said {
            supported: true,
            expires_s: Some(90),
            ..Said::default()
        };
        assert_eq!(short, expected);
        for broken in ["soon", "-5", "", "5x", ";refresher=uac", "0x20"] {
            assert_eq!(
                read(&format!("Session-Expires: {broken}")).expires_s,
                None,
                "{broken}"
            );
        }
        let long = read("Session-Expires: 99999999999").expires_s;
        assert_eq!(long, Some(u32::MAX));
    }

    #[test]
    fn a_wait_and_methods_are_read() {
        let response = |lines: &str| {
            let text = format!(
                "SIP/2.0 500 Error\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:b@b>;tag=2\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n{lines}\r\n\r\n"
            );
            Response::try_from(text.as_bytes()).unwrap()
        };
        for (lines, after_s) in [
            ("Subject: x", None),
            ("Retry-After: 5", Some(5)),
            ("Retry-After: 5;duration=3600", Some(5)),
            ("Retry-After: 120 (in a meeting)", Some(120)),
            ("Retry-After: later", None),
        ] {
            assert_eq!(retry_after_s(&response(lines)), after_s, "{lines}");
        }
        assert_eq!(takes_update(&response("Subject: x")), None);
        let allow = "Allow: INVITE, ACK\r\nAllow: BYE,Update";
        assert_eq!(takes_update(&response(allow)), Some(true));
        assert_eq!(takes_update(&response("Allow: INVITE")), Some(false));
    }
}
