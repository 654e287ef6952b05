//! Tells what failed before a request was sent whole from what failed after it.

use std::fmt;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

use super::forward::AbsoluteForm;

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

/// How a connection gets to the server.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Direct,
    /// Through this proxy with CONNECT, which ureq does.
    Tunnel(Uri),
    /// To this proxy alone, which reads the requests and passes them on.
    Forwarded(Uri),
}

impl Way {
    fn stage(&self, uri: &Uri) -> Stage {
        match self {
            Self::Tunnel(proxy) if proxy == uri => Stage::Proxy,
            Self::Forwarded(_) => Stage::Proxy,
            Self::Direct | Self::Tunnel(_) => Stage::Server,
        }
    }

    /// What to connect to for a request to `uri`.
    const fn next<'a>(&'a self, uri: &'a Uri) -> &'a Uri {
        match self {
            Self::Forwarded(proxy) => proxy,
            Self::Direct | Self::Tunnel(_) => uri,
        }
    }
}

/// Connects as ureq does by default, and marks its failures.
#[derive(Debug)]
pub(super) struct MarkingConnector {
    inner: DefaultConnector,
    way: Way,
}

impl MarkingConnector {
    pub(super) fn new(way: Way) -> Self {
        Self {
            inner: DefaultConnector::new(),
            way,
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
            uri: self.way.next(details.uri),
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
                let inner: Box<dyn Transport> = match self.way {
                    Way::Forwarded(_) => Box::new(AbsoluteForm::new(inner, details.uri)),
                    Way::Direct | Way::Tunnel(_) => inner,
                };
                Box::new(Marking(inner)) as Box<dyn Transport>
            })),
            Err(error) => Err(mark(self.way.stage(details.uri), error)),
        }
    }
}

/// Looks names up as ureq does by default, and marks its failures.
#[derive(Debug)]
pub(super) struct MarkingResolver {
    inner: DefaultResolver,
    way: Way,
}

impl MarkingResolver {
    pub(super) fn new(way: Way) -> Self {
        Self {
            inner: DefaultResolver::default(),
            way,
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
        let found = self.inner.resolve(self.way.next(uri), config, timeout);
        found.map_err(|error| mark(self.way.stage(uri), error))
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
