//! Distinguishes failures before a request was completely sent from failures after it.

use std::fmt;
use std::io;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

use super::forward::AbsoluteForm;

/// Where a request failed before any server can have acted on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// While connecting to the proxy.
    Proxy,
    /// While connecting to the server, including its certificate, through the proxy if there is
    /// one.
    Server,
    /// While sending the request: part of it was never sent.
    Request,
}

/// A failure before the request was completely sent.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) stage: Stage,
    pub(super) error: Error,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Unsent {}

/// Marks an error; the innermost mark wins, because a connection through a proxy is nested in
/// another.
fn mark(stage: Stage, error: Error) -> Error {
    match error {
        Error::Other(other) if other.is::<Unsent>() => Error::Other(other),
        error => Error::Other(Box::new(Unsent { stage, error })),
    }
}

/// How to reach the server.
#[derive(Debug, Clone)]
pub(super) enum Via {
    Direct,
    /// Through this proxy with CONNECT, which ureq implements.
    Tunnel(Uri),
    /// Through this proxy, which sees and forwards the requests.
    Forwarded(Uri),
}

impl Via {
    fn stage(&self, uri: &Uri) -> Stage {
        match self {
            Self::Tunnel(proxy) if proxy == uri => Stage::Proxy,
            Self::Forwarded(_) => Stage::Proxy,
            Self::Direct | Self::Tunnel(_) => Stage::Server,
        }
    }

    /// Returns what to connect to for a request to `uri`.
    const fn next<'a>(&'a self, uri: &'a Uri) -> &'a Uri {
        match self {
            Self::Forwarded(proxy) => proxy,
            Self::Direct | Self::Tunnel(_) => uri,
        }
    }
}

/// ureq's default connector, with marked failures.
#[derive(Debug)]
pub(super) struct MarkingConnector {
    inner: DefaultConnector,
    via: Via,
}

impl MarkingConnector {
    pub(super) fn new(via: Via) -> Self {
        Self {
            inner: DefaultConnector::new(),
            via,
        }
    }
}

impl Connector<()> for MarkingConnector {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let next = ConnectionDetails {
            uri: self.via.next(details.uri),
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        match self.inner.connect(&next, chained) {
            Ok(transport) => Ok(transport.map(|inner| {
                let inner: Box<dyn Transport> = match self.via {
                    Via::Forwarded(_) => Box::new(AbsoluteForm::new(inner, details.uri)),
                    Via::Direct | Via::Tunnel(_) => inner,
                };
                Box::new(Marking::new(inner)) as Box<dyn Transport>
            })),
            Err(error) => Err(mark(self.via.stage(details.uri), error)),
        }
    }
}

/// ureq's default resolver, with marked failures.
#[derive(Debug)]
pub(super) struct MarkingResolver {
    inner: DefaultResolver,
    via: Via,
}

impl MarkingResolver {
    pub(super) fn new(via: Via) -> Self {
        Self {
            inner: DefaultResolver::default(),
            via,
        }
    }
}

impl Resolver for MarkingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(self.via.next(uri), config, timeout);
        found.map_err(|error| mark(self.via.stage(uri), error))
    }
}

/// Marks failures, and reads a response that arrives before the request was completely sent: a
/// proxy that rejects a request may close the connection without reading it.
#[derive(Debug)]
struct Marking {
    inner: Box<dyn Transport>,
    /// Why nothing can be sent until something was read.
    cut: Option<Error>,
    /// Whether the connection is closed for writing.
    is_cut: bool,
}

impl Marking {
    fn new(inner: Box<dyn Transport>) -> Self {
        Self {
            inner,
            cut: None,
            is_cut: false,
        }
    }
}

/// Returns whether the peer closed the connection, possibly after a response.
fn is_closed(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error, Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset))
}

impl Transport for Marking {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.is_cut {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(error) if is_closed(&error) => {
                (self.cut, self.is_cut) = (Some(error), true);
                Ok(())
            }
            sent => sent.map_err(|error| mark(Stage::Request, error)),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let read = match self.inner.await_input(timeout) {
            // A reset after the response, because the request was not read.
            Err(error) if self.is_cut && is_closed(&error) => Ok(false),
            read => read,
        };
        match (read, self.cut.take()) {
            // There is no response, so sending the request failed.
            (Ok(false) | Err(_), Some(error)) => Err(mark(Stage::Request, error)),
            (read, _) => read,
        }
    }

    fn is_open(&mut self) -> bool {
        !self.is_cut && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use ureq::unversioned::transport::LazyBuffers;
    use ureq::unversioned::transport::time::Duration;

    use super::*;

    /// A connection that the peer closed after this response.
    #[derive(Debug)]
    struct Closed {
        buffers: LazyBuffers,
        response: &'static [u8],
    }

    impl Transport for Closed {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }

        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
            Err(Error::Io(io::ErrorKind::BrokenPipe.into()))
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
            if self.response.is_empty() {
                return Err(Error::Io(io::ErrorKind::ConnectionReset.into()));
            }
            self.buffers.input_append_buf()[..self.response.len()].copy_from_slice(self.response);
            self.buffers.input_appended(self.response.len());
            self.response = b"";
            Ok(true)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    fn closed_behind(response: &'static [u8]) -> Marking {
        Marking::new(Box::new(Closed {
            buffers: LazyBuffers::new(1_024, 1_024),
            response,
        }))
    }

    fn soon() -> NextTimeout {
        NextTimeout {
            after: Duration::from_secs(1),
            reason: ureq::Timeout::Global,
            ..NextTimeout::default()
        }
    }

    #[test]
    fn a_response_before_the_request_was_written_is_read_to_its_end() {
        let mut connection = closed_behind(b"HTTP/1.1 407 Login\r\n\r\n");
        for _ in 0..3 {
            connection.transmit_output(10, soon()).unwrap();
        }
        assert!(connection.await_input(soon()).unwrap());
        assert!(connection.buffers().input().starts_with(b"HTTP/1.1 407"));
        assert!(!connection.await_input(soon()).unwrap());
        assert!(!connection.is_open(), "no other request can be written");
    }

    #[test]
    fn without_a_response_it_is_the_request_that_could_not_be_sent() {
        let mut connection = closed_behind(b"");
        connection.transmit_output(10, soon()).unwrap();
        let Err(Error::Other(error)) = connection.await_input(soon()) else {
            panic!("nothing was read");
        };
        let unsent: &Unsent = error.downcast_ref().unwrap();
        assert_eq!(unsent.stage, Stage::Request);
        assert!(
            matches!(&unsent.error, Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
        );
    }
}
