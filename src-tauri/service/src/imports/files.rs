//! The files of imports: one folder for each, which goes when nothing in it is needed any more.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;
use wire::ImportId;

/// The file that's imported, and what its rows do.
const FILE: &str = "file.csv";
const LINES: &str = "lines.jsonl";
/// Imports whose lines are kept, of all organizations, at most: each has some tens of megabytes in the
/// worst case.
const LINES_KEPT: usize = 200;

/// The folder of all imports.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// An id has letters, digits and underscores, and so leads nowhere else.
    fn of(&self, id: &ImportId, name: &str) -> PathBuf {
        self.0.join(id.as_str()).join(name)
    }

    /// An import's file, to be written on.
    pub async fn to_write(&self, id: &ImportId) -> io::Result<tokio::fs::File> {
        tokio::fs::create_dir_all(self.0.join(id.as_str())).await?;
        tokio::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.of(id, FILE))
            .await
    }

    /// An import's file.
    pub fn to_read(&self, id: &ImportId) -> io::Result<File> {
        File::open(self.of(id, FILE))
    }

    pub async fn remove_file(&self, id: &ImportId) {
        remove(tokio::fs::remove_file(self.of(id, FILE)).await);
    }

    /// What an import's rows do, from the beginning or after what's there.
    pub fn lines_to_write(&self, id: &ImportId, goes_on: bool) -> io::Result<File> {
        let mut options = File::options();
        options.create(true);
        if goes_on {
            options.append(true);
        } else {
            options.write(true).truncate(true);
        }
        options.open(self.of(id, LINES))
    }

    /// What an import's rows do; none before that's known.
    pub fn lines_to_read(&self, id: &ImportId) -> Option<File> {
        File::open(self.of(id, LINES)).ok()
    }

    /// Removes the files of imports that are over, and all that's left of the oldest.
    pub async fn sweep(&self, open: &HashSet<ImportId>) {
        let (folder, open) = (self.clone(), open.clone());
        let swept = tokio::task::spawn_blocking(move || folder.sweep_now(&open)).await;
        if let Ok(Err(error)) = swept
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "couldn't clean the folder of imports");
        }
    }

    fn sweep_now(&self, open: &HashSet<ImportId>) -> io::Result<()> {
        let mut over = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let id = entry
                .file_name()
                .to_str()
                .and_then(|name| ImportId::parse(name).ok());
            // What isn't ours is left alone.
            let Some(id) = id else { continue };
            if !open.contains(&id) {
                remove(std::fs::remove_file(self.of(&id, FILE)));
                let changed = entry.metadata().and_then(|meta| meta.modified());
                over.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
            }
        }
        over.sort();
        let excess = over.len().saturating_sub(LINES_KEPT);
        for (_, path) in over.into_iter().take(excess) {
            remove(std::fs::remove_dir_all(path));
        }
        Ok(())
    }
}

fn remove(removed: io::Result<()>) {
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "couldn't remove a file of an import");
    }
}
