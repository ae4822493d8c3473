//! Links that open something in the app: `callcoaching://call/…`, `callcoaching://invite/…`,
//! `callcoaching://setup/…`, `callcoaching://reset/…`, `callcoaching://dial/…` and `tel:…`, and the
//! addresses of a service's pages for set-up and for a new password.

use std::fmt;

use client::{Dial, linked_number, tel_link};
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
    /// To call a number, once the person says so.
    Dial(Dial),
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
    /// To choose a new password.
    Reset {
        /// The whole of it.
        link: String,
    },
    /// Nothing that this app knows.
    Unknown,
}

/// What an invite, a set-up or a reset link carries lets somebody in: it is printed nowhere.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call { .. } => "Call",
            Self::Dial(_) => "Dial",
            Self::Invite { .. } => "Invite",
            Self::Setup { .. } => "Setup",
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
        if let Some(dial) = tel_link(text) {
            return Some(Self::Dial(dial));
        }
        let url = Url::parse(text).ok()?;
        let link = text.to_owned();
        if url.scheme() != SCHEME {
            let setup = read_setup(text).map(|_| Self::Setup { link: link.clone() });
            return setup.or_else(|| read_reset(text).map(|_| Self::Reset { link }));
        }
        match url.host_str()? {
            "call" => {
                let call_id = CallId::parse(url.path().trim_matches('/')).ok()?;
                Some(Self::Call { call_id })
            }
            "dial" if url.query().or(url.fragment()).is_none() => {
                linked_number(url.path().trim_matches('/')).map(Self::Dial)
            }
            "invite" => read_invite(text).map(|_| Self::Invite { link }),
            "setup" => read_setup(text).map(|_| Self::Setup { link }),
            "reset" => read_reset(text).map(|_| Self::Reset { link }),
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

/// The link by which somebody chooses a new password: `callcoaching://reset/TOKEN?server=ADDRESS`, and on
/// this computer as with invitations.
pub fn reset(token: &str, place: &Place) -> String {
    carrying("reset", token, place)
}

/// What a set-up link carries, also as the address of the service's page: `https://…/setup/#TOKEN`.
pub fn read_setup(link: &str) -> Option<Pass> {
    carried_by_either("setup", link)
}

/// What a reset link carries, also as the address that a server's mails have: `https://…/reset/#TOKEN`.
pub fn read_reset(link: &str) -> Option<Pass> {
    carried_by_either("reset", link)
}

fn carried_by_either(what: &str, link: &str) -> Option<Pass> {
    let url = Url::parse(link.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return carried(what, &url);
    }
    let token = url.fragment()?;
    let is_page = url.path().trim_matches('/') == what && is_token(token);
    is_page.then(|| Pass {
        token: token.to_owned(),
        // Its origin is the server's address.
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

    type Read = fn(&str) -> Option<Pass>;
    type Opened = fn(String) -> Link;

    /// Those that are read in both of their forms.
    const BOTH: [(&str, Read, Opened); 2] = [
        ("setup", read_setup, |link| Link::Setup { link }),
        ("reset", read_reset, |link| Link::Reset { link }),
    ];

    #[test]
    fn o1_o3_a_set_up_or_reset_link_is_read_in_both_of_its_forms() {
        for (what, read, opened) in BOTH {
            for place in places() {
                let link = carrying(what, TOKEN, &place);
                assert_eq!(read(&link), pass(Some(place)));
                assert_eq!(read_invite(&link), None);
                assert_eq!(Link::read(&link), opened(link));
            }
            for (server, url) in [
                ("https://calls.example/", "https://calls.example"),
                (" https://calls.example:8443/", "https://calls.example:8443"),
                ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ] {
                for end in ["", "/"] {
                    let link = format!("{server}{what}{end}#{TOKEN}");
                    let server = Place::Server { url: url.into() };
                    assert_eq!(read(&link), pass(Some(server)), "{link}");
                    let link = link.trim().to_owned();
                    assert_eq!(Link::read(&link), opened(link));
                }
            }
            for bad in [
                format!("https://calls.example/{what}/"),
                format!("https://calls.example/{what}/#short"),
                format!("https://calls.example/{what}/abcdefghijklmnop"),
                "https://calls.example/other/#abcdefghijklmnop".into(),
                format!("https://calls.example/{what}/?x=#abcdefghijklmnop%20"),
                format!("file:///{what}/#abcdefghijklmnop"),
                format!("javascript:alert(1)//{what}/#abcdefghijklmnop"),
                format!("callcoaching://{what}/#abcdefghijklmnop"),
                format!("callcoaching://{what}/abcdefghijklmnop%0a"),
                format!("callcoaching://{what}/a"),
            ] {
                assert_eq!(read(&bad), None, "{bad}");
                assert_eq!(Link::read(&bad), Link::Unknown, "{bad}");
            }
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
    fn a_link_that_lets_somebody_in_is_printed_nowhere() {
        for place in places() {
            let links = [
                invite(TOKEN, &place),
                setup(TOKEN, &place).unwrap(),
                reset(TOKEN, &place),
            ];
            let passes = [
                read_invite(&links[0]),
                read_setup(&links[1]),
                read_reset(&links[2]),
            ];
            for printed in [
                format!("{:?}", links.each_ref().map(|link| Link::read(link))),
                format!("{passes:?}"),
            ] {
                assert!(!printed.contains(TOKEN), "{printed}");
            }
        }
    }
}
