//! The accept loop, and what happens beside it.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use openindex_adapters_http::server::PeerAddress;
use openindex_domain::StoreError;
use openindex_domain::attempt::Attempts;
use openindex_domain::session::Sessions;
use openindex_domain::token::Tokens;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tower::ServiceExt as _;

/// A client that has not sent a request's head by then is disconnected; so is an idle one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Heads up to this size are read in order to be refused with a proper answer (the limit itself is
/// 16 KiB); larger ones get a bare 431.
const HEAD_BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait after the system refused a connection, for want of file descriptors say,
/// before asking for the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often what is over is forgotten: old tombstones, sessions, links and attempts.
const PURGE_EVERY: Duration = Duration::from_hours(1);

/// Serves connections until `stop` resolves, then waits for the requests in progress, at most
/// `drain_for`.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send,
    drain_for: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BUFFER_BYTES);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // Answers are small and written whole; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let peer = PeerAddress(peer.ip());
        let service = router
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            });
        let service = TowerToHyperService::new(service);
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping; requests in progress may finish");
    if tokio::time::timeout(drain_for, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Writes last-used times every `flush_every` and forgets what is over every hour, for ever.
pub(crate) async fn upkeep(
    tokens: Tokens,
    sessions: Sessions,
    attempts: Attempts,
    flush_every: Duration,
) {
    let mut flushes = interval(flush_every);
    flushes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut purges = interval(PURGE_EVERY);
    purges.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = flushes.tick() => flush(&tokens).await,
            _ = purges.tick() => {
                report("tombstones", tokens.purge_tombstones().await);
                report("sessions and links", sessions.purge().await);
                report("attempts", attempts.purge(tokens.now()).await);
            }
        }
    }
}

fn report(what: &str, purged: Result<u64, StoreError>) {
    match purged {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, what, "what is over was forgotten"),
        Err(error) => warn(&error, "what is over was not forgotten"),
    }
}

/// Writes the last-used times that are in memory.
pub(crate) async fn flush(tokens: &Tokens) {
    if let Err(error) = tokens.flush_last_used().await {
        warn(&error, "last-used times were not written");
    }
}

fn warn(error: &dyn std::error::Error, message: &str) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(%error, cause, message);
}
