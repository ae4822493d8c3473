//! Imports of leads from CSV, and the export that can be imported again (L2).

use super::check::{fresh, invalid, to_its_end};
use super::error::Refused;
use super::routes::{Ask, Routes};
use crate::app::App;
use crate::imports::{self, Imports};
use crate::names;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use store::StoreError;
use store::clock::now;
use wire::{
    Code, ContactLabel, Import, ImportCounts, ImportId, ImportLine, ImportLineQuery, ImportPart,
    ImportPreview, ImportRequest, ImportSettings, ImportState, Lead, LeadQuery, List, ListQuery,
    OrganizationId, UserId, route,
};

const FILE_NAME_CHARS_MAX: usize = 200;

/// The columns of an export and of the template.
const COLUMNS: [&str; 15] = [
    "Lead ID",
    "Company",
    "Status",
    "Owner",
    "Description",
    "Contact",
    "Office phone",
    "Mobile phone",
    "Home phone",
    "Direct phone",
    "Fax",
    "Other phone",
    "Office email",
    "Home email",
    "Other email",
];
const EXAMPLE: [&str; 14] = [
    "Example Inc.",
    "",
    "",
    "What you know of the company",
    "Alex Example",
    "+12125550100",
    "",
    "",
    "",
    "",
    "",
    "alex@example.com",
    "",
    "",
];

pub fn routes() -> Routes {
    Routes::default()
        .on(route::LIST_IMPORTS, list)
        .on(route::CREATE_IMPORT, create)
        .on(route::GET_IMPORT, get)
        .on(route::UPLOAD_IMPORT_PART, upload)
        .on(route::PREVIEW_IMPORT, preview)
        .on(route::LIST_IMPORT_LINES, lines)
        .on(route::START_IMPORT, start)
        .on(route::CANCEL_IMPORT, cancel)
        .on(route::UNDO_IMPORT, undo)
        .on(route::IMPORT_TEMPLATE, template)
        .on(route::EXPORT_LEADS, export)
}

fn imports(app: &App) -> Result<&Arc<Imports>, Refused> {
    app.imports.as_ref().ok_or_else(|| {
        Refused::new(
            Code::Unavailable,
            "This service is read-only and can't import leads.",
        )
    })
}

async fn list(
    Ask {
        app, who, input, ..
    }: Ask<(), ListQuery>,
) -> Result<List<Import>, Refused> {
    Ok(app.store.imports(&who.organization_id, &input).await?)
}

async fn create(
    Ask {
        app, who, input, ..
    }: Ask<(), ImportRequest>,
) -> Result<Import, Refused> {
    if input.bytes == 0 {
        return Err(invalid("The file is empty."));
    }
    let bytes = u32::try_from(input.bytes).ok();
    let bytes = bytes.filter(|bytes| u64::from(*bytes) <= import::FILE_BYTES_MAX);
    let Some(bytes) = bytes else {
        let message = import::Unreadable::TooLong.words();
        return Err(Refused::new(Code::TooLarge, message));
    };
    let import = Import {
        id: fresh(ImportId::from_suffix)?,
        file_name: file_name(&input.file_name),
        bytes,
        bytes_uploaded: 0,
        state: ImportState::Uploading,
        message: None,
        planned: ImportCounts::default(),
        done: ImportCounts::default(),
        undoable: false,
        kept: 0,
        user_id: who.user_id,
        date_created: now(),
        date_ended: None,
    };
    let created = imports(&app)?.create(&who.organization_id, import);
    Ok(created.await?)
}

/// A file's name, as far as it can be shown: it's no path here.
fn file_name(text: &str) -> String {
    let shown = text
        .chars()
        .filter(|one| *one == ' ' || !names::is_unseen(*one));
    let name: String = shown.take(FILE_NAME_CHARS_MAX).collect();
    match name.trim() {
        "" => "leads.csv".to_owned(),
        name => name.to_owned(),
    }
}

async fn get(Ask { app, who, id, .. }: Ask<ImportId, ()>) -> Result<Import, Refused> {
    Ok(imports(&app)?.get(&who.organization_id, &id).await?)
}

