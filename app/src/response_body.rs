//! A response body that reports its progress to its connection's slot.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use crate::connections::Slot;

/// A response body. The response ends when the body is dropped, whether or not it was sent whole.
pub(crate) struct ResponseBody {
    body: Body,
    slot: Arc<Slot>,
    is_polled: bool,
    /// When the response began, if hyper has not waited for anything since: most bodies are one
    /// frame, for which the clock is read once.
    begun: Option<Instant>,
}

impl ResponseBody {
    pub(crate) fn new(body: Body, slot: Arc<Slot>) -> Self {
        Self {
            begun: Some(slot.restart_response_timeout()),
            is_polled: false,
            body,
            slot,
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // hyper polls for more once the client has read what was there.
        if std::mem::replace(&mut self.is_polled, true) {
            self.begun = None;
            self.slot.restart_response_timeout();
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() {
            self.begun = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let now = self.begun.unwrap_or_else(Instant::now);
        self.slot.end_response(now);
    }
}
