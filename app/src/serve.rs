//! The accept loop, and what happens beside it.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{Request, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use openindex_adapters_http::server::{DropReason, PeerAddress, Stopping, Unserved, outage};
use openindex_domain::rate_limit::RateLimits;
use openindex_domain::session::Sessions;
use openindex_domain::token::{PURGE_BATCH, Tokens};
use openindex_domain::{StoreError, StoreHealth};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};
use tower::ServiceExt as _;

use crate::answer::Answer;
use crate::connections::{Place, Places};
use crate::wire::Wire;

/// Larger heads are not read to their end: [`Wire`] puts a problem in the place of hyper's bare 431.
/// The limit itself is 16 KiB.
const HEAD_BUFFER_BYTES: usize = 64 * 1024;
/// How many connections the system may keep until they are accepted, if its own limit
/// (`net.core.somaxconn`) allows: as many as may come at once without waiting a second for
/// another try.
const BACKLOG: u32 = 4096;
/// How many clients are told at once that there is no place; others are disconnected without a word.
const REFUSALS: usize = 64;
/// How long a client that was told so may take to read it.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to wait after the system refused a connection, for want of file descriptors say,
/// before asking for the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often what is over is purged: old tokens, sessions, links and attempts.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked whether an outage of the store is over.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// How many times as long as a batch of a purge took the next one is put off.
const PURGE_PAUSE: u32 = 4;

/// Takes an address.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for the connections of the last process to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `stop` resolves, then waits for the requests in progress, at most
/// `drain_for`.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    places: Places,
    unserved: Unserved,
    stop: impl Future<Output = ()> + Send,
    drain_for: Duration,
) {
    let mut http = http1::Builder::new();
    // Who is too slow, or silent, is the business of `Place`, which tells the one from the other.
    // A client may have nothing more to say (TCP half-close), and still waits for its response.
    http.header_read_timeout(None)
        .half_close(true)
        .max_header_size(HEAD_BUFFER_BYTES);
    let connections = GracefulShutdown::new();
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let (say_stopping, stopping) = watch::channel(false);
    let stopping = Stopping::new(stopping);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                places.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = tokio::select! {
            () = &mut stop => break,
            place = places.take() => place,
        };
        let Some(place) = place else {
            // Without a permit, the stream is dropped: closed without a word.
            if let Ok(permit) = refusals.clone().try_acquire_owned() {
                tokio::spawn(refuse(stream, unserved.clone(), permit));
            }
            continue;
        };
        // Answers are small and written whole; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let peer = PeerAddress(peer.ip());
        let service = service(router.clone(), peer, stopping.clone(), place.clone());
        let wire = Wire::new(stream, place.clone(), unserved.clone());
        let connection = connections.watch(http.serve_connection(TokioIo::new(wire), service));
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let mut stopped = pin!(place.stopped(stopping));
            loop {
                tokio::select! {
                    served = &mut connection => {
                        if let Err(error) = served {
                            tracing::debug!(%error, "a connection ended early");
                        }
                        break;
                    }
                    () = &mut stopped => break,
                    cut = place.over() => {
                        tracing::debug!(reason = cut.as_str(), "a connection was cut");
                        // The connection goes on for as long as it takes to say so.
                        if cut != DropReason::HeadTimeout || !place.reject_head() {
                            break;
                        }
                    }
                }
            }
        });
    }
    drop(listener);
    tracing::info!("stopping; requests in progress may finish");
    let _ = say_stopping.send(true);
    if tokio::time::timeout(drain_for, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Answers the requests of one connection.
fn service(
    router: Router,
    peer: PeerAddress,
    stopping: Stopping,
    place: Arc<Place>,
) -> impl HttpService<Incoming, ResBody = Answer, Error = Infallible, Future: Send> {
    service_fn(move |mut request: Request<Incoming>| {
        let (router, place) = (router.clone(), place.clone());
        // Only what is still arriving can be cut short.
        if !request.body().is_end_stream() {
            request.extensions_mut().insert(stopping.clone());
        }
        async move {
            if !place.begin() {
                // The connection is being closed, and with it this future.
                return std::future::pending().await;
            }
            request.extensions_mut().insert(peer);
            let response = router.oneshot(request).await?;
            // Something of the request was not read.
            if response.headers().contains_key(header::CONNECTION) {
                place.linger();
            }
            Ok(response.map(|body| Answer::new(body, place)))
        }
    })
}

/// Tells a client that there is no place for it, whatever it wants.
async fn refuse(mut stream: TcpStream, unserved: Unserved, _permit: OwnedSemaphorePermit) {
    let told = async {
        stream
            .write_all(&unserved.connection_limit_reached())
            .await?;
        stream.shutdown().await?;
        // Closing with something unread would reset the connection, and the client might never see
        // what it was told.
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, told).await;
}

/// Writes last-used times every `flush_every` and purges what is over every hour, for ever. A purge
/// can take minutes, and no flush waits for it.
pub(crate) async fn maintenance(
    tokens: Tokens,
    sessions: Sessions,
    rate_limits: RateLimits,
    health: Arc<dyn StoreHealth>,
    flush_every: Duration,
) {
    let flushes = every(flush_every, || flush(&tokens));
    let purges = every(PURGE_EVERY, || async {
        report("tokens", purge_tokens(&tokens).await);
        report("sessions and links", sessions.purge().await);
        report("rate_limits", rate_limits.purge(tokens.now()).await);
    });
    let watches = every(WATCH_EVERY, || outage::watch(&*health));
    tokio::join!(flushes, purges, watches);
}

async fn every<F: Future<Output = ()>>(period: Duration, act: impl Fn() -> F) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        act().await;
    }
}

/// Purges batch after batch. The pauses leave the store to requests for most of the time, however
/// many tokens have ended.
async fn purge_tokens(tokens: &Tokens) -> Result<u64, StoreError> {
    let mut purged = 0;
    loop {
        let begun = Instant::now();
        let batch = tokens.purge_ended().await?;
        purged += batch;
        if batch < u64::from(PURGE_BATCH) {
            return Ok(purged);
        }
        tokio::time::sleep(begun.elapsed() * PURGE_PAUSE).await;
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
        outage::report(&error, "last-used times");
    }
}

/// Logs an error and its cause.
pub(crate) fn warn(error: &StoreError, message: &str) {
    tracing::warn!(%error, cause = error.causes(), message);
}

#[cfg(test)]
mod tests;
