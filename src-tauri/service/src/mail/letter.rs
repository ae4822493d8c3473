//! What mails say. Nothing here sends any.

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};

/// A mail to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What they are called.
    pub name: String,
    /// Their address.
    pub email: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// Why a mail can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mail can't be written: {0}")]
pub struct LetterError(String);

impl Letter {
    /// Somebody asked for another password.
    pub fn reset(name: &str, email: &str, organization: &str, link: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            subject: "Reset your Call Coaching password".into(),
            text: format!(
                "Hello {},\n\nsomeone asked to reset your password for Call Coaching at {}. To choose \
                 a new one, open this link within an hour:\n\n{link}\n\nIf it wasn't you, ignore this \
                 email. Your password stays as it is.\n",
                plain(name),
                plain(organization),
            ),
        }
    }

    /// Somebody gave this as their new address.
    pub fn confirm(name: &str, email: &str, link: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            subject: "Confirm your email address for Call Coaching".into(),
            text: format!(
                "Hello {},\n\nto sign in to Call Coaching with this email address, open this link \
                 within an hour:\n\n{link}\n\nIf you didn't ask for it, ignore this email.\n",
                plain(name),
            ),
        }
    }

    /// Told to the address before: their account goes by another now.
    pub fn moved(name: &str, email: &str, to: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            subject: "Your email address for Call Coaching has changed".into(),
            text: format!(
                "Hello {},\n\nyou now sign in to Call Coaching with {}.\n\nIf you didn't change it, \
                 tell an admin of your organization right away.\n",
                plain(name),
                plain(to),
            ),
        }
    }

    /// As it is sent. Whatever stands in a name, it adds no line to the headers.
    pub fn message(&self, from: &Mailbox) -> Result<Message, LetterError> {
        let failed = |error: &dyn std::fmt::Display| LetterError(error.to_string());
        let address = self.email.parse().map_err(|error| failed(&error))?;
        let name = plain(&self.name);
        let to = Mailbox::new((!name.is_empty()).then_some(name), address);
        Message::builder()
            .from(from.clone())
            .to(to)
            .subject(plain(&self.subject))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ))
            // Without it, nothing says that the type below counts.
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())
            .map_err(|error| failed(&error))
    }
}

/// A text in one line: what breaks lines or directs the terminal is a space.
fn plain(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|one| {
            let breaks = one.is_control() || matches!(one, '\u{2028}' | '\u{2029}');
            if breaks { ' ' } else { one }
        })
        .collect();
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(letter: &Letter) -> String {
        let from: Mailbox = "Call Coaching <calls@example.com>".parse().unwrap();
        let message = letter.message(&from).unwrap().formatted();
        String::from_utf8(message).unwrap()
    }

    #[test]
    fn o3_a_newline_in_a_name_adds_no_header() {
        for name in [
            "Riley\r\nBcc: thief@evil.example",
            "Riley\nSubject: You won",
            "Riley\r\n\r\nA body",
            "\"Riley\" <thief@evil.example>,",
            "Ry\u{e9}ly\u{2028}X-Header: 1",
        ] {
            let letter = Letter::reset(name, "riley@demo.example", name, "https://x.example/#t");
            let raw = raw(&letter);
            let (headers, _) = raw.split_once("\r\n\r\n").unwrap();
            let mut names: Vec<_> = headers
                .lines()
                // A line that goes on with the one before begins with a blank.
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap_or_default())
                .collect();
            names.sort_unstable();
            assert_eq!(
                names,
                [
                    "Auto-Submitted",
                    "Content-Transfer-Encoding",
                    "Content-Type",
                    "Date",
                    "From",
                    "MIME-Version",
                    "Subject",
                    "To"
                ],
                "{raw}"
            );
            let from: Mailbox = "Call Coaching <calls@example.com>".parse().unwrap();
            let message = letter.message(&from).unwrap();
            let to: Vec<_> = message
                .envelope()
                .to()
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(to, ["riley@demo.example"]);
        }
    }

    #[test]
    fn o3_a_mail_says_what_to_do_and_what_if_it_was_not_asked_for() {
        let link = "https://coaching.example.com/reset/#secret";
        let letter = Letter::reset("Riley Reed", "riley@demo.example", "Acme", link);
        assert!(letter.text.contains(link) && letter.text.contains("within an hour"));
        assert!(letter.text.contains("If it wasn't you"));
    }

    #[test]
    fn an_address_that_is_none_is_no_mail() {
        let from: Mailbox = "calls@example.com".parse().unwrap();
        let letter = Letter::confirm("Riley", "riley@demo.example\r\nBcc: x@y.example", "link");
        assert!(letter.message(&from).is_err());
    }
}
