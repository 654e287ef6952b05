//! The table of what a user is told at the next sign-in.

use openindex_domain::StoreError;
use openindex_domain::user::{DismissNotices, Notice, UserId};

use crate::rows;
use crate::{Database, Statement, Tx};

/// Returns a user's notices without damaged ones.
pub(crate) async fn of_user<D: Database>(
    tx: &mut Tx<'_, D>,
    user: UserId,
) -> Result<Vec<Notice>, StoreError> {
    let statement = Statement::new(
        "SELECT token, token_name, at, client_address, revoked FROM notices WHERE user_id = $1",
    );
    let found = tx.rows(statement.bind(user)).await?;
    let mut notices: Vec<Notice> = found
        .iter()
        .map(rows::notice)
        .filter_map(Result::ok)
        .collect();
    Notice::sort(&mut notices);
    Ok(notices)
}

/// Writes a notice; the owner of a damaged token may not exist.
pub(crate) async fn insert<D: Database>(
    tx: &mut Tx<'_, D>,
    user: UserId,
    notice: &Notice,
) -> Result<(), StoreError> {
    let about = &notice.about;
    let statement = Statement::new(
        "INSERT INTO notices (user_id, token, token_name, at, client_address, revoked) \
         SELECT id, $2, $3, $4, $5, $6 FROM users WHERE id = $1",
    )
    .bind(user)
    .bind(about.id())
    .bind(about.token_name())
    .bind(notice.at)
    .bind(about.client_address().map(|from| from.to_string()))
    .bind(about.revoked().map(u64::cast_signed));
    tx.execute(statement).await?;
    Ok(())
}

/// Deletes the dismissed notices and returns their number.
pub(crate) async fn dismiss<D: Database>(
    tx: &mut Tx<'_, D>,
    change: &DismissNotices,
) -> Result<u64, StoreError> {
    let statement = Statement::new(
        "DELETE FROM notices WHERE user_id = $1 AND at <= $2 \
         AND (token NOT LIKE 'lnk%' OR $3 IS NULL OR at < $3)",
    )
    .bind(change.user)
    .bind(change.up_to)
    .bind(change.signed_in_at);
    tx.execute(statement).await
}
