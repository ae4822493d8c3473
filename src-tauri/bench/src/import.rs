//! Importing 100,000 leads from a CSV file, from the start to the last row.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use client::Api;
use serde_json::json;
use voice::EncoderSettings;
use wire::{
    ClientType, Import, ImportPart, ImportRequest, ImportSettings, ImportState, SignInRequest,
    route,
};

use crate::error::BenchError;
use crate::figure::{Figure, rounded};
use crate::service::Service;

const ROWS: u32 = 100_000;
const PART_BYTES: usize = 1024 * 1024;
const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(300);
/// The one of the demonstration who may import.
const ADMIN: &str = "admin@demo.example";
const PASSWORD: &str = "demo-password";

/// Rows as a sales team has them: nine of ten companies with one contact, each with a number and an
/// address.
fn file() -> String {
    let mut file = "Company,Contact,Phone,Email,Notes\n".to_owned();
    for row in 0..ROWS {
        let _ = writeln!(
            file,
            "Company {} {},Person {row} Example,+1212{:07},person{row}@company{row}.example,Met in {row}",
            ["North", "Quick", "Blue", "Old", "Zenith"][row as usize % 5],
            row % (ROWS / 10 * 9),
            2_000_000 + row,
        );
    }
    file
}

/// How long it takes.
pub fn run(encoding: &EncoderSettings, cores: usize) -> Result<Vec<Figure>, BenchError> {
    let service = Service::start(0, encoding)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::system("start a runtime"))?;
    runtime.block_on(measure(&service, cores))
}

async fn measure(service: &Service, cores: usize) -> Result<Vec<Figure>, BenchError> {
    let api = Api::new(&format!("http://{}", service.address()))
        .map_err(BenchError::unexpected("a client"))?;
    let who = SignInRequest {
        email: ADMIN.into(),
        password: PASSWORD.into(),
        client_type: ClientType::Native,
        device_name: None,
    };
    api.sign_in(&who)
        .await
        .map_err(BenchError::unexpected("a sign-in"))?;
    let file = file();
    let request = ImportRequest {
        file_name: "leads.csv".into(),
        bytes: file.len() as u64,
    };
    let import = api
        .call(&route::CREATE_IMPORT, &(), &request)
        .await
        .map_err(BenchError::unexpected("an import"))?;
    let began = Instant::now();
    for (at, part) in file.as_bytes().chunks(PART_BYTES).enumerate() {
        let place = ImportPart {
            offset: u32::try_from(at * PART_BYTES).unwrap_or(u32::MAX),
        };
        api.upload(
            &route::UPLOAD_IMPORT_PART,
            &import.id,
            &place,
            part.to_vec(),
        )
        .await
        .map_err(BenchError::unexpected("an upload"))?;
    }
    let upload_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    api.call(
        &route::PREVIEW_IMPORT,
        &import.id,
        &ImportSettings::default(),
    )
    .await
    .map_err(BenchError::unexpected("a preview"))?;
    let ready = rest(&api, &import).await?;
    let check_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    api.call(&route::START_IMPORT, &import.id, &())
        .await
        .map_err(BenchError::unexpected("a start"))?;
    let done = rest(&api, &import).await?;
    let import_s = began.elapsed().as_secs_f64();
    if ready.state != ImportState::Ready || done.state != ImportState::Done {
        let message = format!("the import ended as {:?}, {:?}", done.state, done.message);
        return Err(BenchError::Unexpected(message));
    }
    let began = Instant::now();
    api.call(&route::UNDO_IMPORT, &import.id, &())
        .await
        .map_err(BenchError::unexpected("an undoing"))?;
    let undone = rest(&api, &import).await?;
    let undo_s = began.elapsed().as_secs_f64();
    Ok(vec![Figure {
        name: "lead_import_100k_s",
        value: import_s,
        unit: "s",
        settings: json!({
            "rows": ROWS, "leads": done.done.created, "file_mib": rounded(file.len() as f64 / 1_048_576.0),
            "upload_s": rounded(upload_s), "check_s": rounded(check_s), "undo_s": rounded(undo_s),
            "kept": undone.kept, "cores": cores, "store": "SQLite",
        }),
    }])
}

/// The import once nothing of it is at work.
async fn rest(api: &Api, import: &Import) -> Result<Import, BenchError> {
    let since = Instant::now();
    loop {
        let now = api
            .call(&route::GET_IMPORT, &import.id, &())
            .await
            .map_err(BenchError::unexpected("an import"))?;
        let is_at_work = matches!(
            now.state,
            ImportState::Previewing | ImportState::Running | ImportState::Undoing
        );
        if !is_at_work {
            return Ok(now);
        }
        if since.elapsed() > PATIENCE {
            return Err(BenchError::Unexpected("the import takes too long".into()));
        }
        tokio::time::sleep(POLL).await;
    }
}