async fn upload(ask: Ask<ImportId, ImportPart>) -> Result<Import, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        body,
        ..
    } = ask;
    let uploaded = imports(&app)?.upload(&who.organization_id, &id, input.offset, body);
    Ok(uploaded.await?)
}

async fn preview(ask: Ask<ImportId, ImportSettings>) -> Result<ImportPreview, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    if input
        .columns
        .as_ref()
        .is_some_and(|columns| columns.len() > import::COLUMNS_MAX)
    {
        return Err(invalid(format!(
            "`columns` can have up to {} entries.",
            import::COLUMNS_MAX
        )));
    }
    let imports = imports(&app)?.clone();
    to_its_end(async move { Ok(imports.preview(&who.organization_id, &id, input).await?) }).await
}

async fn lines(ask: Ask<ImportId, ImportLineQuery>) -> Result<List<ImportLine>, Refused> {
    let Ask {
        app,
        who,
        id,
        input,
        ..
    } = ask;
    let file = imports(&app)?.lines(&who.organization_id, &id).await?;
    let Some(file) = file else {
        return Ok(List::whole(Vec::new()));
    };
    let read = tokio::task::spawn_blocking(move || imports::page(file, &input)).await;
    match read {
        Ok(Ok(Some(lines))) => Ok(lines),
        Ok(Ok(None)) => Err(StoreError::NoCursor.into()),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Refused {
    tracing::error!(%error, "couldn't read what an import's rows do");
    Refused::new(
        Code::Unavailable,
        "The service can't read this right now. Try again later.",
    )
}

async fn start(ask: Ask<ImportId, ()>) -> Result<Import, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let imports = imports(&app)?.clone();
    let import = to_its_end(async move {
        let import = imports.run(&who.organization_id, &id).await?;
        tracing::info!(by = %who.user_id, import_id = %id, "started an import of leads");
        Ok(import)
    })
    .await?;
    note.detail(rows(import.planned.rows));
    Ok(import)
}

async fn cancel(ask: Ask<ImportId, ()>) -> Result<Import, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let imports = imports(&app)?.clone();
    let cancelled =
        to_its_end(async move { Ok(imports.cancel(&who.organization_id, &id).await?) }).await?;
    note.detail(format!("after {}", rows(cancelled.done.rows)));
    Ok(cancelled)
}

async fn undo(ask: Ask<ImportId, ()>) -> Result<Import, Refused> {
    let Ask {
        app, who, id, note, ..
    } = ask;
    let imports = imports(&app)?.clone();
    let import = to_its_end(async move {
        let import = imports.undo(&who.organization_id, &id).await?;
        tracing::info!(by = %who.user_id, import_id = %id, "undoes an import of leads");
        Ok(import)
    })
    .await?;
    note.detail(rows(import.done.rows));
    Ok(import)
}

fn rows(count: u32) -> String {
    match count {
        1 => "1 row".to_owned(),
        count => format!("{count} rows"),
    }
}

async fn template(_: Ask<(), ()>) -> Result<Response, Refused> {
    let mut text = String::new();
    // Those who make a file have no ids.
    import::write_row(&mut text, &COLUMNS[1..]);
    import::write_row(&mut text, EXAMPLE);
    Ok(file("leads-template.csv", Body::from(text)))
}

fn file(name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

async fn export(Ask { app, who, note, .. }: Ask<(), ()>) -> Result<Response, Refused> {
    note.detail("leads");
    let exporting = Exporting {
        owners: owners(&app, &who.organization_id).await?,
        app,
        organization: who.organization_id,
        after: None,
        is_begun: false,
        is_over: false,
    };
    let pieces = futures_util::stream::unfold(exporting, |mut exporting| async move {
        // An answer that breaks off is not taken for a whole one.
        let next = exporting.next().await.transpose()?;
        Some((next, exporting))
    });
    Ok(file("leads.csv", Body::from_stream(pieces)))
}

/// The email addresses of members, which tell two of one name apart.
async fn owners(
    app: &App,
    organization: &OrganizationId,
) -> Result<Vec<(UserId, String)>, Refused> {
    let mut page = ListQuery {
        limit: Some(ListQuery::LIMIT_MAX),
        ..ListQuery::default()
    };
    let mut owners = Vec::new();
    loop {
        let users = app.store.users(organization, &page).await?;
        owners.extend(users.data.into_iter().map(|user| (user.id, user.email)));
        match users.cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(owners),
        }
    }
}

