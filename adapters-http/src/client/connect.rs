//! Tells what failed before a request was sent whole from what failed after it.

use std::fmt;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

/// Where a request ended that no server can have acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// On the way to the proxy.
    Proxy,
    /// On the way to the server, through the proxy if there is one; its certificate included.
    Server,
    /// While the request was written: a part of it never left.
    Request,
}

/// A failure before the request was sent whole.
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

/// The innermost mark says the most: a connection through a proxy is a connection in another.
fn mark(stage: Stage, error: Error) -> Error {
    match error {
        Error::Other(other) if other.is::<Unsent>() => Error::Other(other),
        error => Error::Other(Box::new(Unsent { stage, error })),
    }
}

/// Connects as ureq does by default, and marks its failures.
#[derive(Debug)]
pub(super) struct MarkingConnector {
    inner: DefaultConnector,
    proxy: Option<Uri>,
}

impl MarkingConnector {
    pub(super) fn new(proxy: Option<Uri>) -> Self {
        Self {
            inner: DefaultConnector::new(),
            proxy,
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
        match self.inner.connect(details, chained) {
            Ok(transport) => {
                Ok(transport.map(|inner| Box::new(Marking(inner)) as Box<dyn Transport>))
            }
            Err(error) if self.proxy.as_ref() == Some(details.uri) => {
                Err(mark(Stage::Proxy, error))
            }
            Err(error) => Err(mark(Stage::Server, error)),
        }
    }
}

/// Looks names up as ureq does by default, and marks its failures.
#[derive(Debug)]
pub(super) struct MarkingResolver {
    inner: DefaultResolver,
    proxy: Option<Uri>,
}

impl MarkingResolver {
    pub(super) fn new(proxy: Option<Uri>) -> Self {
        Self {
            inner: DefaultResolver::default(),
            proxy,
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
        let stage = if self.proxy.as_ref() == Some(uri) {
            Stage::Proxy
        } else {
            Stage::Server
        };
        let found = self.inner.resolve(uri, config, timeout);
        found.map_err(|error| mark(stage, error))
    }
}

#[derive(Debug)]
struct Marking(Box<dyn Transport>);

impl Transport for Marking {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let sent = self.0.transmit_output(amount, timeout);
        sent.map_err(|error| mark(Stage::Request, error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
