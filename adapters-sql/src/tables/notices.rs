//! The table of what a user is told at the next sign-in.

use openindex_domain::user::{DismissNotices, Notice, UserId};

use crate::rows;
use crate::{Database, Result, Statement, Tx};

/// Returns a user's notices without damaged ones.
pub(crate) async fn of_user<D: Database>(tx: &mut Tx<'_, D>, user: UserId) -> Result<Vec<Notice>> {
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

/// Writes notices for users; the owner of a damaged token may not exist.
pub(crate) async fn insert_all<D: Database>(
    tx: &mut Tx<'_, D>,
    notices: &[(UserId, Notice)],
) -> Result<()> {
    for batch in notices.chunks(D::MAX_ROWS) {
        let mut query = Statement::new(
            "INSERT INTO notices (user_id, token, token_name, at, client_address, revoked) \
             SELECT users.id, n.column2, n.column3, n.column4, n.column5, n.column6 FROM (",
        );
        D::push_rows(&mut query, batch, |(user, notice)| {
            let about = &notice.about;
            let from = about.client_address().map(|from| from.to_string());
            [
                (*user).into(),
                about.id().into(),
                about.token_name().into(),
                notice.at.into(),
                from.into(),
                about.revoked().map(u64::cast_signed).into(),
            ]
        });
        query.push(") AS n JOIN users ON users.id = n.column1");
        tx.execute(query).await?;
    }
    Ok(())
}

/// Deletes the dismissed notices and returns their number.
pub(crate) async fn dismiss<D: Database>(
    tx: &mut Tx<'_, D>,
    change: &DismissNotices,
) -> Result<u64> {
    let statement = Statement::new(
        "DELETE FROM notices WHERE user_id = $1 AND at <= $2 \
         AND (token NOT LIKE 'lnk%' OR $3 IS NULL OR at < $3)",
    )
    .bind(change.user)
    .bind(change.up_to)
    .bind(change.signed_in_at);
    tx.affected(statement).await
}

pub(crate) async fn delete_all_of<D: Database>(tx: &mut Tx<'_, D>, user: UserId) -> Result<()> {
    tx.execute(Statement::new("DELETE FROM notices WHERE user_id = $1").bind(user))
        .await
}
