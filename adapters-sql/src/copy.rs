//! Copies everything from one database to another, of either kind.
//!
//! Both have the tables and columns of [`schema`], so what a migration adds there is copied. What the
//! databases maintain themselves, such as the index of searches, is not.

use std::collections::VecDeque;

use async_trait::async_trait;
use openindex_domain::StoreError;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::schema::{self, Parts, Table};

/// Maximum number of rows that are read at once.
pub const ROWS_AT_ONCE: usize = 2_000;

/// A value, whatever type the database stores it as.
// No `Debug`: it may be the hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Field {
    /// NULL.
    Null,
    /// A number, or a time in milliseconds since 1970.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes; of a UUID, its 16.
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of the table's columns.
pub type Record = Vec<Field>;

/// Why one of the databases failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read, or the database cannot store it.
    #[error("table {table}, row {row}: {reason}")]
    Row {
        /// The name of the table.
        table: &'static str,
        /// The key.
        row: String,
        /// What is wrong, without the value.
        reason: String,
    },
}

impl Failure {
    /// Returns the failure of a row of this table.
    pub fn of(table: &Table, record: &[Field], reason: impl Into<String>) -> Self {
        Self::Row {
            table: table.name,
            row: key(table, record),
            reason: reason.into(),
        }
    }
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source cannot be read.
    #[error("cannot read the source, so nothing was copied")]
    Source(#[source] Failure),
    /// The target cannot be written.
    #[error("cannot write the target, so nothing was copied")]
    Target(#[source] Failure),
    /// The target did not confirm the commit.
    #[error(
        "the target did not confirm that everything is stored, so it has either everything or \
         nothing; run the same command again, which says so"
    )]
    Commit(#[source] StoreError),
    /// The caller stopped the copy.
    #[error(
        "interrupted; the target has either everything or nothing: run the same command again, \
         which says so"
    )]
    Interrupted,
    /// Both are the same database.
    #[error("source and target are the same database; pass another one as --to or --to-file")]
    Same,
    /// The target has rows, and not exactly those of the source.
    #[error(
        "the target is not empty: table {0} has rows, and not all content is that of the source; \
         copy into a new database, or one in which nothing but `oi-server migrate` ran"
    )]
    NotEmpty(&'static str),
    /// Something was written to the source after the copy began.
    #[error(
        "the source was changed while it was copied, so nothing was copied; stop every server that \
         uses it and retry"
    )]
    Changed,
    /// What was written to the target is not what was read from the source.
    #[error(
        "the target would differ from the source in table {table}, row {row}, so nothing was \
         copied; this row of the source is damaged, or another process writes to the target"
    )]
    Different {
        /// The name of the table.
        table: &'static str,
        /// The key of the first row that differs.
        row: String,
    },
}

