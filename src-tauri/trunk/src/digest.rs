//! How digests are spelt (RFC 7616, RFC 8760). The stack computes them, and knows neither the name of
//! SHA-256 as the RFC has it, nor a choice of protections, nor that its own words stand without quotes.

use rsipstack::sip::{Header, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

/// Lets the stack read challenges as trunks spell them, and trunks read its answers.
pub(crate) struct Spelling;

impl MessageInspector for Spelling {
    fn before_send(&self, mut message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Request(request) = &mut message {
            for header in request.headers.iter_mut() {
                match header {
                    Header::Authorization(own) => *own = credentials(own.value()).into(),
                    Header::ProxyAuthorization(own) => *own = credentials(own.value()).into(),
                    _ => {}
                }
            }
        }
        message
    }

    fn after_received(&self, mut message: SipMessage, _from: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Response(response) = &mut message
            && matches!(response.status_code.code(), 401 | 407)
        {
            response.headers.retain(|header| match header {
                Header::WwwAuthenticate(theirs) => challenge(theirs.value()).is_some(),
                Header::ProxyAuthenticate(theirs) => challenge(theirs.value()).is_some(),
                _ => true,
            });
            for header in response.headers.iter_mut() {
                match header {
                    Header::WwwAuthenticate(theirs) => {
                        *theirs = challenge(theirs.value()).unwrap_or_default().into();
                    }
                    Header::ProxyAuthenticate(theirs) => {
                        *theirs = challenge(theirs.value()).unwrap_or_default().into();
                    }
                    _ => {}
                }
            }
        }
        message
    }
}

/// A challenge as the stack spells it; none when it asks for what we cannot compute, so that the next
/// one is answered.
fn challenge(value: &str) -> Option<String> {
    rewritten(value, |name, value| {
        let plain = value.trim_matches('"');
        if name.eq_ignore_ascii_case("algorithm") {
            let known = [("MD5", "MD5"), ("SHA-256", "SHA256")];
            let own = known
                .iter()
                .find(|(theirs, _)| plain.eq_ignore_ascii_case(theirs));
            return own.map(|(_, own)| (*own).to_owned());
        }
        if name.eq_ignore_ascii_case("qop") {
            let mut choice = plain.split(',');
            let auth = choice.find(|word| word.trim().eq_ignore_ascii_case("auth"));
            return auth.map(|_| "\"auth\"".to_owned());
        }
        Some(value.to_owned())
    })
}

/// The stack's credentials as trunks spell them.
fn credentials(value: &str) -> String {
    let theirs = rewritten(value, |name, value| {
        Some(match (name, value) {
            ("algorithm", "SHA256") => "SHA-256".to_owned(),
            ("qop", quoted) => quoted.trim_matches('"').to_owned(),
            (_, value) => value.to_owned(),
        })
    });
    theirs.unwrap_or_else(|| value.to_owned())
}

/// The parameters of a header with their values replaced; none when one has no replacement.
fn rewritten(value: &str, replace: impl Fn(&str, &str) -> Option<String>) -> Option<String> {
    let (scheme, mut rest) = value.trim().split_once(' ')?;
    let mut parameters = Vec::new();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|sign| {
            quoted ^= sign == '"';
            sign == ',' && !quoted
        });
        let (parameter, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        if let Some((name, value)) = parameter.split_once('=') {
            let (name, value) = (name.trim(), value.trim());
            parameters.push(format!("{name}={}", replace(name, value)?));
        }
    }
    Some(format!("{scheme} {}", parameters.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_as_trunks_spell_it() {
        let theirs = "Digest realm=\"a, b\", nonce=\"n\",algorithm=SHA-256, qop=\"auth,auth-int\"";
        let own = "Digest realm=\"a, b\", nonce=\"n\", algorithm=SHA256, qop=\"auth\"";
        assert_eq!(challenge(theirs).as_deref(), Some(own));
        let old = "Digest realm=\"a\", nonce=\"n\"";
        assert_eq!(challenge(old).as_deref(), Some(old));
    }

    #[test]
    fn a_challenge_we_cannot_answer_is_skipped() {
        for parameter in [
            "algorithm=SHA-512-256",
            "algorithm=MD5-sess",
            "qop=\"auth-int\"",
        ] {
            let theirs = format!("Digest realm=\"a\", nonce=\"n\", {parameter}");
            assert_eq!(challenge(&theirs), None, "{parameter}");
        }
        assert_eq!(challenge("Digest"), None);
        assert_eq!(challenge(""), None);
    }

    #[test]
    fn credentials_are_written_as_trunks_read_them() {
        let own = "Digest username=\"a\", algorithm=SHA256, qop=\"auth\", nc=00000001";
        let theirs = "Digest username=\"a\", algorithm=SHA-256, qop=auth, nc=00000001";
        assert_eq!(credentials(own), theirs);
    }
}
