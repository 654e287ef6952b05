//! Targets for the figures, so that a miss is visible and gets explained.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::{number, table};

/// The threshold of a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// The figure should be at least this.
    AtLeast(f64),
    /// The figure should be at most this.
    AtMost(f64),
}

/// The targets: name of the figure, description, and threshold.
pub const TARGETS: &[(&str, &str, Threshold)] = &[
    (
        "health ÷ limit, 32",
        "`GET /health` relative to a bare axum server, 32 connections",
        Threshold::AtLeast(0.72),
    ),
    (
        "health ÷ limit, 256",
        "the same with 256 connections",
        Threshold::AtLeast(0.72),
    ),
    (
        "sqlite ÷ limit, 32",
        "`GET /me` on SQLite relative to a bare axum server, 32 connections",
        Threshold::AtLeast(0.6),
    ),
    (
        "sqlite ÷ limit, 256",
        "the same with 256 connections",
        Threshold::AtLeast(0.6),
    ),
    (
        "sqlite p99 ÷ limit p99, 32",
        "its p99 relative to that of the limit, 32 connections",
        Threshold::AtMost(2.0),
    ),
    (
        "sqlite p99 ÷ limit p99, 256",
        "the same with 256 connections",
        Threshold::AtMost(2.0),
    ),
    (
        "postgres ÷ limit, 32",
        "`GET /me` on PostgreSQL relative to a bare axum server, 32 connections",
        Threshold::AtLeast(0.32),
    ),
    (
        "postgres ÷ limit, 256",
        "the same with 256 connections",
        Threshold::AtLeast(0.35),
    ),
    (
        "changes, p99, sqlite",
        "p99 of `GET /me` beside 50 creations and 50 revocations per second relative to without, \
         SQLite, 8 connections",
        Threshold::AtMost(2.0),
    ),
    (
        "changes, p99, postgres",
        "the same on PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "postgres ÷ select, 256",
        "`GET /me` on PostgreSQL relative to one prepared SELECT a request, 256 connections",
        Threshold::AtLeast(2.5),
    ),
    (
        "postgres ÷ select, 1",
        "the same with one connection, where there is nothing to coalesce",
        Threshold::AtLeast(1.0),
    ),
    (
        "postgres ÷ select, 1, cores awake",
        "the same while no core falls asleep between two steps of a request",
        Threshold::AtLeast(1.0),
    ),
    (
        "fastest peer ÷ ours, 32",
        "the fastest peer relative to `oi-server` on the same PostgreSQL, 32 connections",
        Threshold::AtMost(0.05),
    ),
    (
        "fastest peer ÷ ours, 256",
        "the same with 256 connections",
        Threshold::AtMost(0.05),
    ),
    (
        "remote ÷ one call, postgres, 32",
        "`RemoteVerifier` relative to one introspection for each token, PostgreSQL, 32 tasks",
        Threshold::AtLeast(8.0),
    ),
    (
        "remote ÷ one call, postgres, 256",
        "the same with 256 tasks",
        Threshold::AtLeast(8.0),
    ),
    (
        "remote ÷ one call, sqlite, 32",
        "the same on SQLite, 32 tasks",
        Threshold::AtLeast(8.0),
    ),
    (
        "remote ÷ one call, sqlite, 256",
        "the same with 256 tasks",
        Threshold::AtLeast(8.0),
    ),
    (
        "copy, to postgres, s",
        "seconds of `oi-server copy` of a million tokens and a million audit events from SQLite to \
         PostgreSQL",
        Threshold::AtMost(120.0),
    ),
    (
        "growth, postgres",
        "median time of a lookup with the most tokens relative to 1 000, PostgreSQL",
        Threshold::AtMost(1.2),
    ),
    (
        "growth, sqlite",
        "median time of a lookup with the most tokens relative to 1 000, SQLite",
        Threshold::AtMost(1.2),
    ),
    (
        "search, rare, postgres",
        "a page of 100 000 work items with a search for a rare term relative to one without, \
         PostgreSQL",
        Threshold::AtMost(5.0),
    ),
    (
        "search, rare, sqlite",
        "the same on SQLite",
        Threshold::AtMost(5.0),
    ),
    (
        "search, p99 beside, postgres",
        "p99 of `GET /me` beside 20 such searches per second relative to without, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "search, p99 beside, sqlite",
        "the same on SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "first page, /me/pats, postgres",
        "first page of `GET /me/pats` with a million rows relative to one with 100, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "first page, /me/pats, sqlite",
        "first page of `GET /me/pats` with a million rows relative to one with 100, SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "first page, /admin/pats, postgres",
        "first page of `GET /admin/pats` with a million rows relative to one with 100, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "first page, /admin/pats, sqlite",
        "first page of `GET /admin/pats` with a million rows relative to one with 100, SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "first page, /audit, postgres",
        "first page of `GET /audit` with a million rows relative to one with 100, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "first page, /audit, sqlite",
        "first page of `GET /audit` with a million rows relative to one with 100, SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "export, memory, postgres",
        "memory that an export of a million events adds to the server, or that `oi` uses for it, in MiB, PostgreSQL",
        Threshold::AtMost(32.0),
    ),
    (
        "export, memory, sqlite",
        "the same on SQLite",
        Threshold::AtMost(32.0),
    ),
    (
        "expired, first page, postgres",
        "first page of 10 of a user with 100 000 expired tokens relative to one with 10, \
         PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "expired, first page, sqlite",
        "the same on SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "expired, live tokens, postgres",
        "first page of 10 live tokens of a user with 1 000, and 100 000 expired, relative to one \
         with 10, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "expired, live tokens, sqlite",
        "the same on SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "purge, p99, postgres",
        "p99 of `GET /me` while a million tokens are purged relative to afterwards, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "purge, p99, sqlite",
        "the same on SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "revocation, p99 under load, ms",
        "p99 of DELETE while three replicas verify on 256 connections, in milliseconds",
        Threshold::AtMost(20.0),
    ),
    (
        "revocation, accepted after",
        "requests accepted by any replica after the 204",
        Threshold::AtMost(0.0),
    ),
    (
        "goodput, sqlite",
        "successful responses at 4 times the connections relative to the peak, SQLite",
        Threshold::AtLeast(0.8),
    ),
    (
        "goodput, postgres",
        "successful responses at 4 times the connections relative to the peak, PostgreSQL",
        Threshold::AtLeast(0.8),
    ),
    (
        "silent, sqlite",
        "p99 beside silent connections relative to without, SQLite",
        Threshold::AtMost(2.0),
    ),
    (
        "silent, postgres",
        "p99 beside silent connections relative to without, PostgreSQL",
        Threshold::AtMost(2.0),
    ),
    (
        "verify ÷ SHA-256",
        "`Tokens::verify` in memory relative to SHA-256 of one block, 1 000 tokens",
        Threshold::AtMost(3.0),
    ),
    (
        "verify of 100000 ÷ SHA-256",
        "the same with 100 000 tokens",
        Threshold::AtMost(5.0),
    ),
    (
        "verify on SQLite ÷ SHA-256",
        "`Tokens::verify` on SQLite relative to SHA-256 of one block, 1 000 tokens",
        Threshold::AtMost(3.0),
    ),
    (
        "verify of 100000 on SQLite ÷ SHA-256",
        "the same with 100 000 tokens",
        Threshold::AtMost(5.0),
    ),
    (
        "verify ÷ HS256",
        "`Tokens::verify` in memory relative to verifying a JWT by HS256",
        Threshold::AtMost(0.2),
    ),
];

