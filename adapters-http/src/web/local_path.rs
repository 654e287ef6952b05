//! The page to open after sign-in.

/// A path of the settings or work items, with its query. Sign-in redirects nowhere else, so a
/// crafted `next=` cannot lead to another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalPath(String);

impl LocalPath {
    const ROOTS: [&'static str; 2] = ["/settings/", "/work/"];
    /// Longer paths are ignored.
    const MAX_BYTES: usize = 1_000;

    /// Parses `/work` or a path below `/settings/` or `/work/`. Returns `None` for any other, and
    /// for `//`, `..`, a backslash or an escape sequence in the path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        let is_local = text.len() <= Self::MAX_BYTES
            && (path == "/work" || Self::ROOTS.iter().any(|root| path.starts_with(root)))
            && path.bytes().all(plain)
            && !path.contains("//")
            && !path.contains("..")
            && query.bytes().all(|b| plain(b) || b"=&%+:*~".contains(&b));
        is_local.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_and_work_item_paths_are_accepted() {
        for text in [
            "/work",
            "/work?status=todo",
            "/work/OPS-42.1/edit",
            "/settings/tokens",
            "/settings/admin/audit?action=token.created&since=2026-11-24",
            "/settings/admin/tokens?user=usr_0199&after=%2B",
        ] {
            assert_eq!(
                LocalPath::parse(text).as_ref().map(LocalPath::as_str),
                Some(text)
            );
        }
        for text in [
            "",
            "/",
            "settings/tokens",
            "//evil.example/settings/",
            "/\\evil.example",
            "/settings/\\evil.example",
            "/settings//evil.example",
            "/settings/../sign-out",
            "/settings/%2e%2e/x",
            "/settings/x\r\nLocation: https://evil.example",
            "/settings/x?a=\"><script>",
            "/settings/x#y",
            "https://evil.example/settings/",
            "https:/settings/",
            "javascript:alert(1)",
            "/settings/ü",
            " /settings/tokens",
            "/docs",
            "/workshop",
            "/work//evil.example",
            "/join/abc",
        ] {
            assert_eq!(LocalPath::parse(text), None, "{text:?}");
        }
        assert_eq!(
            LocalPath::parse(&format!("/settings/{}", "x".repeat(1000))),
            None
        );
    }
}
