//! `demo`: plays a coached call, shows it live, and ends with the measured table «who heard whom».
//!
//! The result also goes to `target/demo.json`. Exit code 0 when every cell agrees with the product's
//! table, 1 when one differs, 2 when it could not be played.

use demo::live::Screen;
use demo::verdict::Verdict;
use demo::{DemoError, story};
use service::PhoneCodec;
use std::path::Path;
use std::process::ExitCode;

const RESULT: &str = "target/demo.json";

#[tokio::main]
async fn main() -> ExitCode {
    let mut screen = Screen::default();
    match play(&mut screen).await {
        Ok(verdict) if verdict.ok => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            let _ = screen.say(&format!("The demo failed: {error}."));
            ExitCode::from(2)
        }
    }
}

/// The lead's phone: `PHONE=baresip`, with `CODEC` one of pcma, pcmu and opus; else simulated.
fn phone() -> Result<Option<PhoneCodec>, DemoError> {
    let named = |name| std::env::var(name).unwrap_or_default();
    match named("PHONE").as_str() {
        "" => return Ok(None),
        "baresip" => {}
        _ => return Err(DemoError::Phone("PHONE must be baresip or empty".into())),
    }
    match named("CODEC").as_str() {
        "" | "pcma" => Ok(Some(PhoneCodec::Pcma)),
        "pcmu" => Ok(Some(PhoneCodec::Pcmu)),
        "opus" => Ok(Some(PhoneCodec::Opus)),
        _ => Err(DemoError::Phone("CODEC must be pcma, pcmu or opus".into())),
    }
}

async fn play(screen: &mut Screen) -> Result<Verdict, DemoError> {
    let data = tempfile::tempdir()?;
    let verdict = story::run(screen, data.path(), phone()?).await?;
    screen.say("")?;
    screen.say(&verdict.tables())?;
    if let Some(folder) = Path::new(RESULT).parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(
        RESULT,
        serde_json::to_vec_pretty(&verdict).map_err(std::io::Error::from)?,
    )?;
    let differing = verdict.cells.iter().filter(|cell| !cell.ok).count();
    screen.say(&if verdict.ok {
        format!(
            "All {} cells are as promised, with {} speech. Written to {RESULT}.",
            verdict.cells.len(),
            verdict.speech
        )
    } else {
        format!(
            "{differing} of {} cells DIFFER. Written to {RESULT}.",
            verdict.cells.len()
        )
    })?;
    Ok(verdict)
}
