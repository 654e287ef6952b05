use std::any::Any;
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Common, LogFormat};

/// Sends the log to standard error: lines of JSON for machines, of text for a terminal.
pub(crate) fn start(common: &Common) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(&common.log).context("--log (OPENINDEX_LOG) is not a filter")?;
    let terminal = std::io::stderr().is_terminal();
    let format = common.log_format.unwrap_or(if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    let lines = match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => lines.boxed(),
    };
    // Of the whole subscriber, not of one layer: a filter of a layer loses the line after a library
    // asks whether a level is enabled, as sqlx does.
    tracing_subscriber::registry()
        .with(filter)
        .with(capped())
        .with(lines)
        .init();
    std::panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// Returns the cap on the operator's filter: libraries log requests, statements and bytes as they
/// are, one-time codes and passwords included, so they are heard from the level `warn` on, whatever
/// the filter says. What we log ourselves holds no secret at any level.
fn capped() -> Targets {
    Targets::new()
        .with_target("openindex_", LevelFilter::TRACE)
        .with_target("oi_server", LevelFilter::TRACE)
        .with_default(LevelFilter::WARN)
}

/// Logs where a panic was. A message that was put together at run time may quote what a client
/// sent, so only a literal one is logged.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, cause = literal(panic.payload()), "panicked");
}

fn literal(payload: &(dyn Any + Send)) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(not logged)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_lines_are_heard_below_a_warning() {
        let capped = capped();
        let is_heard = |target, level| capped.would_enable(target, &level);
        for target in [
            "openindex_app::serve",
            "openindex_adapters_http::server",
            "oi_server",
        ] {
            assert!(is_heard(target, tracing::Level::TRACE), "{target}");
        }
        for target in [
            "hyper::proto",
            "h2",
            "tower_http",
            "sqlx::query",
            "axum",
            "rustls",
            "log",
        ] {
            assert!(is_heard(target, tracing::Level::WARN), "{target}");
            assert!(!is_heard(target, tracing::Level::INFO), "{target}");
        }
    }

    #[test]
    fn a_message_that_may_quote_a_request_is_not_logged() {
        let text = String::from("byte 3 is not a char boundary of oi_pat_…");
        assert_eq!(literal(&text), "(not logged)");
        assert_eq!(literal(&"a fault"), "a fault");
    }
}
