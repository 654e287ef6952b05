//! Requests to a forwarding proxy for an `http` server, as curl sends them (RFC 9112 §3.2.2). Most
//! proxies reject CONNECT to ports other than 443, and ureq only supports CONNECT.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::{HeaderValue, Uri};
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use ureq::{Error, Proxy};
use zeroize::Zeroizing;

/// A connection to a proxy on which every request target is in absolute form.
#[derive(Debug)]
pub(super) struct AbsoluteForm {
    inner: Box<dyn Transport>,
    /// Prefix of the path: `http://host:port`.
    origin: String,
    /// Whether the next output is the head of a request.
    at_head: bool,
}

impl AbsoluteForm {
    pub(super) fn new(inner: Box<dyn Transport>, uri: &Uri) -> Self {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        Self {
            inner,
            origin: format!("http://{authority}"),
            at_head: true,
        }
    }

    /// Inserts the origin after the method, and returns the new number of bytes.
    fn address(&mut self, amount: usize) -> Result<usize, Error> {
        // Cannot happen: a head is far smaller than the buffer, and a method ends with a space.
        let failed = || Error::Other("the head of the request is too large".into());
        let origin = self.origin.as_bytes();
        let longer = amount + origin.len();
        let output = self.inner.buffers().output();
        let head = output.get(..longer).and(output.get(..amount));
        let space = head.and_then(|head| head.iter().position(|byte| *byte == b' '));
        let at = space.ok_or_else(failed)? + 1;
        output.copy_within(at..amount, at + origin.len());
        output[at..at + origin.len()].copy_from_slice(origin);
        Ok(longer)
    }
}

impl Transport for AbsoluteForm {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let amount = if std::mem::take(&mut self.at_head) {
            self.address(amount)?
        } else {
            amount
        };
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // A response: the next request on this connection follows it.
        self.at_head = true;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Returns the value of `Proxy-Authorization` (RFC 7617); `None` if the proxy's URL has no login.
pub(super) fn login(proxy: &Proxy) -> Option<HeaderValue> {
    let (user, password) = (proxy.username(), proxy.password());
    user.or(password)?;
    let (user, password) = (user.unwrap_or_default(), password.unwrap_or_default());
    let login = Zeroizing::new(format!("{user}:{password}"));
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(login.as_bytes()));
    let text = Zeroizing::new(format!("Basic {}", *encoded));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use crate::client::tests::{a_part, response, server};
    use crate::client::{
        AuditQuery, BaseUrl, Cause, Client, ClientError, ClientOptions, Effect, ExportFormat,
        ProxyVariables,
    };
    use crate::wire::PlainSecret;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    /// A client of a server that only this proxy can reach.
    fn through(proxy: &str) -> Client {
        let proxies = ProxyVariables::new(|name| (name == "http_proxy").then(|| proxy.to_owned()));
        let options = ClientOptions {
            allow_insecure_http: true,
            proxies,
            ..ClientOptions::default()
        };
        let base = BaseUrl::parse("http://oi.corp.example:8080/team").unwrap();
        Client::with_options(&base, Some(&PlainSecret::new(TOKEN)), &options).unwrap()
    }

    #[test]
    fn requests_for_http_have_the_whole_url_and_the_login_of_the_proxy() {
        let (proxy, sent) = server(response("503 Unavailable", "", ""));
        let address = proxy.as_str().strip_prefix("http://").unwrap();
        let client = through(&format!("http://ada:p%40ss@{address}"));
        assert_eq!(
            client.proxy().as_deref(),
            Some(&*format!("{proxy} (http_proxy)"))
        );
        let _ = client.me();
        let _ = client.work_item_create(&a_part());
        let _ = client.work_queue(None, Some(7));
        let _ = client.health();
        let _ = client.audit_export(
            &AuditQuery::default(),
            ExportFormat::Csv,
            &mut Vec::<u8>::new(),
        );
        for line in [
            "GET http://oi.corp.example:8080/team/me HTTP/1.1",
            "POST http://oi.corp.example:8080/team/browse HTTP/1.1",
            "GET http://oi.corp.example:8080/team/browse/queue?limit=7 HTTP/1.1",
            "GET http://oi.corp.example:8080/team/health HTTP/1.1",
            "GET http://oi.corp.example:8080/team/audit/export?format=csv HTTP/1.1",
        ] {
            let request = sent.recv().unwrap();
            assert!(request.starts_with(&format!("{line}\r\n")), "{request}");
            let login = "proxy-authorization: Basic YWRhOnBAc3M=\r\n";
            assert!(request.contains(login), "{request}");
            assert!(
                request.contains("host: oi.corp.example:8080\r\n"),
                "{request}"
            );
        }
        let _ = through(proxy.as_str()).me();
        assert!(!sent.recv().unwrap().contains("proxy-authorization"));
    }

