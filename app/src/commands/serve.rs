//! `oi-server serve`, the default command.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use openindex_app::App;
use openindex_domain::invite::InviteError;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Common, Serve};
use crate::{logging, open_files};

pub(crate) async fn run(serve: Serve, common: Common) -> anyhow::Result<()> {
    logging::start(&common)?;
    // First, so that a signal during startup is not lost.
    let stop = stop_signal()?;
    if let Some(exposure) = &common.exposure {
        tracing::warn!("{exposure}");
    }
    let mut config = serve.config(common);
    config.connections.max = open_files::allow(config.connections.max);
    if !config.listen.ip().is_loopback() {
        tracing::warn!(
            "plain HTTP on a non-loopback address; terminate TLS in front of it to protect tokens"
        );
    }
    if config
        .metrics_listen
        .is_some_and(|address| !address.ip().is_loopback())
    {
        tracing::warn!(
            "metrics listen on a non-loopback address; restrict access to your monitoring network"
        );
    }
    let app = super::open(config).await?;
    app.report_readiness().await;
    let listener = app
        .listen()
        .context("cannot start; check --listen (OPENINDEX_LISTEN)")?;
    let metrics = app
        .listen_for_metrics()
        .context("cannot start; check --metrics-listen (OPENINDEX_METRICS_LISTEN)")?;
    if !app.use_cases.users.any().await? {
        welcome(&app, listener.local_addr().ok()).await?;
    }
    app.serve(listener, metrics, stop).await;
    Ok(())
}

/// Prints a link for creating the first administrator of an instance without users. The link is a
/// secret, so it goes to standard output and not to the log.
async fn welcome(app: &App, address: Option<SocketAddr>) -> anyhow::Result<()> {
    tracing::warn!(
        "no users yet; open the one-time link on standard output, or run \
         `oi-server bootstrap --email EMAIL --name NAME`"
    );
    let invite = match app.use_cases.invites.first_admin().await {
        Ok(invite) => invite,
        // The first user was created in the meantime.
        Err(InviteError::EmailTaken) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let url = app.settings(address).invite_link(&invite.secret);
    let mut out = std::io::stdout().lock();
    // A closed standard output must not prevent startup.
    let _ = writeln!(
        out,
        "\nThis instance has no users yet. Open this link to create the first administrator:\n\n  \
         {}\n\nAnyone with the link can use it. It works once, until {}. Restarting the server \
         prints a new link.\n",
        *url, invite.invite.expires_at
    );
    let _ = out.flush();
    Ok(())
}

fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let listen = |kind| signal(kind).context("cannot install signal handlers");
    let (mut terminate, mut interrupt): (Signal, Signal) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
