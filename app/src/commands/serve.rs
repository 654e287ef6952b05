//! `oi-server serve`, which is also `oi-server` alone.

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
    // Before anything else, so that a signal during the start is not lost.
    let stop = stop_signal()?;
    if common.database_url.has_password() && std::env::var_os("DATABASE_URL").is_none() {
        tracing::warn!("a password in --database-url can be read by others; use DATABASE_URL");
    }
    let mut config = serve.config(common);
    config.connections.max = open_files::allow(config.connections.max);
    if !config.listen.ip().is_loopback() {
        tracing::warn!("tokens travel in the clear over plain HTTP: put TLS in front of this port");
    }
    if config
        .metrics_listen
        .is_some_and(|address| !address.ip().is_loopback())
    {
        tracing::warn!("whoever reaches the metrics' port sees them: keep it to the monitoring");
    }
    let app = super::open(config).await?;
    app.report_readiness().await;
    let listener = app.listen()?;
    let monitoring = app.listen_for_monitoring()?;
    if !app.users.any().await? {
        welcome(&app, listener.local_addr().ok()).await?;
    }
    app.serve(listener, monitoring, stop).await;
    Ok(())
}

/// Tells whoever starts an instance without users how to become its first administrator. The link
/// is a secret and goes to their terminal, not into the log.
async fn welcome(app: &App, address: Option<SocketAddr>) -> anyhow::Result<()> {
    tracing::warn!(
        "this instance has no users yet; open the one-time link on standard output, or run \
         `oi-server bootstrap --email EMAIL --name NAME`"
    );
    let invite = match app.invites.first_admin().await {
        Ok(invite) => invite,
        // Somebody was quicker.
        Err(InviteError::EmailTaken) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let url = app.settings(address).invite_link(&invite.secret);
    let mut out = std::io::stdout().lock();
    // A closed standard output must not keep a server from starting.
    let _ = writeln!(
        out,
        "\nThis instance has no users yet. Whoever opens this link becomes its first administrator:\n\n  \
         {}\n\nIt can be used once, until {}; another start prints another one.\n",
        *url, invite.invite.expires_at
    );
    let _ = out.flush();
    Ok(())
}

fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
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
