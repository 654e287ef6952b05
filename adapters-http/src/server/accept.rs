//! Which kind of client sent a request: browsers get errors as pages, programs as problems
//! (RFC 9457).

use http::{HeaderMap, header};

/// Detects a browser by HTML in `Accept`. Programs send `*/*` (RFC 9110 §12.5.1).
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    let html = quality(headers, &["text/html", "application/xhtml+xml"]);
    let json = quality(headers, &["application/problem+json", "application/json"]);
    html > 0.0 && html >= json
}

/// Returns the highest weight, from 0 to 1, that `Accept` gives to one of these media types by
/// name.
fn quality(headers: &HeaderMap, types: &[&str]) -> f32 {
    let lines = headers.get_all(header::ACCEPT).iter();
    let ranges = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let weights = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(Some(1.0), |weight| weight.parse().ok());
        let is_named = types.iter().any(|known| name.eq_ignore_ascii_case(known));
        weight.filter(|_| is_named)
    });
    weights.fold(0.0, f32::max)
}
