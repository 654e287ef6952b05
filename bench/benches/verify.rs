//! What verifying a token costs in-process, with the store in memory, beside what cannot be
//! avoided: SHA-256 of the secret's 55 bytes, one block.
//!
//! `scripts/bench` runs it and prints the ratios.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use openindex_domain::testing::{FixedClock, MemoryStore, SeededEntropy, fixtures};
use openindex_domain::token::{LastUsed, Secret, TokenKind, TokenStore as _, Tokens};
use sha2::{Digest as _, Sha256};

/// Tokens in the store, 100 for each of 100 users.
const TOKENS: u64 = 10_000;

/// A store of [`TOKENS`] live tokens, and their secrets.
fn filled_store() -> (Arc<MemoryStore>, Vec<Secret>) {
    let store = Arc::new(MemoryStore::default());
    let secrets = secrets(1);
    for (number, secret) in (0..).zip(&secrets) {
        let owner = fixtures::user(number % 100);
        let mut token = fixtures::token(number, fixtures::NOW);
        token.owner = owner.id;
        store.put_user(owner);
        store.put_token(token, secret.digest());
    }
    (store, secrets)
}

fn secrets(seed: u64) -> Vec<Secret> {
    let entropy = SeededEntropy::new(seed);
    (0..TOKENS)
        .map(|_| Secret::generate(TokenKind::Personal, &entropy).expect("seeded entropy"))
        .collect()
}

/// The secret with its last character changed: the checksum does not fit any more.
fn mistyped(secret: &Secret) -> String {
    let mut text = secret.expose().to_owned();
    let last = if text.pop() == Some('A') { 'B' } else { 'A' };
    text.push(last);
    text
}

/// Answers the items in turn, so that no benchmark runs on one warm entry.
fn in_turn<'a, T>(items: &'a [T]) -> impl FnMut() -> &'a T {
    let mut items = items.iter().cycle();
    move || items.next().expect("there are items")
}

fn verify(criterion: &mut Criterion) {
    let (store, secrets) = filled_store();
    let clock = Arc::new(FixedClock::default());
    let tokens = Tokens::new(store.clone(), clock, Arc::new(SeededEntropy::new(2)));
    let digests: Vec<_> = secrets.iter().map(Secret::digest).collect();
    let ids: Vec<_> = (0..TOKENS)
        .map(|number| fixtures::token(number, fixtures::NOW).id)
        .collect();
    let strangers = self::secrets(3);
    let typos: Vec<_> = secrets.iter().map(mistyped).collect();
    let last_used = LastUsed::default();

    let mut group = criterion.benchmark_group("verify");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(3));

    // The limits.
    group.bench_function("SHA-256 of 55 bytes", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&[b'x'; 55])));
    });
    group.bench_function("SHA-256 of 56 bytes", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&[b'x'; 56])));
    });
    group.bench_function("CRC-32 of 39 bytes", |bencher| {
        bencher.iter(|| crc32fast::hash(black_box(&[b'x'; 39])));
    });

    // The parts.
    group.bench_function("Secret::parse", |bencher| {
        let mut next = in_turn(&secrets);
        bencher.iter(|| Secret::parse(black_box(next().expose())).is_ok());
    });
    group.bench_function("Secret::digest", |bencher| {
        let mut next = in_turn(&secrets);
        bencher.iter(|| black_box(next()).digest());
    });
    group.bench_function("MemoryStore::find_by_digest", |bencher| {
        let mut next = in_turn(&digests);
        bencher.iter(|| store.find_by_digest(black_box(next())).now_or_never());
    });
    group.bench_function("Digest::matches", |bencher| {
        let mut next = in_turn(&digests);
        bencher.iter(|| {
            let digest = next();
            black_box(digest).matches(black_box(digest))
        });
    });
    group.bench_function("LastUsed::record", |bencher| {
        let mut next = in_turn(&ids);
        bencher.iter(|| last_used.record(black_box(*next()), fixtures::NOW));
    });

    // The whole. The store in memory never waits, so a single poll finishes the future.
    group.bench_function("Tokens::verify, live", |bencher| {
        let mut next = in_turn(&secrets);
        assert!(
            tokens
                .verify(next().expose())
                .now_or_never()
                .is_some_and(|it| it.is_ok())
        );
        bencher.iter(|| tokens.verify(black_box(next().expose())).now_or_never());
    });
    group.bench_function("Tokens::verify, unknown", |bencher| {
        let mut next = in_turn(&strangers);
        bencher.iter(|| tokens.verify(black_box(next().expose())).now_or_never());
    });
    group.bench_function("Tokens::verify, mistyped", |bencher| {
        let mut next = in_turn(&typos);
        bencher.iter(|| tokens.verify(black_box(next())).now_or_never());
    });
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
