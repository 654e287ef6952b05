//! A response body that reports its progress to its connection's slot.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::connections::InProgress;

/// A response body. The request ends when the body is dropped, whether or not it was sent whole.
pub(crate) struct ResponseBody {
    body: Body,
    request: InProgress,
    is_polled: bool,
}

impl ResponseBody {
    pub(crate) fn new(body: Body, mut request: InProgress) -> Self {
        request.begin_response();
        Self {
            body,
            request,
            is_polled: false,
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
            self.request.continue_response();
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() {
            self.request.waits();
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
