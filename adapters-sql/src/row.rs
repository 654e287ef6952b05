//! Columns of a row, whatever the database.

use std::str::FromStr;

use openindex_domain::DamagedColumn;
use openindex_domain::clock::Timestamp;
use uuid::Uuid;

/// A row of a result. Each method returns `Ok(None)` for NULL, and an error if there is no such
/// column or its value has another type.
pub trait Row {
    /// Returns a UUID.
    fn uuid(&self, column: &'static str) -> Result<Option<Uuid>, DamagedColumn>;

    /// Returns a text.
    fn text(&self, column: &'static str) -> Result<Option<&str>, DamagedColumn>;

    /// Returns bytes.
    fn bytes(&self, column: &'static str) -> Result<Option<&[u8]>, DamagedColumn>;

    /// Returns a number from an integer column of any width.
    fn integer(&self, column: &'static str) -> Result<Option<i64>, DamagedColumn>;

    /// Returns a time in milliseconds since 1970, in or outside the domain's range.
    fn millis(&self, column: &'static str) -> Result<Option<i64>, DamagedColumn>;

    /// Returns the id of a row that may be damaged, with the bytes that there are.
    fn any_uuid(&self, column: &'static str) -> Uuid;
}

/// Implements methods of [`Row`] for a tuple struct with the driver's row, with
/// [`driver::get`](crate::driver::get).
#[cfg(feature = "sqlx")]
#[macro_export]
macro_rules! read_columns {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(
            fn $method(&self, column: &'static str) -> Result<Option<$type>, DamagedColumn> {
                $crate::driver::get(&self.0, column)
            }
        )+
    };
}

/// A type that a column is read as.
pub(crate) trait Column<'r>: Sized {
    fn read(row: &'r impl Row, column: &'static str) -> Result<Option<Self>, DamagedColumn>;
}

macro_rules! columns {
    ($($type:ty => $method:ident;)*) => {
        $(
            impl<'r> Column<'r> for $type {
                fn read(
                    row: &'r impl Row,
                    column: &'static str,
                ) -> Result<Option<Self>, DamagedColumn> {
                    row.$method(column)
                }
            }
        )*
    };
}

columns! {
    Uuid => uuid;
    &'r str => text;
    &'r [u8] => bytes;
    i64 => integer;
}

pub(crate) fn optional<'r, T: Column<'r>>(
    row: &'r impl Row,
    column: &'static str,
) -> Result<Option<T>, DamagedColumn> {
    T::read(row, column)
}

pub(crate) fn get<'r, T: Column<'r>>(
    row: &'r impl Row,
    column: &'static str,
) -> Result<T, DamagedColumn> {
    optional(row, column)?.ok_or(DamagedColumn(column))
}

pub(crate) fn parse<T: FromStr>(row: &impl Row, column: &'static str) -> Result<T, DamagedColumn> {
    optional_parse(row, column)?.ok_or(DamagedColumn(column))
}

pub(crate) fn optional_parse<T: FromStr>(
    row: &impl Row,
    column: &'static str,
) -> Result<Option<T>, DamagedColumn> {
    let text = row.text(column)?.map(str::parse);
    text.transpose().map_err(|_| DamagedColumn(column))
}

/// Parses a text that statements compare with, so another spelling of the same value is damage.
pub(crate) fn optional_exact<T: FromStr + ToString>(
    row: &impl Row,
    column: &'static str,
) -> Result<Option<T>, DamagedColumn> {
    let parsed: Option<T> = optional_parse(row, column)?;
    if parsed.as_ref().map(T::to_string).as_deref() == row.text(column)? {
        Ok(parsed)
    } else {
        Err(DamagedColumn(column))
    }
}

pub(crate) fn instant(row: &impl Row, column: &'static str) -> Result<Timestamp, DamagedColumn> {
    optional_instant(row, column)?.ok_or(DamagedColumn(column))
}

pub(crate) fn optional_instant(
    row: &impl Row,
    column: &'static str,
) -> Result<Option<Timestamp>, DamagedColumn> {
    let Some(millis) = row.millis(column)? else {
        return Ok(None);
    };
    let at = Timestamp::from_unix_millis(millis).ok_or(DamagedColumn(column))?;
    Ok(Some(at))
}

/// Returns the nearest valid time; 1970 if it is unreadable.
pub(crate) fn any_instant(row: &impl Row, column: &'static str) -> Timestamp {
    let millis = row.millis(column).ok().flatten().unwrap_or_default();
    let millis = millis.clamp(0, Timestamp::MAX.unix_millis());
    Timestamp::from_unix_millis(millis).unwrap_or(Timestamp::MAX)
}
