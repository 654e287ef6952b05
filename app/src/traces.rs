//! Traces over OTLP: the spans of this process as spans of OpenTelemetry.
//!
//! Spans that have ended wait in a queue of limited length for a thread that exports them, so a
//! collector that is slow or down delays no request: further spans are dropped.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openindex_adapters_http::server::RequestSpans;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanEvents, SpanExporter};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

/// The name of the service, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` has another.
const SERVICE: &str = "openindex";
/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last export may take when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum size of a collector's response.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// How long failed exports are not logged again.
const QUIET: Duration = Duration::from_mins(1);

/// The export of spans to a collector.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    url: String,
}

/// The values of `OTEL_TRACES_SAMPLER` that the library has; it would use all traces for any other.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Fails if the variables of the sampler have a value that the library would replace with its
/// default.
pub(crate) fn check_sampler(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let Some(sampler) = variable("OTEL_TRACES_SAMPLER") else {
        return Ok(());
    };
    if !SAMPLERS.contains(&&*sampler) {
        bail!("OTEL_TRACES_SAMPLER must be one of {}", SAMPLERS.join(", "));
    }
    let ratio = variable("OTEL_TRACES_SAMPLER_ARG").and_then(|text| text.parse().ok());
    let is_ratio = ratio.is_some_and(|ratio: f64| (0.0..=1.0).contains(&ratio));
    if sampler.ends_with("traceidratio") && !is_ratio {
        bail!(
            "OTEL_TRACES_SAMPLER={sampler} requires OTEL_TRACES_SAMPLER_ARG, a number from 0 to 1"
        );
    }
    Ok(())
}

impl Traces {
    /// Starts exporting to the collector at this base URL. Nothing is sent before a span ends.
    pub(crate) fn start(endpoint: &str) -> anyhow::Result<Self> {
        let url = format!("{endpoint}/v1/traces");
        let reason = Arc::default();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(Arc::clone(&reason))?)
            .with_endpoint(&url)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let mut resource = Resource::builder().with_attribute(version);
        let named = Resource::builder().build();
        let name = named.get(&Key::from_static_str("service.name"));
        if name.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
            resource = resource.with_service_name(SERVICE);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(Reported {
                exporter,
                url: url.clone(),
                reason,
                failures: Mutex::default(),
            })
            .build();
        Ok(Self { provider, url })
    }

    /// Returns the URL that spans are sent to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the layer that passes spans on.
    pub(crate) fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("oi-server"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_error_events_to_status(false)
    }

    /// Exports what is left, for a few seconds at most.
    pub(crate) async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || {
            // Errors were reported by the exporter.
            let _ = self.provider.shutdown_with_timeout(STOP_TIMEOUT);
        });
        let _ = timeout(STOP_TIMEOUT * 2, stopped).await;
    }
}

/// Gives the spans of requests the trace that the client is in.
#[derive(Debug, Default)]
pub(crate) struct TracedRequests {
    propagator: TraceContextPropagator,
}

impl RequestSpans for TracedRequests {
    fn begun(&self, span: &Span, headers: &HeaderMap) -> Option<String> {
        let headers = HeaderExtractor(headers);
        let parent = self
            .propagator
            .extract_with_context(&Context::new(), &headers);
        span.set_parent(parent).ok()?;
        let context = span.context();
        let context = context.span().span_context().clone();
        context.is_valid().then(|| context.trace_id().to_string())
    }

    fn ended(&self, span: &Span, route: Option<&str>, status: StatusCode) {
        if let Some(route) = route {
            span.set_attribute("http.route", route.to_owned());
        }
        span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
    }
}

/// The HTTP client for the collector.
struct Collector {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    runtime: Handle,
    reason: Reason,
}

/// Why the last request failed, which the library replaces with "network error".
type Reason = Arc<Mutex<Option<String>>>;

impl Collector {
    fn new(reason: Reason) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(EXPORT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("no root certificates")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            runtime: Handle::current(),
            reason,
        })
    }

    fn set_reason(&self, reason: Option<String>) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// Returns the error with its causes.
fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (**error).source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.client.request(request.map(Body::from));
        let exchange = async move {
            let (head, body) = response.await?.into_parts();
            let body = to_bytes(Body::new(body), MAX_RESPONSE_BYTES).await?;
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        // The thread that exports is not one of the runtime's.
        let exchange = self
            .runtime
            .spawn(async { timeout(EXPORT_TIMEOUT, exchange).await });
        let response = match exchange.await? {
            Ok(response) => response,
            Err(_) => Err(format!("no response within {} s", EXPORT_TIMEOUT.as_secs()).into()),
        };
        self.set_reason(response.as_ref().err().map(|error| causes(&**error)));
        response
    }
}

/// Exports spans with only the names and attributes that [`describe`] selects, and logs failures.
#[derive(Debug)]
struct Reported {
    exporter: opentelemetry_otlp::SpanExporter,
    url: String,
    reason: Reason,
    failures: Mutex<Failures>,
}

