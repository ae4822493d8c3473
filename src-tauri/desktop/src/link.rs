//! Links that open something in the app: `callcoaching://call/…`, `callcoaching://invite/…`,
//! `callcoaching://dial/…` and `tel:…`.

use std::fmt;

use client::{Dial, linked_number, tel_link};
use serde::Serialize;
use specta::Type;
use url::Url;
use wire::CallId;

use crate::reset_link;

const SCHEME: &str = "callcoaching";
/// A longer one is none of ours.
const LINK_BYTES_MAX: usize = 2048;

/// What a link asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Link {
    /// To see a call.
    Call {
        /// Which.
        call_id: CallId,
    },
    /// To call a number, once the person says so.
    Dial(Dial),
    /// To join an organization.
    Invite {
        /// The whole of it.
        link: String,
    },
    /// To choose a new password.
    Reset {
        /// The whole of it.
        link: String,
    },
    /// Nothing that this app knows.
    Unknown,
}

/// What an invite link carries lets somebody in: it is printed nowhere.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call { .. } => "Call",
            Self::Dial(_) => "Dial",
            Self::Invite { .. } => "Invite",
            Self::Reset { .. } => "Reset",
            Self::Unknown => "Unknown",
        })
    }
}

/// A link that the window has yet to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct LinkToOpen {
    /// Tells it from others; the window says it back.
    pub number: u32,
    /// What it asks for.
    pub link: Link,
}

impl Link {
    /// Reads it. Whatever it is, there is something to tell the person.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self::known(text.trim()).unwrap_or(Self::Unknown)
    }

    fn known(text: &str) -> Option<Self> {
        if text.len() > LINK_BYTES_MAX {
            return None;
        }
        if let Some(dial) = tel_link(text) {
            return Some(Self::Dial(dial));
        }
        let url = Url::parse(text).ok()?;
        if url.scheme() != SCHEME {
            return None;
        }
        match url.host_str()? {
            "call" => {
                let call_id = CallId::parse(url.path().trim_matches('/')).ok()?;
                Some(Self::Call { call_id })
            }
            "dial" if url.query().or(url.fragment()).is_none() => {
                linked_number(url.path().trim_matches('/')).map(Self::Dial)
            }
            "reset" => reset_link::read(text).map(|_| Self::Reset { link: text.into() }),
            "invite" => read_invite(text).map(|_| Self::Invite { link: text.into() }),
            _ => None,
        }
    }
}

/// The link by which somebody is invited: `callcoaching://invite/TOKEN`, with `?server=ADDRESS` unless
/// it is the bundled service's.
pub fn invite(token: &str, server: Option<&str>) -> String {
    let mut link = format!("{SCHEME}://invite/{token}");
    if let Some(server) = server {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("server", server);
        link.push('?');
        link.push_str(&query.finish());
    }
    link
}

/// The token and the address in such a link; the token alone is taken too.
pub fn read_invite(link: &str) -> Option<(String, Option<String>)> {
    let link = link.trim();
    let plain = |text: &str| {
        let right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        (16..=256).contains(&text.len()) && text.bytes().all(right)
    };
    if plain(link) {
        return Some((link.to_owned(), None));
    }
    let url = Url::parse(link).ok()?;
    let token = url.path().trim_matches('/').to_owned();
    let is_invite = url.scheme() == SCHEME && url.host_str() == Some("invite");
    let server = url.query_pairs().find(|(name, _)| name == "server");
    (is_invite && plain(&token)).then(|| (token, server.map(|(_, value)| value.into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnop_-0123";

    #[test]
    fn an_invite_link_is_read_as_it_was_written_and_nothing_else_is() {
        for server in [None, Some("https://calls.example:8443/?a=b&c")] {
            let link = invite(TOKEN, server);
            let read = read_invite(&link);
            assert_eq!(read, Some((TOKEN.to_owned(), server.map(str::to_owned))));
            assert_eq!(Link::read(&link), Link::Invite { link });
        }
        assert_eq!(read_invite(TOKEN), Some((TOKEN.to_owned(), None)));
        for bad in [
            "",
            "x",
            "https://invite/abcdefghijklmnop",
            "callcoaching://call/abcdefghijklmnop",
            "callcoaching://invite/a",
        ] {
            assert_eq!(read_invite(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_call_link_opens_its_call_however_it_was_passed_on() {
        let call_id = CallId::from_suffix("1").unwrap();
        for link in [
            "callcoaching://call/acti_1",
            "callcoaching://call/acti_1/",
            " callcoaching://call/acti_1\n",
            "CallCoaching://call/acti_1?from=mail",
        ] {
            let wanted = Link::Call {
                call_id: call_id.clone(),
            };
            assert_eq!(Link::read(link), wanted, "{link}");
        }
    }

    #[test]
    fn l4_a_link_that_dials_is_read_however_it_was_passed_on() {
        for link in [
            "tel:+1-201-555-0123",
            " TEL:+1%20201%20555%200123\n",
            "callcoaching://dial/+12015550123",
            "CallCoaching://dial/+1%20(201)%20555-0123/",
        ] {
            let wanted = Link::Dial(Dial {
                number: "+12015550123".into(),
                extension: None,
            });
            assert_eq!(Link::read(link), wanted, "{link}");
        }
    }

    #[test]
    fn whatever_else_is_opened_is_known_to_be_unknown() {
        let long = format!("callcoaching://invite/{}", "a".repeat(5_000));
        for link in [
            "",
            "notes.txt",
            "https://calls.example/call/acti_1",
            "callcoaching:",
            "callcoaching://",
            "callcoaching:call/acti_1",
            "callcoaching://call/",
            "callcoaching://call/lead_1",
            "callcoaching://invite/a",
            "callcoaching://dial/",
            "callcoaching://dial/Globex",
            "callcoaching://dial/*21*1%23",
            "callcoaching://dial/+12015550123?now",
            "tel:",
            "tel:*21*1%23",
            "tel:+12015550123;phone-context=a;x=1;x=2",
            "tel:+1201555%0A0123",
            &long,
        ] {
            assert_eq!(Link::read(link), Link::Unknown, "{link}");
        }
    }

    #[test]
    fn an_invite_link_is_printed_nowhere() {
        for link in [invite(TOKEN, None), reset_link::write(TOKEN, None)] {
            let read = Link::read(&link);
            assert_ne!(read, Link::Unknown);
            let printed = format!("{read:?}");
            assert!(!printed.contains(TOKEN), "{printed}");
        }
    }
}
