//! `oi-server grants`.

use std::io::Write as _;

use openindex_adapters_postgres::{TablePrefix, grants};

use crate::args::Grants;

pub(crate) fn run(command: &Grants) -> anyhow::Result<()> {
    let with_work_items = true;
    let prefix = TablePrefix::default();
    let sql = grants(&command.role, &command.schema, with_work_items, prefix);
    write!(std::io::stdout(), "{sql}")?;
    Ok(())
}
