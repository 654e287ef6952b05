//! The table of used forms: each form creates one thing at most.

use openindex_domain::audit::Subject;
use openindex_domain::clock::Timestamp;
use openindex_domain::form::SentForm;
use openindex_domain::{Damaged, DamagedColumn};

use crate::row::parse;
use crate::{Database, Result, Statement, Tx};

/// Records the use of a form. Returns what the form created if it was used before; then nothing is
/// written.
pub(crate) async fn record_use<D: Database>(
    tx: &mut Tx<'_, D>,
    form: &SentForm,
    now: Timestamp,
) -> Result<Option<Subject>> {
    let statement = Statement::new(
        "INSERT INTO used_forms (id, made, used_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(form.id.uuid())
    .bind(form.created.to_string())
    .bind(now);
    if tx.affected(statement).await? == 1 {
        return Ok(None);
    }
    let statement = Statement::new("SELECT made FROM used_forms WHERE id = $1");
    let row = tx.row(statement.bind(form.id.uuid())).await?;
    let made = row.as_ref().map(|row| parse(row, "made"));
    let made = made.unwrap_or(Err(DamagedColumn("made"))).map(Some);
    made.map_err(|column| Damaged::new("used_forms", &form.id, column).into())
}

/// Deletes the records of forms used before the given time and returns their number.
pub(crate) async fn purge<D: Database>(tx: &mut Tx<'_, D>, used_before: Timestamp) -> Result<u64> {
    let delete = "DELETE FROM used_forms WHERE used_at < $1";
    tx.affected(Statement::new(delete).bind(used_before)).await
}
