//! `oi-server openapi`.

use std::io::Write as _;

pub(crate) fn run() -> anyhow::Result<()> {
    let document = openindex_adapters_http::server::openapi().to_pretty_json()?;
    writeln!(std::io::stdout(), "{document}")?;
    Ok(())
}
