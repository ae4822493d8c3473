//! Links by which somebody chooses a new password: `callcoaching://reset/TOKEN?server=ADDRESS`, and
//! `https://ADDRESS/reset/#TOKEN`, which a server's mails have.

use url::Url;

const SCHEME: &str = "callcoaching";
/// A longer one is none of ours.
const LINK_BYTES_MAX: usize = 2048;

/// What a reset link carries: its secret, and the server's address where it's not the bundled one's.
pub type Reset = (String, Option<String>);

/// The link with this token, for the server at this address or the bundled one.
pub fn write(token: &str, server: Option<&str>) -> String {
    let mut link = format!("{SCHEME}://reset/{token}");
    if let Some(server) = server {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("server", server);
        link.push('?');
        link.push_str(&query.finish());
    }
    link
}

/// Reads one, as it was opened or pasted.
pub fn read(link: &str) -> Option<Reset> {
    let link = link.trim();
    if link.len() > LINK_BYTES_MAX {
        return None;
    }
    let url = Url::parse(link).ok()?;
    let (token, server) = match url.scheme() {
        SCHEME if url.host_str() == Some("reset") => {
            let server = url.query_pairs().find(|(name, _)| name == "server");
            let token = url.path().trim_matches('/').to_owned();
            (token, server.map(|(_, value)| value.into_owned()))
        }
        "https" | "http" if url.path().trim_end_matches('/') == "/reset" => {
            let token = url.fragment()?.to_owned();
            // Its origin is the server's address.
            (token, Some(url.origin().ascii_serialization()))
        }
        _ => return None,
    };
    is_secret(&token).then_some((token, server))
}

fn is_secret(text: &str) -> bool {
    let right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (16..=256).contains(&text.len()) && text.bytes().all(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnop_-0123";

    #[test]
    fn o3_a_reset_link_is_read_as_it_was_written_and_nothing_else_is() {
        for server in [None, Some("https://calls.example:8443")] {
            let link = write(TOKEN, server);
            let read = read(&format!(" {link}\n"));
            assert_eq!(read, Some((TOKEN.to_owned(), server.map(str::to_owned))));
        }
        for bad in [
            "",
            "x",
            TOKEN,
            "https://calls.example/reset/",
            "https://calls.example/reset/#short",
            "https://calls.example/other/#abcdefghijklmnop",
            "callcoaching://invite/abcdefghijklmnop",
            "callcoaching://reset/a",
            "callcoaching://reset/abcdefghijklmnop%0a",
            "javascript:alert(1)//reset/#abcdefghijklmnop",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let long = format!("callcoaching://reset/{}", "a".repeat(5_000));
        assert_eq!(read(&long), None);
    }

    #[test]
    fn o3_a_link_from_a_mail_names_its_server() {
        let link = format!("https://calls.example/reset/#{TOKEN}");
        let expected = (TOKEN.to_owned(), Some("https://calls.example".to_owned()));
        assert_eq!(read(&link), Some(expected));
    }
}
