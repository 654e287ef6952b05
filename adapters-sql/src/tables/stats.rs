//! Counts of users, tokens and invites.

use openindex_domain::StoreError;
use openindex_domain::admin_tokens::Stats;
use openindex_domain::clock::Timestamp;

use crate::rows;
use crate::{Database, Result, Statement, Tx};

/// One statement, so that all counts are from the same moment.
const STATS: &str = "SELECT * FROM \
     (SELECT count(*) FILTER (WHERE suspended_at IS NULL) AS users_active, \
             count(*) FILTER (WHERE suspended_at IS NOT NULL) AS users_suspended, \
             count(*) FILTER (WHERE suspended_at IS NULL AND role = 'admin') AS admins_active \
      FROM users WHERE deleted_at IS NULL) AS u, \
     (SELECT count(*) FILTER (WHERE expires_at IS NULL OR expires_at > $1) AS tokens_live, \
             count(*) FILTER (WHERE (expires_at IS NULL OR expires_at > $1) \
                              AND scope = 'admin') AS tokens_live_admin, \
             count(*) FILTER (WHERE expires_at <= $1) AS tokens_expired \
      FROM tokens WHERE kind = 'personal' AND revoked_at IS NULL) AS t, \
     (SELECT count(*) AS invites_open FROM invites \
      WHERE claimed_at IS NULL AND withdrawn_at IS NULL AND expires_at > $1) AS i";

pub(crate) async fn read<D: Database>(tx: &mut Tx<'_, D>, now: Timestamp) -> Result<Stats> {
    let row = tx.row(Statement::new(STATS).bind(now)).await?;
    rows::stats(&row.ok_or_else(|| StoreError::corrupt("no counts"))?)
}
