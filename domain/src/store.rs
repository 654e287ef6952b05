//! Types shared by all store ports.

use std::collections::BTreeMap;
use std::ops::Deref;

use async_trait::async_trait;

/// The cause of a store's failure, for the operator's log; never shown to a client.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A failure of a store. A row that was not found is a result, not an error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or is overloaded. A retry may succeed; until then every request
    /// that depends on the store fails.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// The store returned an impossible value: a digest of the wrong length, an unknown scope, a
    /// violated constraint. A retry does not help; an operator has to investigate.
    #[error("the database returned invalid data")]
    Corrupt(#[source] BoxError),
}

impl StoreError {
    /// Creates a [`StoreError::Unavailable`] with its cause.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// Returns the damaged row if that is the cause.
    ///
    /// # Errors
    ///
    /// The error itself, when its cause is anything else.
    pub fn into_damaged(self) -> Result<Damaged, Self> {
        match self {
            Self::Corrupt(cause) => match cause.downcast::<Damaged>() {
                Ok(damaged) => Ok(*damaged),
                Err(cause) => Err(Self::Corrupt(cause)),
            },
            other @ Self::Unavailable(_) => Err(other),
        }
    }

    /// Separates the damage of a looked-up row from other errors: a damaged row becomes the inner
    /// `Err`.
    ///
    /// # Errors
    ///
    /// Any error that is not about that row.
    pub fn separate_damaged<T>(
        read: Result<Option<T>, Self>,
    ) -> Result<(Option<T>, Option<Damaged>), Self> {
        match read.map_err(Self::into_damaged) {
            Ok(row) => Ok((row, None)),
            Err(damaged) => Ok((None, Some(damaged?))),
        }
    }

    /// Returns the looked-up row, treating a damaged one as not found.
    ///
    /// # Errors
    ///
    /// Any error that is not about that row.
    pub fn ignore_damaged<T>(read: Result<Option<T>, Self>) -> Result<Option<T>, Self> {
        Self::separate_damaged(read).map(|(row, _)| row)
    }

    /// Creates a [`StoreError::Corrupt`] with its cause.
    pub fn corrupt(cause: impl Into<BoxError>) -> Self {
        Self::Corrupt(cause.into())
    }

    /// Returns the cause and its own causes, joined for one log line.
    #[must_use]
    pub fn causes(&self) -> String {
        let (Self::Unavailable(cause) | Self::Corrupt(cause)) = self;
        let mut text = cause.to_string();
        let mut next = cause.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        text
    }
}

/// The name of a column whose value is none that the domain writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {0} has an invalid value")]
pub struct DamagedColumn(pub &'static str);

impl From<DamagedColumn> for StoreError {
    fn from(damaged: DamagedColumn) -> Self {
        Self::corrupt(damaged)
    }
}

/// A row that cannot be decoded: corrupted, or written by a newer version. Listings report it and
/// still return the other rows. It is never accepted as a credential, and it can be revoked or
/// ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table {table}, row {id}, {column}")]
pub struct Damaged {
    /// The name of the table.
    pub table: &'static str,
    /// The row's id, as the API writes it if it can be decoded.
    pub id: String,
    /// The first column that cannot be decoded.
    pub column: DamagedColumn,
    /// The row's position in its listing, as that listing's cursor text.
    pub cursor: String,
    /// The columns as text, for rows that are displayed undecoded.
    pub raw: BTreeMap<&'static str, String>,
}

impl Damaged {
    /// Creates a damaged row whose position in its listing is its id.
    #[must_use]
    pub fn new(table: &'static str, id: &impl ToString, column: DamagedColumn) -> Self {
        let id = id.to_string();
        Self {
            table,
            cursor: id.clone(),
            id,
            column,
            raw: BTreeMap::new(),
        }
    }
}

impl From<Damaged> for StoreError {
    fn from(damaged: Damaged) -> Self {
        Self::corrupt(damaged)
    }
}

/// Rows in order: the readable ones, which it dereferences to, and the damaged ones between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    rows: Vec<T>,
    /// Each damaged row with the number of readable rows before it.
    damaged: Vec<(usize, Damaged)>,
}

