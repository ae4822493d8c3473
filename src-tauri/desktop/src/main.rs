//! The program `call-coaching`.

// Without this, Windows would open a terminal beside the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    desktop::run(desktop::Args::parse())
}
