//! The operating system's key ring: a real gnome-keyring on a D-Bus of its own, and none at all.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::fake;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use client::{
    Connection, Credentials, KeyRing, KeyRingTrouble, SECRET_LOG_TARGETS, Session, Settings,
};
use fake::Fake;
use tracing_subscriber::fmt::MakeWriter;
use wire::route;

/// Runs one of the tests below in a process of its own, whose folders are all in `home`.
fn run_within(home: &Path, script: &str, test: &str) {
    let runtime = home.join("runtime");
    std::fs::create_dir_all(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
    let output = Command::new("timeout")
        .args(["60", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            &format!("key_ring::{test}"),
            "--nocapture",
        ])
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn the_sign_in_is_kept_in_the_key_ring_and_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let script = r#"exec dbus-run-session -- sh -c '
        printf "pass\n" | gnome-keyring-daemon --unlock --components=secrets --daemonize &&
        exec "$@"' sh "$@""#;
    run_within(home.path(), script, "with_a_key_ring");
}

#[test]
fn without_a_key_ring_the_sign_in_is_for_this_run_only() {
    let home = tempfile::tempdir().unwrap();
    run_within(home.path(), r#"exec "$@""#, "with_none");
}

#[test]
fn a_key_ring_that_is_locked_hangs_or_was_restarted_is_told_apart_and_found_again() {
    let home = tempfile::tempdir().unwrap();
    let script = r#"exec dbus-run-session -- sh -c '
        printf "pass\n" | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null &&
        exec "$@"' sh "$@""#;
    run_within(home.path(), script, "with_one_in_trouble");
}

/// All that is logged, through `tracing` and `log`, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn log_everything() -> Log {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .init();
    log
}

/// Apart from the log targets that are to be silenced.
fn no_token_in(bytes: &[u8], place: &str) {
    let text = String::from_utf8_lossy(bytes);
    let silenced = |line: &&str| {
        let is_of = |target: &&str| line.contains(&format!(" {target}:")) && line.starts_with("20");
        SECRET_LOG_TARGETS.iter().any(is_of)
    };
    for secret in ["refresh-", "access-"] {
        let secrets = (1..=3).map(|number| format!("{secret}{number}"));
        let secrets: Vec<String> = secrets.collect();
        let holds = |line: &&str| secrets.iter().any(|secret| line.contains(secret));
        let line = text.lines().filter(|line| !silenced(line)).find(holds);
        assert!(line.is_none(), "{place}: {line:?}");
    }
}

fn no_token_in_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files += no_token_in_files(&path);
        } else if kind.is_file() {
            no_token_in(&std::fs::read(&path).unwrap(), &path.display().to_string());
            files += 1;
        }
    }
    files
}

fn session(server: &str, key_ring: &KeyRing) -> Session {
    Session::start(Settings {
        credentials: Some(Arc::new(key_ring.clone())),
        ..Settings::new(server)
    })
    .unwrap()
}

#[test]
#[ignore = "is run within a D-Bus of its own"]
fn with_a_key_ring() {
    let log = log_everything();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (fake, mut sockets) = Fake::start().await;
        let key_ring = KeyRing::new("default", &fake.url);
        let other_profile = KeyRing::new("second", &fake.url);
        // The trait blocks, and so is not called from here.
        let kept = |key_ring: &KeyRing| {
            let key_ring = key_ring.clone();
            async move {
                let load = tokio::task::spawn_blocking(move || key_ring.load());
                load.await.unwrap().unwrap()
            }
        };
        let first = session(&fake.url, &key_ring);
        first.sign_in("me@demo.example", "right").await.unwrap();
        first.wait_until(|view| view.sign_in_kept).await.unwrap();
        let _socket = sockets.recv().await.unwrap();
        assert_eq!(kept(&key_ring).await.as_deref(), Some("refresh-1"));
        assert_eq!(kept(&other_profile).await, None);
        fake.forget_tokens();
        first.api().call(&route::ME, &(), &()).await.unwrap();
        assert_eq!(kept(&key_ring).await.as_deref(), Some("refresh-2"));
        drop(first);

        let second = session(&fake.url, &key_ring);
        assert!(second.resume().await.unwrap().is_some());
        assert_eq!(kept(&key_ring).await.as_deref(), Some("refresh-3"));
        let home = std::env::var("HOME").unwrap();
        assert!(
            no_token_in_files(Path::new(&home)) > 0,
            "the key ring has files"
        );
        second.sign_out().await.unwrap();
        assert_eq!(kept(&key_ring).await, None);
        assert_eq!(second.resume().await.unwrap(), None);
    });
    let said = log.0.lock().unwrap().clone();
    assert!(!said.is_empty());
    no_token_in(&said, "the log");
}

/// Runs a script beside the key ring, which it knows as `$ring`.
fn beside(script: &str) {
    let ring = r#"
        ring() {
            dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / \
                org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets |
                grep -o "[0-9]*$"
        }
        set -e"#;
    let script = format!("{ring}\n{script}");
    let done = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(done.success(), "{script}");
}

#[test]
#[ignore = "is run within a D-Bus of its own"]
fn with_one_in_trouble() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (fake, _sockets) = Fake::start().await;
        let key_ring = KeyRing::new("default", &fake.url);
        let first = session(&fake.url, &key_ring);
        first.sign_in("me@demo.example", "right").await.unwrap();
        first.wait_until(|view| view.sign_in_kept).await.unwrap();
        drop(first);

        let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets \
            /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock \
            array:objpath:/org/freedesktop/secrets/collection/login";
        // The old one is gone before the new one comes.
        let restart = "pid=$(ring); kill $pid; while ring 2>/dev/null; do :; done
            printf 'pass\n' |
                gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null";
        for (harm, trouble, heal) in [
            (
                "kill -STOP $(ring)",
                KeyRingTrouble::Silent,
                "kill -CONT $(ring)",
            ),
            (lock, KeyRingTrouble::Locked, restart),
        ] {
            let session = session(&fake.url, &key_ring);
            beside(harm);
            assert_eq!(session.resume().await.unwrap(), None);
            let mut troubles = session.api().key_ring();
            assert_eq!(troubles.borrow().reading, Some(trouble));
            beside(heal);
            if trouble == KeyRingTrouble::Silent {
                // What it was asked before is answered first.
                let well = troubles.wait_for(|troubles| troubles.reading.is_none());
                well.await.unwrap();
            }
            assert!(session.resume().await.unwrap().is_some(), "{trouble:?}");
            session.wait_until(|view| view.sign_in_kept).await.unwrap();
        }
    });
}

#[test]
#[ignore = "is run without a D-Bus"]
fn with_none() {
    let log = log_everything();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (fake, _sockets) = Fake::start().await;
        let session = session(&fake.url, &KeyRing::new("default", &fake.url));
        assert_eq!(session.resume().await.unwrap(), None);
        session.sign_in("me@demo.example", "right").await.unwrap();
        session.api().call(&route::ME, &(), &()).await.unwrap();
        let view = session.view();
        assert!(!view.sign_in_kept);
        assert_ne!(view.connection, Connection::SignedOut);
    });
    let said = log.0.lock().unwrap().clone();
    assert!(String::from_utf8_lossy(&said).contains("could not save the sign-in"));
    no_token_in(&said, "the log");
    no_token_in_files(Path::new(&std::env::var("HOME").unwrap()));
}
