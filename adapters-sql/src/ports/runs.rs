//! The ends of agent runs in the changes that end them.

use openindex_domain::agent_run::EndedRuns;
use openindex_domain::token::RevocableTokens;

use crate::tables::{audit, tokens};
use crate::{Database, Result, Tx};

/// Writes the ends of runs and their audit events.
pub(super) async fn end<D: Database>(
    tx: &mut Tx<'_, D>,
    ended: &EndedRuns,
    read: &RevocableTokens,
) -> Result<()> {
    tokens::write_ends(tx, &ended.tokens, read).await?;
    audit::insert_all(tx, &ended.events).await
}
