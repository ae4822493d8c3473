//! The desktop app's shell: windows, tray, commands and events for the user interface, and the bundled
//! service as a sidecar process.
//!
//! `desktop` knows nothing of who may hear whom, of codecs, or of how a call is carried: it shows what
//! [`client`] says and passes on what the user wants. Everything that crosses to the user interface is
//! declared once in [`bindings`], and typed in TypeScript by generation.

mod address;
mod app;
mod args;
pub mod bindings;
mod commands;
mod disk;
mod error;
mod events;
mod exit;
#[cfg(target_os = "linux")]
mod front;
mod kept_sign_in;
mod leaving;
mod link;
mod local_service;
#[cfg(test)]
mod moments;
mod names;
mod native;
#[cfg(target_os = "linux")]
mod page;
mod playback;
mod presenter;
mod profile;
mod pump;
mod reset_link;
mod settings;
mod shell;
mod shortcut;
mod tray;
mod view;

pub use args::Args;
pub use shell::run;
