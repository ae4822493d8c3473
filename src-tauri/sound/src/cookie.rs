//! PulseAudio's cookie, created if it is missing.
//!
//! A server only accepts a cookie of 256 bytes, even if it then lets everyone in, and libpulse creates
//! the file when it is missing. The client that cpal uses sends an empty one instead, which PulseAudio
//! and PipeWire refuse: on a fresh account there would be no sound.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const COOKIE_BYTES: usize = 256;

/// Creates this user's cookie if it is missing.
pub(crate) fn ensure() {
    if std::env::var_os("PULSE_COOKIE").is_some() {
        return;
    }
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else {
        return;
    };
    if home.join(".pulse-cookie").exists() {
        return;
    }
    match make(&home.join(".config/pulse")) {
        Ok(()) => tracing::info!("created a PulseAudio cookie"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => tracing::warn!(%error, "could not create a PulseAudio cookie"),
    }
}

/// If another program is creating it at this moment, that one wins.
fn make(folder: &Path) -> io::Result<()> {
    let path = folder.join("cookie");
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    create_dir_all(folder)?;
    let mut cookie = [0; COOKIE_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut cookie)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&cookie)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_cookie_is_made_once_and_for_the_user_only() {
        let home = std::env::temp_dir().join(format!("cookie-test-{}", std::process::id()));
        make(&home).unwrap();
        let path = home.join("cookie");
        let first = std::fs::read(&path).unwrap();
        assert_eq!(first.len(), COOKIE_BYTES);
        assert!(first.iter().any(|byte| *byte != first[0]));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = make(&home).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), first);
        std::fs::remove_dir_all(home).unwrap();
    }
}
