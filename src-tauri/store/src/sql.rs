//! One way to say a query to either engine: its text, in what both speak, and what is bound to it.
//!
//! Parameters are `$1`, `$2`, …; a column is a text, a whole number of 64 bits (also what is true or
//! not: 0 or 1) or bytes.

use crate::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Executor as _, Postgres, Row as _, SqlStr, Sqlite, TypeInfo, ValueRef};
use wire::{List, ListQuery};

/// What is bound to a parameter.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! value {
    ($($from:ty => $kind:ident $with:expr;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                let with: fn($from) -> _ = $with;
                Self::$kind(with(value))
            }
        }
    )*};
}

value! {
    &str => Text |text| Some(text.to_owned());
    &String => Text |text| Some(text.clone());
    String => Text Some;
    Option<&str> => Text |text| text.map(str::to_owned);
    Option<String> => Text |text| text;
    i64 => Int Some;
    u32 => Int |number| Some(i64::from(number));
    bool => Int |truth| Some(i64::from(truth));
    Option<i64> => Int |number| number;
    Option<u32> => Int |number| number.map(i64::from);
    Option<bool> => Int |truth| truth.map(i64::from);
    &[u8] => Bytes |bytes| Some(bytes.to_vec());
    &[u8; 32] => Bytes |bytes| Some(bytes.to_vec());
    Option<&[u8]> => Bytes |bytes| bytes.map(<[u8]>::to_vec);
}

/// A statement, and what is bound to it.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    text: SqlStr,
    values: Vec<Value>,
    /// Whether it is planned each time for what is bound to it.
    planned_anew: bool,
}

/// A statement whose text is known beforehand.
pub(crate) fn sql(text: &'static str) -> Sql {
    Sql {
        text: SqlStr::from_static(text),
        values: Vec::new(),
        planned_anew: false,
    }
}

/// A statement whose text was put together, from texts of ours alone.
pub(crate) fn sql_of(text: String) -> Sql {
    Sql {
        text: sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(text)),
        values: Vec::new(),
        planned_anew: false,
    }
}

/// The connections to one engine.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Where the two differ, and a query has to be said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Pool {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    async fn acquire(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => Connection::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
        })
    }
}

/// A connection, which goes back to its pool when it is dropped.
enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Connection {
    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(on) => on.execute(statement).await.map(drop),
            Self::Postgres(on) => on.execute(statement).await.map(drop),
        }
    }

    /// Nobody uses it any more: the pool opens another one in its place.
    fn give_up(&mut self) {
        match self {
            Self::Sqlite(on) => on.close_on_drop(),
            Self::Postgres(on) => on.close_on_drop(),
        }
    }
}

/// A transaction, which is undone when it is dropped.
///
/// Its statements are ours and not `sqlx::Transaction`'s, which counts what is open by itself: after
/// errors such as a full disk SQLite has undone the transaction without being asked
/// (<https://www.sqlite.org/lang_transaction.html>, "Response to errors within a transaction"), the count
/// stays, and the connection could never begin another one.
pub(crate) struct Tx {
    /// None once it is over.
    connection: Option<Connection>,
    /// Whether it is known how the connection stands: its last statement has an answer, and that was no
    /// failure. Else the connection goes with the transaction.
    is_sure: bool,
}

impl Tx {
    /// Begins one, with this statement.
    pub(crate) async fn begin(pool: &Pool, statement: &'static str) -> Result<Self, StoreError> {
        let mut tx = Self {
            connection: Some(pool.acquire().await?),
            is_sure: false,
        };
        tx.run(statement).await?;
        Ok(tx)
    }

    pub(crate) fn engine(&self) -> Engine {
        match self.connection {
            Some(Connection::Postgres(_)) => Engine::Postgres,
            _ => Engine::Sqlite,
        }
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await?;
        self.connection = None;
        Ok(())
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let mut on = Lease::Tx(self);
        let done = on.connection()?.run(statement).await;
        on.answered(done)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.is_sure {
            tokio::spawn(async move {
                if connection.run("ROLLBACK").await.is_err() {
                    connection.give_up();
                }
            });
        } else {
            connection.give_up();
        }
    }
}

