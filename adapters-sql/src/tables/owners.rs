//! The table of owners of tokens. The database keeps the row of each user up to date by itself.

use openindex_domain::Damaged;
use openindex_domain::user::{Owner, UserId};

use crate::row::get;
use crate::rows::{self, OWNER_COLUMNS};
use crate::schema::INSERT_OWNER;
use crate::{Database, Result, Statement, Tx};

/// Returns the owner, and whether they have or had an account.
pub(crate) async fn with_account<D: Database>(
    tx: &mut Tx<'_, D>,
    id: UserId,
) -> Result<Option<(Owner, bool)>> {
    let statement = Statement::new(format!(
        "SELECT {OWNER_COLUMNS}, o.account FROM owners o WHERE o.id = $1"
    ));
    let read = |row: &D::Row| Ok((rows::owner(row, id)?, get::<i64>(row, "account")? != 0));
    let read =
        |row: &D::Row| read(row).map_err(|column| Damaged::new("owners", &id, column).into());
    tx.one(statement.bind(id), read).await
}

pub(crate) async fn by_id<D: Database>(tx: &mut Tx<'_, D>, id: UserId) -> Result<Option<Owner>> {
    Ok(with_account(tx, id).await?.map(|(owner, _)| owner))
}

/// Returns the statement that inserts an owner without an account, or replaces one.
pub(crate) fn replaced(owner: &Owner) -> Statement {
    let profile = owner.profile.as_ref();
    let mut statement = Statement::new(INSERT_OWNER.as_str())
        .bind(owner.id)
        .bind(owner.role.as_str())
        .bind(i64::from(owner.active))
        .bind(0_i64)
        .bind(profile.map(|profile| profile.email.as_str()))
        .bind(profile.map(|profile| profile.name.as_str()));
    statement.push(
        " ON CONFLICT (id) DO UPDATE SET role = excluded.role, active = excluded.active, \
         email = excluded.email, name = excluded.name WHERE owners.account = 0",
    );
    statement
}
