//! `oi-server migrate`.

use std::io::Write as _;

use openindex_app::Config;

use crate::args::Common;

pub(crate) async fn run(common: Common) -> anyhow::Result<()> {
    let app = super::open(Config::on(common.database_url)).await?;
    app.close().await;
    writeln!(std::io::stdout(), "The database schema is up to date.")?;
    Ok(())
}
