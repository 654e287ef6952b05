//! A client's stream below HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use openindex_adapters_http::server::Unserved;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::connections::Place;

/// How long a client may go on sending what nobody reads, after its last response.
const LINGER: Duration = Duration::from_secs(1);
/// How much of that is taken.
const MAX_UNREAD_BYTES: usize = 1024 * 1024;

/// How a client begins that speaks HTTP/2 unasked. hyper hangs up on it without a word.
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What hyper reads after a head that did not arrive in time: the end of one that it cannot parse,
/// wherever the client stopped.
const SPOILED: &[u8] = b"\0\r\n\r\n";

/// A client's stream, with three differences:
///
/// What hyper writes when no request is in progress is its own bare response to a head that it
/// cannot parse. A problem goes out in its place.
///
/// A head that hyper would take, and this server does not, is made one that it cannot parse.
///
/// And closing while the client still sends would reset the connection, so that it might never see
/// the response. What it sends is read for a while.
pub(crate) struct Wire {
    stream: TcpStream,
    place: Arc<Place>,
    unserved: Unserved,
    /// What is still to be written in the place of hyper's response.
    instead: Option<Vec<u8>>,
    is_spoiled: bool,
    lingering: Option<Pin<Box<Sleep>>>,
    ignored: usize,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, place: Arc<Place>, unserved: Unserved) -> Self {
        Self {
            stream,
            place,
            unserved,
            instead: None,
            is_spoiled: false,
            lingering: None,
            ignored: 0,
        }
    }

    /// Takes what hyper says without a request; it says one thing and closes.
    fn replace(&mut self, bare: &[u8]) {
        if self.instead.is_none() {
            self.instead = Some(if self.place.is_late() {
                self.unserved.head_too_slow(bare)
            } else {
                self.unserved.invalid_head(bare)
            });
            self.place.linger();
        }
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.instead.as_mut().filter(|left| !left.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            left.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self
            .lingering
            .get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut buffer = [0; 4096];
        loop {
            let mut unread = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {
                    self.ignored += unread.filled().len();
                    if self.ignored > MAX_UNREAD_BYTES {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return over.as_mut().poll(cx),
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
        if self.place.is_late() && !self.is_spoiled {
            self.is_spoiled = true;
            buffer.put_slice(SPOILED);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if !self.place.is_answering() {
            let read = &mut buffer.filled_mut()[before..];
            // RFC 9112 §2.2: an empty line before a request is not part of it.
            let start = read.iter().position(|byte| !b"\r\n".contains(byte));
            if let Some(start) = start
                && self.place.head_begins()
                && is_to_be_rejected(&read[start..])
            {
                // No method has this byte.
                read[start] = 0;
            }
        }
        polled
    }
}

/// Whether a head is HTTP/2's, or has a target with a fragment, which hyper drops (RFC 9112 §3.2).
fn is_to_be_rejected(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.trim_ascii_end();
    // Without its end, this may be some of a head that a client sent too early (pipelining).
    let is_whole = [&b" HTTP/1.1"[..], b" HTTP/1.0"]
        .iter()
        .any(|version| line.ends_with(version));
    head.starts_with(HTTP_2_PREFACE) || (is_whole && line.contains(&b'#'))
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.place.is_answering() {
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
        if self.place.is_answering() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        }
        let whole: Vec<u8> = buffers
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.replace(&whole);
        Poll::Ready(Ok(whole.len()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.place.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_instead(cx))?;
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.place.lingers() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
