//! What every command is given and answers with.

use tauri::{AppHandle, Manager, State};

use crate::app::App;
use crate::disk;
use crate::error::AppError;

/// What a command is given, and what it answers with.
pub type Shell<'a> = State<'a, App>;
pub type Answer<T> = Result<T, AppError>;

/// Writes a file among the person's downloads, under a name that is not taken: where.
///
/// # Errors
/// When there is no such folder, or it cannot be written.
pub fn save(app: &AppHandle, name: &str, bytes: &[u8]) -> Answer<String> {
    let failed =
        |why: String| AppError::new("not_possible", format!("Couldn't save the file: {why}."));
    let folder = app
        .path()
        .download_dir()
        .or_else(|_| app.path().home_dir())
        .map_err(|_| failed("there's no folder for downloads".into()))?;
    std::fs::create_dir_all(&folder).map_err(|error| failed(disk::reason(&error)))?;
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "txt"));
    for number in 0..1000 {
        let name = match number {
            0 => format!("{stem}.{extension}"),
            number => format!("{stem} ({number}).{extension}"),
        };
        let path = folder.join(name);
        let file = std::fs::File::options()
            .write(true)
            .create_new(true)
            .open(&path);
        match file {
            Ok(mut file) => {
                let written = std::io::Write::write_all(&mut file, bytes);
                written.map_err(|error| failed(disk::reason(&error)))?;
                return Ok(path.display().to_string());
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(disk::reason(&error))),
        }
    }
    Err(failed("too many files have that name".into()))
}
