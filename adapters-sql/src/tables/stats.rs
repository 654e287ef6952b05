//! Counts of users, tokens and invites.

use openindex_domain::StoreError;
use openindex_domain::admin_tokens::Stats;
use openindex_domain::clock::Timestamp;

use crate::rows;
use crate::{Database, Result, Statement, Tx};

/// One statement, so that all counts are from the same moment. A deleted user is an owner with an
/// account and without a name.
const STATS: &str = "SELECT * FROM \
     (SELECT count(*) FILTER (WHERE active = 1) AS users_active, \
             count(*) FILTER (WHERE active = 0) AS users_suspended, \
             count(*) FILTER (WHERE active = 1 AND role = 'admin') AS admins_active \
      FROM owners WHERE account = 0 OR name IS NOT NULL) AS o, \
     (SELECT count(*) FILTER (WHERE expires_at IS NULL OR expires_at > $1) AS tokens_live, \
             count(*) FILTER (WHERE (expires_at IS NULL OR expires_at > $1) \
                              AND scope = 'admin') AS tokens_live_admin, \
             count(*) FILTER (WHERE expires_at > $1 AND expires_at <= $2) AS tokens_expiring, \
             count(*) FILTER (WHERE expires_at <= $1) AS tokens_expired \
      FROM tokens WHERE kind = 'personal' AND revoked_at IS NULL) AS t, \
     (SELECT count(*) AS tokens_revoked \
      FROM tokens WHERE kind = 'personal' AND revoked_at IS NOT NULL) AS r, ";
const OPEN_INVITES: &str = "(SELECT count(*) AS invites_open FROM invites \
      WHERE claimed_at IS NULL AND withdrawn_at IS NULL AND expires_at > $1) AS i";

pub(crate) async fn read<D: Database>(
    tx: &mut Tx<'_, D>,
    now: Timestamp,
    has_accounts: bool,
) -> Result<Stats> {
    let invites = if has_accounts {
        OPEN_INVITES
    } else {
        "(SELECT 0 AS invites_open) AS i"
    };
    let statement = Statement::new(format!("{STATS}{invites}"));
    let statement = statement.bind(now).bind(Stats::expiring_until(now));
    let row = tx.row(statement).await?;
    rows::stats(&row.ok_or_else(|| StoreError::corrupt("no counts"))?)
}
