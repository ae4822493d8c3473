//! Folders that cannot be written, and how that's said.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is written to see whether there is room. A file may be made on a disk that is full.
const TRIAL_BYTES: [u8; 4096] = [0; 4096];

/// Why a file or a folder could not be written, in words.
pub fn reason(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ReadOnlyFilesystem => "the disk is read-only".into(),
        Kind::StorageFull | Kind::QuotaExceeded => "the disk is full".into(),
        Kind::PermissionDenied => "you don't have permission to write there".into(),
        Kind::NotADirectory | Kind::AlreadyExists => "a file is where a folder should be".into(),
        Kind::IsADirectory => "a folder is where a file should be".into(),
        _ => error.to_string(),
    }
}

/// Whether a folder can be written; it's made if it isn't there.
///
/// # Errors
/// When it cannot.
pub fn try_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let trial = folder.join(format!(".trial-{}", std::process::id()));
    let written = fs::File::create(&trial).and_then(|mut file| file.write_all(&TRIAL_BYTES));
    let removed = fs::remove_file(&trial);
    written.and(removed)
}

/// Makes a folder that no other user of the computer gets into, unless it's there.
///
/// # Errors
/// When it can't be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Where the window's page keeps what it keeps.
#[derive(Debug)]
pub enum PageFolder {
    /// In the app's folder.
    Own,
    /// There nothing can be written. In one that goes with the app.
    Temporary(tempfile::TempDir),
    /// Nor anywhere else.
    None,
}

impl PageFolder {
    /// The app's folder, or another if that cannot be written.
    pub fn choose(own: io::Result<()>) -> Self {
        if own.is_ok() {
            return Self::Own;
        }
        let made = tempfile::Builder::new().prefix("call-coaching-").tempdir();
        match made {
            Ok(folder) if try_folder(folder.path()).is_ok() => Self::Temporary(folder),
            _ => Self::None,
        }
    }

    /// Where it is, unless it's the app's own.
    pub fn elsewhere(&self) -> Option<PathBuf> {
        match self {
            Self::Temporary(folder) => Some(folder.path().to_owned()),
            Self::Own | Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_written_is_found_out_and_nothing_is_left_in_one_that_can() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b");
        try_folder(&new).unwrap();
        assert_eq!(fs::read_dir(&new).unwrap().count(), 0);

        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = try_folder(&file).unwrap_err();
        assert_eq!(reason(&error), "a file is where a folder should be");
    }

    #[test]
    fn a_page_whose_folder_cannot_be_written_gets_one_that_is_gone_afterwards() {
        let failed = || -> io::Result<()> { Err(io::ErrorKind::ReadOnlyFilesystem.into()) };
        assert_eq!(PageFolder::choose(Ok(())).elsewhere(), None);
        let folder = PageFolder::choose(failed());
        let path = folder.elsewhere().unwrap();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
        assert_eq!(
            reason(&failed().unwrap_err()),
            "the disk is read-only",
            "in words"
        );
    }
}
