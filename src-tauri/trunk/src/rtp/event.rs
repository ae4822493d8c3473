//! Keys of a telephone as RTP (RFC 4733): sent in time with the sound, and heard once each.

/// Keys that wait to be sent.
const QUEUE_MAX: usize = 64;
/// How long a key sounds, in ticks of 20 ms: 100 ms.
const TONE_TICKS: u16 = 5;
/// How often its end is told.
const ENDS: u16 = 3;
/// From the end of a key to the next one, in ticks: 60 ms.
const PAUSE_TICKS: u16 = 3;
/// How loud a key sounds, in dBm0 below zero.
const VOLUME: u8 = 10;
const TICKS_HZ: u32 = 50;
/// Codes are the places in this list (RFC 4733 §3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    pub payload: [u8; 4],
    /// It is the key's first: it bears the marker, and its timestamp is that of all others of the key.
    pub is_first: bool,
}

/// Sends keys, one packet a tick.
#[derive(Default)]
pub struct EventSender {
    queue: Queue,
    /// The present key's code, and the ticks since it began.
    present: Option<(u8, u16)>,
}

struct Queue {
    codes: [u8; QUEUE_MAX],
    first: usize,
    len: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            codes: [0; QUEUE_MAX],
            first: 0,
            len: 0,
        }
    }
}

impl Queue {
    fn push(&mut self, code: u8) -> bool {
        if self.len >= QUEUE_MAX {
            return false;
        }
        let at = (self.first + self.len) % QUEUE_MAX;
        if let Some(slot) = self.codes.get_mut(at) {
            *slot = code;
        }
        self.len += 1;
        true
    }

    fn pop(&mut self) -> Option<u8> {
        self.len = self.len.checked_sub(1)?;
        let code = self.codes.get(self.first).copied();
        self.first = (self.first + 1) % QUEUE_MAX;
        code
    }
}

impl EventSender {
    /// Adds a key: `0`–`9`, `*`, `#`, `A`–`D` in either case. Whether it was taken: others are not, nor
    /// what comes when 64 wait.
    pub fn push(&mut self, key: u8) -> bool {
        let key = key.to_ascii_uppercase();
        let code = KEYS.iter().position(|known| *known == key);
        code.is_some_and(|code| self.queue.push(code as u8))
    }

    /// Forgets what waits and what is being sent.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The packet of this tick, which takes the place of sound; none when there is no key to send.
    pub fn tick(&mut self, clock_hz: u32) -> Option<EventPacket> {
        let (code, before) = match self.present {
            Some(present) => present,
            None => (self.queue.pop()?, 0),
        };
        let ticks = before + 1;
        self.present = (ticks < TONE_TICKS + PAUSE_TICKS).then_some((code, ticks));
        let is_told = ticks < TONE_TICKS + ENDS;
        let end = u8::from(ticks >= TONE_TICKS) << 7;
        let duration = u32::from(ticks.min(TONE_TICKS)) * (clock_hz / TICKS_HZ);
        let [high, low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
        is_told.then_some(EventPacket {
            payload: [code, end | VOLUME, high, low],
            is_first: before == 0,
        })
    }
}

/// Hears keys, each once, whatever of it is lost or comes twice.
#[derive(Default)]
pub struct EventReceiver {
    last: Option<Event>,
}

#[derive(Clone, Copy)]
struct Event {
    code: u8,
    timestamp: u32,
    sequence: i64,
    duration: u16,
    has_ended: bool,
}

impl EventReceiver {
    /// Takes a packet with its sequence number, which no longer wraps; the key, when it is a new one.
    pub fn receive(&mut self, sequence: i64, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [code, flags, high, low] = *payload.first_chunk::<4>()?;
        let event = Event {
            code,
            timestamp,
            sequence,
            duration: u16::from_be_bytes([high, low]),
            has_ended: flags & 0x80 != 0,
        };
        // What is not a key is heard, so that it does not stand between two, and not told.
        let key = KEYS.get(usize::from(code)).map(|key| char::from(*key));
        let Some(last) = self.last else {
            self.last = Some(event);
            return key;
        };
        if sequence <= last.sequence {
            return None;
        }
        self.last = Some(event);
        let is_same = last.code == code && last.timestamp == timestamp;
        // What lasts longer than a duration can say goes on as a segment of its own (§2.5.1.3).
        let is_next_segment = last.code == code
            && !last.has_ended
            && last.timestamp.wrapping_add(u32::from(last.duration)) == timestamp;
        key.filter(|_| !is_same && !is_next_segment)
    }

