//! The client for the replicas: handwritten HTTP/1.1 on persistent connections, because most of the
//! cost of a million checks is the client.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

/// Longer than a server's request timeout (30 s): a change that timed out here will not happen
/// later.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The current ports of servers.
pub(crate) type Ports = Arc<[AtomicU16]>;

/// What verifies: the servers, and after them a service that asks them, which changes nothing.
#[derive(Debug)]
pub(crate) struct Replicas {
    servers: Ports,
    service: Option<u16>,
}

impl Replicas {
    /// The servers with these base URLs.
    pub(crate) fn new<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            servers: urls.into_iter().map(|url| port(url).into()).collect(),
            service: None,
        }
    }

    /// Adds the service with this base URL.
    pub(crate) fn join(&mut self, url: &str) {
        self.service = Some(port(url));
    }

    pub(crate) fn servers(&self) -> Ports {
        Arc::clone(&self.servers)
    }

    /// Returns the number of all that verify.
    pub(crate) fn count(&self) -> usize {
        self.servers.len() + usize::from(self.service.is_some())
    }

    /// Sets the new address of a restarted server.
    pub(crate) fn moved(&self, replica: usize, url: &str) {
        self.servers[replica].store(port(url), Ordering::SeqCst);
    }

    fn port(&self, replica: usize) -> u16 {
        let server = self.servers.get(replica);
        let server = server.map(|port| port.load(Ordering::SeqCst));
        server.or(self.service).expect("a replica")
    }
}

fn port(url: &str) -> u16 {
    let (_, port) = url.rsplit_once(':').expect("a URL with a port");
    port.parse().expect("a port")
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    /// The client's address, if it is not this machine's, as a proxy would state it.
    pub(crate) from: Option<Ipv4Addr>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// One thread's connections, one to each replica, opened on demand.
#[derive(Debug)]
pub(crate) struct Links<'a> {
    replicas: &'a Replicas,
    links: Vec<Option<Link>>,
}

#[derive(Debug)]
struct Link {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl<'a> Links<'a> {
    pub(crate) fn new(replicas: &'a Replicas) -> Self {
        let links = (0..replicas.count()).map(|_| None).collect();
        Self { replicas, links }
    }

    /// Sends a request with this secret to this replica. After a failure the next request opens a
    /// new connection.
    pub(crate) fn send(
        &mut self,
        replica: usize,
        secret: &str,
        request: &Request<'_>,
    ) -> io::Result<Reply> {
        let port = self.replicas.port(replica);
        let kept = self.links[replica].take().filter(|link| link.port == port);
        let mut link = match kept {
            Some(link) => link,
            None => Link::open(port)?,
        };
        let reply = link.exchange(secret, request)?;
        self.links[replica] = Some(link);
        Ok(reply)
    }
}

impl Link {
    fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self {
            port,
            stream: BufReader::new(stream),
        })
    }

    fn exchange(&mut self, secret: &str, request: &Request<'_>) -> io::Result<Reply> {
        let Request {
            method,
            path,
            body,
            from,
        } = request;
        let from = from.map_or_else(String::new, |from| format!("x-forwarded-for: {from}\r\n"));
        let (kind, body) = match body {
            Some(body) => ("content-type: application/json\r\n", body.to_string()),
            None => ("", String::new()),
        };
        let length = body.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {secret}\r\n\
             {from}{kind}content-length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(text.as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| broken("no status"))?;
        let mut length = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| broken("no header"))?;
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok();
            }
        }
        // Our servers omit the length only for responses without a body.
        let length = match (status, length) {
            (204, None) => 0,
            (_, Some(length)) => length,
            (_, None) => return Err(broken("no length")),
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Reply { status, body })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
