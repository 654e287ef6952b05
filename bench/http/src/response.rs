//! Minimal parsing of responses, to find where each ends.

/// The head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Offset of the body.
    pub end: usize,
    /// Length of the body; `None` means chunked.
    pub body: Option<usize>,
    /// Whether the connection stays open for another request.
    pub keeps_alive: bool,
}

/// Parses a head, or returns `None` if it is incomplete. Anything but an HTTP/1 response has status
/// 0.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<Head> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    let (mut body, mut keeps_alive) = (Some(0), true);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            body = value.parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            body = None;
        } else if name.eq_ignore_ascii_case("connection") {
            keeps_alive = !value.eq_ignore_ascii_case("close");
        }
    }
    Some(Head {
        status,
        end,
        body,
        keeps_alive,
    })
}

impl Head {
    /// Returns whether `bytes`, which begin with the head, are the complete response.
    #[must_use]
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        match self.body {
            Some(body) => bytes.len() >= self.end + body,
            None => bytes[self.end..].ends_with(b"0\r\n\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_at_its_content_length() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let head = head(bytes).unwrap();
        assert_eq!((head.status, head.body), (200, Some(2)));
        assert!(head.keeps_alive && head.is_whole(bytes));
        assert!(!head.is_whole(&bytes[..bytes.len() - 1]));
    }

    #[test]
    fn a_chunked_response_ends_with_the_empty_chunk() {
        let bytes = b"HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
            2\r\n{}\r\n0\r\n\r\n";
        let head = head(bytes).unwrap();
        assert_eq!((head.status, head.body), (401, None));
        assert!(!head.keeps_alive && head.is_whole(bytes));
        assert!(!head.is_whole(&bytes[..bytes.len() - 2]));
    }

    #[test]
    fn an_incomplete_head_is_none() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Le"), None);
    }
}