/// Returns a table of targets and figures, with a line to fill in for each missed target.
#[must_use]
pub fn compare(figures: &BTreeMap<String, f64>) -> String {
    let (mut rows, mut missed) = (Vec::new(), String::new());
    for (name, what, threshold) in TARGETS {
        let Some(figure) = figures.get(*name) else {
            continue;
        };
        let (threshold, met) = match threshold {
            Threshold::AtLeast(least) => (format!("≥ {}", number(*least)), figure >= least),
            Threshold::AtMost(most) => (format!("≤ {}", number(*most)), figure <= most),
        };
        let found = if met { "met" } else { "**missed**" };
        rows.push(vec![
            (*what).to_owned(),
            threshold,
            number(*figure),
            found.to_owned(),
        ]);
        if !met {
            let _ = writeln!(
                missed,
                "- *{name}* ({}): not explained yet.",
                number(*figure)
            );
        }
    }
    let mut text = table(&["", "target", "measured", ""], &rows);
    if !missed.is_empty() {
        let _ = write!(text, "\nMissed:\n\n{missed}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_has_a_line_to_fill_in() {
        let figures = BTreeMap::from([
            ("goodput, sqlite".to_owned(), 0.5),
            ("goodput, postgres".to_owned(), 0.95),
        ]);
        let text = compare(&figures);
        assert!(text.contains("- *goodput, sqlite* (0.50): not"), "{text}");
        assert!(!text.contains("- *goodput, postgres*"), "{text}");
        assert!(!text.contains("silent"), "{text}");
    }
}
