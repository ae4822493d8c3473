//! Ids and secrets from the operating system's random numbers.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wire::Timestamp;

/// SHA-256 of a secret: all that the store ever sees of it.
pub type Hash = [u8; 32];

/// A new id's part after its prefix: 48 bits of time, so that ids sort by age, and 80 random bits.
///
/// # Panics
/// When the operating system gives no random numbers: nothing safe can be done without.
#[must_use]
pub fn id_suffix(now: Timestamp) -> String {
    let mut random = [0; 10];
    fill(&mut random);
    format!("{:012x}{}", now.0 & 0xffff_ffff_ffff, hex(&random))
}

/// A new secret of 256 random bits, in 64 hexadecimal digits.
///
/// # Panics
/// When the operating system gives no random numbers.
#[must_use]
pub fn secret() -> String {
    let mut random = [0; 32];
    fill(&mut random);
    hex(&random)
}

/// 32 random bytes, to derive secrets from.
///
/// # Panics
/// When the operating system gives no random numbers.
#[must_use]
pub fn key() -> Hash {
    let mut random = [0; 32];
    fill(&mut random);
    random
}

/// The secret that comes of another one and a key, for this purpose: HMAC-SHA-256, in 64 hexadecimal
/// digits. The same comes of the same; who lacks one of the two learns nothing of it.
#[must_use]
pub fn derived(key: &Hash, purpose: &str, secret: &str) -> String {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // A key of any length does.
        return self::secret();
    };
    let mac = mac
        .chain_update(purpose)
        .chain_update([0_u8])
        .chain_update(secret);
    hex(&mac.finalize().into_bytes())
}

/// What is kept of a secret.
#[must_use]
pub fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// A random number above zero.
pub(crate) fn place() -> i64 {
    let mut random = [0; 8];
    fill(&mut random);
    (i64::from_ne_bytes(random) & i64::MAX).max(1)
}

#[expect(
    clippy::expect_used,
    reason = "a machine without random numbers must not hand out guessable tokens"
)]
fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random numbers");
}

/// Bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ids_and_sort_by_age() {
        let older = id_suffix(Timestamp(1_000));
        let newer = id_suffix(Timestamp(2_000));
        assert!(older < newer);
        assert!(wire::MembershipId::from_suffix(&newer).is_ok());
    }

    #[test]
    fn a_derived_secret_takes_the_key_the_purpose_and_the_secret() {
        let one = derived(&[1; 32], "access", "old");
        assert_eq!(one.len(), 64);
        assert_eq!(one, derived(&[1; 32], "access", "old"));
        for other in [
            derived(&[2; 32], "access", "old"),
            derived(&[1; 32], "refresh", "old"),
            derived(&[1; 32], "access", "older"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn no_two_secrets_are_alike() {
        assert_ne!(secret(), secret());
        assert_eq!(secret().len(), 64);
    }
}
