//! Where recordings are kept: a local folder, or a store that speaks S3.

use crate::config::Config;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wire::{CallId, OrganizationId};

/// The least that S3 takes as a part that is not the last.
pub(super) const PART_BYTES: u64 = 5 * 1024 * 1024;
/// How long one request is tried again for within the store's client. Longer ones are the keeper's.
const RETRY_MAX: Duration = Duration::from_secs(20);

/// Why a recording cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// What is configured is no store.
    #[error("recordings: {0}")]
    Settings(String),
    /// The store refused, or is not there.
    #[error("the store of recordings: {0}")]
    Store(#[from] object_store::Error),
    /// The spool cannot be read.
    #[error("the spool of recordings: {0}")]
    Spool(#[from] io::Error),
    /// The store has something else than was given to it.
    #[error("the store of recordings has {0} bytes of {1}")]
    Short(u64, u64),
}

/// Opens the store that is configured.
///
/// # Errors
/// [`StorageError::Settings`], and when the local folder cannot be made.
pub(super) fn open(config: &Config) -> Result<Arc<dyn ObjectStore>, StorageError> {
    match &config.recordings {
        Some(url) if url.starts_with("s3://") => {
            // Keys come from the environment alone (AWS_ACCESS_KEY_ID and so on).
            let mut builder = AmazonS3Builder::from_env();
            if let Some(endpoint) = &config.recordings_endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            if let Some(region) = &config.recordings_region {
                builder = builder.with_region(region);
            }
            s3(url, builder.with_allow_http(config.recordings_allow_http))
        }
        Some(url) if url.contains("://") => {
            let said = "is s3://BUCKET/PREFIX or a folder";
            Err(StorageError::Settings(said.into()))
        }
        Some(folder) => local(PathBuf::from(folder)),
        None => local(config.data.join("recordings").join("store")),
    }
}

fn local(folder: PathBuf) -> Result<Arc<dyn ObjectStore>, StorageError> {
    std::fs::create_dir_all(&folder)?;
    let store = LocalFileSystem::new_with_prefix(folder)?;
    Ok(Arc::new(
        store.with_fsync(true).with_automatic_cleanup(true),
    ))
}

fn s3(url: &str, builder: AmazonS3Builder) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let name = url.strip_prefix("s3://").unwrap_or(url);
    let (bucket, prefix) = name.split_once('/').unwrap_or((name, ""));
    let retry = RetryConfig {
        max_retries: 3,
        retry_timeout: RETRY_MAX,
        ..RetryConfig::default()
    };
    let store = builder
        .with_bucket_name(bucket)
        .with_retry(retry)
        .build()
        .map_err(|error| StorageError::Settings(error.to_string()))?;
    let prefix = prefix.trim_matches('/');
    Ok(if prefix.is_empty() {
        Arc::new(store)
    } else {
        Arc::new(PrefixStore::new(store, prefix))
    })
}

/// Under which key a call's recording is kept.
pub(super) fn key(organization: &OrganizationId, call: &CallId) -> Path {
    Path::from_iter([organization.to_string(), format!("{call}.ogg")])
}

/// One recording on its way from the spool to the store, in parts while it grows.
pub(super) struct Upload {
    store: Arc<dyn ObjectStore>,
    key: Path,
    spooled: PathBuf,
    parts: Option<Box<dyn MultipartUpload>>,
    sent: u64,
}

impl Upload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, key: Path, spooled: PathBuf) -> Self {
        Self {
            store,
            key,
            spooled,
            parts: None,
            sent: 0,
        }
    }

    /// Sends what fills a part by now. When that fails it begins anew the next time.
    ///
    /// # Errors
    /// Those of store and spool.
    pub(super) async fn advance(&mut self, written: u64) -> Result<(), StorageError> {
        let result = self.send_full(written).await;
        if result.is_err() {
            self.begin_anew().await;
        }
        result
    }

    /// Sends the rest of a file of so many bytes, and makes sure that the store has it whole.
    ///
    /// # Errors
    /// As [`Upload::advance`]; it may be tried again.
    pub(super) async fn finish(&mut self, bytes: u64) -> Result<(), StorageError> {
        let result = self.send_all(bytes).await;
        if result.is_err() {
            self.begin_anew().await;
        }
        result
    }

    async fn send_full(&mut self, written: u64) -> Result<(), StorageError> {
        while written.saturating_sub(self.sent) >= PART_BYTES {
            self.send_part(PART_BYTES).await?;
        }
        Ok(())
    }

    async fn send_part(&mut self, length: u64) -> Result<(), StorageError> {
        let payload = self.read(length).await?;
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self
                .parts
                .insert(self.store.put_multipart(&self.key).await?),
        };
        parts.put_part(payload).await?;
        self.sent += length;
        Ok(())
    }

    async fn send_all(&mut self, bytes: u64) -> Result<(), StorageError> {
        self.send_full(bytes).await?;
        let rest = bytes.saturating_sub(self.sent);
        if self.parts.is_none() {
            let payload = self.read(rest).await?;
            self.store.put(&self.key, payload).await?;
        } else {
            if rest > 0 {
                self.send_part(rest).await?;
            }
            if let Some(mut parts) = self.parts.take() {
                parts.complete().await?;
            }
        }
        self.sent = 0;
        let stored = self.store.head(&self.key).await?.size;
        if stored == bytes {
            Ok(())
        } else {
            Err(StorageError::Short(stored, bytes))
        }
    }

    async fn begin_anew(&mut self) {
        self.sent = 0;
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.abort().await
        {
            tracing::debug!(%error, "parts of a recording were not taken back");
        }
    }

    async fn read(&mut self, length: u64) -> Result<PutPayload, StorageError> {
        let (path, from) = (self.spooled.clone(), self.sent);
        let read = move || -> io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            // A part, or what is less than a part.
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| io::Error::other(error.to_string()))??;
        Ok(bytes.into())
    }
}
