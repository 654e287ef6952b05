use std::any::Any;
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Common, LogFormat};
use crate::traces::Traces;

/// Changes what is logged.
pub(crate) struct Reload(Box<Apply>);

type Apply = dyn Fn(&Common) -> anyhow::Result<()> + Send;

impl Reload {
    /// Logs what the filter selects from now on.
    pub(crate) fn apply(&self, common: &Common) -> anyhow::Result<()> {
        (self.0)(common)
    }
}

/// Starts logging to standard error, as text on a terminal and as JSON lines elsewhere unless set.
/// With traces, all our spans are recorded, whatever the filter of the log.
pub(crate) fn start(common: &Common, traces: Option<&Traces>) -> anyhow::Result<Reload> {
    let has_traces = traces.is_some();
    let recorded = move |common: &Common| Recorded::new(common, has_traces);
    let filter = recorded(common)?;
    let (lines, reload_lines) = reload::Layer::new(lines(common, &filter));
    let (filter, reload_filter) = reload::Layer::new(filter);
    // Filters apply to the whole subscriber: a filter on one layer loses the line that follows a
    // library's check whether a level is enabled, such as sqlx's.
    tracing_subscriber::registry()
        .with(filter)
        .with(capped())
        .with(traces.map(Traces::layer))
        .with(lines)
        .init();
    std::panic::set_hook(Box::new(report_panic));
    Ok(Reload(Box::new(move |common| {
        let filter = recorded(common)?;
        reload_lines.reload(self::lines(common, &filter))?;
        reload_filter.reload(filter)?;
        Ok(())
    })))
}

/// What is recorded: what the operator's filter selects, and all spans if they are exported.
struct Recorded {
    filter: EnvFilter,
    has_traces: bool,
}

impl Recorded {
    fn new(common: &Common, has_traces: bool) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_new(&common.log);
        let filter = filter.context("--log (OPENINDEX_LOG) is not a valid filter")?;
        Ok(Self { filter, has_traces })
    }

    fn is_exported(&self, metadata: &Metadata<'_>) -> bool {
        self.has_traces && metadata.is_span() && *metadata.level() <= Level::DEBUG
    }
}

impl<S: Subscriber> Layer<S> for Recorded {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = Layer::<S>::register_callsite(&self.filter, metadata);
        if self.is_exported(metadata) {
            return Interest::always();
        }
        interest
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.is_exported(metadata) || self.filter.enabled(metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let hint = Layer::<S>::max_level_hint(&self.filter);
        if self.has_traces {
            return hint.map(|hint| hint.max(LevelFilter::DEBUG));
        }
        hint
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.filter.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        Layer::on_record(&self.filter, id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        Layer::on_enter(&self.filter, id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        Layer::on_exit(&self.filter, id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        Layer::on_close(&self.filter, id, context);
    }
}

/// Returns what writes the lines that the filter selects.
fn lines<S>(common: &Common, recorded: &Recorded) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let terminal = std::io::stderr().is_terminal();
    let format = common.log_format.unwrap_or(if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let detailed = recorded.filter.max_level_hint() >= Some(LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_span_events(if detailed {
            FmtSpan::CLOSE
        } else {
            FmtSpan::NONE
        })
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            // Otherwise also at the end of the list of spans, which has the request's id in every
            // line. A span that ends is no longer in that list.
            .with_current_span(detailed)
            .boxed(),
        LogFormat::Text => lines.boxed(),
    }
}

/// Returns the cap on the operator's filter: libraries log raw requests, statements and bytes,
/// including one-time codes and passwords, so only their warnings and errors are logged, whatever
/// the filter says. Our own log lines contain no secret at any level.
fn capped() -> Targets {
    Targets::new()
        .with_target("openindex_", LevelFilter::TRACE)
        .with_target("oi_server", LevelFilter::TRACE)
        .with_default(LevelFilter::WARN)
}

/// Logs the location of a panic. Its message is logged only if it is a literal: a formatted one may
/// quote what a client sent.
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
    fn only_our_own_lines_are_logged_below_warn() {
        let capped = capped();
        let is_logged = |target, level| capped.would_enable(target, &level);
        for target in [
            "openindex_app::serve",
            "openindex_adapters_http::server",
            "oi_server",
        ] {
            assert!(is_logged(target, tracing::Level::TRACE), "{target}");
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
            assert!(is_logged(target, tracing::Level::WARN), "{target}");
            assert!(!is_logged(target, tracing::Level::INFO), "{target}");
        }
    }

    #[test]
    fn a_message_that_may_quote_a_request_is_not_logged() {
        let text = String::from("byte 3 is not a char boundary of oi_pat_…");
        assert_eq!(literal(&text), "(not logged)");
        assert_eq!(literal(&"a fault"), "a fault");
    }
}
