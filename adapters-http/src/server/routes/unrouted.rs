//! How an error shows a path that matches no route.

use std::collections::HashSet;

use http::Method;

use crate::server::openapi;

/// Maximum number of path segments shown.
const MAX_SEGMENTS: usize = 8;

/// Returns the literal segments of all routes, including those of the pages.
pub(in crate::server) fn literals<'a>(pages: impl Iterator<Item = &'a str>) -> HashSet<String> {
    let operations = openapi().paths.paths.into_keys();
    let paths = pages.map(str::to_owned).chain(operations);
    let segments = paths.flat_map(|path| {
        let segments = path.split('/').filter(|segment| !segment.starts_with('{'));
        segments.map(str::to_owned).collect::<Vec<_>>()
    });
    segments.collect()
}

/// Returns a method and path that are safe to show in an error. A path can contain a secret of any
/// form, such as a one-time code or a token, so only segments of known routes and of `base` are
/// shown; others become `…`.
pub(super) fn shown(method: &Method, path: &str, base: &str, literals: &HashSet<String>) -> String {
    let is_standard = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ]
    .contains(method);
    let mut shown = if is_standard { method.as_str() } else { "…" }.to_owned();
    shown.push(' ');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for segment in segments.iter().take(MAX_SEGMENTS) {
        let is_ours = literals.contains(*segment) || base.split('/').any(|own| own == *segment);
        shown.push('/');
        shown.push_str(if is_ours { segment } else { "…" });
    }
    if segments.len() > MAX_SEGMENTS {
        shown.push_str("/…");
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn shown(method: &Method, path: &str, base: &str) -> String {
        static LITERALS: LazyLock<HashSet<String>> =
            LazyLock::new(|| literals(["/settings", "/join/{code}"].into_iter()));
        super::shown(method, path, base, &LITERALS)
    }

    #[test]
    fn a_path_shows_the_segments_of_routes_and_hides_the_others() {
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        let get = Method::GET;
        for (path, base, expected) in [
            ("/x/me", "", "GET /…/me"),
            ("/oi/me/pats", "/oi", "GET /oi/me/pats"),
            ("/oi/me", "/other", "GET /…/me"),
            ("/me/", "", "GET /me/"),
            ("//me", "", "GET //me"),
            ("/x/join/AAAA", "", "GET /…/join/…"),
            (&format!("/{secret}/me/{secret}"), "", "GET /…/me/…"),
            ("/ME", "", "GET /…"),
            ("/{id}/me%20", "", "GET /…/…"),
            (
                "/me/me/me/me/me/me/me/me/me",
                "",
                "GET /me/me/me/me/me/me/me/me/…",
            ),
        ] {
            assert_eq!(shown(&get, path, base), expected, "{path}");
        }
        let own: Method = "HUNTER2".parse().unwrap();
        assert_eq!(shown(&own, "/x", ""), "… /…");
    }

    proptest! {
        #[test]
        fn nothing_of_an_unknown_segment_is_shown(secret in "[A-Z0-9_%-]{1,60}") {
            let path = format!("/settings/{secret}/{secret}me");
            prop_assert_eq!(shown(&Method::GET, &path, ""), "GET /settings/…/…");
        }
    }
}
