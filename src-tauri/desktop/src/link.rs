//! Links that open something in the app: `callcoaching://call/…`, `callcoaching://invite/…` and
//! `callcoaching://setup/…`, and the address of a service's set-up page.

use std::fmt;

use serde::Serialize;
use specta::Type;
use url::Url;
use wire::CallId;

use crate::place::Place;

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
    /// To join an organization.
    Invite {
        /// The whole of it.
        link: String,
    },
    /// To set up an organization.
    Setup {
        /// The whole of it.
        link: String,
    },
    /// Nothing that this app knows.
    Unknown,
}

/// What an invite or a set-up link carries lets somebody in: it is printed nowhere.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call { .. } => "Call",
            Self::Invite { .. } => "Invite",
            Self::Setup { .. } => "Setup",
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

/// What a link carries that lets somebody in. It is printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Pass {
    /// Its secret.
    pub token: String,
    /// Where it is good; none when that isn't said.
    pub place: Option<Place>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pass to {:?}", self.place)
    }
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
        let url = Url::parse(text).ok()?;
        let link = text.to_owned();
        if url.scheme() != SCHEME {
            return read_setup(text).map(|_| Self::Setup { link });
        }
        match url.host_str()? {
            "call" => {
                let call_id = CallId::parse(url.path().trim_matches('/')).ok()?;
                Some(Self::Call { call_id })
            }
            "invite" => read_invite(text).map(|_| Self::Invite { link }),
            "setup" => read_setup(text).map(|_| Self::Setup { link }),
            _ => None,
        }
    }
}

/// The link by which somebody is invited: `callcoaching://invite/TOKEN?server=ADDRESS`, or with
/// `?place=team` or `?place=demo` on this computer.
pub fn invite(token: &str, place: &Place) -> String {
    carrying("invite", token, place)
}

/// The link that sets up an organization: `callcoaching://setup/TOKEN?server=ADDRESS`, and on this
/// computer as with invitations. None when it's no token.
pub fn setup(token: &str, place: &Place) -> Option<String> {
    is_token(token).then(|| carrying("setup", token, place))
}

/// What an invite link carries; its token alone is taken too.
pub fn read_invite(link: &str) -> Option<Pass> {
    let link = link.trim();
    if is_token(link) {
        return Some(Pass {
            token: link.to_owned(),
            place: None,
        });
    }
    carried("invite", &Url::parse(link).ok()?)
}

/// What a set-up link carries, also as the address of the service's page: `https://…/setup/#TOKEN`.
pub fn read_setup(link: &str) -> Option<Pass> {
    let url = Url::parse(link.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return carried("setup", &url);
    }
    let token = url.fragment()?;
    let is_page = url.path().trim_end_matches('/') == "/setup" && is_token(token);
    is_page.then(|| Pass {
        token: token.to_owned(),
        place: Some(Place::Server {
            url: url.origin().ascii_serialization(),
        }),
    })
}

fn carrying(what: &str, token: &str, place: &Place) -> String {
    let (name, value) = match place {
        Place::Team => ("place", "team"),
        Place::Demo => ("place", "demo"),
        Place::Server { url } => ("server", url.as_str()),
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    format!("{SCHEME}://{what}/{token}?{}", query.finish())
}

fn carried(what: &str, url: &Url) -> Option<Pass> {
    let token = url.path().trim_matches('/').to_owned();
    let is_it = url.scheme() == SCHEME && url.host_str() == Some(what) && is_token(&token);
    let place = url
        .query_pairs()
        .find_map(|(name, value)| match (&*name, &*value) {
            ("server", url) => Some(Place::Server { url: url.into() }),
            ("place", "team") => Some(Place::Team),
            ("place", "demo") => Some(Place::Demo),
            _ => None,
        });
    is_it.then_some(Pass { token, place })
}

fn is_token(text: &str) -> bool {
    let right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (16..=256).contains(&text.len()) && text.bytes().all(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnop_-0123";

    fn places() -> [Place; 3] {
        let url = "https://calls.example:8443/?a=b&c".into();
        [Place::Team, Place::Demo, Place::Server { url }]
    }

    fn pass(place: Option<Place>) -> Option<Pass> {
        let token = TOKEN.to_owned();
        Some(Pass { token, place })
    }

    #[test]
    fn an_invite_link_is_read_as_it_was_written_and_nothing_else_is() {
        for place in places() {
            let link = invite(TOKEN, &place);
            assert_eq!(read_invite(&link), pass(Some(place)));
            assert_eq!(read_setup(&link), None);
            assert_eq!(Link::read(&link), Link::Invite { link });
        }
        assert_eq!(read_invite(TOKEN), pass(None));
        let bare = format!("callcoaching://invite/{TOKEN}");
        assert_eq!(read_invite(&bare), pass(None));
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
    fn o1_a_set_up_link_is_read_in_both_of_its_forms() {
        for place in places() {
            let link = setup(TOKEN, &place).unwrap();
            assert_eq!(read_setup(&link), pass(Some(place)));
            assert_eq!(read_invite(&link), None);
            assert_eq!(Link::read(&link), Link::Setup { link });
        }
        for (page, url) in [
            ("https://calls.example/setup/#", "https://calls.example"),
            (
                " https://calls.example:8443/setup#",
                "https://calls.example:8443",
            ),
            ("http://127.0.0.1:8080/setup/#", "http://127.0.0.1:8080"),
        ] {
            let link = format!("{page}{TOKEN}");
            let server = Place::Server { url: url.into() };
            assert_eq!(read_setup(&link), pass(Some(server)), "{link}");
            let link = link.trim().to_owned();
            assert_eq!(Link::read(&link), Link::Setup { link });
        }
        for bad in [
            "https://calls.example/setup/",
            "https://calls.example/setup/#short",
            "https://calls.example/setup/abcdefghijklmnop",
            "https://calls.example/other/#abcdefghijklmnop",
            "https://calls.example/setup/?x=#abcdefghijklmnop%20",
            "file:///setup/#abcdefghijklmnop",
            "callcoaching://setup/#abcdefghijklmnop",
            "callcoaching://setup/a",
        ] {
            assert_eq!(read_setup(bad), None, "{bad}");
            assert_eq!(Link::read(bad), Link::Unknown, "{bad}");
        }
        assert_eq!(setup("not a token at all", &Place::Team), None);
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
            "callcoaching://dial/+15551000",
            &long,
        ] {
            assert_eq!(Link::read(link), Link::Unknown, "{link}");
        }
    }

    #[test]
    fn a_link_that_lets_somebody_in_is_printed_nowhere() {
        for place in places() {
            let links = [invite(TOKEN, &place), setup(TOKEN, &place).unwrap()];
            let passes = [read_invite(&links[0]), read_setup(&links[1])];
            for printed in [
                format!("{:?}", links.each_ref().map(|link| Link::read(link))),
                format!("{passes:?}"),
            ] {
                assert!(!printed.contains(TOKEN), "{printed}");
            }
        }
    }
}
