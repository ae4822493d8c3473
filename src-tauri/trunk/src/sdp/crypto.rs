//! Keys of a stream as they stand in a description (RFC 4568).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SdpError;

/// Bytes of a master key and its salt together.
pub(super) const KEY_BYTES: usize = 30;

/// How a stream is encrypted and authenticated (RFC 4568 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`.
    #[default]
    Sha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`.
    Sha1_32,
}

impl Suite {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Sha1_80, Self::Sha1_32]
            .into_iter()
            .find(|suite| suite.name().eq_ignore_ascii_case(name))
    }
}

/// The master key and salt with which one side encrypts what it sends, and how. Its `Debug` hides them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SdesKey {
    pub(super) tag: u32,
    pub(super) suite: Suite,
    bytes: [u8; KEY_BYTES],
}

impl SdesKey {
    /// A key of one's own from 30 random bytes: 16 of key, 14 of salt.
    #[must_use]
    pub const fn new(random: [u8; KEY_BYTES]) -> Self {
        Self {
            tag: 1,
            suite: Suite::Sha1_80,
            bytes: random,
        }
    }

    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.bytes.get(..16).unwrap_or_default()
    }

    #[must_use]
    pub fn salt(&self) -> &[u8] {
        self.bytes.get(16..).unwrap_or_default()
    }

    /// The same key for an answer to the line that has this tag and suite (RFC 4568 §5.1.2).
    pub(super) const fn answering(self, offered: &Self) -> Self {
        Self {
            tag: offered.tag,
            suite: offered.suite,
            bytes: self.bytes,
        }
    }

    pub(super) fn line(&self) -> String {
        let key = STANDARD.encode(self.bytes);
        format!("{} {} inline:{key}", self.tag, self.suite.name())
    }

    /// Reads the value of an `a=crypto` line; none when it has a suite, a key or a parameter that is
    /// not understood here, as the line is then to be passed over (RFC 4568 §5.1.2).
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = Suite::parse(words.next()?)?;
        let mut keys = words.next()?.split(';');
        let parts = keys.next()?.strip_prefix("inline:")?;
        if keys.next().is_some() || words.any(|word| !is_harmless(word)) {
            return None;
        }
        let mut parts = parts.split('|');
        let decoded = STANDARD.decode(parts.next()?).ok()?;
        // A lifetime is longer than any call; a master key identifier would change the packets.
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        Some(Self {
            tag,
            suite,
            bytes: decoded.try_into().ok()?,
        })
    }
}

/// Parameters of a session that change nothing of what is sent.
fn is_harmless(word: &str) -> bool {
    word.starts_with("WSH=")
}

impl std::fmt::Debug for SdesKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SdesKey")
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

/// The keys of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SrtpKeys {
    /// What this side encrypts with.
    pub local: SdesKey,
    /// What the peer encrypts with.
    pub remote: SdesKey,
}

/// The first line of those offered that is understood.
pub(super) fn first(offered: &[SdesKey]) -> Result<SdesKey, SdpError> {
    offered.first().copied().ok_or(SdpError::Encryption)
}
