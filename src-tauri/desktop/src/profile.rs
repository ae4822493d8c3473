//! Profiles: several people on one machine, each with a window, settings and a sign-in of their own.

use std::fmt;
use std::str::FromStr;

const NAME_BYTES_MAX: usize = 16;
/// The names that «open another window» gives, in order; there is an end to it.
const NEXT: [&str; 6] = ["default", "second", "third", "fourth", "fifth", "sixth"];

/// A profile's name: 1 to 16 of `a` to `z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile(String);

/// It is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a profile's name is 1 to {NAME_BYTES_MAX} letters from a to z")]
pub struct ProfileError;

impl Default for Profile {
    fn default() -> Self {
        Self(NEXT[0].into())
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(name: &str) -> Result<Self, ProfileError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase());
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !plain {
            return Err(ProfileError);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Profile {
    /// The app's identifier for this profile: it decides the data folders, the single instance's name
    /// and the entry in the key ring.
    #[must_use]
    pub fn identifier(&self, base: &str) -> String {
        if *self == Self::default() {
            base.to_owned()
        } else {
            format!("{base}.{self}")
        }
    }

    /// The profile that «open another window» starts from here; `None` after the last one.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let here = NEXT.iter().position(|name| *name == self.0).unwrap_or(0);
        NEXT.get(here + 1).map(|name| Self((*name).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_an_identifier_of_its_own() {
        let second: Profile = "second".parse().unwrap();
        assert_eq!(Profile::default().identifier("com.example"), "com.example");
        assert_eq!(second.identifier("com.example"), "com.example.second");
    }

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for name in ["", "../x", "Second", "a b", "abcdefghijklmnopq"] {
            assert_eq!(name.parse::<Profile>(), Err(ProfileError), "{name}");
        }
    }

    #[test]
    fn there_is_an_end_to_opening_windows() {
        let mut profile = Some(Profile::default());
        let mut opened = 0;
        while let Some(next) = profile.as_ref().and_then(Profile::next) {
            profile = Some(next);
            opened += 1;
        }
        assert_eq!(opened, NEXT.len() - 1);
    }
}