/// A database in one transaction, which sees no later changes of others.
#[async_trait]
pub trait Source: Send {
    /// Returns the number of rows.
    async fn count(&mut self, table: &'static Table) -> Result<u64, Failure>;

    /// Begins to read a table, in the order of the bytes of its keys.
    async fn open(&mut self, table: &'static Table) -> Result<(), Failure>;

    /// Returns the next rows of the table that was opened last; none at its end.
    async fn next(&mut self) -> Result<Vec<Record>, Failure>;

    /// Ends the transaction and begins the next one, which sees what others changed meanwhile.
    async fn refresh(&mut self) -> Result<(), Failure>;
}

/// An empty database in one transaction, in which all rows are written.
#[async_trait]
pub trait Target: Source {
    /// Inserts rows.
    async fn insert(&mut self, table: &'static Table, rows: Vec<Record>) -> Result<(), Failure>;

    /// Commits everything. Without this, nothing is written.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The table is copied.
    Copy,
    /// The table of the source is read, since the target has rows already.
    Read,
    /// The copy of the table is read and compared.
    Compare,
}

/// How far a table is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// The name of the table.
    pub table: &'static str,
    /// The number of rows done.
    pub done: u64,
    /// The number of rows of the table.
    pub rows: u64,
    /// Whether the step has ended for this table.
    pub is_end: bool,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The number of tables.
    pub tables: usize,
    /// The number of rows of all tables.
    pub rows: u64,
    /// SHA-256 of the content, the same for the same content in either kind of database.
    pub digest: [u8; 32],
    /// Whether the target had exactly this content before, so that nothing was written.
    pub was_there: bool,
}

/// Returns all tables in an order in which each comes after those that it refers to.
#[must_use]
pub fn tables() -> Vec<&'static Table> {
    let mut tables: Vec<_> = schema::tables(Parts::ALL).collect();
    tables.sort_by_key(|table| match table.name {
        // Inserting a user inserts or updates their owner, so the owner is there before.
        "owners" => 0,
        "users" => 1,
        _ => 2,
    });
    tables
}

/// Copies all rows of the source into the target, compares what it then contains, and commits. If
/// the target already has exactly the content of the source, nothing is written.
///
/// # Errors
///
/// [`CopyError`]; then nothing is written, unless it is [`CopyError::Commit`].
pub async fn copy(
    source: &mut dyn Source,
    mut target: Box<dyn Target>,
    mut report: impl FnMut(Progress) + Send,
) -> Result<Copied, CopyError> {
    let tables = tables();
    let filled = first_filled(source, &mut *target, &tables).await?;
    let mut contents = Vec::new();
    for &table in &tables {
        contents.push(if filled.is_none() {
            copy_table(source, &mut *target, table, &mut report).await?
        } else {
            let rows = source.count(table).await.map_err(CopyError::Source)?;
            let read = read_table(source, table, Step::Read, rows, &mut report);
            read.await.map_err(CopyError::Source)?
        });
    }
    // After all tables: triggers write to tables that were copied before.
    for (table, content) in tables.iter().copied().zip(&contents) {
        let copied = read_table(
            &mut *target,
            table,
            Step::Compare,
            content.rows,
            &mut report,
        );
        if copied.await.map_err(CopyError::Target)? != *content {
            if let Some(filled) = filled {
                return Err(CopyError::NotEmpty(filled));
            }
            let row = first_difference(source, &mut *target, table).await?;
            let table = table.name;
            return Err(CopyError::Different { table, row });
        }
    }
    check_unchanged(source, &tables, &contents).await?;
    if filled.is_none() {
        target.commit().await.map_err(CopyError::Commit)?;
    }
    let mut digest = Sha256::new();
    for content in &contents {
        digest.update(content.digest);
    }
    Ok(Copied {
        tables: tables.len(),
        rows: contents.iter().map(|content| content.rows).sum(),
        digest: digest.finalize().into(),
        was_there: filled.is_some(),
    })
}

/// Returns the name of the first table of the target that has rows; fails if the numbers of rows
/// then differ from those of the source, which is known sooner than what is in them.
async fn first_filled(
    source: &mut dyn Source,
    target: &mut dyn Target,
    tables: &[&'static Table],
) -> Result<Option<&'static str>, CopyError> {
    let mut counts = Vec::new();
    for table in tables {
        counts.push(target.count(table).await.map_err(CopyError::Target)?);
    }
    let Some(first) = counts.iter().position(|rows| *rows > 0) else {
        return Ok(None);
    };
    let filled = tables[first].name;
    for (table, rows) in tables.iter().zip(counts) {
        if source.count(table).await.map_err(CopyError::Source)? != rows {
            return Err(CopyError::NotEmpty(filled));
        }
    }
    Ok(Some(filled))
}

/// What a table contains.
#[derive(PartialEq, Eq)]
struct Content {
    rows: u64,
    /// SHA-256 of the table's name and columns, and of all rows.
    digest: [u8; 32],
}

/// The content of a table that is being read.
struct Reading {
    rows: u64,
    digest: Sha256,
    encoded: Vec<u8>,
}

impl Reading {
    fn of(table: &Table) -> Self {
        let mut digest = Sha256::new();
        for name in [table.name].into_iter().chain(table.columns()) {
            digest.update(name);
            digest.update([0]);
        }
        Self {
            rows: 0,
            digest,
            encoded: Vec::new(),
        }
    }

    fn add(&mut self, rows: &[Record]) {
        self.encoded.clear();
        for field in rows.iter().flatten() {
            encode(field, &mut self.encoded);
        }
        self.digest.update(&self.encoded);
        self.rows += rows.len() as u64;
    }

