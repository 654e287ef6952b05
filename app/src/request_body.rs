//! A request body that is read to its end although nobody needs it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::wire::{LINGER, MAX_DISCARDED_BYTES};

/// The body of a request over HTTP/2, or, without any effect, over HTTP/1.1.
///
/// Dropped before its end, it is read further in the background within the limits that [`Wire`] has
/// for HTTP/1.1. Otherwise the server would reset the stream after its response (RFC 9113 §8.1), and
/// clients that are still sending can fail without the response, such as curl 7.88.
///
/// [`Wire`]: crate::wire::Wire
pub(crate) struct RequestBody {
    /// `Some` until it is dropped.
    body: Option<Incoming>,
    is_http2: bool,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, is_http2: bool) -> Self {
        Self {
            body: Some(body),
            is_http2,
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(unread), true, Ok(runtime)) = (unread, self.is_http2, Handle::try_current()) {
            runtime.spawn(timeout(LINGER, discard(unread)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut discarded = 0;
    while discarded <= MAX_DISCARDED_BYTES
        && let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
    {
        discarded += frame.data_ref().map_or(0, Bytes::len);
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}
