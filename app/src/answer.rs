//! An answer's body that tells its connection how it gets on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::connections::Place;

/// The body of an answer. When it is dropped, whole or not, the answer is over.
pub(crate) struct Answer {
    body: Body,
    place: Arc<Place>,
}

impl Answer {
    pub(crate) fn new(body: Body, place: Arc<Place>) -> Self {
        place.answer();
        Self { body, place }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // It is asked for more when the client has taken what there was.
        self.place.answer();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.place.rest();
    }
}
