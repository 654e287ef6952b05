//! `oi-server grants`.

use std::io::Write as _;

use openindex_adapters_postgres::{Parts, TablePrefix, grants};

use crate::args::Grants;

pub(crate) fn run(command: &Grants) -> anyhow::Result<()> {
    let prefix = TablePrefix::default();
    let sql = grants(&command.role, &command.schema, Parts::ALL, prefix);
    write!(std::io::stdout(), "{sql}")?;
    Ok(())
}
