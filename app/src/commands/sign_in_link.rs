//! `oi-server sign-in-link`.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use openindex_adapters_system::{check_stdout, settle_stdout};
use openindex_domain::audit::RequestContext;
use openindex_domain::session::{SessionError, SignInLinkUser};
use openindex_domain::user::Email;

use crate::args::{Common, SignInLink};

pub(crate) async fn run(link: SignInLink, common: Common) -> anyhow::Result<()> {
    let email = Email::parse(&link.email).map_err(|error| anyhow!("--email {error}"))?;
    let is_guess = link.server.is_guess();
    let config = link.server.config(common)?;
    check_stdout().context("cannot write to standard output; nothing was changed")?;
    let app = super::open_existing(config).await?;
    let subject = SignInLinkUser::ByOperator(&email);
    let created = app
        .use_cases
        .sessions
        .create_sign_in_link(subject, &RequestContext::default())
        .await;
    let settings = app.settings(None);
    app.close().await;
    let created = match created {
        Ok(created) => created,
        Err(SessionError::NotFound) => {
            return Err(anyhow!(
                "no active user has the email address {email}; to list users, run: oi settings \
                 admin users list"
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let url = settings.sign_in_link(&created.secret);
    writeln!(std::io::stdout(), "{}", *url)
        .and_then(|()| settle_stdout())
        .with_context(|| {
            format!(
                "the link {} could not be printed; run the command again to replace it",
                created.link.id
            )
        })?;
    writeln!(
        std::io::stderr(),
        "Anyone with this link can set a new password for {email}. It works once, until {}.",
        created.link.expires_at
    )?;
    if is_guess {
        writeln!(
            std::io::stderr(),
            "If users can't reach the server at {}, pass the same --public-url or --listen as the \
             server, or edit the address in the link.",
            settings.public_url
        )?;
    }
    Ok(())
}
