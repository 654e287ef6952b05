//! `oi-server grants`.

use std::io::Write as _;

use openindex_adapters_postgres::grants;

use crate::args::Grants;

pub(crate) fn run(command: &Grants) -> anyhow::Result<()> {
    let with_work_items = true;
    let sql = grants(&command.role, &command.schema, with_work_items);
    write!(std::io::stdout(), "{sql}")?;
    Ok(())
}
