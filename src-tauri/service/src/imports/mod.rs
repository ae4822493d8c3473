//! Imports of leads from CSV files (L2): their files, and the tasks that check them, carry them out and
//! take them back.
//!
//! What a row does is decided by the pure crate `import`; what lasts is the store's. An import is in one
//! state at a time, which the store keeps; a task that finds its import in another state stops.

mod fields;
mod files;
mod job;
mod lines;

pub use lines::page;

use axum::body::Body;
use files::Folder;
use futures_util::StreamExt;
use std::collections::{HashMap, HashSet};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::clock::now;
use store::{Database, KeptImport, StoreError, is_over};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use wire::{
    Code, Import, ImportCounts, ImportId, ImportPreview, ImportSettings, ImportState,
    OrganizationId,
};

/// An import that no one touched for so long is cancelled.
const FORGOTTEN_MS: i64 = 24 * 60 * 60 * 1000;

/// Why an import didn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There's no such import in the organization.
    #[error("there's no such import")]
    NotFound,
    /// It's refused, with words for people.
    #[error("{1}")]
    Refused(Code, String),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk can't.
    #[error("the folder of imports can't be used: {0}")]
    Disk(#[from] std::io::Error),
}

/// The imports of a service.
pub struct Imports {
    store: Database,
    folder: Folder,
    /// The tasks at work, and what they say of their progress.
    tasks: Mutex<HashMap<ImportId, Task>>,
    /// Whose file is written to just now.
    uploads: Mutex<HashSet<ImportId>>,
    closing: CancellationToken,
}

/// A task at work on an import.
struct Task {
    stop: CancellationToken,
    progress: Progress,
    handle: tokio::task::JoinHandle<()>,
}

/// How far the check of an import's rows is.
type Progress = Arc<Mutex<ImportCounts>>;

impl Imports {
    /// With files in this folder. What a service that died left undone is marked so.
    ///
    /// # Errors
    /// [`StoreError`] when the store or the folder can't be used.
    pub async fn start(store: Database, folder: PathBuf) -> Result<Arc<Self>, StoreError> {
        let folder = Folder::new(folder);
        let imports = Arc::new(Self {
            store,
            folder,
            tasks: Mutex::default(),
            uploads: Mutex::default(),
            closing: CancellationToken::new(),
        });
        imports.recover().await?;
        Ok(imports)
    }

    /// What was under way when the service stopped isn't any more.
    async fn recover(&self) -> Result<(), StoreError> {
        use ImportState::{Cancelled, Interrupted, Previewing, Ready, Running, Undoing, Uploading};
        let left = self
            .store
            .imports_in(&[Previewing, Running, Undoing])
            .await?;
        for (organization, kept, _) in left {
            let change = |kept: &mut KeptImport| {
                kept.import.state = match kept.import.state {
                    // Its file is still there, to be checked again.
                    Previewing => Uploading,
                    Running => Interrupted,
                    // The rest of it can be undone, too.
                    Undoing => Cancelled,
                    other => other,
                };
                Ok(())
            };
            let id = &kept.import.id;
            self.store
                .change_import(&organization, id, now(), change)
                .await?;
            tracing::info!(import_id = %id, state = ?kept.import.state, "an import was interrupted");
        }
        let open = self
            .store
            .imports_in(&[Uploading, Ready, Interrupted])
            .await?;
        let open: HashSet<_> = open
            .into_iter()
            .map(|(_, kept, _)| kept.import.id)
            .collect();
        self.folder.sweep(&open).await;
        Ok(())
    }

