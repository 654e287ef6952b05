//! Where the server listens: at an address, on a Unix socket, or on a socket that the service
//! manager has opened.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

use listenfd::ListenFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::tls::HTTP_2;

/// Length of the system's accept queue, which `net.core.somaxconn` also limits. Clients beyond it
/// wait a second to retry.
const BACKLOG: u32 = 4096;
/// Mode of a Unix socket: every process of the machine may connect, as to a loopback address. The
/// folder's mode can restrict that.
const SOCKET_MODE: u32 = 0o666;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 picks a free port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The maximum length of the path of a Unix socket, in bytes: that of `sun_path`, without the byte
/// that ends it.
const MAX_PATH_BYTES: usize = 107;

/// Why a text is not an address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListenAddress {
    /// The text is neither an IP address with a port, nor `unix:` and a path.
    #[error(
        "must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080, or \
         unix: and a path (host names are not accepted: for localhost write 127.0.0.1)"
    )]
    Form,
    /// The path is longer than the system allows; its length in bytes.
    #[error("must be unix: and a path of at most {MAX_PATH_BYTES} bytes (got {0})")]
    Length(usize),
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl ListenAddress {
    /// Returns the address at which this machine reaches a server that listens here: all addresses
    /// (`0.0.0.0`, `[::]`) are no address to connect to.
    #[must_use]
    pub fn on_this_machine(&self) -> Self {
        let Self::Tcp(address) = self else {
            return self.clone();
        };
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self::Tcp(SocketAddr::new(ip, address.port()))
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    /// Rejects host names: one can have several addresses, and the server would listen on only one
    /// of them.
    fn from_str(text: &str) -> Result<Self, InvalidListenAddress> {
        let text = text.trim();
        match text.strip_prefix("unix:") {
            Some(path) if path.trim_matches('/').is_empty() => Err(InvalidListenAddress::Form),
            Some(path) if path.len() > MAX_PATH_BYTES => {
                Err(InvalidListenAddress::Length(path.len()))
            }
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| InvalidListenAddress::Form),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that listens. Dropping it removes the file of a Unix socket that it has created.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: ListenAddress,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The sockets that the service manager has opened for this process, in the order of its unit.
#[derive(Debug, Default)]
pub struct Passed {
    /// The first one, for the API.
    pub api: Option<Listener>,
    /// The second one, for metrics.
    pub metrics: Option<Listener>,
}

impl Passed {
    /// Takes the sockets that systemd passes (`sd_listen_fds(3)`): those that `LISTEN_FDS` counts,
    /// if `LISTEN_PID` is this process.
    ///
    /// # Errors
    ///
    /// If there are more than two, or one of them is no listening stream socket.
    pub fn from_environment() -> io::Result<Self> {
        // listenfd would accept sockets that are meant for no process in particular.
        if std::env::var_os("LISTEN_PID").is_none() {
            return Ok(Self::default());
        }
        let mut passed = ListenFd::from_env();
        if passed.len() > 2 {
            return Err(io::Error::other(
                "the service manager has passed more than two sockets: one is for the API, and a \
                 second one for metrics",
            ));
        }
        Ok(Self {
            api: Listener::passed(&mut passed, 0)?,
            metrics: Listener::passed(&mut passed, 1)?,
        })
    }
}

impl Listener {
    /// Listens at an address.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound, or another process listens on the Unix socket.
    pub fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => Self::of_tcp(bind_tcp(*address)?),
            ListenAddress::Unix(path) => {
                let listener = bind_unix(path)?;
                fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
                Ok(Self {
                    socket: Socket::Unix(listener),
                    address: address.clone(),
                    _file: Some(SocketFile::of(path)?),
                })
            }
        }
    }

    fn of_tcp(listener: TcpListener) -> io::Result<Self> {
        Ok(Self {
            address: ListenAddress::Tcp(listener.local_addr()?),
            socket: Socket::Tcp(listener),
            _file: None,
        })
    }

    fn passed(passed: &mut ListenFd, index: usize) -> io::Result<Option<Self>> {
        if let Ok(Some(listener)) = passed.take_unix_listener(index) {
            listener.set_nonblocking(true)?;
            let listener = UnixListener::from_std(listener)?;
            let path = listener.local_addr()?.as_pathname().map(PathBuf::from);
            return Ok(Some(Self {
                address: ListenAddress::Unix(path.unwrap_or_default()),
                socket: Socket::Unix(listener),
                _file: None,
            }));
        }
        let Some(listener) = passed.take_tcp_listener(index)? else {
            return Ok(None);
        };
        listener.set_nonblocking(true)?;
        Self::of_tcp(TcpListener::from_std(listener)?).map(Some)
    }

    /// Returns where this listens, with the port that was picked.
    #[must_use]
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Accepts a connection. A client on a Unix socket is a process of this machine, like one that
    /// connects from the loopback address.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, IpAddr)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Responses are small and written at once; Nagle's algorithm would only delay them.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), peer.ip()))
            }
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Ipv4Addr::LOCALHOST.into()))
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for the previous process's connections to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens on a Unix socket, in place of one on which nobody listens any more: a killed process
/// leaves its file.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let bind = || {
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        socket.listen(BACKLOG)
    };
    match bind() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        bound => return bound,
    }
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::other("the file exists and is not a socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(error) => return Err(error),
        Ok(_) => return Err(io::Error::other("another process listens on the socket")),
    }
    bind()
}