    fn end(self) -> Content {
        Content {
            rows: self.rows,
            digest: self.digest.finalize().into(),
        }
    }
}

/// Appends the value so that no other sequence of values has the same bytes.
fn encode(field: &Field, bytes: &mut Vec<u8>) {
    let (kind, value) = match field {
        Field::Null => return bytes.push(0),
        Field::Integer(number) => {
            bytes.push(1);
            return bytes.extend(number.to_be_bytes());
        }
        Field::Text(text) => (2, text.as_bytes()),
        Field::Bytes(value) => (3, value.as_slice()),
    };
    bytes.push(kind);
    bytes.extend((value.len() as u64).to_be_bytes());
    bytes.extend(value);
}

async fn copy_table(
    source: &mut dyn Source,
    target: &mut dyn Target,
    table: &'static Table,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Content, CopyError> {
    let rows = source.count(table).await.map_err(CopyError::Source)?;
    let mut reading = Reading::of(table);
    source.open(table).await.map_err(CopyError::Source)?;
    loop {
        let records = source.next().await.map_err(CopyError::Source)?;
        let is_end = records.is_empty();
        if !is_end {
            reading.add(&records);
            let inserted = target.insert(table, records).await;
            inserted.map_err(CopyError::Target)?;
        }
        report(Progress {
            step: Step::Copy,
            table: table.name,
            done: reading.rows,
            rows,
            is_end,
        });
        if is_end {
            return Ok(reading.end());
        }
    }
}

async fn read_table(
    from: &mut dyn Source,
    table: &'static Table,
    step: Step,
    rows: u64,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Content, Failure> {
    let mut reading = Reading::of(table);
    from.open(table).await?;
    loop {
        let records = from.next().await?;
        reading.add(&records);
        let is_end = records.is_empty();
        report(Progress {
            step,
            table: table.name,
            done: reading.rows,
            rows,
            is_end,
        });
        if is_end {
            return Ok(reading.end());
        }
    }
}

/// Returns the key of the first row that the two do not have alike.
async fn first_difference(
    source: &mut dyn Source,
    target: &mut dyn Target,
    table: &'static Table,
) -> Result<String, CopyError> {
    source.open(table).await.map_err(CopyError::Source)?;
    target.open(table).await.map_err(CopyError::Target)?;
    let (mut expected, mut found) = (VecDeque::new(), VecDeque::new());
    loop {
        if expected.is_empty() {
            expected.extend(source.next().await.map_err(CopyError::Source)?);
        }
        if found.is_empty() {
            found.extend(target.next().await.map_err(CopyError::Target)?);
        }
        match (expected.pop_front(), found.pop_front()) {
            (Some(expected), Some(found)) if expected == found => {}
            (Some(record), _) | (None, Some(record)) => return Ok(key(table, &record)),
            (None, None) => return Ok("unknown".to_owned()),
        }
    }
}

/// Fails if the source was changed after it was read. Every change by a user has an audit event.
async fn check_unchanged(
    source: &mut dyn Source,
    tables: &[&'static Table],
    contents: &[Content],
) -> Result<(), CopyError> {
    source.refresh().await.map_err(CopyError::Source)?;
    for (table, content) in tables.iter().copied().zip(contents) {
        if table.name == "audit_events"
            && source.count(table).await.map_err(CopyError::Source)? != content.rows
        {
            return Err(CopyError::Changed);
        }
    }
    Ok(())
}

/// Returns the key of a row as a text.
fn key(table: &Table, record: &[Field]) -> String {
    let fields = record.iter().take(table.key).map(|field| match field {
        Field::Null => "NULL".to_owned(),
        Field::Integer(number) => number.to_string(),
        Field::Text(text) => format!("{text:?}"),
        Field::Bytes(bytes) => match Uuid::from_slice(bytes) {
            Ok(id) => id.simple().to_string(),
            Err(_) => format!("{bytes:02x?}"),
        },
    });
    fields.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[Record]) -> [u8; 32] {
        let mut reading = Reading::of(tables()[0]);
        reading.add(rows);
        reading.end().digest
    }

    #[test]
    fn different_content_has_different_digests() {
        let text = |text: &str| Field::Text(text.to_owned());
        let contents = [
            vec![],
            vec![vec![Field::Null]],
            vec![vec![Field::Null, Field::Null]],
            vec![vec![Field::Integer(0)]],
            vec![vec![text("")]],
            vec![vec![Field::Bytes(Vec::new())]],
            vec![vec![text("ab"), text("c")]],
            vec![vec![text("a"), text("bc")]],
            vec![vec![text("abc")]],
            vec![vec![Field::Bytes(b"abc".to_vec())]],
        ];
        let mut digests: Vec<_> = contents.iter().map(|rows| digest(rows)).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), contents.len());
        // The number of rows that are read at once does not matter.
        let rows: Vec<Record> = (0..9).map(|n| vec![Field::Integer(n)]).collect();
        let mut reading = Reading::of(tables()[0]);
        rows.chunks(2).for_each(|rows| reading.add(rows));
        assert!(reading.end().digest == digest(&rows));
    }

    #[test]
    fn every_table_is_copied() {
        let mut copied: Vec<_> = tables().iter().map(|table| table.name).collect();
        let mut all: Vec<_> = schema::tables(Parts::ALL).map(|table| table.name).collect();
        copied.sort_unstable();
        all.sort_unstable();
        assert_eq!(copied, all);
    }
}
