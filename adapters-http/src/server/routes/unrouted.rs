//! Responses to paths and methods without a route.

use std::collections::HashSet;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};

use crate::server::method::{common, standard};
use crate::server::state::Shared;
use crate::server::{Code, Problem};

/// Maximum number of path segments shown.
const MAX_SEGMENTS: usize = 8;

/// Responds to a path without a route: 404, or the response to `OPTIONS *`.
pub(in crate::server) fn not_found(state: &Shared, request: &Request) -> Response {
    let (method, path, base) = (request.method(), request.uri().path(), state.base());
    if path == "*" {
        let allow = [(header::ALLOW, "GET, HEAD, POST, PATCH, DELETE, OPTIONS")];
        return (StatusCode::NO_CONTENT, allow).into_response();
    }
    let mut hint = String::new();
    let rest = path.strip_prefix(base).filter(|rest| rest.starts_with('/'));
    if rest.is_some() && !base.is_empty() {
        hint = format!("; the proxy that serves {base} must strip it from the path");
    } else if path.len() > 1 && path.ends_with('/') {
        "; paths have no trailing slash".clone_into(&mut hint);
    }
    let looked_up = shown(method, path, base, state.literals());
    let detail = format!("no route matches {looked_up}; /openapi.json lists the routes{hint}");
    Problem::new(Code::NotFound, detail).into_response()
}

/// Responds to a method that a path does not support: `OPTIONS` (RFC 9110 §9.3.7) or 405. The
/// router adds `Allow`.
pub(in crate::server) async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let method = standard(&method).unwrap_or("this method");
    Problem::new(
        Code::MethodNotAllowed,
        format!("this path does not support {method}; see the Allow header"),
    )
    .into_response()
}

/// Returns a method and path that are safe to show in an error. A path can contain a secret of any
/// form, such as a one-time code or a token, so only segments of known routes and of `base` are
/// shown; others become `…`.
fn shown(method: &Method, path: &str, base: &str, literals: &HashSet<String>) -> String {
    let mut shown = common(method).unwrap_or("…").to_owned();
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
    use crate::server::openapi;
    use crate::server::state::literals;

    fn shown(method: &Method, path: &str, base: &str) -> String {
        static LITERALS: LazyLock<HashSet<String>> =
            LazyLock::new(|| literals(&["/settings", "/join/{code}"].into(), openapi()));
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
