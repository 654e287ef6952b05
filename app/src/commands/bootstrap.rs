//! `oi-server bootstrap`.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use openindex_adapters_http::server::bootstrapped;
use openindex_adapters_system::{check_stdout, settle_stdout};
use openindex_app::App;
use openindex_domain::audit::RequestContext;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{TokenName, TokenWithSecret};
use openindex_domain::user::{BootstrapError, Bootstrapped, Email, PersonName};

use crate::args::{Bootstrap, Common};

use super::sign_in_link_command;

pub(crate) async fn run(bootstrap: Bootstrap, common: Common) -> anyhow::Result<()> {
    let email = Email::parse(&bootstrap.email).map_err(|error| anyhow!("--email {error}"))?;
    let name = PersonName::parse(&bootstrap.name).map_err(|error| anyhow!("--name {error}"))?;
    check_stdout().context("cannot write to standard output; nothing was changed")?;
    let sign_in = |email: &Email| sign_in_link_command(email, &common, &bootstrap.server);
    let is_guess = bootstrap.server.is_guess();
    let config = bootstrap.server.clone().config(common.clone())?;
    let app = super::open(config).await?;
    let created = app
        .use_cases
        .users
        .bootstrap(email.clone(), name, TokenName::parse("bootstrap")?)
        .await;
    let created = match created {
        Ok(created) => created,
        Err(error @ BootstrapError::InstanceHasUsers) => {
            let admin = app.use_cases.users.administrator(&email).await;
            app.close().await;
            let next = match admin {
                Ok(Some(admin)) => format!("To sign in as {admin}, run: {}", sign_in(&admin)),
                _ => "To list users, run: oi settings admin users list".to_owned(),
            };
            return Err(anyhow!(
                "{error}, so nothing was changed. Existing tokens keep working. {next}"
            ));
        }
        Err(error) => {
            app.close().await;
            return Err(error.into());
        }
    };
    let settings = app.settings(None);
    let shown = show(
        &bootstrap,
        &created,
        &settings.public_url,
        app.use_cases.tokens.now(),
    );
    if let Err(error) = shown {
        let revoked = revoke(&app, &created.issued).await;
        app.close().await;
        let email = &created.user.email;
        let token = created.issued.token.id;
        let outcome = match revoked {
            Ok(()) => "was revoked".to_owned(),
            Err(error) => format!("is still active because it could not be revoked ({error})"),
        };
        return Err(error.context(format!(
            "the administrator {email} was created, but their token could not be printed; token \
             {token} {outcome}. To sign in, run: {}",
            sign_in(email)
        )));
    }
    app.close().await;
    if is_guess && !bootstrap.json && !bootstrap.token_only {
        let _ = writeln!(
            std::io::stderr(),
            "\nIf the server is not at {}, edit the address in the command.",
            settings.public_url
        );
    }
    Ok(())
}

/// Revokes a token that could not be printed, on behalf of its owner.
async fn revoke(app: &App, issued: &TokenWithSecret) -> anyhow::Result<()> {
    let principal = app.use_cases.tokens.verify(issued.secret.expose()).await?;
    let context = RequestContext::default();
    app.use_cases
        .tokens
        .revoke(&principal, issued.token.id, &context)
        .await?;
    Ok(())
}

/// Prints the token, and syncs standard output if it is a file.
fn show(
    bootstrap: &Bootstrap,
    created: &Bootstrapped,
    app_url: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    let secret = created.issued.secret.expose();
    let mut out = std::io::stdout().lock();
    if bootstrap.json {
        serde_json::to_writer(&mut out, &bootstrapped(created, now))?;
        writeln!(out)?;
    } else if bootstrap.token_only {
        writeln!(out, "{secret}")?;
    } else {
        let user = &created.user;
        writeln!(
            out,
            "Created administrator {} <{}> with this admin token:\n\n  {secret}\n\nCopy it now: \
             it is not stored and cannot be shown again. To use it with the oi CLI, run this and \
             paste the token:\n\n  oi profile set --app-url {app_url} --token -",
            user.name, user.email
        )?;
    }
    out.flush()?;
    Ok(settle_stdout()?)
}
