//! Everything that the user interface may ask, a module a subject.

pub mod app;
pub mod call;
pub mod coach;
pub mod directory;
pub mod sound;

use tauri::State;

use crate::app::App;
use crate::error::AppError;

/// What a command is given, and what it answers with.
type Shell<'a> = State<'a, App>;
type Answer<T> = Result<T, AppError>;
