//! What is wrong with a request that begins something, before anyone looks at whom it is for
//! (RFC 3261 §8.2, §16.3).

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Scheme, StatusCode, Version};

use crate::leg::too_short;

/// Headers that a request has once.
const SINGLE: [&str; 8] = [
    "from",
    "to",
    "call-id",
    "cseq",
    "max-forwards",
    "content-type",
    "content-length",
    "expires",
];
/// Extensions that a request may require. 100rel is let through: what we say before an answer goes
/// unreliably all the same, and whoever calls does without.
const EXTENSIONS: [&str; 2] = ["timer", "100rel"];
/// How a session is described.
const DESCRIPTION: &str = "application/sdp";

/// Why a request is refused, and what is said beside the status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<Header>,
}

impl From<StatusCode> for Rejection {
    fn from(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
        }
    }
}

/// What is wrong with it, if anything. What the stack could not read at all never comes this far.
pub(crate) fn rejection(request: &Request) -> Option<Rejection> {
    if request.version != Version::V2 {
        return Some(StatusCode::VersionNotSupported.into());
    }
    if !is_well_formed(request) {
        return Some(StatusCode::BadRequest.into());
    }
    match &request.uri.scheme {
        Some(Scheme::Sip | Scheme::Sips) => {}
        Some(Scheme::Other(scheme)) if scheme.eq_ignore_ascii_case("tel") => {}
        _ => return Some(StatusCode::UnsupportedUriScheme.into()),
    }
    let unknown = unknown_extensions(request);
    if !unknown.is_empty() {
        return Some(Rejection {
            status: StatusCode::BadExtension,
            headers: vec![Header::Unsupported(unknown.join(", ").into())],
        });
    }
    if request.method != Method::Invite {
        return None;
    }
    let too_short = || {
        too_short(request).map(|least| Rejection {
            status: StatusCode::SessionIntervalTooSmall,
            headers: vec![least],
        })
    };
    misunderstood(request).or_else(too_short)
}

/// Whether its fields agree with each other and with its body.
fn is_well_formed(request: &Request) -> bool {
    let is_single = |name: &&str| values(request, name).count() <= 1;
    let of_method = request.cseq_header().and_then(|cseq| cseq.method());
    let length = values(request, "content-length").next();
    let is_whole = length.is_none_or(|length| {
        let length = length.trim().parse::<usize>();
        length.is_ok_and(|length| length <= request.body.len())
    });
    SINGLE.iter().all(is_single)
        && of_method.is_ok_and(|method| method == request.method)
        && is_whole
        // A request's URI carries no headers of its own (RFC 3261 §19.1.1).
        && request.uri.headers.is_empty()
        && ["from", "to", "via", "contact"]
            .iter()
            .flat_map(|name| values(request, name))
            .all(is_balanced)
}

/// Whether every quotation ends, and no parameter is left out between two separators.
fn is_balanced(value: &str) -> bool {
    let (mut is_quoted, mut is_escaped, mut before) = (false, false, ' ');
    for sign in value.chars().filter(|sign| !sign.is_whitespace()) {
        match sign {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' | ',' if !is_quoted && before == ';' => return false,
            _ => {}
        }
        before = sign;
    }
    !is_quoted
}

fn unknown_extensions(request: &Request) -> Vec<&str> {
    let required = values(request, "require").flat_map(|value| value.split(','));
    let known = |option: &&str| {
        EXTENSIONS
            .iter()
            .any(|own| own.eq_ignore_ascii_case(option))
    };
    required
        .map(str::trim)
        .filter(|option| !option.is_empty() && !known(option))
        .collect()
}

/// Whether it describes its session, and takes a description, in words that we know.
fn misunderstood(request: &Request) -> Option<Rejection> {
    let is_ours = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(DESCRIPTION)
    };
    let kind = values(request, "content-type")
        .next()
        .unwrap_or(DESCRIPTION);
    if !request.body.is_empty() && !is_ours(kind) {
        return Some(Rejection {
            status: StatusCode::UnsupportedMediaType,
            headers: vec![Header::Accept(DESCRIPTION.into())],
        });
    }
    let takes = |accepted: &str| {
        let range = accepted.split(';').next().unwrap_or_default().trim();
        is_ours(range) || matches!(range, "*/*" | "application/*")
    };
    let mut accepts = values(request, "accept")
        .flat_map(|value| value.split(','))
        .peekable();
    (accepts.peek().is_some() && !accepts.any(takes)).then(|| StatusCode::NotAcceptable.into())
}

/// The values of all headers of this name; the compact forms are the stack's to know.
fn values<'a>(request: &'a Request, name: &str) -> impl Iterator<Item = &'a str> {
    let name = name.to_owned();
    let own = request.headers.iter();
    let own = own.filter(move |header| header.name().eq_ignore_ascii_case(&name));
    own.map(Header::value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str, lines: &str) -> Request {
        let method = line.split(' ').next().unwrap();
        let text = format!(
            "{line}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
             From: \"A \\\" B\" <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: a\r\n\
             CSeq: 1 {method}\r\n{lines}\r\nv=0"
        );
        Request::try_from(text.as_bytes()).unwrap()
    }

    fn code(line: &str, lines: &str) -> Option<u16> {
        rejection(&request(line, lines)).map(|rejection| rejection.status.code())
    }

    #[test]
    fn a_request_without_fault_passes() {
        let invite = "INVITE sip:+15550001@b SIP/2.0";
        let description = "Content-Type: Application/SDP;charset=utf-8\r\nl: 3\r\n";
        assert_eq!(code(invite, description), None);
        assert_eq!(code("OPTIONS sips:b SIP/2.0", ""), None);
        assert_eq!(
            code("INVITE tel:+15550001 SIP/2.0", "Accept: */*\r\n"),
            None
        );
        assert_eq!(
            code(
                invite,
                "Require: timer, 100rel\r\nAccept: a/b, application/sdp;q=1\r\n"
            ),
            None
        );
    }

    #[test]
    fn what_is_wrong_has_its_own_status() {
        let invite = "INVITE sip:+15550001@b SIP/2.0";
        for (line, lines, expected) in [
            ("INVITE sip:b SIP/3.0", "", 505),
            ("INVITE isbn:b SIP/2.0", "", 416),
            ("INVITE sip:b?Route=c SIP/2.0", "", 400),
            (invite, "Max-Forwards: 1\r\nMax-Forwards: 2\r\n", 400),
            (invite, "Content-Length: 2\r\nl: 3\r\n", 400),
            (invite, "Content-Length: 9\r\n", 400),
            (invite, "Content-Length: -1\r\n", 400),
            (invite, "Contact: \"b <sip:b@c>\r\n", 400),
            (invite, "Contact: <sip:b@c>;;x\r\n", 400),
            (
                invite,
                "Content-Type: text/plain\r\nContent-Length: 3\r\n",
                415,
            ),
            (invite, "Accept: text/plain\r\n", 406),
            ("OPTIONS sip:b SIP/2.0", "Require: more\r\n", 420),
        ] {
            assert_eq!(code(line, lines), Some(expected), "{line} {lines}");
        }
        let mut mismatch = request(invite, "");
        mismatch.method = Method::Options;
        assert_eq!(rejection(&mismatch), Some(StatusCode::BadRequest.into()));
    }

    #[test]
    fn an_unknown_extension_is_named() {
        let lines = "Require: timer, more\r\nRequire: yetMore\r\n";
        let rejection = rejection(&request("INVITE sip:b SIP/2.0", lines)).unwrap();
        assert_eq!(
            rejection.headers,
            [Header::Unsupported("more, yetMore".into())]
        );
    }
}
