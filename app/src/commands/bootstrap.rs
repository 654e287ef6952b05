//! `oi-server bootstrap`.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use openindex_adapters_http::server::bootstrapped;
use openindex_app::Config;
use openindex_domain::token::TokenName;
use openindex_domain::user::{BootstrapError, Email, PersonName};

use crate::args::{Bootstrap, Common};

pub(crate) async fn run(bootstrap: Bootstrap, common: Common) -> anyhow::Result<()> {
    let email = Email::parse(&bootstrap.email).map_err(|error| anyhow!("--email {error}"))?;
    let name = PersonName::parse(&bootstrap.name).map_err(|error| anyhow!("--name {error}"))?;
    let app = super::open(Config::on(common.database_url)).await?;
    let created = app
        .users
        .bootstrap(email, name, TokenName::parse("bootstrap")?)
        .await;
    app.close().await;
    let created = match created {
        Ok(created) => created,
        Err(error @ BootstrapError::InstanceHasUsers) => {
            return Err(error).context("bootstrap is only for an instance without users");
        }
        Err(error) => return Err(error.into()),
    };
    let secret = created.issued.secret.expose();
    let mut out = std::io::stdout().lock();
    if bootstrap.json {
        serde_json::to_writer(&mut out, &bootstrapped(&created, app.tokens.now()))?;
        writeln!(out)?;
    } else if bootstrap.token_only {
        writeln!(out, "{secret}")?;
    } else {
        let user = &created.user;
        writeln!(
            out,
            "Created the administrator {} <{}>.\n\n  {secret}\n\nThis is their token, with the scope \
             admin. It is shown this once: keep it now.\nThe oi command takes it with:\n\n  oi profile set \
             --app-url http://127.0.0.1:8080 --token -",
            user.name, user.email
        )?;
    }
    Ok(())
}