impl<T> Listing<T> {
    /// Collects rows in the order in which they were read.
    ///
    /// # Errors
    ///
    /// The first error that is not about a single row.
    pub fn read(rows: impl IntoIterator<Item = Result<T, StoreError>>) -> Result<Self, StoreError> {
        let mut listing = Self::default();
        for row in rows {
            match row.map_err(StoreError::into_damaged) {
                Ok(row) => listing.rows.push(row),
                Err(damaged) => listing.damaged.push((listing.rows.len(), damaged?)),
            }
        }
        Ok(listing)
    }

    /// Returns the number of rows, including damaged ones.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.len() + self.damaged.len()
    }

    /// Returns the damaged rows.
    pub fn damaged(&self) -> impl Iterator<Item = &Damaged> {
        self.damaged.iter().map(|(_, damaged)| damaged)
    }

    /// Returns all rows in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Result<&T, &Damaged>> {
        let mut entries = Vec::with_capacity(self.count());
        let mut damaged = self.damaged.iter().peekable();
        for (index, row) in self.rows.iter().enumerate() {
            while let Some((_, one)) = damaged.next_if(|(before, _)| *before <= index) {
                entries.push(Err(one));
            }
            entries.push(Ok(row));
        }
        entries.extend(damaged.map(|(_, one)| Err(one)));
        entries
    }

    /// Reverses the order of the rows.
    pub(crate) fn reverse(&mut self) {
        let rows = self.rows.len();
        self.rows.reverse();
        self.damaged.reverse();
        for (before, _) in &mut self.damaged {
            *before = rows - *before;
        }
    }

    /// Applies `change` to each readable row.
    pub(crate) fn each(mut self, change: impl FnMut(&mut T)) -> Self {
        self.rows.iter_mut().for_each(change);
        self
    }

    /// Removes the last row.
    pub(crate) fn pop(&mut self) {
        let is_damaged = self.damaged.last();
        if is_damaged.is_some_and(|(before, _)| *before == self.rows.len()) {
            self.damaged.pop();
        } else {
            self.rows.pop();
        }
    }
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> Deref for Listing<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.rows
    }
}

impl<T> From<Vec<T>> for Listing<T> {
    fn from(rows: Vec<T>) -> Self {
        Self {
            rows,
            damaged: Vec::new(),
        }
    }
}

impl<T> IntoIterator for Listing<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Listing<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl<T: PartialEq> PartialEq<Vec<T>> for Listing<T> {
    fn eq(&self, rows: &Vec<T>) -> bool {
        self.damaged.is_empty() && self.rows == *rows
    }
}

impl<T: PartialEq> PartialEq<[T]> for Listing<T> {
    fn eq(&self, rows: &[T]) -> bool {
        self.damaged.is_empty() && self.rows == *rows
    }
}

impl<T: PartialEq, const N: usize> PartialEq<[T; N]> for Listing<T> {
    fn eq(&self, rows: &[T; N]) -> bool {
        self.damaged.is_empty() && self.rows == *rows
    }
}

/// Port: health checks of the store.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Checks that the store can be reached and that its schema is the one this version requires.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a request that uses the store would fail now.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Commits a small change and removes it again, because a store that is full can still be
    /// reached.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be written to.
    async fn write(&self) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_rows_keep_their_position_when_reversed() {
        let damaged = |id: &str| Damaged::new("tokens", &id, DamagedColumn("scope")).into();
        let rows = [
            Err(damaged("a")),
            Ok(1),
            Err(damaged("b")),
            Err(damaged("c")),
            Ok(2),
            Ok(3),
        ];
        let mut listing = Listing::read(rows).unwrap();
        listing.reverse();
        let entries = listing.entries().into_iter();
        let entries: Vec<Result<u32, &str>> = entries
            .map(|entry| entry.copied().map_err(|row| row.id.as_str()))
            .collect();
        let expected = [Ok(3), Ok(2), Err("c"), Err("b"), Ok(1), Err("a")];
        assert_eq!(entries, expected);
    }

    #[test]
    fn a_log_line_has_every_cause() {
        let inner = StoreError::corrupt("no such table");
        let outer = StoreError::unavailable(inner);
        assert_eq!(
            outer.causes(),
            "the database returned invalid data: no such table"
        );
    }
}
