//! Reads a description. Of what the network says only the shape is judged here: lines that mean nothing
//! to a telephone are passed over, and each list has a bound.

use std::net::IpAddr;

use voice::Codec;

use super::{MediaDirection, Payload, SdesKey, SdpError};

/// The longest description, in bytes.
const BYTES_MAX: usize = 16 * 1024;
const LINES_MAX: usize = 1024;
const MEDIA_MAX: usize = 16;
/// Payload types of one medium.
const FORMATS_MAX: usize = 64;
/// Keys of one medium; those after them are passed over.
const KEYS_MAX: usize = 16;

/// A description that someone sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    pub(super) address: Option<IpAddr>,
    pub(super) direction: Option<MediaDirection>,
    pub(super) media: Vec<Media>,
}

/// One `m=` line with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Media {
    /// Its kind (`audio`), its transport and its formats, as they stand there: a refusal repeats them.
    pub kind: String,
    pub transport: String,
    pub formats: String,
    pub port: u16,
    pub has_connection: bool,
    pub address: Option<IpAddr>,
    pub direction: Option<MediaDirection>,
    /// The payload types in the peer's order, with what they were told to be.
    pub payloads: Vec<(u8, Option<Payload>)>,
    pub ptime_ms: Option<u32>,
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    pub rtcp_mux: bool,
    pub keys: Vec<SdesKey>,
}

impl Media {
    /// Whether it is encrypted, where it is RTP as it is understood here.
    pub fn is_secure(&self) -> Option<bool> {
        let profiles = [
            ("RTP/AVP", false),
            ("RTP/AVPF", false),
            ("RTP/SAVP", true),
            ("RTP/SAVPF", true),
        ];
        let known = |(name, _): &&(&str, bool)| self.transport.eq_ignore_ascii_case(name);
        profiles.iter().find(known).map(|(_, secure)| *secure)
    }
}

/// Reads a description (RFC 8866), with CRLF or LF at the ends of its lines. Lines that are not
/// understood are passed over, and so are attributes with broken numbers.
///
/// # Errors
/// [`SdpError::TooLong`], [`SdpError::TooMuch`]; [`SdpError::Malformed`] when it does not begin with
/// `v=0` or has a broken `m=` line.
pub fn parse(bytes: &[u8]) -> Result<Description, SdpError> {
    if bytes.len() > BYTES_MAX {
        return Err(SdpError::TooLong);
    }
    let mut description = Description::default();
    let mut has_version = false;
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if at >= LINES_MAX {
            return Err(SdpError::TooMuch);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Names of sessions may be in any character set, and matter to no one.
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if !has_version {
            if line.trim_end() != "v=0" {
                return Err(SdpError::Malformed);
            }
            has_version = true;
            continue;
        }
        let Some((kind, value)) = line.split_once('=') else {
            continue;
        };
        match kind {
            "m" => {
                if description.media.len() >= MEDIA_MAX {
                    return Err(SdpError::TooMuch);
                }
                description.media.push(medium(value)?);
            }
            "c" => {
                let address = address(value);
                match description.media.last_mut() {
                    Some(media) => (media.has_connection, media.address) = (true, address),
                    None => description.address = address,
                }
            }
            "a" => attribute(&mut description, value),
            _ => {}
        }
    }
    if has_version {
        Ok(description)
    } else {
        Err(SdpError::Malformed)
    }
}

/// `audio 49170/2 RTP/AVP 0 8 96` (RFC 8866 §5.14).
fn medium(value: &str) -> Result<Media, SdpError> {
    if value.chars().any(|letter| letter.is_control()) {
        return Err(SdpError::Malformed);
    }
    let mut words = value.split_ascii_whitespace();
    let mut word = || words.next().ok_or(SdpError::Malformed);
    let (kind, port, transport) = (word()?, word()?, word()?);
    let port = port.split_once('/').map_or(port, |(port, _)| port);
    let port = port.parse().map_err(|_| SdpError::Malformed)?;
    let formats: Vec<&str> = words.take(FORMATS_MAX + 1).collect();
    if formats.len() > FORMATS_MAX {
        return Err(SdpError::TooMuch);
    }
    let mut payloads: Vec<(u8, Option<Payload>)> = Vec::with_capacity(formats.len());
    for format in &formats {
        let payload_type = format.parse().ok().filter(|number| *number < 128);
        let Some(payload_type) = payload_type else {
            // Not all that is sent is RTP.
            continue;
        };
        if payloads.iter().all(|(known, _)| *known != payload_type) {
            payloads.push((payload_type, well_known(payload_type)));
        }
    }
    Ok(Media {
        kind: kind.to_owned(),
        transport: transport.to_owned(),
        formats: formats.join(" "),
        port,
        has_connection: false,
        address: None,
        direction: None,
        payloads,
        ptime_ms: None,
        rtcp: None,
        rtcp_mux: false,
        keys: Vec::new(),
    })
}