impl SpanExporter for Reported {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(describe);
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        if let Err(error) = &exported {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(lost) = failures.count(spans, Instant::now()) {
                let reason = self
                    .reason
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                let cause = reason.unwrap_or_else(|| error.to_string());
                tracing::warn!(spans = lost, url = self.url, cause, "traces not exported");
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The spans that could not be exported since the last line of the log.
#[derive(Debug, Default)]
struct Failures {
    logged_at: Option<Instant>,
    spans: usize,
}

impl Failures {
    /// Counts lost spans, and returns how many to log; `None` if a line was logged recently.
    fn count(&mut self, spans: usize, now: Instant) -> Option<usize> {
        self.spans += spans;
        if self
            .logged_at
            .is_some_and(|at| now.duration_since(at) < QUIET)
        {
            return None;
        }
        self.logged_at = Some(now);
        Some(std::mem::take(&mut self.spans))
    }
}

/// The attributes that are exported, by the name of the span: the field in this process, and the
/// attribute. All others stay here.
const EXPORTED: [(&str, &[(&str, &str)]); 4] = [
    (
        "request",
        &[
            ("id", "openindex.request_id"),
            ("method", "http.request.method"),
            ("http.route", "http.route"),
            ("http.response.status_code", "http.response.status_code"),
        ],
    ),
    ("use case", &[("operation", "openindex.operation")]),
    (
        "store call",
        &[
            ("port", "openindex.port"),
            ("method", "openindex.method"),
            ("call", "openindex.call"),
        ],
    ),
    (
        "lookup batch",
        &[
            ("keys", "openindex.keys"),
            ("requests", "openindex.requests"),
            ("outcome", "openindex.outcome"),
        ],
    ),
];

/// Gives a span the name and the attributes by which it is exported. Lines of the log are no part
/// of it: they have the id of the trace.
fn describe(span: &mut SpanData) {
    span.events = SpanEvents::default();
    let known = EXPORTED.iter().find(|(name, _)| *name == span.name);
    let fields = known.map_or(&[][..], |(_, fields)| *fields);
    let attributes = std::mem::take(&mut span.attributes);
    let attribute = |field: &str| attributes.iter().find(|it| it.key.as_str() == field);
    let text = |field| attribute(field).map(|it| it.value.as_str().into_owned());
    let name = match &*span.name {
        "request" => text("method").map(|method| match text("http.route") {
            Some(route) => format!("{method} {route}"),
            None => method,
        }),
        "use case" => text("operation"),
        "store call" => text("port")
            .zip(text("method"))
            .map(|(port, it)| format!("{port}.{it}")),
        _ => None,
    };
    if span.name == "request" {
        span.span_kind = SpanKind::Server;
    }
    let exported = fields.iter().filter_map(|(field, name)| {
        let value = attribute(field)?.value.clone();
        Some(KeyValue::new(Key::from_static_str(name), value))
    });
    span.attributes = exported.collect();
    if let Some(name) = name {
        span.name = name.into();
    }
}

/// Returns what takes the trace of requests over.
pub(crate) fn request_spans() -> Arc<dyn RequestSpans> {
    Arc::new(TracedRequests::default())
}

#[cfg(test)]
mod tests {
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{Event, SpanContext, SpanId};
    use opentelemetry_sdk::trace::SpanLinks;

    use super::*;

    fn span(name: &'static str, attributes: &[(&'static str, &'static str)]) -> SpanData {
        let now = std::time::UNIX_EPOCH;
        let mut events = SpanEvents::default();
        events.events = vec![Event::with_name("user ada@example.com signed in")];
        let mut span = SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: now,
            end_time: now,
            attributes: attributes
                .iter()
                .map(|(key, value)| KeyValue::new(*key, *value))
                .collect(),
            dropped_attributes_count: 0,
            events,
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        };
        describe(&mut span);
        assert!(span.events.events.is_empty());
        span
    }

    #[test]
    fn only_what_is_listed_leaves_the_process() {
        let request = span(
            "request",
            &[
                ("id", "req_1"),
                ("method", "GET"),
                ("http.route", "/me"),
                ("email", "ada@example.com"),
                ("trace_id", "1"),
            ],
        );
        assert_eq!(request.name, "GET /me");
        assert_eq!(request.span_kind, SpanKind::Server);
        let keys: Vec<_> = request
            .attributes
            .iter()
            .map(|it| it.key.as_str())
            .collect();
        assert_eq!(
            keys,
            ["openindex.request_id", "http.request.method", "http.route"]
        );
        let call = span("store call", &[("port", "TokenStore"), ("method", "list")]);
        assert_eq!(call.name, "TokenStore.list");
        let other = span("other", &[("method", "GET"), ("id", "1")]);
        assert_eq!((&*other.name, other.attributes.len()), ("other", 0));
    }

    #[test]
    fn a_sampler_that_would_be_replaced_is_an_error() {
        let check = |sampler: &str, argument: &str| {
            check_sampler(|name| {
                let value = if name.ends_with("_ARG") {
                    argument
                } else {
                    sampler
                };
                (!value.is_empty()).then(|| value.to_owned())
            })
        };
        for (sampler, argument) in [
            ("", ""),
            ("", "x"),
            ("always_on", "x"),
            ("traceidratio", "0.01"),
            ("parentbased_traceidratio", "1"),
        ] {
            assert!(check(sampler, argument).is_ok(), "{sampler} {argument}");
        }
        for (sampler, argument) in [
            ("ratio", "0.1"),
            ("jaeger_remote", ""),
            ("traceidratio", ""),
            ("traceidratio", "1%"),
            ("parentbased_traceidratio", "1.5"),
            ("parentbased_traceidratio", "NaN"),
        ] {
            let error = check(sampler, argument).unwrap_err().to_string();
            assert!(error.contains("OTEL_TRACES_SAMPLER"), "{error}");
        }
    }

    #[test]
    fn lost_spans_are_logged_once_a_minute() {
        let mut failures = Failures::default();
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(failures.count(5, begun), Some(5));
        assert_eq!(failures.count(6, after(1)), None);
        assert_eq!(failures.count(7, after(59)), None);
        assert_eq!(failures.count(8, after(60)), Some(21));
        assert_eq!(failures.count(9, after(61)), None);
    }
}
