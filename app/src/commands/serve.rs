//! `oi-server serve`, the default command.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use openindex_app::{App, ListenAddress, Passed};
use openindex_domain::invite::InviteError;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Common, Serve};
use crate::reload::Reload;
use crate::settings::{Settings, warnings};
use crate::traces::{self, Traces};
use crate::{logging, open_files};

pub(crate) async fn run(
    serve: Serve,
    common: Common,
    settings: &Settings,
    typed: &[OsString],
    hangup: Option<Signal>,
) -> anyhow::Result<()> {
    // The store logs the warnings.
    crate::settings::check(&serve, &common)?;
    let traces = serve.otlp_endpoint.as_deref().map(Traces::start);
    let traces = traces
        .transpose()
        .context("cannot start; check --otlp-endpoint (OPENINDEX_OTLP_ENDPOINT)")?;
    let logging = logging::start(&common, traces.as_ref())?;
    // First, so that a signal during startup is not lost.
    let stop = super::stop_signal()?;
    let reload = |app| Reload::new(typed, settings, &common, logging, app);
    for warning in warnings(&serve, &common) {
        tracing::warn!("{warning}");
    }
    if let Some(traces) = &traces {
        tracing::info!(url = traces.url(), "traces are exported");
    }
    let passed = Passed::from_environment().context("cannot start; check the units")?;
    if let Some(listener) = &passed.api
        && let Some(contradiction) = serve.contradiction(listener.address())
    {
        bail!("cannot start; {contradiction}");
    }
    let mut config = serve.config(common.clone());
    config.spans = traces.is_some().then(traces::request_spans);
    config.connections.max = open_files::allow(config.connections.max);
    let has_tls = config.tls.is_some();
    let app = super::open(config).await?;
    app.report_readiness().await;
    let listener = match passed.api {
        Some(listener) => listener,
        None => app
            .listen()
            .context("cannot start; check --listen (OPENINDEX_LISTEN)")?,
    };
    let metrics = match passed.metrics {
        Some(listener) => Some(listener),
        None => app
            .listen_for_metrics()
            .context("cannot start; check --metrics-listen (OPENINDEX_METRICS_LISTEN)")?,
    };
    if !has_tls && is_reachable(listener.address()) {
        tracing::warn!(
            "plain HTTP on a non-loopback address; set --tls-cert and --tls-key, or terminate TLS \
             in front of it, to protect tokens"
        );
    }
    if metrics
        .as_ref()
        .is_some_and(|it| is_reachable(it.address()))
    {
        tracing::warn!(
            "metrics listen on a non-loopback address; restrict access to your monitoring network"
        );
    }
    if !app.use_cases.users.any().await? {
        welcome(&app, listener.address()).await?;
    }
    if let Some(hangup) = hangup {
        tokio::spawn(reload(app.reloader()).at_each(hangup));
    }
    // Clients can connect from now on. A unit of systemd counts as started (`Type=notify`).
    // As in systemd, an empty NOTIFY_SOCKET counts as unset.
    if std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty())
        && let Err(error) = sd_notify::notify(&[NotifyState::Ready])
    {
        tracing::warn!(%error, "cannot tell the service manager (NOTIFY_SOCKET) of the start");
    }
    app.serve(listener, metrics, stop).await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    Ok(())
}

/// Returns whether other machines can connect.
fn is_reachable(address: &ListenAddress) -> bool {
    matches!(address, ListenAddress::Tcp(address) if !address.ip().is_loopback())
}

/// Prints a link for creating the first administrator of an instance without users. The link is a
/// secret, so it goes to standard output and not to the log.
async fn welcome(app: &App, address: &ListenAddress) -> anyhow::Result<()> {
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
    let url = app.settings(Some(address)).invite_link(&invite.secret);
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

/// Returns the signal that reloads the configuration. It ends the process until this is called, so
/// do that first. `None` for other commands, and on a terminal, which sends it when it closes: that
/// ends the server.
pub(crate) fn hangup_signal(typed: &[OsString]) -> anyhow::Result<Option<Signal>> {
    let command = typed.get(1).map(|word| word.to_string_lossy());
    let is_served = command.is_none_or(|word| word == "serve" || word.starts_with('-'));
    if !is_served || std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let hangup = signal(SignalKind::hangup()).context("cannot install signal handlers")?;
    Ok(Some(hangup))
}
