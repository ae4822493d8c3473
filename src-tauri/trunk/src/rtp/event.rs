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

/// One tick of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTick {
    /// The key's place in the list.
    pub code: u8,
    /// Which tick of the key it is, from 0. After those in which it sounds comes its pause.
    pub at: u16,
}

/// Ticks that a key takes, with the pause after it.
pub const KEY_TICKS: u16 = TONE_TICKS + PAUSE_TICKS;

impl KeyTick {
    /// Whether the key sounds in this tick.
    #[must_use]
    pub const fn sounds(self) -> bool {
        self.at < TONE_TICKS
    }

    /// The packet of this tick, where keys are events; none in the pause, once its end was told.
    #[must_use]
    pub fn packet(self, clock_hz: u32) -> Option<EventPacket> {
        let ticks = self.at + 1;
        let is_told = ticks < TONE_TICKS + ENDS;
        let end = u8::from(ticks >= TONE_TICKS) << 7;
        let duration = u32::from(ticks.min(TONE_TICKS)) * (clock_hz / TICKS_HZ);
        let [high, low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
        is_told.then_some(EventPacket {
            payload: [self.code, end | VOLUME, high, low],
            is_first: self.at == 0,
        })
    }
}

/// The two frequencies of a key, in Hz (ITU-T Q.23); none for a code that is no key's.
#[must_use]
pub fn frequencies_hz(code: u8) -> Option<(f32, f32)> {
    let key = KEYS.get(usize::from(code))?;
    let place = b"123A456B789C*0#D".iter().position(|own| own == key)?;
    let low = [697.0, 770.0, 852.0, 941.0].get(place / 4).copied()?;
    let high = [1209.0, 1336.0, 1477.0, 1633.0].get(place % 4).copied()?;
    Some((low, high))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    pub payload: [u8; 4],
    /// It is the key's first: it bears the marker, and its timestamp is that of all others of the key.
    pub is_first: bool,
}

/// Keys to send, one after the other.
#[derive(Default)]
pub struct KeySender {
    queue: Queue,
    present: Option<KeyTick>,
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

impl KeySender {
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

    /// Breaks off the present key: what waits is sent another way.
    pub fn break_off(&mut self) {
        self.present = None;
    }

    /// This tick's part of a key, which takes the place of sound; none when there is no key to send.
    pub fn tick(&mut self) -> Option<KeyTick> {
        let present = match self.present {
            Some(present) => present,
            None => KeyTick {
                code: self.queue.pop()?,
                at: 0,
            },
        };
        let next = KeyTick {
            at: present.at + 1,
            ..present
        };
        self.present = (next.at < KEY_TICKS).then_some(next);
        Some(present)
    }
}

/// The end of a key comes again within so many packets.
const REPEATS_MAX: i64 = 3;

/// Hears keys, each once, whatever of it is lost or comes twice, and whatever key comes between.
#[derive(Default)]
pub struct EventReceiver {
    /// The last event of each key.
    last: [Option<Event>; KEYS.len()],
}

#[derive(Clone, Copy)]
struct Event {
    timestamp: u32,
    sequence: i64,
    duration: u16,
    has_ended: bool,
}

impl Event {
    /// Whether a later packet of the same key tells of the same press.
    fn goes_on_with(&self, next: &Self) -> bool {
        let apart = next.timestamp.wrapping_sub(self.timestamp);
        let duration = u32::from(self.duration);
        if apart == 0 {
            return true;
        }
        if !self.has_ended {
            // What lasts longer than a duration can say goes on as a segment of its own (§2.5.1.3).
            return apart <= duration;
        }
        // Some phones stamp each repetition of the end anew. Another press would have begun before it
        // ended, and not so soon.
        let is_repeated = next.has_ended && next.sequence - self.sequence <= REPEATS_MAX;
        is_repeated && apart <= duration + duration / 2
    }
}

impl EventReceiver {
    /// Takes a packet with its sequence number, which no longer wraps; the key, when it is a new one.
    pub fn receive(&mut self, sequence: i64, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [code, flags, high, low] = *payload.first_chunk::<4>()?;
        let code = usize::from(code);
        // What is not a key is not told.
        let (last, key) = (self.last.get_mut(code)?, KEYS.get(code)?);
        let event = Event {
            timestamp,
            sequence,
            duration: u16::from_be_bytes([high, low]),
            has_ended: flags & 0x80 != 0,
        };
        if last.is_some_and(|last| sequence <= last.sequence) {
            return None;
        }
        let before = last.replace(event);
        let is_new = before.is_none_or(|before| !before.goes_on_with(&event));
        is_new.then(|| char::from(*key))
    }

