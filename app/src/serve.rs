//! The accept loop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use openindex_adapters_http::server::{PeerAddress, Stopping, Unserved};
use openindex_adapters_system::SystemClock;
use openindex_domain::clock::Clock as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::connections::{Slot, Slots};
use crate::listen::{Listener, Stream};
use crate::metrics::DropReason;
use crate::on_wake::OnWake;
use crate::request_body::RequestBody;
use crate::response_body::ResponseBody;
use crate::tls::Acceptors;
use crate::wire::Wire;

/// hyper stops reading larger heads, and [`Wire`] replaces its bare 431 by a problem document. The
/// limit for accepted heads is lower: 16 KiB.
const HEAD_BUFFER_BYTES: u32 = 64 * 1024;
/// Maximum number of requests in progress on one HTTP/2 connection. Each can have a body in memory.
const MAX_STREAMS: u32 = 32;
/// Maximum number of clients that receive a 503 at once for want of a slot; others are disconnected
/// without a response.
const MAX_REJECTIONS: usize = 64;
/// Maximum time for a rejected client to read its response, and before that for its handshake.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after a failed accept, such as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections with the newest router until `stop` resolves, then waits up to `drain_for`
/// for requests in progress. With `tls`, every connection begins with a handshake.
pub(crate) async fn accept(
    listener: Listener,
    tls: Option<Acceptors>,
    router: watch::Receiver<Router>,
    slots: Slots,
    unserved: Unserved,
    stop: impl Future<Output = ()> + Send,
    drain_for: Duration,
) {
    let protocols = Protocols::new();
    let connections = GracefulShutdown::new();
    let rejections = Arc::new(Semaphore::new(MAX_REJECTIONS));
    let (set_stopping, stopping) = watch::channel(false);
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
                tracing::warn!(%error, "accept failed");
                slots.evict();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let slot = tokio::select! {
            () = &mut stop => break,
            slot = slots.acquire() => slot,
        };
        let Some(slot) = slot else {
            // Without a permit, the stream is dropped, which closes it without a response.
            if let Ok(permit) = rejections.clone().try_acquire_owned() {
                let unserved = unserved.clone();
                let tls = tls.as_ref().map(|tls| tls.http1.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    let secured = timeout(REJECTION_TIMEOUT, secure(stream, tls, &unserved)).await;
                    if let Ok(Ok(Some(stream))) = secured {
                        reject(stream, &unserved.connection_limit_reached()).await;
                    }
                });
            }
            continue;
        };
        let tls = tls.as_ref().map(|tls| tls.any.clone());
        let peer = PeerAddress(peer);
        let service = service(router.clone(), peer, stopping.clone(), slot.clone());
        let (protocols, unserved) = (protocols.clone(), unserved.clone());
        let (watcher, stopping) = (connections.watcher(), stopping.clone());
        tokio::spawn(async move {
            let ended = pin!(end(&slot, stopping.clone()));
            let slot = slot.clone();
            let served = async {
                match secure(stream, tls, &unserved).await {
                    Ok(Some(stream)) => {
                        let served =
                            protocols.serve(stream, slot, unserved, service, watcher, stopping);
                        served.await;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::debug!(%error, "TLS handshake failed"),
                }
            };
            tokio::select! {
                // First, so that a head that it rejects is responded to at once.
                biased;
                () = OnWake::new(ended) => {}
                () = served => {}
            }
        });
    }
    drop(listener);
    let drain_seconds = drain_for.as_secs();
    tracing::info!(drain_seconds, "stopping, waiting for requests in progress");
    let _ = set_stopping.send(true);
    if timeout(drain_for, connections.shutdown()).await.is_err() {
        tracing::warn!(
            drain_seconds,
            "requests or their responses did not finish in time and were aborted"
        );
    }
}