/// What needs no `a=rtpmap` (RFC 3551 §6).
const fn well_known(payload_type: u8) -> Option<Payload> {
    match payload_type {
        0 => Some(Payload::Voice(Codec::Pcmu)),
        8 => Some(Payload::Voice(Codec::Pcma)),
        13 => Some(Payload::Voice(Codec::ComfortNoise)),
        _ => None,
    }
}

/// `IN IP4 192.0.2.1/127` (RFC 8866 §5.7). Of a name, which a telephone does not look up, and of a group's
/// address there is none.
fn address(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    if !words.next()?.eq_ignore_ascii_case("IN") {
        return None;
    }
    let family = words.next()?;
    let text = words.next()?;
    let text = text.split_once('/').map_or(text, |(address, _)| address);
    let address: IpAddr = text.parse().ok()?;
    let is_of_family = match address {
        IpAddr::V4(_) => family.eq_ignore_ascii_case("IP4"),
        IpAddr::V6(_) => family.eq_ignore_ascii_case("IP6"),
    };
    let is_group = match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    };
    (is_of_family && !is_group).then_some(address)
}

fn attribute(description: &mut Description, value: &str) {
    let value = value.trim_end();
    let (name, value) = value.split_once(':').unwrap_or((value, ""));
    let direction = MediaDirection::parse(name);
    let Some(media) = description.media.last_mut() else {
        description.direction = direction.or(description.direction);
        return;
    };
    media.direction = direction.or(media.direction);
    match name {
        "rtpmap" => rtpmap(media, value),
        "ptime" => media.ptime_ms = milliseconds(value).or(media.ptime_ms),
        "rtcp" => media.rtcp = rtcp(value).or(media.rtcp),
        "rtcp-mux" => media.rtcp_mux = true,
        "crypto" => {
            if let Some(key) = SdesKey::parse(value).filter(|_| media.keys.len() < KEYS_MAX) {
                media.keys.push(key);
            }
        }
        _ => {}
    }
}

/// `96 opus/48000/2` (RFC 8866 §6.6).
fn rtpmap(media: &mut Media, value: &str) {
    let mut words = value.split_ascii_whitespace();
    let payload_type = words.next().and_then(|number| number.parse::<u8>().ok());
    let mut parts = words.next().unwrap_or_default().split('/');
    let (Some(payload_type), Some(name)) = (payload_type, parts.next()) else {
        return;
    };
    let clock_hz = parts.next().and_then(|clock| clock.parse::<u32>().ok());
    let channels = parts.next().unwrap_or("1");
    let payload = match (name.to_ascii_lowercase().as_str(), clock_hz, channels) {
        // RFC 7587 §7 has all Opus called stereo, also what is not.
        ("opus", Some(48_000), "1" | "2") => Some(Payload::Voice(Codec::Opus)),
        ("pcmu", Some(8000), "1") => Some(Payload::Voice(Codec::Pcmu)),
        ("pcma", Some(8000), "1") => Some(Payload::Voice(Codec::Pcma)),
        ("cn", Some(8000), "1") => Some(Payload::Voice(Codec::ComfortNoise)),
        // It goes by the clock of the sound beside it (RFC 4733 §2.1), also of sound that we do not know.
        ("telephone-event", Some(clock_hz @ 8000..=192_000), "1") => {
            Some(Payload::Event { clock_hz })
        }
        _ => None,
    };
    let mut known = media.payloads.iter_mut();
    if let Some(known) = known.find(|(known, _)| *known == payload_type) {
        known.1 = payload;
    }
}

/// Whole milliseconds; some peers write a fraction.
fn milliseconds(value: &str) -> Option<u32> {
    let whole = value.split_once('.').map_or(value, |(whole, _)| whole);
    let milliseconds = whole.trim().parse().ok();
    milliseconds.filter(|milliseconds| (1..=1000).contains(milliseconds))
}

/// `53020` or `53020 IN IP4 192.0.2.1` (RFC 3605 §2.1).
fn rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let value = value.trim();
    let (port, rest) = value.split_once(' ').unwrap_or((value, ""));
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some((port, address(rest)))
}