    /// Forgets the last keys: another stream begins.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lasts_100_ms_and_its_end_is_sent_three_times() {
        let mut sender = KeySender::default();
        assert!(sender.push(b'5') && sender.push(b'd'));
        let sent: Vec<_> = (0..16)
            .map(|_| sender.tick().and_then(|tick| tick.packet(8000)))
            .collect();
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
        assert!(sender.tick().is_none());
        sender.push(b'1');
        let first = sender.tick().unwrap();
        assert_eq!(first.packet(48_000).unwrap().payload, [1, 10, 3, 0xc0]);
    }

    #[test]
    fn other_letters_and_a_sixty_fifth_key_are_ignored() {
        let mut sender = KeySender::default();
        assert!(b"xE+ \0\xff".iter().all(|key| !sender.push(*key)));
        assert!((0..64).all(|_| sender.push(b'*')));
        assert!(!sender.push(b'#'));
        sender.tick();
        assert!(sender.push(b'#'));
        assert!(!sender.push(b'#'));
        sender.break_off();
        let next = KeyTick { code: 10, at: 0 };
        assert_eq!(sender.tick(), Some(next), "the next key, from its start");
        sender.clear();
        assert!(sender.tick().is_none());
    }

    /// Sends keys, and hands each packet on as `path` says: how often.
    fn heard(keys: &str, path: impl Fn(usize) -> usize) -> String {
        let mut sender = KeySender::default();
        assert!(keys.bytes().all(|key| sender.push(key)));
        let mut receiver = EventReceiver::default();
        let (mut heard, mut start) = (String::new(), 0);
        for tick in 0..keys.len() * 8 {
            let Some(packet) = sender.tick().and_then(|tick| tick.packet(8000)) else {
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
    fn two_keys_at_once_are_heard_once_each() {
        let mut receiver = EventReceiver::default();
        let mut heard = String::new();
        for step in 1..=6_u8 {
            let end = u8::from(step > 4) << 7;
            for (at, code) in [(0, 8), (1, 9)] {
                let sequence = i64::from(step) * 2 + at;
                let [high, low] = (u16::from(step.min(5)) * 160).to_be_bytes();
                let payload = [code, end | 10, high, low];
                heard.extend(receiver.receive(sequence, 800 + at as u32 * 80, &payload));
            }
        }
        assert_eq!(heard, "89");
        assert_eq!(receiver.receive(99, 9_000, &[8, 10, 0, 160]), Some('8'));
    }

    #[test]
    fn an_end_repeated_with_a_new_timestamp_is_no_new_key() {
        let end = [5, 0x8a, 3, 0x20];
        for apart in [1, 160, 800, 960, 1_200] {
            let mut receiver = EventReceiver::default();
            assert_eq!(receiver.receive(1, 0, &[5, 10, 0, 160]), Some('5'));
            assert_eq!(receiver.receive(5, 0, &end), None);
            assert_eq!(receiver.receive(6, apart, &end), None, "{apart}");
            assert_eq!(receiver.receive(7, 2 * apart, &end), None, "{apart}");
            // The same key again, of which the end alone arrives.
            assert_eq!(receiver.receive(20, 3_000, &end), Some('5'));
            assert_eq!(receiver.receive(21, 6_000, &end), Some('5'), "much later");
        }
    }

    #[test]
    fn each_key_has_its_two_tones() {
        let of = |key: u8| {
            let code = KEYS.iter().position(|known| *known == key).unwrap();
            frequencies_hz(code as u8).unwrap()
        };
        assert_eq!(of(b'1'), (697.0, 1209.0));
        assert_eq!(of(b'0'), (941.0, 1336.0));
        assert_eq!(of(b'#'), (941.0, 1477.0));
        assert_eq!(of(b'D'), (941.0, 1633.0));
        assert_eq!(frequencies_hz(16), None);
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