/// How connections are served: HTTP/1.1, or HTTP/2 if a client chooses it in its handshake.
#[derive(Clone)]
struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    fn new() -> Self {
        let mut http1 = http1::Builder::new();
        // `Slot` has the timeouts, since it distinguishes slow clients from silent ones.
        // A client that has closed its sending side (TCP half-close) still waits for its response.
        http1
            .header_read_timeout(None)
            .half_close(true)
            .max_header_size(HEAD_BUFFER_BYTES as usize);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(HEAD_BUFFER_BYTES);
        Self { http1, http2 }
    }

    async fn serve<S>(
        self,
        stream: Stream,
        slot: Arc<Slot>,
        unserved: Unserved,
        service: S,
        watcher: Watcher,
        stopping: Stopping,
    ) where
        S: HttpService<Incoming, ResBody = ResponseBody, Error = Infallible>,
        S: Send + 'static,
        S::Future: Send + 'static,
    {
        let served = if stream.is_http2() {
            let connection = self.http2.serve_connection(TokioIo::new(stream), service);
            // Boxed, because few connections have its size.
            let mut connection = Box::pin(connection);
            let served = tokio::select! {
                served = &mut connection => Some(served),
                () = stopping.begun() => None,
                () = slot.never_idle() => None,
            };
            let served = if let Some(served) = served {
                served
            } else {
                // GOAWAY (RFC 9113 §6.8): requests in progress end, and others need another
                // connection.
                connection.as_mut().graceful_shutdown();
                connection.await
            };
            // Until now, a server that stops waits for this connection.
            drop(watcher);
            served
        } else {
            let wire = Wire::new(stream, slot, unserved);
            let connection = self.http1.serve_connection(TokioIo::new(wire), service);
            watcher.watch(connection).await
        };
        if let Err(error) = served {
            tracing::debug!(%error, "connection ended early");
        }
    }
}

/// Returns the stream after the handshake, if there is TLS. Responds to a client that speaks plain
/// HTTP instead, and then returns `None`.
async fn secure(
    stream: Stream,
    tls: Option<TlsAcceptor>,
    unserved: &Unserved,
) -> io::Result<Option<Stream>> {
    let (stream, tls) = match (stream, tls) {
        (Stream::Tcp(stream), Some(tls)) => (stream, tls),
        (stream, _) => return Ok(Some(stream)),
    };
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        reject(
            Stream::Tcp(stream),
            &unserved.tls_required(SystemClock.now()),
        )
        .await;
        return Ok(None);
    }
    let stream = tls.accept(stream).await?;
    Ok(Some(Stream::Tls(Box::new(stream))))
}
/// Resolves when the server must end a connection.
async fn end(slot: &Slot, stopping: Stopping) {
    let mut stopped = pin!(slot.stopped(stopping));
    loop {
        let cut = tokio::select! {
            () = &mut stopped => return,
            cut = slot.must_close() => cut,
        };
        tracing::debug!(reason = cut.as_str(), "connection closed by the server");
        // A late head gets a 408 before the connection closes.
        if cut != DropReason::HeadTimeout || !slot.reject_head() {
            return;
        }
    }
}

/// Returns the service for the requests of one connection.
fn service(
    router: watch::Receiver<Router>,
    peer: PeerAddress,
    stopping: Stopping,
    slot: Arc<Slot>,
) -> impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible, Future: Send + 'static> + Send
{
    service_fn(move |mut request: Request<Incoming>| {
        let (router, slot) = (router.borrow().clone(), slot.clone());
        // Stopping interrupts a request only while its body is still arriving.
        if !request.body().is_end_stream() {
            request.extensions_mut().insert(stopping.clone());
        }
        async move {
            let Some(in_progress) = slot.begin_request() else {
                // The connection is closing, which drops this future.
                return std::future::pending().await;
            };
            request.extensions_mut().insert(peer);
            let is_http2 = request.version() == Version::HTTP_2;
            let request = request.map(|body| RequestBody::new(body, is_http2));
            let response = router.oneshot(request).await?;
            // `Connection: close` means that part of the request was not read.
            if response.headers().contains_key(header::CONNECTION) {
                in_progress.slot().linger();
            }
            Ok(response.map(|body| ResponseBody::new(body, in_progress)))
        }
    })
}

/// Sends a whole response to a client without reading its request.
async fn reject(mut stream: Stream, response: &[u8]) {
    let rejected = async {
        stream.write_all(response).await?;
        stream.shutdown().await?;
        // Closing with unread data would reset the connection, and the client might never see the
        // response.
        let mut discarded = [0; 1024];
        while stream.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(REJECTION_TIMEOUT, rejected).await;
}

#[cfg(test)]
mod tests;
