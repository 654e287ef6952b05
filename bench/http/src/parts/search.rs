//! The cost of a search in many work items, and of searches for verification beside them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bench::Bench;
use crate::client::Client;
use crate::load::Target;
use crate::process::Server;
use crate::report::{Report, load_table, number, spread, table};
use crate::rounds::{Spread, Turn, each, take_turns};
use crate::seed::{Range, secrets};

/// Number of work items, unless the largest table has fewer rows.
const ITEMS: u64 = 100_000;
/// Every how many items the rare term occurs.
const RARE: usize = 5_000;
const PAGE: &str = "/browse?limit=50";
/// The searches: a name, and the query.
const SEARCHES: [(&str, &str); 6] = [
    ("none", ""),
    ("of a rare term", "&q=needle"),
    ("of two terms, one of them rare", "&q=item%20needle"),
    ("of a term that all have", "&q=item"),
    ("of a term that none has", "&q=haystack"),
    ("of one character that none has", "&q=%23"),
];
/// Connections that verify beside searches, and the searches per second.
const BESIDE: usize = 8;
const SEARCHES_A_SECOND: u32 = 20;

/// Measures pages of work items with and without a search, and verification beside searches.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let items = usize::try_from(bench.largest.min(ITEMS))?;
    let descriptions: Vec<String> = (0..items).map(description).collect();
    let mut report = Report::default();
    report.add(&format!(
        "{} work items with descriptions of {} bytes; `GET {PAGE}` on one connection.",
        number(f64::from(u32::try_from(items)?)),
        descriptions.iter().map(String::len).sum::<usize>() / items,
    ));
    for (name, key) in [("PostgreSQL", "postgres"), ("SQLite", "sqlite")] {
        bench.progress(&format!("search: {name}"));
        let database = if key == "postgres" {
            bench.postgres()?
        } else {
            bench.sqlite()?
        };
        drop(bench.oi_server(&database, &[])?);
        let tokens = secrets(&database.fill(Range {
            from: 0,
            to: 100,
            per_user: 1,
            known: 100,
        })?);
        database.fill_work_items(&descriptions)?;
        let server = bench.oi_server(&database, &[])?;
        let mut variants = SEARCHES
            .map(|(_, query)| Target::get(server.address, &format!("{PAGE}{query}"), &tokens[..1]));
        let turns = take_turns(&mut variants, bench.rounds(), |target| {
            bench.turn(&[server.pid()], target, bench.load(1))
        })?;
        report.add(&format!("### {name}"));
        report.add(&rows(&turns));
        let ratio = Spread::of_ratios(&each(&turns[1], Turn::p50), &each(&turns[0], Turn::p50));
        report.record(&format!("search, rare, {key}"), ratio.median);

        bench.progress(&format!("search: beside, {name}"));
        beside(bench, &server, &tokens, key, &mut report)?;
        drop(server);
        bench.delete(&database)?;
    }
    Ok(report)
}

/// Measures `GET /me` with and without searches, which the generator's core sends.
fn beside(
    bench: &Bench,
    server: &Server,
    tokens: &[String],
    key: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let me = Target::get(server.address, "/me", tokens);
    let mut besides = [None, Some(SEARCHES[1].1), Some(SEARCHES[5].1)];
    let mut rates = Vec::new();
    let turns = take_turns(&mut besides, bench.rounds(), |query| {
        let turn = || bench.turn(&[server.pid()], &me, bench.load(BESIDE));
        let Some(query) = query else {
            return turn();
        };
        let path = format!("{PAGE}{query}");
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let searches = scope.spawn(|| search(server, &path, &tokens[0], &over));
            let turn = turn();
            over.store(true, Ordering::Relaxed);
            rates.push(searches.join().expect("no panic")?);
            turn
        })
    })?;
    report.add(&format!(
        "`GET /me` on {BESIDE} connections, beside {} searches per second:",
        spread(Spread::of(rates))
    ));
    let names = ["without searches", "of a rare term", "of one character"];
    report.add(&load_table(&names, &turns, &[0]));
    let ratio = Spread::of_ratios(&each(&turns[1], Turn::p99), &each(&turns[0], Turn::p99));
    report.record(&format!("search, p99 beside, {key}"), ratio.median);
    Ok(())
}

/// Returns a description of a hundred words, of which a few are common and most are not.
fn description(item: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "bal", "cor", "de", "fin", "gu", "hal", "jo", "ker", "li", "mon", "pu", "ras", "so", "tir",
        "ve", "zan",
    ];
    let mut state = item as u64;
    let mut words: Vec<String> = (0..100)
        .map(|_| {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let syllables = (0..2 + mixed % 3).map(|place| {
                let letter = mixed >> (8 + 4 * place) & 0xf;
                SYLLABLES[usize::try_from(letter).unwrap_or_default()]
            });
            syllables.collect()
        })
        .collect();
    if item.is_multiple_of(RARE) {
        words.push("needle".to_owned());
    }
    words.join(" ")
}

/// Searches until `over`. Returns how many times per second.
fn search(server: &Server, path: &str, token: &str, over: &AtomicBool) -> anyhow::Result<f64> {
    let client = Client::new(server.address);
    let (begun, mut count) = (Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        let (status, body) = client.send("GET", path, token)?;
        ensure!(status == 200, "searching: {status} {body}");
        count += 1;
        let due = begun + Duration::from_secs(1) / SEARCHES_A_SECOND * count;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

fn rows(turns: &[Vec<Turn>]) -> String {
    let without = each(&turns[0], Turn::p50);
    let rows: Vec<_> = SEARCHES
        .iter()
        .zip(turns)
        .map(|((name, _), turns)| {
            let these = each(turns, Turn::p50);
            vec![
                (*name).to_owned(),
                spread(Spread::of(these.iter().copied())),
                spread(Spread::of_ratios(&these, &without)),
                spread(Spread::of(each(turns, Turn::p99))),
            ]
        })
        .collect();
    table(&["search", "p50, µs", "÷ none", "p99, µs"], &rows)
}
