//! `oi-server healthcheck`.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use openindex_app::ListenAddress;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::args::Healthcheck;

/// Maximum time for connection, request and response. `/ready` waits for the database.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Much more than a response of `/ready` has.
const MAX_BYTES: u64 = 64 * 1024;

pub(crate) async fn run(command: &Healthcheck) -> anyhow::Result<()> {
    let address = reachable(&command.listen)?;
    let has_tls = command.tls_cert.is_some();
    let response = tokio::time::timeout(TIMEOUT, request(&address, has_tls))
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
fn reachable(listen: &ListenAddress) -> anyhow::Result<ListenAddress> {
    if matches!(listen, ListenAddress::Tcp(address) if address.port() == 0) {
        bail!("the server's port is unknown: {listen} picks a free one; set a port in --listen");
    }
    Ok(listen.on_this_machine())
}

async fn request(address: &ListenAddress, has_tls: bool) -> io::Result<Vec<u8>> {
    match address {
        ListenAddress::Unix(path) => exchange(UnixStream::connect(path).await?).await,
        ListenAddress::Tcp(address) if has_tls => {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::from(address.ip());
            let tls = TlsConnector::from(Arc::new(AnyCertificate::config()?));
            exchange(tls.connect(name, stream).await?).await
        }
        ListenAddress::Tcp(address) => exchange(TcpStream::connect(address).await?).await,
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    let request = b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut response = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut response).await?;
    Ok(response)
}

/// Accepts any certificate: that of the server is for its public name, and may have been renewed a
/// moment ago. The request is to this machine, and has no secret.
#[derive(Debug)]
struct AnyCertificate;

impl AnyCertificate {
    fn config() -> io::Result<ClientConfig> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let config = config.dangerous();
        let config = config.with_custom_certificate_verifier(Arc::new(Self));
        Ok(config.with_no_client_auth())
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
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
            ("unix:/run/oi.sock", "unix:/run/oi.sock"),
        ] {
            let listen: ListenAddress = listen.parse().expect("an address");
            let address: ListenAddress = address.parse().expect("an address");
            assert_eq!(reachable(&listen).ok(), Some(address));
        }
        let free: ListenAddress = "127.0.0.1:0".parse().expect("an address");
        assert!(reachable(&free).is_err());
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