/// An export on its way.
struct Exporting {
    app: Arc<App>,
    organization: OrganizationId,
    owners: Vec<(UserId, String)>,
    after: Option<String>,
    is_begun: bool,
    is_over: bool,
}

impl Exporting {
    /// The next of the file; none after its end.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let mut text = String::new();
        if !self.is_begun {
            self.is_begun = true;
            // With the mark, Excel doesn't take it for Windows-1252.
            text.push('\u{FEFF}');
            import::write_row(&mut text, COLUMNS);
        }
        let page = LeadQuery {
            limit: Some(ListQuery::LIMIT_MAX),
            cursor: self.after.take(),
            ..LeadQuery::default()
        };
        let leads = match self.app.store.leads(&self.organization, &page).await {
            Ok(leads) => leads,
            Err(error) => {
                self.is_over = true;
                tracing::error!(%error, "an export was cut off");
                return Err(error);
            }
        };
        self.is_over = leads.cursor.is_none();
        self.after = leads.cursor;
        for lead in &leads.data {
            self.rows(&mut text, lead);
        }
        Ok(Some(text))
    }

    /// A row for each contact; one for a lead that has none.
    fn rows(&self, text: &mut String, lead: &Lead) {
        let owner = self
            .owners
            .iter()
            .find(|(id, _)| Some(id) == lead.owner_id.as_ref());
        let about = [
            lead.id.as_str(),
            &lead.display_name,
            lead.status_label.as_deref().unwrap_or_default(),
            owner.map(|(_, email)| email.as_str()).unwrap_or_default(),
            &lead.description,
        ];
        for at in 0..lead.contacts.len().max(1) {
            let mut cells = about.map(str::to_owned).to_vec();
            let contact = lead.contacts.get(at);
            cells.push(contact.map(|one| one.name.clone()).unwrap_or_default());
            for label in [
                ContactLabel::Office,
                ContactLabel::Mobile,
                ContactLabel::Home,
                ContactLabel::Direct,
                ContactLabel::Fax,
                ContactLabel::Other,
            ] {
                let phones = contact.iter().flat_map(|one| &one.phones);
                let phones = phones.filter(|phone| phone.label == label);
                let phones = phones.map(|phone| match &phone.extension {
                    Some(extension) => format!("{} ext. {extension}", phone.phone),
                    None => phone.phone.clone(),
                });
                cells.push(phones.collect::<Vec<_>>().join("; "));
            }
            let emails = |wanted: fn(ContactLabel) -> bool| {
                let emails = contact.iter().flat_map(|one| &one.emails);
                let emails = emails.filter(|email| wanted(email.label));
                emails
                    .map(|email| email.email.as_str())
                    .collect::<Vec<_>>()
                    .join("; ")
            };
            cells.push(emails(|label| {
                matches!(label, ContactLabel::Office | ContactLabel::Direct)
            }));
            cells.push(emails(|label| label == ContactLabel::Home));
            cells.push(emails(|label| {
                matches!(
                    label,
                    ContactLabel::Mobile | ContactLabel::Fax | ContactLabel::Other
                )
            }));
            import::write_row(text, cells);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_a_file_is_called_by_what_can_be_shown() {
        for (text, name) in [
            ("leads.csv", "leads.csv"),
            ("a\nb\u{202e}c d.csv", "abc d.csv"),
            ("\u{7}", "leads.csv"),
            (&"x".repeat(500), &"x".repeat(FILE_NAME_CHARS_MAX)),
        ] {
            assert_eq!(file_name(text), name);
        }
    }

    #[test]
    fn l2_the_template_maps_itself() {
        let mut text = String::new();
        import::write_row(&mut text, &COLUMNS[1..]);
        import::write_row(&mut text, EXAMPLE);
        let seen = import::inspect(text.as_bytes(), &ImportSettings::default());
        let seen = seen.unwrap().unwrap();
        let mapped = seen.mapping.0.iter();
        assert!(
            mapped
                .clone()
                .all(|field| *field != wire::ImportField::Ignored)
        );
        assert_eq!(mapped.len(), COLUMNS.len() - 1);
    }
}