    #[test]
    fn a_proxys_response_is_attributed_to_the_proxy() {
        const HTML: &str = "Content-Type: text/html\r\n";
        for (response, said, effect) in [
            (
                response("407 Login", HTML, ""),
                "requires a user name and password (HTTP 407)",
                Effect::None,
            ),
            (
                response("403 Forbidden", HTML, "<title>Denied</title>"),
                "returned an HTML page titled \"Denied\", not sent by OpenIndex",
                Effect::None,
            ),
            (
                response("200 OK", HTML, "<title>Wi-Fi sign-in</title>"),
                "returned an HTML page titled \"Wi-Fi sign-in\", not JSON",
                Effect::Possible,
            ),
            (
                response("302 Found", "Location: http://portal.example/?to=x\r\n", ""),
                "returned a redirect to http://portal.example/, which is not followed",
                Effect::None,
            ),
            (
                response("503 Down", HTML, "<title>Down</title>"),
                "not by OpenIndex: an HTML page titled \"Down\"",
                Effect::Possible,
            ),
            (
                response("502 Bad Gateway", "", ""),
                "sent by the proxy",
                Effect::Possible,
            ),
            (
                response("504 Timeout", "", ""),
                "sent by the proxy",
                Effect::Possible,
            ),
        ] {
            let (proxy, _) = server(response);
            let error = through(proxy.as_str())
                .work_item_create(&a_part())
                .unwrap_err();
            let text = error.to_string();
            assert!(text.contains(said), "{text}");
            assert!(text.contains(&format!("{proxy} (http_proxy)")), "{text}");
            assert_eq!(error.effect(), effect, "{text}");
        }
    }

    #[test]
    fn a_proxy_in_place_of_the_server_is_neither_healthy_nor_ready() {
        const HTML: &str = "Content-Type: text/html\r\n";
        for response in [
            response("200 OK", HTML, "<title>Wi-Fi sign-in</title>"),
            response("403 Forbidden", HTML, "<title>Denied</title>"),
            response("302 Found", "Location: http://portal.example/\r\n", ""),
            response("407 Login", "", ""),
        ] {
            let (proxy, _) = server(response);
            let client = through(proxy.as_str());
            for error in [client.health().unwrap_err(), client.ready().unwrap_err()] {
                let text = error.to_string();
                assert!(text.contains(&format!("{proxy} (http_proxy)")), "{text}");
            }
        }
    }

    #[test]
    fn a_rejected_proxy_login_shows_only_the_variable() {
        let (proxy, _) = server(response("407 Login", "", ""));
        let address = proxy.as_str().strip_prefix("http://").unwrap();
        let error = through(&format!("http://ada:hunter2@{address}"))
            .me()
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("(http_proxy) rejected the user name and password"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
        let ClientError::Transport { cause, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(cause, Cause::ProxyLogin);
    }

    #[test]
    fn an_unreachable_proxy_was_sent_nothing() {
        for proxy in ["http://127.0.0.1:1", "http://nowhere.invalid:3128"] {
            let error = through(proxy).work_item_create(&a_part()).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(&format!("cannot connect to the proxy {proxy} (http_proxy)")),
                "{text}"
            );
            assert_eq!(error.effect(), Effect::None);
        }
    }
}