/// What a statement runs on.
pub(crate) enum On<'a> {
    Pool(&'a Pool),
    Tx(&'a mut Tx),
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'a> From<&'a mut Tx> for On<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

impl<'a> On<'a> {
    async fn lease(self) -> Result<Lease<'a>, StoreError> {
        Ok(match self {
            Self::Pool(pool) => Lease::Own(pool.acquire().await?),
            Self::Tx(tx) => Lease::Tx(tx),
        })
    }
}

/// A connection for one statement.
enum Lease<'a> {
    Own(Connection),
    Tx(&'a mut Tx),
}

impl Lease<'_> {
    /// The connection, to run the statement on.
    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        match self {
            Self::Own(connection) => Ok(connection),
            Self::Tx(tx) => {
                // Until there is an answer, which there never is when whoever asks is gone.
                tx.is_sure = false;
                let over = || StoreError::Fault("the transaction is over".into());
                tx.connection.as_mut().ok_or_else(over)
            }
        }
    }

    /// What the statement came to. A connection that failed is not used again.
    fn answered<T>(mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let result = result.map_err(StoreError::from);
        // What contradicts the data was refused by an engine that is well.
        let is_sure = matches!(result, Ok(_) | Err(StoreError::Conflict(_)));
        match &mut self {
            Self::Own(connection) if !is_sure => connection.give_up(),
            Self::Own(_) => {}
            Self::Tx(tx) => tx.is_sure = is_sure,
        }
        result
    }
}

impl Sql {
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// With all of these.
    pub(crate) fn bind_all(mut self, values: Vec<Value>) -> Self {
        self.values.extend(values);
        self
    }

    /// PostgreSQL plans it each time for what is bound to it, where the best plan depends on that.
    pub(crate) fn planned_anew(mut self) -> Self {
        self.planned_anew = true;
        self
    }

    /// Runs it; how many rows it changed.
    pub(crate) async fn execute<'a>(self, on: impl Into<On<'a>>) -> Result<u64, StoreError> {
        let mut on = on.into().lease().await?;
        let changed = match on.connection()? {
            Connection::Sqlite(on) => {
                let done = self.sqlite().execute(&mut **on).await;
                done.map(|done| done.rows_affected())
            }
            Connection::Postgres(on) => {
                let done = self.postgres().execute(&mut **on).await;
                done.map(|done| done.rows_affected())
            }
        };
        on.answered(changed)
    }

    /// Its first row, if there is one.
    pub(crate) async fn optional<'a>(
        self,
        on: impl Into<On<'a>>,
    ) -> Result<Option<Row>, StoreError> {
        let mut on = on.into().lease().await?;
        let row = match on.connection()? {
            Connection::Sqlite(on) => {
                let row = self.sqlite().fetch_optional(&mut **on).await;
                row.map(|row| row.map(Row::Sqlite))
            }
            Connection::Postgres(on) => {
                let row = self.postgres().fetch_optional(&mut **on).await;
                row.map(|row| row.map(Row::Postgres))
            }
        };
        on.answered(row)
    }

    /// Its one row.
    pub(crate) async fn one<'a>(self, on: impl Into<On<'a>>) -> Result<Row, StoreError> {
        let row = self.optional(on).await?;
        row.ok_or_else(|| StoreError::Fault("a row is missing".into()))
    }

    /// Whether it finds anything.
    pub(crate) async fn exists<'a>(self, on: impl Into<On<'a>>) -> Result<bool, StoreError> {
        Ok(self.optional(on).await?.is_some())
    }

    /// The number in the first column of its one row: a count, a sum.
    pub(crate) async fn count<'a>(self, on: impl Into<On<'a>>) -> Result<i64, StoreError> {
        self.one(on).await?.int("count")
    }

    /// All its rows.
    pub(crate) async fn all<'a>(self, on: impl Into<On<'a>>) -> Result<Vec<Row>, StoreError> {
        let mut on = on.into().lease().await?;
        let rows = match on.connection()? {
            Connection::Sqlite(on) => {
                let rows = self.sqlite().fetch_all(&mut **on).await;
                rows.map(sqlite_rows)
            }
            Connection::Postgres(on) => {
                let rows = self.postgres().fetch_all(&mut **on).await;
                rows.map(postgres_rows)
            }
        };
        on.answered(rows)
    }

    fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        self.values
            .into_iter()
            .fold(sqlx::query(self.text), |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            })
    }

    fn postgres(self) -> Query<'static, Postgres, PgArguments> {
        let query = sqlx::query(self.text).persistent(!self.planned_anew);
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            })
    }
}

