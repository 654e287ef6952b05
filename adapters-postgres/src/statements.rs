//! Rows and parameters as the driver has them.

use openindex_adapters_sql::driver::{self, DriverQuery};
use openindex_adapters_sql::{Row, Statement, Value, read_columns};
use openindex_domain::clock::Timestamp;
use openindex_domain::{DamagedColumn, StoreError};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Type};
use time::OffsetDateTime;
use uuid::Uuid;

/// From 1970 to 2000, PostgreSQL's epoch.
pub(crate) const EPOCH_MILLIS: i64 = 946_684_800_000;

/// A row of PostgreSQL.
pub struct PgRow(pub(crate) sqlx::postgres::PgRow);

impl Row for PgRow {
    read_columns! { uuid: Uuid, text: &str, bytes: &[u8] }

    fn integer(&self, column: &'static str) -> Result<Option<i64>, DamagedColumn> {
        Ok(driver::get(&self.0, column)?.map(|Integer(number)| number))
    }

    fn millis(&self, column: &'static str) -> Result<Option<i64>, DamagedColumn> {
        Ok(driver::get(&self.0, column)?.map(|Millis(millis)| millis))
    }

    fn any_uuid(&self, column: &'static str) -> Uuid {
        self.uuid(column).ok().flatten().unwrap_or_default()
    }
}

/// A number from an integer column of any width.
struct Integer(i64);

impl Type<Postgres> for Integer {
    fn type_info() -> PgTypeInfo {
        <i64 as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <i64 as Type<Postgres>>::compatible(ty)
            || <i32 as Type<Postgres>>::compatible(ty)
            || <i16 as Type<Postgres>>::compatible(ty)
    }
}

impl<'r> Decode<'r, Postgres> for Integer {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        // Decodes any width.
        Ok(Self(Decode::<Postgres>::decode(value)?))
    }
}

/// Milliseconds since 1970 of a `timestamptz`. The driver's own conversion panics for `infinity`
/// and for years outside its calendar.
struct Millis(i64);

impl Type<Postgres> for Millis {
    fn type_info() -> PgTypeInfo {
        <OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Millis {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let micros: i64 = Decode::<Postgres>::decode(value)?;
        Ok(Self(micros.div_euclid(1_000) + EPOCH_MILLIS))
    }
}

/// Returns the driver's query.
pub(crate) fn query(statement: Statement) -> Result<DriverQuery<Postgres>, StoreError> {
    driver::query(statement, |query, value| {
        Ok(match value {
            Value::Time(at) => query.bind(at.map(Timestamp::to_datetime)),
            Value::Uuids(ids) => query.bind(ids),
            Value::Texts(texts) => query.bind(texts),
            Value::Digests(digests) => {
                let bytes = digests.iter().map(|digest| digest.as_bytes().to_vec());
                query.bind(bytes.collect::<Vec<Vec<u8>>>())
            }
            Value::Column(values) => bind_column(query, values)?,
            _ => return Err(StoreError::corrupt("a parameter that is no list")),
        })
    })
}

/// Binds an array. All of its values are of the first one's variant.
fn bind_column(
    query: DriverQuery<Postgres>,
    values: Vec<Value>,
) -> Result<DriverQuery<Postgres>, StoreError> {
    macro_rules! bind {
        ($variant:ident as |$value:ident| $converted:expr) => {{
            let values = values.into_iter().map(|value| match value {
                Value::$variant($value) => Ok($converted),
                _ => Err(StoreError::corrupt("values of one column differ in type")),
            });
            query.bind(values.collect::<Result<Vec<_>, _>>()?)
        }};
    }
    Ok(match values.first() {
        Some(Value::Uuid(_)) => bind!(Uuid as |id| id),
        Some(Value::Time(_)) => bind!(Time as |at| at.map(Timestamp::to_datetime)),
        Some(Value::Integer(_)) => bind!(Integer as |number| number),
        Some(Value::Bytes(_)) => bind!(Bytes as |bytes| bytes),
        _ => bind!(Text as |text| text),
    })
}
