//! A `sipp` that plays a scenario.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::desk::{HERE, free_port};
use super::scenario::Scenario;

/// A running scenario. It must come to its end by itself.
pub struct Sipp {
    pub port: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Sipp {
    /// Someone who is called.
    pub fn callee(scenario: &Scenario) -> Self {
        Self::start(&scenario.xml(), free_port(), &[])
    }

    pub fn start(scenario: &str, port: u16, more: &[&str]) -> Self {
        let traced = ["-trace_msg", "-message_file", "messages.log"];
        Self::start_quiet(scenario, port, &[&traced, more].concat())
    }

    /// Without a file of all messages.
    pub fn start_quiet(scenario: &str, port: u16, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.xml");
        std::fs::write(&file, scenario).unwrap();
        let media = free_port() & !1;
        let child = Command::new("sipp")
            .current_dir(folder.path())
            .args(["-sf", file.to_str().unwrap()])
            .args(["-i", &HERE.to_string(), "-p", &port.to_string()])
            .args(["-mi", &HERE.to_string(), "-mp", &media.to_string()])
            .args(["-m", "1", "-nostdin", "-timeout", "40", "-timeout_error"])
            .args(["-trace_err", "-error_file", "errors.log"])
            .arg("-rtp_echo")
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp is installed (package sip-tester)");
        let sipp = Self {
            port,
            child,
            folder,
        };
        sipp.wait_for_socket();
        sipp
    }

    /// It listens once the port cannot be had any more.
    fn wait_for_socket(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::UdpSocket::bind((HERE, self.port)).is_ok()
            && std::net::TcpListener::bind((HERE, self.port)).is_ok()
        {
            assert!(Instant::now() < deadline, "sipp does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Every message that it saw.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("messages.log")).unwrap_or_default()
    }

    /// How many messages it received that contain all of these. Its trace has one part for each.
    pub fn received(&self, texts: &[&str]) -> usize {
        let messages = self.messages();
        let received = messages
            .split("message received")
            .skip(1)
            .filter(|message| {
                let message = message.split("message sent").next().unwrap_or_default();
                texts.iter().all(|text| message.contains(text))
            });
        received.count()
    }

    /// Waits for the scenario's end, which must be a good one.
    pub async fn done(mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let errors = std::fs::read_to_string(self.folder.path().join("errors.log"));
                assert!(
                    status.success(),
                    "{status}\n{}\n{}",
                    errors.unwrap_or_default(),
                    self.messages()
                );
                return self.messages();
            }
            assert!(
                Instant::now() < deadline,
                "it does not end\n{}",
                self.messages()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let errors = std::fs::read_to_string(self.folder.path().join("errors.log"));
            eprintln!("{}\n{}", self.messages(), errors.unwrap_or_default());
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
