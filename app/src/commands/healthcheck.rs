//! `oi-server healthcheck`.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::args::Healthcheck;

/// Maximum time for connection, request and response. `/ready` waits for the database.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Much more than a response of `/ready` has.
const MAX_BYTES: u64 = 64 * 1024;

pub(crate) async fn run(command: &Healthcheck) -> anyhow::Result<()> {
    let address = reachable(command.listen)?;
    let response = tokio::time::timeout(TIMEOUT, request(address))
        .await
        .map_err(|_| {
            let seconds = TIMEOUT.as_secs();
            anyhow!("the server at {address} did not respond within {seconds} seconds")
        })?
        .with_context(|| format!("cannot reach the server at {address}"))?;
    let Some((status, detail)) = parse(&response) else {
        bail!("{address} responded, but not with HTTP; check --listen (OPENINDEX_LISTEN)");
    };
    if status != 200 {
        let detail = detail.unwrap_or_else(|| "no details in the response".to_owned());
        bail!("the server at {address} is not ready: {detail} (status {status})");
    }
    writeln!(io::stdout(), "The server at {address} is ready.")?;
    Ok(())
}

/// Returns the address at which this machine reaches a server that listens on `listen`.
fn reachable(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if listen.port() == 0 {
        bail!("the server's port is unknown: {listen} picks a free one; set a port in --listen");
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listen.port()))
}

async fn request(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut response).await?;
    Ok(response)
}

/// Returns the status, and the detail of a problem document.
fn parse(response: &[u8]) -> Option<(u16, Option<String>)> {
    let text = std::str::from_utf8(response).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let problem: Option<Value> = serde_json::from_str(body).ok();
    let detail = problem.as_ref().and_then(|it| it["detail"].as_str());
    Some((status, detail.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_the_loopback_interface() {
        for (listen, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.1:8080", "10.0.0.1:8080"),
        ] {
            let listen: SocketAddr = listen.parse().expect("an address");
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(reachable(listen).ok(), Some(address));
        }
        let free: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        assert!(reachable(free).is_err());
    }

    #[test]
    fn a_response_has_a_status_and_perhaps_a_detail() {
        let with = |head: &str, body: &str| parse(format!("{head}\r\n\r\n{body}").as_bytes());
        assert_eq!(
            with("HTTP/1.1 200 OK", r#"{"status":"ok"}"#),
            Some((200, None))
        );
        assert_eq!(
            with(
                "HTTP/1.1 503 Service Unavailable\r\nA: b",
                r#"{"detail":"down"}"#
            ),
            Some((503, Some("down".to_owned())))
        );
        assert_eq!(
            with("HTTP/1.1 502 Bad Gateway", "<html>"),
            Some((502, None))
        );
        for other in ["SSH-2.0-OpenSSH", "HTTP/1.1", "HTTP/1.1 x"] {
            assert_eq!(with(other, ""), None, "{other}");
        }
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