fn sqlite_rows(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn postgres_rows(rows: Vec<PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Postgres).collect()
}

/// What a query found.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.optional_text(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn optional_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => {
                let value = row.try_get_raw(column)?;
                if value.is_null() {
                    return Ok(None);
                }
                // What is computed, and not stored, may be of another width.
                match value.type_info().name() {
                    "INT4" => Some(row.try_get::<i32, _>(column)?.into()),
                    "BOOL" => Some(row.try_get::<bool, _>(column)?.into()),
                    _ => Some(row.try_get(column)?),
                }
            }
        })
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.optional_int(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn truth(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// A number of a type that is narrower.
    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        narrow(column, self.int(column)?)
    }

    pub(crate) fn optional_number<T: TryFrom<i64>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        let number = self.optional_int(column)?;
        number.map(|number| narrow(column, number)).transpose()
    }

    pub(crate) fn optional_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.optional_bytes(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn moment(&self, column: &str) -> Result<wire::Timestamp, StoreError> {
        self.int(column).map(wire::Timestamp)
    }

    pub(crate) fn dollars(&self, column: &str) -> Result<wire::MicroDollars, StoreError> {
        self.int(column).map(wire::MicroDollars)
    }

    /// A text that is a type of `wire`: an id, or an enum by its wire name.
    pub(crate) fn named<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_text(self.text(column)?)
    }

    pub(crate) fn optional_named<T: DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        self.optional_text(column)?.map(from_text).transpose()
    }

    /// Several of them, in one text with commas; none where there is no text.
    pub(crate) fn list<T: DeserializeOwned>(&self, column: &str) -> Result<Vec<T>, StoreError> {
        let list = self.optional_text(column)?;
        let items = list.iter().flat_map(|list| list.split(','));
        items.map(|item| from_text(item.to_owned())).collect()
    }

    /// A whole thing as the API writes it.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.text("body")?)
            .map_err(|error| StoreError::Fault(format!("a stored body is not readable: {error}")))
    }

    /// A key that rows are in order of.
    fn key(&self, column: &str) -> Result<Key, StoreError> {
        let is_text = match self {
            Self::Sqlite(row) => row.try_get_raw(column)?.type_info().name() == "TEXT",
            Self::Postgres(row) => row.try_get_raw(column)?.type_info().name() == "TEXT",
        };
        Ok(if is_text {
            Key::Text(self.text(column)?)
        } else {
            Key::Int(self.int(column)?)
        })
    }
}

fn missing(column: &str) -> StoreError {
    StoreError::Fault(format!("{column} is missing"))
}

fn narrow<T: TryFrom<i64>>(column: &str, number: i64) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::Fault(format!("{column} is out of its range")))
}

pub(crate) fn from_text<T: DeserializeOwned>(text: String) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::Fault(format!("a stored text is not readable: {error}")))
}

/// How an enum of `wire` is stored: by its wire name.
pub(crate) fn to_text(value: &impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        _ => Err(StoreError::Fault("a value is no text".into())),
    }
}

