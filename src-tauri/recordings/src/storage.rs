//! Where recordings are kept: a local folder, or a store that speaks S3.

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
use store::StoreError;
use wire::{CallId, OrganizationId};

/// The least that S3 takes as a part that is not the last.
pub const PART_BYTES: u64 = 5 * 1024 * 1024;
/// How long one request is tried again for within the store's client. Longer ones are the keeper's.
const RETRY_MAX: Duration = Duration::from_secs(20);

/// Where recordings are kept.
#[derive(Debug, Clone, Default)]
pub struct StorageSettings {
    /// A folder, or `s3://BUCKET/PREFIX`.
    pub location: PathBuf,
    /// Of the S3 store, when it is not Amazon's.
    pub endpoint: Option<String>,
    /// Of the S3 store.
    pub region: Option<String>,
    /// Whether the S3 store may be spoken to without TLS.
    pub allow_http: bool,
}

/// Why a recording cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// What is configured is no store.
    #[error("recordings: {0}")]
    Settings(String),
    /// The store refused, or is not there.
    #[error("the store of recordings: {0}")]
    Store(#[from] object_store::Error),
    /// It cannot be noted in the service's own store.
    #[error(transparent)]
    Note(#[from] StoreError),
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
pub fn open(settings: &StorageSettings) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let location = settings.location.to_str().unwrap_or_default();
    if location.starts_with("s3://") {
        // Keys come from the environment alone (AWS_ACCESS_KEY_ID and so on).
        let mut builder = AmazonS3Builder::from_env();
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &settings.region {
            builder = builder.with_region(region);
        }
        s3(location, builder.with_allow_http(settings.allow_http))
    } else if location.contains("://") {
        let said = "is s3://BUCKET/PREFIX or a folder";
        Err(StorageError::Settings(said.into()))
    } else {
        local(settings.location.clone())
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
pub fn key(organization: &OrganizationId, call: &CallId) -> Path {
    Path::from_iter([organization.to_string(), format!("{call}.ogg")])
}

/// One recording on its way from the spool to the store, in parts while it grows.
pub struct Upload {
    store: Arc<dyn ObjectStore>,
    key: Path,
    spooled: PathBuf,
    parts: Option<Box<dyn MultipartUpload>>,
    sent: u64,
}

impl Upload {
    pub fn new(store: Arc<dyn ObjectStore>, key: Path, spooled: PathBuf) -> Self {
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
    pub async fn advance(&mut self, written: u64) -> Result<(), StorageError> {
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
    pub async fn finish(&mut self, bytes: u64) -> Result<(), StorageError> {
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
            tracing::debug!(%error, "could not discard parts of a recording");
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    /// An S3 server that the set-up of the tests has installed, with a bucket.
    struct S3(Child);

    impl S3 {
        async fn start(port: u16) -> Option<Self> {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let server = root.join("target/venv-s3/bin/moto_server");
            if !server.exists() {
                eprintln!("not tested: there is no S3 server; .ci/setup test installs one");
                return None;
            }
            let child = Command::new(server)
                .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let bucket = format!("http://127.0.0.1:{port}/bucket");
            let s3 = Self(child);
            for _ in 0..600 {
                if reqwest::Client::new().put(&bucket).send().await.is_ok() {
                    return Some(s3);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("no S3 server came up");
        }
    }

    impl Drop for S3 {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn free_port() -> u16 {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn r2_a_long_recording_goes_to_s3_in_parts_and_anew_on_failure() {
        let port = free_port();
        let Some(first) = S3::start(port).await else {
            return;
        };
        let builder = AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{port}"))
            .with_region("us-east-1")
            .with_access_key_id("key")
            .with_secret_access_key("secret")
            .with_allow_http(true);
        let store = s3("s3://bucket/calls/", builder).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let spooled = folder.path().join("spooled.ogg");
        let bytes: Vec<u8> = (0..12_000_123_u32).map(|at| (at / 7) as u8).collect();
        std::fs::write(&spooled, &bytes).unwrap();
        let organization = OrganizationId::parse("orga_acme").unwrap();
        let call = |name: &str| CallId::parse(name).unwrap();
        let whole = key(&organization, &call("acti_whole"));

        let mut upload = Upload::new(store.clone(), whole.clone(), spooled.clone());
        upload.advance(3_000_000).await.unwrap();
        assert_eq!(upload.sent, 0, "too little for a part");
        upload.advance(6_000_000).await.unwrap();
        assert_eq!(upload.sent, PART_BYTES);
        upload.advance(11_000_000).await.unwrap();
        assert_eq!(upload.sent, 2 * PART_BYTES);
        upload.finish(bytes.len() as u64).await.unwrap();
        let got = store.get(&whole).await.unwrap().bytes().await.unwrap();
        assert!(got == bytes);
        let part = store.get_range(&whole, 5_000_000..5_000_100).await.unwrap();
        assert_eq!(part, bytes[5_000_000..5_000_100]);

        // The store is lost with the parts that it had, and comes back empty.
        let cut = key(&organization, &call("acti_cut"));
        let mut upload = Upload::new(store.clone(), cut.clone(), spooled);
        upload.advance(6_000_000).await.unwrap();
        drop(first);
        let _second = S3::start(port).await.unwrap();
        assert!(upload.finish(bytes.len() as u64).await.is_err());
        upload.finish(bytes.len() as u64).await.unwrap();
        let got = store.get(&cut).await.unwrap().bytes().await.unwrap();
        assert!(got == bytes);
    }

    #[tokio::test]
    async fn a3_a_local_store_has_a_folder_for_each_organization() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("recordings/store");
        let settings = StorageSettings {
            location: place.clone(),
            ..StorageSettings::default()
        };
        let store = open(&settings).unwrap();
        let organization = OrganizationId::parse("orga_acme").unwrap();
        let key = key(&organization, &CallId::parse("acti_1").unwrap());
        let spooled = folder.path().join("spooled.ogg");
        std::fs::write(&spooled, b"sound").unwrap();
        let mut upload = Upload::new(store, key, spooled);
        upload.finish(5).await.unwrap();
        let kept = place.join("orga_acme/acti_1.ogg");
        assert_eq!(std::fs::read(kept).unwrap(), b"sound");
        // A spool that is shorter than it was said to be is not taken for whole.
        assert!(upload.finish(6).await.is_err());
        let elsewhere = StorageSettings {
            location: "ftp://somewhere".into(),
            ..settings
        };
        assert!(open(&elsewhere).is_err());
    }
}
