//! Used forms: each form creates one thing at most.

use openindex_domain::audit::Subject;
use openindex_domain::clock::Timestamp;
use openindex_domain::form::SentForm;
use openindex_domain::{Damaged, DamagedColumn, StoreError};
use sqlx::PgConnection;

use crate::error::store_error;

/// Records the use of a form inside the transaction of its change. Returns what the form created if
/// it was used before; then nothing is written.
pub(crate) async fn record_use(
    connection: &mut PgConnection,
    form: &SentForm,
    now: Timestamp,
) -> Result<Option<Subject>, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO used_forms (id, made, used_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(form.id.uuid())
    .bind(form.created.to_string())
    .bind(now.to_datetime())
    .execute(&mut *connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    if inserted == 1 {
        return Ok(None);
    }
    let made: String = sqlx::query_scalar("SELECT made FROM used_forms WHERE id = $1")
        .bind(form.id.uuid())
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    let damaged = || Damaged::new("used_forms", &form.id, DamagedColumn("made"));
    made.parse().map(Some).map_err(|_| damaged().into())
}

/// Deletes the records of forms used before the given time and returns their number.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    used_before: Timestamp,
) -> Result<u64, StoreError> {
    Ok(sqlx::query("DELETE FROM used_forms WHERE used_at < $1")
        .bind(used_before.to_datetime())
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected())
}
