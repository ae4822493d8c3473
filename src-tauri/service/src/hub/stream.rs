//! One user's numbered stream of events: the newest are held for who comes back.

use std::collections::VecDeque;
use std::sync::Arc;
use store::random;

/// A numbered event, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub seq: u64,
    /// The event.
    pub json: Arc<str>,
}

impl Held {
    /// The message that carries it.
    #[must_use]
    pub fn message(&self) -> String {
        // Written by hand: the event itself is shared between all who get it.
        format!(
            r#"{{"type":"event","seq":{},"event":{}}}"#,
            self.seq, self.json
        )
    }
}

/// A stream.
pub struct Stream {
    id: String,
    seq: u64,
    held: VecDeque<Arc<str>>,
    max: usize,
}

impl Stream {
    /// A new stream that holds so many events.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            id: random::secret().chars().take(32).collect(),
            seq: 0,
            held: VecDeque::new(),
            max,
        }
    }

    /// Its name. It never comes back after a restart.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The number of the newest event; 0 before the first.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Numbers an event and holds it.
    pub fn push(&mut self, json: Arc<str>) -> Held {
        self.seq += 1;
        if self.held.len() >= self.max {
            self.held.pop_front();
        }
        self.held.push_back(json.clone());
        Held {
            seq: self.seq,
            json,
        }
    }

    /// Every event after that number, if the name is this stream's and all of them are still held.
    #[must_use]
    pub fn after(&self, stream_id: Option<&str>, after_seq: Option<u64>) -> Option<Vec<Held>> {
        let after_seq = after_seq?;
        let first_held = self.seq - self.held.len() as u64 + 1;
        if stream_id? != self.id || after_seq > self.seq || after_seq + 1 < first_held {
            return None;
        }
        let pass_over = usize::try_from(after_seq + 1 - first_held).ok()?;
        Some(
            (after_seq + 1..)
                .zip(self.held.iter().skip(pass_over))
                .map(|(seq, json)| Held {
                    seq,
                    json: json.clone(),
                })
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_of(count: u64) -> Stream {
        let mut stream = Stream::new(3);
        for n in 1..=count {
            assert_eq!(stream.push(n.to_string().into()).seq, n);
        }
        stream
    }

    fn seqs(stream: &Stream, after: u64) -> Option<Vec<(u64, String)>> {
        let held = stream.after(Some(stream.id()), Some(after))?;
        Some(
            held.into_iter()
                .map(|held| (held.seq, held.json.to_string()))
                .collect(),
        )
    }

    #[test]
    fn exactly_what_was_missed_is_given() {
        let stream = stream_of(5);
        assert_eq!(seqs(&stream, 5), Some(vec![]));
        assert_eq!(
            seqs(&stream, 3),
            Some(vec![(4, "4".into()), (5, "5".into())])
        );
        assert_eq!(seqs(&stream, 2).map(|held| held.len()), Some(3));
    }

    #[test]
    fn what_is_not_held_any_more_or_of_another_stream_is_not_resumed() {
        let stream = stream_of(5);
        assert_eq!(seqs(&stream, 1), None, "event 2 is gone");
        assert_eq!(seqs(&stream, 6), None, "event 6 is not yet");
        assert_eq!(seqs(&stream, u64::MAX), None);
        assert!(stream.after(Some("other"), Some(5)).is_none());
        assert!(stream.after(Some(stream.id()), None).is_none());
        assert_eq!(seqs(&stream_of(0), 0), Some(vec![]));
    }

    #[test]
    fn the_message_reads_as_the_contract_says() {
        let event = wire::Event::DtmfSent {
            call_id: wire::CallId::parse("acti_1").unwrap(),
            digit_count: 2,
        };
        let held = Held {
            seq: 7,
            json: serde_json::to_string(&event).unwrap().into(),
        };
        let read: wire::ServerMessage = serde_json::from_str(&held.message()).unwrap();
        assert_eq!(
            read,
            wire::ServerMessage::Event {
                seq: 7,
                event: Box::new(event)
            }
        );
    }
}