/// The file of a Unix socket, removed when dropped unless another process has replaced it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            identity: Self::identity(path)?,
            path: path.to_owned(),
        })
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        let metadata = fs::symlink_metadata(path)?;
        Ok((metadata.dev(), metadata.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The stream of a client.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Boxed, because few connections have its size.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Calls a method of the stream that it is.
macro_rules! of_stream {
    ($self:expr, $stream:ident => $called:expr) => {
        match $self {
            Self::Tcp($stream) => $called,
            Self::Unix($stream) => $called,
            Self::Tls($stream) => $called,
        }
    };
}

impl Stream {
    /// Returns whether the client has chosen HTTP/2 in its handshake.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(HTTP_2))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_stream!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        of_stream!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of_stream!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, buffers))
    }

    fn is_write_vectored(&self) -> bool {
        of_stream!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_stream!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_stream!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_address_with_a_port_or_a_path() {
        for text in [
            "127.0.0.1:8080",
            "[::1]:0",
            "unix:/run/openindex/server.sock",
            "unix:server.sock",
        ] {
            let address: ListenAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "localhost:80",
            "8080",
            ":8080",
            "unix:",
            "unix://",
            "/run/a",
        ] {
            assert_eq!(
                text.parse::<ListenAddress>(),
                Err(InvalidListenAddress::Form),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn the_longest_path_is_that_of_the_system() {
        let folder = tempfile::tempdir().expect("a folder");
        let begin = folder.path().display().to_string();
        let path = |length: usize| {
            let name = "s".repeat(length - begin.len() - 1);
            format!("unix:{begin}/{name}").parse::<ListenAddress>()
        };
        let longest = path(MAX_PATH_BYTES).expect("an address");
        drop(Listener::bind(&longest).expect("a socket"));
        let error = path(MAX_PATH_BYTES + 1).expect_err("too long");
        assert_eq!(error, InvalidListenAddress::Length(MAX_PATH_BYTES + 1));
        assert!(error.to_string().contains("at most 107 bytes (got 108)"));
    }

    #[tokio::test]
    async fn a_unix_socket_replaces_only_one_on_which_nobody_listens() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        let address = ListenAddress::Unix(path.clone());
        let listener = Listener::bind(&address).expect("a new socket");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, SOCKET_MODE);
        let error = Listener::bind(&address).expect_err("a second one");
        assert_eq!(error.to_string(), "another process listens on the socket");
        drop(listener);
        assert!(!path.exists());

        // As a killed process leaves it.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists());
        let listener = Listener::bind(&address).expect("in its place");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "").expect("a file");
        drop(listener);
        assert!(path.exists(), "not its own file");
        let error = Listener::bind(&address).expect_err("a file");
        assert_eq!(error.to_string(), "the file exists and is not a socket");
    }
}
