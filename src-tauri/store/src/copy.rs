//! A store on SQLite, taken over to PostgreSQL.

use crate::database::{Database, FILE};
use crate::sql::{Row, Sql, Tx, sql, sql_of};
use crate::{StoreError, sql::Value};
use std::path::Path;

/// Every table that is copied; what is referred to comes before what refers to it. The running totals
/// are not: they come of the ledger's lines, also here. Neither is what leads are found by, which each engine
/// keeps its own way.
pub(crate) const TABLES: &[&str] = &[
    "organization",
    "outcome",
    "role",
    "role_permission",
    "account",
    "membership",
    "team",
    "team_member",
    "lead_status",
    "lead",
    "contact",
    "contact_phone",
    "contact_email",
    "phone_number",
    "phone_number_user",
    "assigned_number",
    "setup_link",
    "sign_in",
    "access_token",
    "call",
    "coach_leg",
    "invitation",
    "member_invite",
    "member_invite_team",
    "ledger",
    "alive",
    "recording",
    "audit",
    "farewell",
    "import",
    "import_lead",
    "account_link",
    "second_factor",
    "recovery_code",
    "sign_in_ticket",
];
/// Rows that are in memory at once.
const ROWS_AT_ONCE: u32 = 1_000;

/// Copies the store of this folder, all of it or nothing, into a PostgreSQL database that holds nothing
/// yet; how many rows that were. No service may work with either meanwhile.
pub async fn copy_store(folder: &Path, to: &str) -> Result<u64, StoreError> {
    let file = folder.join(FILE);
    if !file.exists() {
        return Err(StoreError::Conflict(format!(
            "{} doesn't exist",
            file.display()
        )));
    }
    let from = Database::open(folder, 0, false).await?;
    let to = Database::connect(to, false).await?;
    let mut copied = copy(&from, &to).await;
    if copied.is_ok()
        && let Err(error) = to.find_places().await
    {
        copied = Err(error);
    }
    from.close().await;
    to.close().await;
    copied
}

async fn copy(from: &Database, to: &Database) -> Result<u64, StoreError> {
    // One moment of the store, whatever happens to it.
    let mut from = Tx::begin(&from.reader, "BEGIN").await?;
    let mut to = to.write_across("").await?;
    for table in TABLES {
        let any = sql_of(format!("SELECT 1 FROM {table} LIMIT 1"));
        if any.exists(&mut to).await? {
            return Err(StoreError::Conflict(
                "the database isn't empty; copy into an empty one".into(),
            ));
        }
    }
    let mut rows = 0;
    for table in TABLES {
        rows += copy_table(table, &mut from, &mut to).await?;
    }
    // The next line of the audit log comes after those that were copied.
    sql("SELECT setval(pg_get_serial_sequence('audit', 'seq'),
             (SELECT coalesce(max(seq), 0) + 1 FROM audit), false)")
    .optional(&mut to)
    .await?;
    // Their places were the other engine's.
    sql("UPDATE lead SET place = 0").execute(&mut to).await?;
    to.commit().await?;
    Ok(rows)
}

async fn copy_table(table: &str, from: &mut Tx, to: &mut Tx) -> Result<u64, StoreError> {
    let columns = columns(table, to).await?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
    let (names, places) = (names.join(", "), places.join(", "));
    let insert = sql_of(format!("INSERT INTO {table} ({names}) VALUES ({places})"));
    let select = sql_of(format!(
        "SELECT {names} FROM {table} ORDER BY {} LIMIT $1 OFFSET $2",
        if table == "audit" { "seq" } else { "1, 2" }
    ));
    let mut copied = 0;
    loop {
        let rows = select
            .clone()
            .bind(ROWS_AT_ONCE)
            .bind(copied)
            .all(&mut *from)
            .await?;
        for row in &rows {
            filled(insert.clone(), row, &columns)?
                .execute(&mut *to)
                .await?;
        }
        copied += rows.len() as i64;
        if rows.len() < ROWS_AT_ONCE as usize {
            return Ok(copied.unsigned_abs());
        }
    }
}

/// The columns of a table of PostgreSQL's that can be written, each with its type.
async fn columns(table: &str, of: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    sql(
        "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS type
         FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER'
         ORDER BY ordinal_position",
    )
    .bind(table)
    .all(of)
    .await?
    .iter()
    .map(|row| Ok((row.text("name")?, row.text("type")?)))
    .collect()
}

fn filled(insert: Sql, row: &Row, columns: &[(String, String)]) -> Result<Sql, StoreError> {
    columns.iter().try_fold(insert, |insert, (name, kind)| {
        let value = match kind.as_str() {
            "text" => Value::Text(row.optional_text(name)?),
            "bytea" => Value::Bytes(row.optional_bytes(name)?),
            _ => Value::Int(row.optional_int(name)?),
        };
        Ok(insert.bind(value))
    })
}
