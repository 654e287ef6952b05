//! Reloading the configuration when the process gets SIGHUP.

use std::ffi::OsString;
use std::thread;

use openindex_app::{DatabaseUrl, Reloader};
use openindex_command_line::redact;
use tokio::signal::unix::Signal;
use tokio::sync::oneshot;

use crate::args::Common;
use crate::logging;
use crate::settings::{self, Settings, Shown};

/// The settings that change at once, by their names in the file. Others are fixed when the server
/// starts.
const RELOADED: [&str; 5] = [
    "log",
    "public_url",
    "trusted_proxies",
    "cors_origins",
    "max_requests_in_progress",
];

/// The settings of a running server, and what changes them.
pub(crate) struct Reload {
    typed: Vec<OsString>,
    settings: Vec<Shown>,
    database_url: DatabaseUrl,
    logging: logging::Reload,
    app: Reloader,
}

impl Reload {
    /// `typed`, `settings` and `common` are those that the server was started with.
    pub(crate) fn new(
        typed: &[OsString],
        settings: &Settings,
        common: &Common,
        logging: logging::Reload,
        app: Reloader,
    ) -> Self {
        Self {
            typed: typed.to_vec(),
            settings: settings.shown(common),
            database_url: common.database_url.clone(),
            logging,
            app,
        }
    }

    /// Reloads at each signal.
    pub(crate) async fn at_each(mut self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            if let Err(reason) = self.reload().await {
                let reason = redact(&reason);
                tracing::error!(%reason, "cannot reload the configuration; the current one stays");
            }
        }
    }

    async fn reload(&mut self) -> Result<(), String> {
        // A file can be a pipe, or on a file system that does not answer: a thread waits for it.
        let (sender, parsed) = oneshot::channel();
        let typed = self.typed.clone();
        thread::spawn(move || {
            let _ = sender.send(settings::parse(&typed));
        });
        let parsed = parsed.await.map_err(|error| error.to_string())?;
        let (args, settings) = parsed.map_err(|error| reason(&error))?;
        let (serve, common) = args.into_serve();
        if let Some(exposure) = &common.exposure {
            tracing::warn!("{exposure}");
        }
        let (mut changed, mut fixed) = (Vec::new(), Vec::new());
        let shown = settings.shown(&common);
        // The same settings in the same order.
        for (current, new) in self.settings.iter().zip(&shown) {
            let is_changed = match &*new.key {
                // The shown one lacks a password.
                "database_url" => common.database_url != self.database_url,
                _ => new.values != current.values,
            };
            if is_changed && RELOADED.contains(&&*new.key) {
                changed.push(new.key.clone());
            } else if is_changed {
                fixed.push(new.key.clone());
            }
        }
        if !fixed.is_empty() {
            // A restart would fail.
            settings::check(&serve, &common).map_err(|error| format!("{error:#}"))?;
        }
        let logged = self.logging.apply(&common);
        logged.map_err(|error| error.to_string())?;
        self.app.reload(serve.config(common)).await;
        for (current, new) in self.settings.iter_mut().zip(shown) {
            if changed.contains(&new.key) {
                *current = new;
            }
        }
        if changed.is_empty() && fixed.is_empty() {
            tracing::info!("configuration reloaded; nothing changed");
        } else if !changed.is_empty() {
            tracing::info!(changed = changed.join(", "), "configuration reloaded");
        }
        if !fixed.is_empty() {
            tracing::warn!(
                settings = fixed.join(", "),
                "restart the server to change these settings"
            );
        }
        Ok(())
    }
}

/// Returns what is wrong, without the usage that follows it.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
