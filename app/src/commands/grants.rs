//! `oi-server grants`.

use std::io::Write as _;

use openindex_adapters_postgres::grants;

use crate::args::Grants;

pub(crate) fn run(command: &Grants) -> anyhow::Result<()> {
    // The server keeps work items.
    let sql = grants(&command.role, &command.schema, true);
    write!(std::io::stdout(), "{sql}")?;
    Ok(())
}
