use std::time::Duration;

use openindex_adapters_sql::{Call, CallOutcome};
use openindex_coalescing::Outcome;

use super::*;

#[track_caller]
fn assert_shows(metrics: &Metrics, line: &str) {
    let rendered = metrics.render();
    assert!(
        rendered.lines().any(|shown| shown == line),
        "{line} is not in {rendered}"
    );
}

#[test]
fn the_version_is_a_label() {
    let line = r#"openindex_build_info{version="1.2.3"} 1"#;
    assert_shows(&Metrics::new("1.2.3"), line);
}

#[test]
fn a_batch_of_lookups_is_recorded() {
    let metrics = Metrics::new("1.2.3");
    let lookups = &metrics.lookups;
    lookups.observe(7, Duration::from_millis(1), Outcome::Succeeded, 3);
    lookups.observe(3, Duration::from_secs(5), Outcome::TimedOut, 0);
    for line in [
        "openindex_lookup_batch_size_sum 10.0",
        "openindex_lookup_batch_size_count 2",
        r#"openindex_lookup_batch_size_bucket{le="4.0"} 1"#,
        r#"openindex_lookup_batch_size_bucket{le="8.0"} 2"#,
        r#"openindex_lookup_duration_seconds_count{outcome="ok"} 1"#,
        r#"openindex_lookup_duration_seconds_sum{outcome="unavailable"} 5.0"#,
        r#"openindex_lookup_duration_seconds_count{outcome="corrupt"} 0"#,
        "openindex_lookup_queue_length 0",
    ] {
        assert_shows(&metrics, line);
    }
}

#[test]
fn a_call_of_the_store_is_recorded_by_kind() {
    let metrics = Metrics::new("1.2.3");
    let observe = metrics.call_observer();
    observe(Call::Read, Duration::from_millis(2), CallOutcome::Succeeded);
    observe(Call::Read, Duration::from_secs(9), CallOutcome::Unavailable);
    for line in [
        r#"openindex_store_calls_total{call="read",outcome="ok"} 1"#,
        r#"openindex_store_calls_total{call="read",outcome="unavailable"} 1"#,
        r#"openindex_store_calls_total{call="change",outcome="abandoned"} 0"#,
        r#"openindex_store_call_duration_seconds_bucket{le="0.0025",call="read"} 1"#,
        r#"openindex_store_call_duration_seconds_count{call="read"} 2"#,
    ] {
        assert_shows(&metrics, line);
    }
}

#[test]
fn counts_that_are_unknown_are_not_shown() {
    let metrics = Metrics::new("1.2.3");
    assert!(!metrics.render().contains("openindex_tokens"));
    metrics.set_token_counts(Some(Stats {
        tokens_live: 7,
        tokens_expiring: 2,
        ..Stats::default()
    }));
    assert_shows(&metrics, r#"openindex_tokens{status="live"} 7"#);
    assert_shows(&metrics, r#"openindex_tokens{status="revoked"} 0"#);
    assert_shows(&metrics, "openindex_tokens_expiring 2");
    metrics.set_token_counts(None);
    assert!(!metrics.render().contains("openindex_tokens"));
}

#[test]
fn pools_are_asked_when_they_are_shown() {
    let metrics = Metrics::new("1.2.3");
    assert!(!metrics.render().contains("store_connections"));
    for (name, in_use) in [("readers", 3), ("writer", 1)] {
        metrics.add_pool(name, move || [in_use + 2, 2, 8]);
    }
    for line in [
        r#"openindex_store_connections{pool="readers",state="in_use"} 3"#,
        r#"openindex_store_connections{pool="writer",state="idle"} 2"#,
        r#"openindex_store_connections_limit{pool="writer"} 8"#,
    ] {
        assert_shows(&metrics, line);
    }
    let described = "# TYPE openindex_store_connections gauge";
    let rendered = metrics.render();
    assert_eq!(
        rendered.lines().filter(|line| *line == described).count(),
        1
    );
}