/// How a whole thing is stored: as the API writes it.
pub(crate) fn to_body(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Fault(error.to_string()))
}

/// In which order a list is. The last column tells two rows apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Smallest first, by these columns, which are texts.
    ByName(&'static [&'static str]),
    /// Greatest first, by these columns: a number, and texts after it.
    NewestFirst(&'static [&'static str]),
    /// Smallest first, by such columns.
    ByPosition(&'static [&'static str]),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    Int(i64),
    Text(String),
}

impl Sql {
    /// A page of what this selects: its text ends with its conditions, and selects the columns of the
    /// order.
    pub(crate) async fn page<'a, T>(
        mut self,
        on: impl Into<On<'a>>,
        order: Order,
        page: &ListQuery,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<List<T>, StoreError> {
        let (columns, numbers, after, way) = match order {
            Order::ByName(columns) => (columns, 0, '>', ""),
            Order::NewestFirst(columns) => (columns, 1, '<', " DESC"),
            Order::ByPosition(columns) => (columns, 1, '>', ""),
        };
        let mut text = self.text.as_str().to_owned();
        if let Some(cursor) = &page.cursor {
            let keys = read_cursor(cursor)?;
            // What a client made up must not reach the engine with columns that it cannot compare.
            let is_number = |key: &Key| matches!(key, Key::Int(_));
            let fits = keys
                .iter()
                .enumerate()
                .all(|(at, key)| is_number(key) == (at < numbers));
            if keys.len() != columns.len() || !fits {
                return Err(StoreError::NoCursor);
            }
            let mut places = Vec::with_capacity(keys.len());
            for key in keys {
                self.values.push(match key {
                    Key::Int(number) => number.into(),
                    Key::Text(text) => text.into(),
                });
                places.push(format!("${}", self.values.len()));
            }
            let (columns, places) = (columns.join(", "), places.join(", "));
            text.push_str(&format!(" AND ({columns}) {after} ({places})"));
        }
        let order: Vec<String> = columns
            .iter()
            .map(|column| format!("{column}{way}"))
            .collect();
        let next = self.values.len() + 1;
        text.push_str(&format!(
            " ORDER BY {} LIMIT ${next} OFFSET ${}",
            order.join(", "),
            next + 1
        ));
        let limit = page.limit() as usize;
        let paged = Self {
            values: self.values,
            ..sql_of(text)
        };
        // One row more tells whether there are more.
        let rows = paged
            .bind(i64::from(page.limit()) + 1)
            .bind(page.skip())
            .all(on)
            .await?;
        let has_more = rows.len() > limit;
        let rows = &rows[..rows.len().min(limit)];
        let cursor = match rows.last().filter(|_| has_more) {
            Some(last) => Some(write_cursor(last, columns)?),
            None => None,
        };
        Ok(List {
            data: rows.iter().map(read).collect::<Result<_, _>>()?,
            has_more,
            cursor,
        })
    }
}

/// The place after a row, as a text that only we read.
fn write_cursor(row: &Row, columns: &[&str]) -> Result<String, StoreError> {
    let name = |column: &&str| column.rsplit('.').next().unwrap_or_default().to_owned();
    let keys = columns.iter().map(|column| row.key(&name(column)));
    cursor_of(&keys.collect::<Result<Vec<_>, _>>()?)
}

/// The place after these keys.
pub(crate) fn cursor_of(keys: &[Key]) -> Result<String, StoreError> {
    Ok(crate::random::hex(to_body(&keys)?.as_bytes()))
}

pub(crate) fn read_cursor(cursor: &str) -> Result<Vec<Key>, StoreError> {
    let digits = cursor.as_bytes();
    if digits.len() > CURSOR_MAX {
        return Err(StoreError::NoCursor);
    }
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(StoreError::NoCursor)
}

/// The longest cursor, in digits: names are short.
const CURSOR_MAX: usize = 8_192;
