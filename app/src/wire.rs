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

/// A client's stream, with two differences:
///
/// What hyper writes when no request is in progress is its own bare response to a head that it
/// cannot parse. A problem goes out in its place.
///
/// And closing while the client still sends would reset the connection, so that it might never see
/// the response. What it sends is read for a while.
pub(crate) struct Wire {
    stream: TcpStream,
    place: Arc<Place>,
    unserved: Unserved,
    /// What is still to be written in the place of hyper's response.
    instead: Option<Vec<u8>>,
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
            lingering: None,
            ignored: 0,
        }
    }

    /// Takes what hyper says without a request; it says one thing and closes.
    fn replace(&mut self, bare: &[u8]) {
        if self.instead.is_none() {
            self.instead = Some(self.unserved.in_place_of(bare));
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
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if !self.place.is_answering() {
            let read = &mut buffer.filled_mut()[before..];
            if read.starts_with(HTTP_2_PREFACE) {
                // No method: a malformed head, of which hyper says so.
                read[0] = 0;
            }
        }
        polled
    }
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
