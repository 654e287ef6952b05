//! A response body that reports its progress to its connection's slot.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::connections::Slot;

/// A response body. The response ends when the body is dropped, whether or not it was sent whole.
pub(crate) struct ResponseBody {
    body: Body,
    slot: Arc<Slot>,
}

impl ResponseBody {
    pub(crate) fn new(body: Body, slot: Arc<Slot>) -> Self {
        slot.restart_response_timeout();
        Self { body, slot }
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
        self.slot.restart_response_timeout();
        Pin::new(&mut self.body).poll_frame(cx)
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
        self.slot.end_response();
    }
}