    /// Forgets the last key: another stream begins.
    pub fn clear(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lasts_100_ms_and_its_end_is_sent_three_times() {
        let mut sender = EventSender::default();
        assert!(sender.push(b'5') && sender.push(b'd'));
        let sent: Vec<_> = (0..16).map(|_| sender.tick(8000)).collect();
        let durations: Vec<_> = sent
            .iter()
            .map(|packet| {
                packet.map(|packet| {
                    let [code, flags, high, low] = packet.payload;
                    assert_eq!(flags & 0x3f, 10);
                    (
                        code,
                        packet.is_first,
                        flags >> 7,
                        u16::from_be_bytes([high, low]),
                    )
                })
            })
            .collect();
        let key = |code| {
            [
                Some((code, true, 0, 160)),
                Some((code, false, 0, 320)),
                Some((code, false, 0, 480)),
                Some((code, false, 0, 640)),
                Some((code, false, 1, 800)),
                Some((code, false, 1, 800)),
                Some((code, false, 1, 800)),
                None,
            ]
        };
        assert_eq!(durations, [key(5), key(15)].concat());
        assert!(sender.tick(8000).is_none());
        sender.push(b'1');
        assert_eq!(sender.tick(48_000).unwrap().payload, [1, 10, 3, 0xc0]);
    }

    #[test]
    fn other_letters_and_a_sixty_fifth_key_are_ignored() {
        let mut sender = EventSender::default();
        assert!(b"xE+ \0\xff".iter().all(|key| !sender.push(*key)));
        assert!((0..64).all(|_| sender.push(b'*')));
        assert!(!sender.push(b'#'));
        sender.tick(8000);
        assert!(sender.push(b'#'));
        assert!(!sender.push(b'#'));
        sender.clear();
        assert!(sender.tick(8000).is_none());
    }

    /// Sends keys, and hands each packet on as `path` says: how often.
    fn heard(keys: &str, path: impl Fn(usize) -> usize) -> String {
        let mut sender = EventSender::default();
        assert!(keys.bytes().all(|key| sender.push(key)));
        let mut receiver = EventReceiver::default();
        let (mut heard, mut start) = (String::new(), 0);
        for tick in 0..keys.len() * 8 {
            let Some(packet) = sender.tick(8000) else {
                continue;
            };
            if packet.is_first {
                start = tick as u32 * 160;
            }
            for _ in 0..path(tick) {
                heard.extend(receiver.receive(tick as i64, start, &packet.payload));
            }
        }
        heard
    }

    #[test]
    fn each_key_is_heard_once_whatever_of_it_is_lost_or_repeated() {
        let keys = "0123456789*#ABCD55";
        assert_eq!(heard(keys, |_| 1), keys);
        assert_eq!(heard(keys, |_| 3), keys);
        for only in 0..7 {
            assert_eq!(heard(keys, |tick| usize::from(tick % 8 == only)), keys);
        }
        assert_eq!(heard(keys, |_| 0), "");
    }

    #[test]
    fn a_late_packet_of_an_earlier_key_is_no_new_key() {
        let mut receiver = EventReceiver::default();
        assert_eq!(receiver.receive(10, 800, &[1, 0x8a, 3, 0x20]), Some('1'));
        assert_eq!(receiver.receive(13, 2080, &[2, 10, 0, 160]), Some('2'));
        assert_eq!(receiver.receive(11, 800, &[1, 0x8a, 3, 0x20]), None);
        assert_eq!(receiver.receive(14, 2080, &[2, 10, 1, 64]), None);
        // A peer whose clock begins again is heard all the same.
        assert_eq!(receiver.receive(15, 7, &[2, 10, 0, 160]), Some('2'));
    }

    #[test]
    fn a_key_held_for_long_is_one_key() {
        let mut receiver = EventReceiver::default();
        assert_eq!(receiver.receive(1, 0, &[3, 10, 0xff, 0xff]), Some('3'));
        assert_eq!(receiver.receive(2, 65_535, &[3, 10, 0, 160]), None);
        assert_eq!(receiver.receive(3, 65_535, &[3, 0x8a, 1, 64]), None);
        assert_eq!(receiver.receive(9, 65_855, &[3, 10, 0, 160]), Some('3'));
    }

    #[test]
    fn what_is_no_key_is_not_told() {
        let mut receiver = EventReceiver::default();
        assert_eq!(receiver.receive(1, 0, &[16, 10, 0, 160]), None);
        assert_eq!(receiver.receive(2, 9, &[255, 10, 0, 160]), None);
        assert_eq!(receiver.receive(3, 18, &[1, 10, 0]), None);
        assert_eq!(receiver.receive(4, 18, &[1, 10, 0, 160]), Some('1'));
    }
}
