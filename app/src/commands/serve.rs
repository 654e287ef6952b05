//! `oi-server serve`, which is also `oi-server` alone.

use std::future::Future;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Common, Serve};
use crate::logging;

pub(crate) async fn run(serve: Serve, common: Common) -> anyhow::Result<()> {
    logging::start(&common)?;
    // Before anything else, so that a signal during the start is not lost.
    let stop = stop_signal()?;
    if common.database_url.has_password() && std::env::var_os("DATABASE_URL").is_none() {
        tracing::warn!("a password in --database-url can be read by others; use DATABASE_URL");
    }
    let config = serve.config(common);
    if !config.listen.ip().is_loopback() {
        tracing::warn!("tokens travel in the clear over plain HTTP: put TLS in front of this port");
    }
    let app = super::open(config).await?;
    if !app.users.any().await? {
        tracing::warn!(
            "this instance has no users yet; create the first administrator with \
             `oi-server bootstrap --email EMAIL --name NAME`"
        );
    }
    let listener = app.listen().await?;
    app.serve(listener, stop).await;
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