    /// Stops the tasks, each after the rows it's at.
    pub async fn stop(&self) {
        self.closing.cancel();
        let tasks: Vec<Task> = self.lock().drain().map(|(_, task)| task).collect();
        for task in tasks {
            task.stop.cancel();
            // Its import is taken up again by whoever starts it next.
            let _ = task.handle.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ImportId, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an import, whose file comes next.
    ///
    /// # Errors
    /// [`ImportError`], also when the file would be too long, or too many imports aren't over.
    pub async fn create(
        &self,
        organization: &OrganizationId,
        import: Import,
    ) -> Result<Import, ImportError> {
        self.forget_old(organization).await?;
        self.store.create_import(organization, &import).await?;
        Ok(import)
    }

    /// Cancels what no one came back to, so that it doesn't stand in the way.
    async fn forget_old(&self, organization: &OrganizationId) -> Result<(), ImportError> {
        use ImportState::{Ready, Uploading};
        let open = self.store.imports_in(&[Uploading, Ready]).await?;
        for (whose, kept, touched) in open {
            if whose == *organization && now().0 - touched.0 > FORGOTTEN_MS {
                self.cancel(organization, &kept.import.id).await?;
            }
        }
        Ok(())
    }

    /// One of the organization's, as it stands at this moment.
    ///
    /// # Errors
    /// [`ImportError`], also when there's none.
    pub async fn get(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<Import, ImportError> {
        let mut import = self.kept(organization, id).await?.import;
        if import.state == ImportState::Previewing
            && let Some(task) = self.lock().get(id)
        {
            import.planned = *task.progress.lock().unwrap_or_else(PoisonError::into_inner);
        }
        Ok(import)
    }

    async fn kept(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<KeptImport, ImportError> {
        let kept = self.store.import(organization, id).await?;
        kept.ok_or(ImportError::NotFound)
    }

    async fn change(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
        change: impl FnOnce(&mut KeptImport) -> Result<(), StoreError> + Send,
    ) -> Result<KeptImport, ImportError> {
        let changed = self.store.change_import(organization, id, now(), change);
        changed.await?.ok_or(ImportError::NotFound)
    }

    /// Adds to an import's file what comes, as it comes. What was cut off is added as far as it came.
    ///
    /// # Errors
    /// [`ImportError`], also when it doesn't follow what's there, or goes beyond what was declared.
    pub async fn upload(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
        offset: u32,
        body: Body,
    ) -> Result<Import, ImportError> {
        let _alone = Upload::of(&self.uploads, id).ok_or_else(|| {
            conflict("Another part of this file is being uploaded. Wait until it's done.")
        })?;
        let import = self.kept(organization, id).await?.import;
        if import.state != ImportState::Uploading {
            return Err(conflict("This import's file was uploaded already."));
        }
        if offset != import.bytes_uploaded {
            return Err(conflict(format!(
                "{} bytes were uploaded so far. Continue from there.",
                import.bytes_uploaded
            )));
        }
        let (received, complaint) = self.receive(&import, offset, body).await?;
        let kept = self
            .change(organization, id, |kept| {
                kept.import.bytes_uploaded = offset + received;
                Ok(())
            })
            .await?;
        match complaint {
            Some(refused) => Err(refused),
            None => Ok(kept.import),
        }
    }

    /// How many bytes were written, and what was wrong with those that weren't.
    async fn receive(
        &self,
        import: &Import,
        offset: u32,
        body: Body,
    ) -> Result<(u32, Option<ImportError>), ImportError> {
        let mut file = self.folder.to_write(&import.id).await?;
        // What a part that broke off left behind it is written over.
        file.set_len(offset.into()).await?;
        file.seek(std::io::SeekFrom::Start(offset.into())).await?;
        let room = import.bytes - offset;
        let (mut received, mut complaint) = (0, None);
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else {
                complaint = Some(refused(Code::InvalidRequest, "The body ended too early."));
                break;
            };
            let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            if length > room - received {
                complaint = Some(refused(
                    Code::TooLarge,
                    format!(
                        "The file is longer than the {} bytes declared.",
                        import.bytes
                    ),
                ));
                break;
            }
            file.write_all(&chunk).await?;
            received += length;
        }
        file.flush().await?;
        Ok((received, complaint))
    }

    /// Looks at an import's file, and has its rows checked.
    ///
    /// # Errors
    /// [`ImportError`], also when the file isn't complete or can't be read, or the import has begun.
    pub async fn preview(
        self: &Arc<Self>,
        organization: &OrganizationId,
        id: &ImportId,
        settings: ImportSettings,
    ) -> Result<ImportPreview, ImportError> {
        let kept = self.kept(organization, id).await?;
        may_preview(&kept)?;
        let file = self.folder.to_read(id)?;
        let inspecting =
            tokio::task::spawn_blocking(move || import::inspect(BufReader::new(file), &settings));
        let seen = inspecting.await.map_err(std::io::Error::other)?;
        let seen = seen?.map_err(|why| refused(Code::InvalidRequest, why.words()))?;
        // The one before, with other settings, is of no use any more.
        self.stop_task(id).await;
        let settings = seen.settings.clone();
        let kept = self
            .change(organization, id, |kept| {
                may_preview(kept)?;
                kept.import.state = ImportState::Previewing;
                kept.import.message = None;
                kept.import.planned = ImportCounts::default();
                kept.settings = settings;
                Ok(())
            })
            .await?;
        self.spawn(id, |progress, stop| {
            job::check(
                self.clone(),
                organization.clone(),
                id.clone(),
                progress,
                stop,
            )
        });
        Ok(ImportPreview {
            import: kept.import,
            settings: seen.settings,
            columns: seen.columns,
        })
    }

    /// Carries an import out, or goes on with it.
    ///
    /// # Errors
    /// [`ImportError`], also when its rows weren't checked, or another one runs.
    pub async fn run(
        self: &Arc<Self>,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<Import, ImportError> {
        let running = self.store.imports_in(&[ImportState::Running]).await?;
        if running.iter().any(|(whose, ..)| whose == organization) {
            return Err(conflict(
                "Another import is running. Wait until it's done, or cancel it.",
            ));
        }
        let kept = self
            .change(organization, id, |kept| match kept.import.state {
                ImportState::Ready | ImportState::Interrupted => {
                    kept.import.state = ImportState::Running;
                    kept.import.message = None;
                    Ok(())
                }
                ImportState::Uploading | ImportState::Previewing => Err(StoreError::Conflict(
                    "The file's rows weren't checked yet. Wait until they are.".into(),
                )),
                _ => Err(StoreError::Conflict(
                    "This import was started already.".into(),
                )),
            })
            .await?;
        self.stop_task(id).await;
        self.spawn(id, |_, stop| {
            job::run(self.clone(), organization.clone(), id.clone(), stop)
        });
        Ok(kept.import)
    }

    /// Ends an import where it is.
    ///
    /// # Errors
    /// [`ImportError`], also when it's over.
    pub async fn cancel(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<Import, ImportError> {
        let kept = self
            .change(organization, id, |kept| {
                if is_over(kept.import.state) {
                    return Err(StoreError::Conflict("This import is over already.".into()));
                }
                kept.import.state = ImportState::Cancelled;
                kept.import.date_ended = Some(now());
                Ok(())
            })
            .await?;
        self.stop_task(id).await;
        self.folder.remove_file(id).await;
        Ok(kept.import)
    }

    /// Takes back what an import did.
    ///
    /// # Errors
    /// [`ImportError`], also when it did nothing, or is at work.
    pub async fn undo(
        self: &Arc<Self>,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<Import, ImportError> {
        let kept = self
            .change(organization, id, |kept| {
                if !kept.import.undoable {
                    return Err(StoreError::Conflict(
                        "There's nothing to undo: this import changed nothing.".into(),
                    ));
                }
                match kept.import.state {
                    ImportState::Done
                    | ImportState::Cancelled
                    | ImportState::Failed
                    | ImportState::Interrupted => {
                        kept.import.state = ImportState::Undoing;
                        Ok(())
                    }
                    _ => Err(StoreError::Conflict(
                        "This import can't be undone while it's at work. Cancel it first.".into(),
                    )),
                }
            })
            .await?;
        self.stop_task(id).await;
        self.folder.remove_file(id).await;
        self.spawn(id, |_, stop| {
            job::undo(self.clone(), organization.clone(), id.clone(), stop)
        });
        Ok(kept.import)
    }

    fn spawn<F>(&self, id: &ImportId, task: impl FnOnce(Progress, CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (progress, stop) = (Progress::default(), self.closing.child_token());
        let handle = tokio::spawn(task(progress.clone(), stop.clone()));
        let task = Task {
            stop,
            progress,
            handle,
        };
        let mut tasks = self.lock();
        tasks.retain(|_, task| !task.handle.is_finished());
        tasks.insert(id.clone(), task);
    }

    async fn stop_task(&self, id: &ImportId) {
        let task = self.lock().remove(id);
        if let Some(task) = task {
            task.stop.cancel();
            let _ = task.handle.await;
        }
    }

    /// The file that says what each row does; none before it's there.
    ///
    /// # Errors
    /// [`ImportError`], also when there's no such import.
    pub async fn lines(
        &self,
        organization: &OrganizationId,
        id: &ImportId,
    ) -> Result<Option<std::fs::File>, ImportError> {
        self.kept(organization, id).await?;
        Ok(self.folder.lines_to_read(id))
    }
}

fn may_preview(kept: &KeptImport) -> Result<(), StoreError> {
    let import = &kept.import;
    let complaint = match import.state {
        ImportState::Uploading if import.bytes_uploaded < import.bytes => {
            "The file isn't complete yet. Upload the rest of it first."
        }
        ImportState::Uploading | ImportState::Previewing | ImportState::Ready => return Ok(()),
        _ => "This import was started already.",
    };
    Err(StoreError::Conflict(complaint.into()))
}

/// The one upload to a file at a time.
struct Upload<'a> {
    all: &'a Mutex<HashSet<ImportId>>,
    id: ImportId,
}

impl<'a> Upload<'a> {
    fn of(all: &'a Mutex<HashSet<ImportId>>, id: &ImportId) -> Option<Self> {
        let is_first = all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone());
        is_first.then(|| Self {
            all,
            id: id.clone(),
        })
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.id);
    }
}

fn conflict(message: impl Into<String>) -> ImportError {
    refused(Code::Conflict, message)
}

fn refused(code: Code, message: impl Into<String>) -> ImportError {
    ImportError::Refused(code, message.into())
}
