//! The accept loop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use openindex_adapters_http::server::{PeerAddress, Stopping, Unserved};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

use crate::connections::{Slot, Slots};
use crate::metrics::DropReason;
use crate::on_wake::OnWake;
use crate::response_body::ResponseBody;
use crate::wire::Wire;

/// hyper stops reading larger heads, and [`Wire`] replaces its bare 431 by a problem document. The
/// limit for accepted heads is lower: 16 KiB.
const HEAD_BUFFER_BYTES: usize = 64 * 1024;
/// Length of the system's accept queue, which `net.core.somaxconn` also limits. Clients beyond it
/// wait a second to retry.
const BACKLOG: u32 = 4096;
/// Maximum number of clients that receive a 503 at once for want of a slot; others are disconnected
/// without a response.
const MAX_REJECTIONS: usize = 64;
/// Maximum time for a rejected client to read its 503.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after a failed accept, such as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for the previous process's connections to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `stop` resolves, then waits up to `drain_for` for requests in progress.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    slots: Slots,
    unserved: Unserved,
    stop: impl Future<Output = ()> + Send,
    drain_for: Duration,
) {
    let mut http = http1::Builder::new();
    // `Slot` has the timeouts, since it distinguishes slow clients from silent ones.
    // A client that has closed its sending side (TCP half-close) still waits for its response.
    http.header_read_timeout(None)
        .half_close(true)
        .max_header_size(HEAD_BUFFER_BYTES);
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
                tokio::spawn(reject(stream, unserved.clone(), permit));
            }
            continue;
        };
        // Responses are small and written at once; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let peer = PeerAddress(peer.ip());
        let service = service(router.clone(), peer, stopping.clone(), slot.clone());
        let wire = Wire::new(stream, slot.clone(), unserved.clone());
        let connection = connections.watch(http.serve_connection(TokioIo::new(wire), service));
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let ended = pin!(end(&slot, stopping));
            tokio::select! {
                // First, so that a head that it rejects is responded to at once.
                biased;
                () = OnWake::new(ended) => {}
                served = connection => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "connection ended early");
                    }
                }
            }
        });
    }
    drop(listener);
    let drain_seconds = drain_for.as_secs();
    tracing::info!(drain_seconds, "stopping, waiting for requests in progress");
    let _ = set_stopping.send(true);
    if tokio::time::timeout(drain_for, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            drain_seconds,
            "requests did not finish in time and were aborted"
        );
    }
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
    router: Router,
    peer: PeerAddress,
    stopping: Stopping,
    slot: Arc<Slot>,
) -> impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible, Future: Send> {
    service_fn(move |mut request: Request<Incoming>| {
        let (router, slot) = (router.clone(), slot.clone());
        // Stopping interrupts a request only while its body is still arriving.
        if !request.body().is_end_stream() {
            request.extensions_mut().insert(stopping.clone());
        }
        async move {
            if !slot.begin_request() {
                // The connection is closing, which drops this future.
                return std::future::pending().await;
            }
            request.extensions_mut().insert(peer);
            let response = router.oneshot(request).await?;
            // `Connection: close` means that part of the request was not read.
            if response.headers().contains_key(header::CONNECTION) {
                slot.linger();
            }
            Ok(response.map(|body| ResponseBody::new(body, slot)))
        }
    })
}

/// Responds 503 to a client for which there is no slot, without reading its request.
async fn reject(mut stream: TcpStream, unserved: Unserved, _permit: OwnedSemaphorePermit) {
    let rejected = async {
        stream
            .write_all(&unserved.connection_limit_reached())
            .await?;
        stream.shutdown().await?;
        // Closing with unread data would reset the connection, and the client might never see the
        // response.
        let mut discarded = [0; 1024];
        while stream.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(REJECTION_TIMEOUT, rejected).await;
}

#[cfg(test)]
mod tests;
