//! The stream of a client, below HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use openindex_adapters_http::server::Unserved;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::connections::Slot;
use crate::listen::Stream;

/// Maximum time that the server reads and discards what a client sends after its last response.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// Maximum number of bytes discarded in that time.
pub(crate) const MAX_DISCARDED_BYTES: usize = 1024 * 1024;

/// The first bytes of a client that speaks HTTP/2 without negotiating it. hyper would close the
/// connection without a response.
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What hyper reads after a head that timed out: an end that makes it unparsable, wherever the
/// client stopped.
const INVALID_END: &[u8] = b"\0\r\n\r\n";

/// A client's stream, with three differences from a plain one:
///
/// - hyper's bare response to a head that it cannot parse is replaced by a problem document.
/// - A head that hyper would accept and this server rejects is made unparsable.
/// - A close lingers: closing while the client still sends would reset the connection, and the
///   client might never see the response.
pub(crate) struct Wire {
    stream: Stream,
    slot: Arc<Slot>,
    unserved: Unserved,
    /// The rest of the problem document that replaces hyper's response.
    replacement: Option<Vec<u8>>,
    is_invalidated: bool,
    lingering: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

impl Wire {
    pub(crate) fn new(stream: Stream, slot: Arc<Slot>, unserved: Unserved) -> Self {
        Self {
            stream,
            slot,
            unserved,
            replacement: None,
            is_invalidated: false,
            lingering: None,
            discarded: 0,
        }
    }

    /// Replaces the one response that hyper writes without a request before it closes.
    fn replace(&mut self, bare: &[u8]) {
        if self.replacement.is_none() {
            self.replacement = Some(if self.slot.is_late() {
                self.unserved.head_too_slow(bare)
            } else {
                self.unserved.invalid_head(bare)
            });
            self.slot.linger();
        }
    }

    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.replacement.as_mut().filter(|left| !left.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            left.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self
            .lingering
            .get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut buffer = [0; 4096];
        loop {
            let mut unread = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {
                    self.discarded += unread.filled().len();
                    if self.discarded > MAX_DISCARDED_BYTES {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return deadline.as_mut().poll(cx),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.slot.is_late() && !self.is_invalidated {
            self.is_invalidated = true;
            buffer.put_slice(INVALID_END);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if !self.slot.is_in_request() {
            let read = &mut buffer.filled_mut()[before..];
            // RFC 9112 §2.2: an empty line before a request is not part of it.
            let start = read.iter().position(|byte| !b"\r\n".contains(byte));
            if let Some(start) = start
                && self.slot.head_begins()
                && must_be_rejected(&read[start..])
            {
                // A NUL byte is invalid in a method.
                read[start] = 0;
            }
        }
        polled
    }
}

/// Returns whether a head is the HTTP/2 preface, or has a target with a fragment, which hyper would
/// drop (RFC 9112 §3.2).
fn must_be_rejected(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.trim_ascii_end();
    // An incomplete line may be part of a head that a client pipelined.
    let is_complete = [&b" HTTP/1.1"[..], b" HTTP/1.0"]
        .iter()
        .any(|version| line.ends_with(version));
    head.starts_with(HTTP_2_PREFACE) || (is_complete && line.contains(&b'#'))
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.slot.is_in_request() {
            return Pin::new(&mut self.stream).poll_write(cx, buffer);
        }
        self.replace(buffer);
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.slot.is_in_request() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        }
        let bytes: Vec<u8> = buffers
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.replace(&bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.slot.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_replacement(cx))?;
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.slot.lingers() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
