//! The tasks: checking an import's rows, carrying it out, and taking it back. Each goes on in steps of a
//! thousand rows, so that what calls write is never held up for long.

use super::fields::Known as Readers;
use super::lines::Lines;
use super::{Imports, Progress};
use import::{Dialect, Draft, Existing, Found, Mapping, Planner, ROWS_MAX, Rows, Step};
use std::fs::File;
use std::io::{self, BufReader};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use store::clock::now;
use store::random::id_suffix;
use store::{ImportWork, KeptImport, StoreError, is_over};
use tokio_util::sync::CancellationToken;
use wire::{
    ImportCounts, ImportDuplicates, ImportField, ImportId, ImportLine, ImportOutcome, ImportState,
    LeadId, OrganizationId,
};

/// Rows that are dealt with in one step, and one transaction.
const ROWS_AT_ONCE: usize = 1_000;
/// Leads that are taken back in one.
const UNDONE_AT_ONCE: u32 = 500;

/// Seconds before each attempt to save how an import ended.
const SAVES_WAIT_S: [u64; 5] = [0, 1, 5, 30, 120];

/// Why a task ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// Someone wanted it to, or its import isn't in its state any more.
    #[error("stopped")]
    Stopped,
    /// The file can't be imported, in words.
    #[error("{0}")]
    Words(&'static str),
    #[error("couldn't read or write a file: {0}")]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

const TOO_MANY_ROWS: &str = "The file has more than 500,000 rows. Split it, then import the parts.";

/// What was read of a file in one step: what rows say, or what's wrong with them.
type Read = Result<Draft, ImportLine>;

/// A file that's being read.
struct Reading {
    rows: Rows<BufReader<File>>,
    mapping: Mapping,
    readers: Arc<Readers>,
}

impl Reading {
    /// From the first row that isn't the columns' names.
    fn new(file: File, kept: &KeptImport, readers: Arc<Readers>) -> io::Result<Self> {
        let settings = &kept.settings;
        let (Some(encoding), Some(delimiter), Some(quote), Some(header)) = (
            settings.encoding,
            settings.delimiter,
            settings.quote,
            settings.header,
        ) else {
            return Err(io::Error::other(
                "the settings of an import aren't complete",
            ));
        };
        let dialect = Dialect {
            encoding,
            delimiter,
            quote,
            header,
        };
        let mut rows = Rows::new(BufReader::new(file), &dialect);
        if header {
            rows.next_row()?;
        }
        let columns: Vec<ImportField> = settings.columns.clone().unwrap_or_default();
        Ok(Self {
            rows,
            mapping: Mapping(columns),
            readers,
        })
    }

    /// The next rows; fewer than wanted at the end.
    fn some(&mut self) -> io::Result<Vec<Read>> {
        let mut some = Vec::with_capacity(ROWS_AT_ONCE);
        while some.len() < ROWS_AT_ONCE
            && let Some(found) = self.rows.next_row()?
        {
            some.push(match found {
                Found::Row(row) => Draft::read(&row, &self.mapping, &*self.readers)
                    .map_err(|why| unread(row.line, why)),
                Found::Refused { line, why } => Err(unread(line, why.words().to_owned())),
            });
        }
        Ok(some)
    }
}

/// A row that nothing comes of.
fn unread(line: u32, why: String) -> ImportLine {
    ImportLine {
        line,
        outcome: ImportOutcome::Skipped,
        name: String::new(),
        lead_id: None,
        why,
    }
}

/// The same, away from what must not wait.
async fn some(mut reading: Reading) -> Result<(Reading, Vec<Read>), Trouble> {
    let read = tokio::task::spawn_blocking(move || reading.some().map(|some| (reading, some)));
    let read = read.await.map_err(io::Error::other)?;
    Ok(read?)
}

fn count(counts: &mut ImportCounts, outcome: ImportOutcome) {
    counts.rows += 1;
    match outcome {
        ImportOutcome::Created => counts.created += 1,
        ImportOutcome::Updated => counts.updated += 1,
        ImportOutcome::Skipped => counts.skipped += 1,
    }
}

/// Checks an import's rows.
pub(super) async fn check(
    imports: Arc<Imports>,
    organization: OrganizationId,
    id: ImportId,
    progress: Progress,
    stop: CancellationToken,
) {
    let ended = check_rows(&imports, &organization, &id, &progress, &stop).await;
    let planned = *progress.lock().unwrap_or_else(PoisonError::into_inner);
    end(&imports, &organization, &id, ended, |kept| {
        if kept.import.state == ImportState::Previewing {
            kept.import.state = ImportState::Ready;
            kept.import.planned = planned;
        }
    })
    .await;
}

async fn check_rows(
    imports: &Imports,
    organization: &OrganizationId,
    id: &ImportId,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let kept = kept(imports, organization, id, ImportState::Previewing).await?;
    let readers = Arc::new(Readers::of(&imports.store, organization).await?);
    let mut reading = Reading::new(imports.folder.to_read(id)?, &kept, readers)?;
    let mut lines = Lines::new(imports.folder.lines_to_write(id, false)?);
    let mut planner = Planner::new(duplicates(&kept));
    let mut counts = ImportCounts::default();
    loop {
        let read;
        (reading, read) = some(reading).await?;
        if stop.is_cancelled() {
            return Err(Trouble::Stopped);
        }
        let known = existing(imports, organization, &read).await?;
        for row in &read {
            let line = match row {
                Ok(draft) => planner.plan(draft, &known).line,
                Err(line) => line.clone(),
            };
            count(&mut counts, line.outcome);
            lines.add(&line)?;
        }
        lines.flush()?;
        *progress.lock().unwrap_or_else(PoisonError::into_inner) = counts;
        if counts.rows > ROWS_MAX {
            return Err(Trouble::Words(TOO_MANY_ROWS));
        }
        if read.len() < ROWS_AT_ONCE {
            return Ok(());
        }
    }
}

/// Carries an import out, from where it is.
pub(super) async fn run(
    imports: Arc<Imports>,
    organization: OrganizationId,
    id: ImportId,
    stop: CancellationToken,
) {
    let ended = run_rows(&imports, &organization, &id, &stop).await;
    if let Ok(counts) = &ended {
        tracing::info!(import_id = %id, ?counts, "imported leads");
    }
    end(&imports, &organization, &id, ended.map(drop), |kept| {
        if kept.import.state == ImportState::Running {
            kept.import.state = ImportState::Done;
            kept.import.date_ended = Some(now());
        }
    })
    .await;
}

async fn run_rows(
    imports: &Imports,
    organization: &OrganizationId,
    id: &ImportId,
    stop: &CancellationToken,
) -> Result<ImportCounts, Trouble> {
    let kept = kept(imports, organization, id, ImportState::Running).await?;
    let readers = Arc::new(Readers::of(&imports.store, organization).await?);
    let mut reading = Reading::new(imports.folder.to_read(id)?, &kept, readers)?;
    let mut counts = kept.import.done;
    let mut lines = Lines::new(imports.folder.lines_to_write(id, counts.rows > 0)?);
    let mut planner = Planner::new(duplicates(&kept));
    let mut passed = 0;
    // What was done before is passed over. Later rows may be about the leads that it made.
    if counts.rows > 0 {
        for made in imports.store.made_by_import(id).await? {
            planner.remember(made.line, &made.name, made.id);
        }
    }
    loop {
        let mut read;
        (reading, read) = some(reading).await?;
        let is_last = read.len() < ROWS_AT_ONCE;
        let done = (counts.rows.saturating_sub(passed) as usize).min(read.len());
        passed += read.len() as u32;
        read.drain(..done);
        if stop.is_cancelled() {
            return Err(Trouble::Stopped);
        }
        if !read.is_empty() {
            let known = existing(imports, organization, &read).await?;
            let (work, said) = planned(&mut planner, &known, read)?;
            for line in &said {
                count(&mut counts, line.outcome);
            }
            let done = imports
                .store
                .work_on_import(organization, id, work, counts, now());
            if !done.await? {
                return Err(Trouble::Stopped);
            }
            // After it was done: what is told of a row is what happened.
            for line in &said {
                lines.add(line)?;
            }
            lines.flush()?;
        }
        if is_last {
            return Ok(counts);
        }
    }
}

/// What the store is to do for rows, and what's said of them.
fn planned(
    planner: &mut Planner,
    known: &Existing,
    read: Vec<Read>,
) -> Result<(Vec<ImportWork>, Vec<ImportLine>), Trouble> {
    let mut work: Vec<ImportWork> = Vec::new();
    let mut said = Vec::with_capacity(read.len());
    for row in read {
        let draft = match row {
            Ok(draft) => draft,
            Err(line) => {
                said.push(line);
                continue;
            }
        };
        let planned = planner.plan(&draft, known);
        said.push(planned.line);
        let (lead, is_new) = match planned.step {
            Step::Create(lead) => {
                let id = LeadId::from_suffix(&id_suffix(now()))
                    .map_err(|error| StoreError::Fault(error.to_string()))?;
                planner.created(lead, id);
                (lead, true)
            }
            Step::Update(lead) => (lead, false),
            Step::Skip => continue,
        };
        let lead_id = planner.id_of(lead).cloned();
        let lead_id = lead_id.ok_or_else(|| StoreError::Fault("a lead has no id".into()))?;
        work.push(ImportWork {
            lead_id,
            is_new,
            draft,
        });
    }
    Ok((work, said))
}

/// Takes back what an import did.
pub(super) async fn undo(
    imports: Arc<Imports>,
    organization: OrganizationId,
    id: ImportId,
    stop: CancellationToken,
) {
    let ended = undo_all(&imports, &organization, &id, &stop).await;
    end(&imports, &organization, &id, ended, |kept| {
        if kept.import.state == ImportState::Undoing {
            kept.import.state = ImportState::Undone;
            kept.import.undoable = false;
            kept.import.date_ended = Some(now());
        }
    })
    .await;
}

async fn undo_all(
    imports: &Imports,
    organization: &OrganizationId,
    id: &ImportId,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    loop {
        if stop.is_cancelled() {
            return Err(Trouble::Stopped);
        }
        let undone = imports
            .store
            .undo_some_of_import(organization, id, UNDONE_AT_ONCE, now());
        if undone.await? == 0 {
            return Ok(());
        }
    }
}

/// An import that's in the state that its task is for.
async fn kept(
    imports: &Imports,
    organization: &OrganizationId,
    id: &ImportId,
    state: ImportState,
) -> Result<KeptImport, Trouble> {
    let kept = imports.store.import(organization, id).await?;
    kept.filter(|kept| kept.import.state == state)
        .ok_or(Trouble::Stopped)
}

fn duplicates(kept: &KeptImport) -> ImportDuplicates {
    kept.settings.duplicates.unwrap_or(ImportDuplicates::Update)
}

/// What the organization has that these rows are about.
async fn existing(
    imports: &Imports,
    organization: &OrganizationId,
    read: &[Read],
) -> Result<Existing, Trouble> {
    let drafts = || read.iter().filter_map(|row| row.as_ref().ok());
    let known = imports.store.known_to_import(organization, drafts());
    Ok(Existing::new(known.await?))
}

/// How an import stands whose task couldn't go on: what it did can be undone, and an import goes on.
const fn broken(state: ImportState) -> ImportState {
    match state {
        ImportState::Running => ImportState::Interrupted,
        ImportState::Undoing => ImportState::Cancelled,
        ImportState::Previewing => ImportState::Failed,
        other => other,
    }
}

/// A task is over: its import says so, unless it was stopped.
async fn end(
    imports: &Imports,
    organization: &OrganizationId,
    id: &ImportId,
    ended: Result<(), Trouble>,
    well: impl Fn(&mut KeptImport) + Send + Sync,
) {
    let failure = match ended {
        Ok(()) => None,
        Err(Trouble::Stopped) => return,
        Err(Trouble::Words(words)) => Some((true, words)),
        Err(error) => {
            tracing::error!(import_id = %id, %error, "an import couldn't go on");
            Some((false, "The service's disk or database wasn't available."))
        }
    };
    let change = |kept: &mut KeptImport| {
        match failure {
            None => well(kept),
            Some((is_final, message)) => {
                kept.import.state = match is_final {
                    true => ImportState::Failed,
                    false => broken(kept.import.state),
                };
                kept.import.message = Some(message.to_owned());
                kept.import.date_ended = is_over(kept.import.state).then(now);
            }
        }
        Ok(())
    };
    // The store may be what failed: it's told once it can be.
    for wait_s in SAVES_WAIT_S {
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
        let changed = imports.store.change_import(organization, id, now(), change);
        match changed.await {
            Ok(Some(kept)) if is_over(kept.import.state) => {
                return imports.folder.remove_file(id).await;
            }
            Ok(_) => return,
            Err(error) => {
                tracing::error!(import_id = %id, %error, "couldn't save how an import ended");
            }
        }
    }
}
