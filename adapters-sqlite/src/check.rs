//! A check of the database file, beside the process that has it.

use openindex_adapters_sql::check::{self, Checked};
use openindex_adapters_sql::schema::Parts;
use openindex_adapters_sql::{Result, TablePrefix, Tx};
use openindex_domain::clock::Timestamp;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::backup::open_read_only;
use crate::error::store_error;
use crate::schema;
use crate::store::SqliteDatabase;

const FILE: &str = "the file is damaged, or was changed by other means than the server; restore it \
    from a backup";
const SCHEMA: &str = "the schema was changed by other means than the server; restore the file \
    from a backup";
const INDEX: &str = "requests may become slow; stop the server and run the statement with the \
    program sqlite3, or restore the file from a backup";
const ADDED: &str = "it can change what the server stores; drop it if you do not know it";
const SEARCH: &str = "searches may miss work items; run `oi-server check --rebuild-search-index`";

/// Checks the database at `url` without writing to it; a server may use it meanwhile. `progress` is
/// called with what is being checked and the number of rows that were read of it.
///
/// # Errors
///
/// [`StoreError`](openindex_domain::StoreError) if the file cannot be read, or its schema is not
/// the one of this version. Whatever is wrong with the data is a finding.
pub async fn check(
    url: &str,
    now: Timestamp,
    mut progress: Box<dyn FnMut(&'static str, u64) + Send>,
) -> Result<Checked> {
    let mut connection = open_read_only(url).await?;
    let mut checked = Checked::default();
    progress("file", 0);
    let lines: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut connection)
        .await
        .map_err(store_error)?;
    for line in lines.iter().filter(|line| *line != "ok") {
        checked.add(format!("integrity check: {line}"), FILE);
    }
    match check_rows(&mut connection, now, &mut checked, &mut *progress).await {
        // A damaged file cannot be read to its end.
        Err(error) if checked.count() > 0 => checked.add(error.causes(), FILE),
        result => result?,
    }
    Ok(checked)
}

/// Fails unless the schema of the database at `url` is the one of this version, and not that of a
/// newer release, which a server accepts. A server may use the database meanwhile.
///
/// # Errors
///
/// [`StoreError`](openindex_domain::StoreError).
pub async fn check_version(url: &str) -> Result<()> {
    let mut connection = open_read_only(url).await?;
    schema::check_version(&mut connection, Parts::ALL, TablePrefix::default()).await
}

async fn check_rows(
    connection: &mut SqliteConnection,
    now: Timestamp,
    checked: &mut Checked,
    progress: &mut (dyn FnMut(&'static str, u64) + Send),
) -> Result<()> {
    let prefix = TablePrefix::default();
    // One state of the database for all queries.
    let mut transaction = connection.begin().await.map_err(store_error)?;
    schema::check_tables(&mut transaction, Parts::ALL, prefix).await?;
    schema::check_not_newer(&mut transaction, prefix).await?;
    for missing in schema::missing_triggers(&mut transaction, Parts::ALL, prefix).await? {
        checked.add(missing, SCHEMA);
    }
    check_objects(&mut transaction, checked).await?;
    check_search_index(&mut transaction, checked).await?;
    let tx = Tx::<SqliteDatabase>::new(&mut transaction, prefix);
    check::check(tx, now, checked, progress).await
}

/// Compares tables, indexes and triggers with those that the migrations create.
async fn check_objects(connection: &mut SqliteConnection, checked: &mut Checked) -> Result<()> {
    let expected = schema::expected_objects().await?;
    let found = schema::objects(connection).await?;
    for (name, object @ (kind, _, statement)) in &expected {
        match found.get(name) {
            Some(same) if same == object => {}
            Some(_) => {
                let what = format!("{kind} {name} differs from that of the migrations");
                checked.add(what, SCHEMA);
            }
            None if kind == "index" => {
                checked.add(format!("index {name} is missing ({statement})"), INDEX);
            }
            // Missing tables are an error, and missing triggers have been found.
            None => {}
        }
    }
    let added = found
        .iter()
        .filter(|(name, _)| !expected.contains_key(*name));
    for (name, (kind, table, _)) in added {
        if kind == "trigger" {
            checked.add(
                format!("trigger {name:?} was added to table {table}"),
                ADDED,
            );
        }
    }
    Ok(())
}

/// Checks that the index of searches has exactly the work items that there are.
async fn check_search_index(
    connection: &mut SqliteConnection,
    checked: &mut Checked,
) -> Result<()> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = 'work_items_search_docsize'";
    let tables: i64 = sqlx::query_scalar(table)
        .fetch_one(&mut *connection)
        .await
        .map_err(store_error)?;
    if tables == 0 {
        checked.add("the index of searches is missing".to_owned(), SCHEMA);
        return Ok(());
    }
    let differences = "SELECT \
        (SELECT count(*) FROM work_items \
         WHERE id NOT IN (SELECT id FROM work_items_search_docsize)), \
        (SELECT count(*) FROM work_items_search_docsize \
         WHERE id NOT IN (SELECT id FROM work_items))";
    let (missing, surplus): (i64, i64) = sqlx::query_as(differences)
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    if missing > 0 {
        checked.add(
            format!("the index of searches lacks {missing} work items"),
            SEARCH,
        );
    }
    if surplus > 0 {
        checked.add(
            format!("the index of searches has {surplus} work items that do not exist"),
            SEARCH,
        );
    }
    Ok(())
}

impl SqliteDatabase {
    /// Fills the index of searches anew, as one change. Other changes wait, about 0.1 s for each
    /// 1,000 work items.
    ///
    /// # Errors
    ///
    /// [`StoreError`](openindex_domain::StoreError); the index is then unchanged.
    pub async fn rebuild_search_index(&self) -> Result<()> {
        let mut change = self.begin().await?;
        for statement in [
            "INSERT INTO work_items_search (work_items_search) VALUES ('delete-all')",
            "INSERT INTO work_items_search (rowid, search_text) \
             SELECT id, search_text FROM work_items",
        ] {
            let statement = self.options.table_prefix.statement(statement.into());
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(&mut *change)
                .await
                .map_err(store_error)?;
        }
        change.commit().await
    }
}
