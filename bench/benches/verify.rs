//! The cost of verifying a token in-process with an in-memory store, compared with what cannot be
//! avoided: SHA-256 of the secret's 55 bytes, one block.
//!
//! `scripts/bench` runs it and prints the ratios.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use openindex_adapters_sqlite::SqliteStore;
use openindex_bench_http::seed::{Database, Known, Range};
use openindex_domain::testing::{FixedClock, MemoryStore, SeededEntropy, fixtures};
use openindex_domain::token::{LastUsed, Secret, TokenKind, TokenStore as _, Tokens};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

// The allocator that `oi-server` uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of tokens in the store, all of which are presented in turn, as in the HTTP benchmark.
const TOKENS: u64 = 1_000;
/// Slightly more and far more than fit in the caches of a CPU core.
const MANY: [u64; 2] = [10_000, 100_000];

/// Returns a store with this many live tokens, ten per user, and their secrets.
fn filled_store(count: u64) -> (Arc<MemoryStore>, Vec<Secret>) {
    let store = Arc::new(MemoryStore::default());
    let secrets = secrets(1, count);
    for (number, secret) in (0..).zip(&secrets) {
        let owner = fixtures::user(number / 10);
        let mut token = fixtures::token(number, fixtures::NOW);
        token.owner = owner.id;
        if number % 10 == 0 {
            store.put_user(owner);
        }
        store.put_token(token, secret.digest());
    }
    (store, secrets)
}

/// A SQLite store that remembers all of its tokens, as after their first use.
struct SqliteFile {
    tokens: Tokens,
    secrets: Vec<Known>,
    _directory: TempDir,
    _runtime: Runtime,
}

impl SqliteFile {
    fn filled(count: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}/tokens.db", directory.path().display());
        let runtime = Runtime::new().expect("a runtime");
        let open = async || {
            let store = SqliteStore::connect(&format!("{url}?mode=rwc"))
                .await
                .expect("a store");
            let store = store.with_accounts();
            store.migrate().await.expect("a schema");
            store
        };
        runtime.block_on(async { open().await.close().await });
        let range = Range {
            from: 0,
            to: count,
            per_user: 10,
            known: count,
        };
        let database = Database::at(url.clone()).expect("a runtime");
        let secrets = database.fill(range).expect("tokens");
        let tokens = runtime.block_on(async {
            let store = Arc::new(open().await);
            let entropy = Arc::new(SeededEntropy::new(2));
            let tokens = Tokens::new(store, Arc::new(FixedClock::default()), entropy);
            for known in &secrets {
                tokens.verify(&known.secret).await.expect("a live token");
            }
            tokens
        });
        Self {
            tokens,
            secrets,
            _directory: directory,
            _runtime: runtime,
        }
    }
}

fn secrets(seed: u64, count: u64) -> Vec<Secret> {
    let entropy = SeededEntropy::new(seed);
    (0..count)
        .map(|_| Secret::generate(TokenKind::Personal, &entropy).expect("seeded entropy"))
        .collect()
}

/// Returns the secret with its last character changed, so that the checksum does not match.
fn mistyped(secret: &Secret) -> String {
    let mut text = secret.expose().to_owned();
    let last = if text.pop() == Some('A') { 'B' } else { 'A' };
    text.push(last);
    text
}

/// Returns the items in turn, so that no benchmark runs on one cached entry.
fn in_turn<'a, T>(items: &'a [T]) -> impl FnMut() -> &'a T {
    let mut items = items.iter().cycle();
    move || items.next().expect("there are items")
}

/// The key pair of RFC 8037, appendix A: the private one in PKCS #8.
const ED25519_PRIVATE: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\
      \x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\
      \x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
const ED25519_PUBLIC: &[u8] = b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\
      \x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";

/// The data of a principal, as claims.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    scope: String,
    exp: u64,
}

/// Returns as many distinct JWTs as there are tokens in the store.
fn json_web_tokens(algorithm: Algorithm, key: &EncodingKey) -> Vec<String> {
    (0..TOKENS)
        .map(|number| {
            let claims = Claims {
                sub: fixtures::user(number / 10).id.to_string(),
                jti: fixtures::token(number, fixtures::NOW).id.to_string(),
                scope: "read_write".to_owned(),
                exp: 253_402_300_799,
            };
            jsonwebtoken::encode(&Header::new(algorithm), &claims, key).expect("a signature")
        })
        .collect()
}

fn verify_json_web_tokens(
    bencher: &mut Bencher<'_>,
    algorithm: Algorithm,
    key: &DecodingKey,
    tokens: &[String],
) {
    let validation = Validation::new(algorithm);
    let verify = |token: &str| jsonwebtoken::decode::<Claims>(token, key, &validation);
    assert!(verify(&tokens[0]).is_ok());
    let mut next = in_turn(tokens);
    bencher.iter(|| verify(black_box(next())));
}

fn verify_on_sqlite(group: &mut BenchmarkGroup<'_, WallTime>) {
    for (count, of) in [(TOKENS, ""), (MANY[1], ", one of 100000")] {
        let sqlite = SqliteFile::filled(count);
        let name = format!("Tokens::verify, live{of} on SQLite");
        group.bench_function(name, |bencher| {
            let mut next = in_turn(&sqlite.secrets);
            let mut verify = || {
                sqlite
                    .tokens
                    .verify(black_box(&next().secret))
                    .now_or_never()
            };
            assert!(verify().is_some_and(|it| it.is_ok()));
            bencher.iter(verify);
        });
    }
}

fn verify_one_of_many(group: &mut BenchmarkGroup<'_, WallTime>) {
    for many in MANY {
        // Filled here, since the closure below runs repeatedly.
        let (store, secrets) = filled_store(many);
        let clock = Arc::new(FixedClock::default());
        let tokens = Tokens::new(store, clock, Arc::new(SeededEntropy::new(2)));
        let name = format!("Tokens::verify, live, one of {many}");
        group.bench_function(name, |bencher| {
            let mut next = in_turn(&secrets);
            bencher.iter(|| tokens.verify(black_box(next().expose())).now_or_never());
        });
    }
}

fn verify(criterion: &mut Criterion) {
    let (store, secrets) = filled_store(TOKENS);
    let clock = Arc::new(FixedClock::default());
    let tokens = Tokens::new(store.clone(), clock, Arc::new(SeededEntropy::new(2)));
    let digests: Vec<_> = secrets.iter().map(Secret::digest).collect();
    let ids: Vec<_> = (0..TOKENS)
        .map(|number| fixtures::token(number, fixtures::NOW).id)
        .collect();
    let strangers = self::secrets(3, TOKENS);
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

    // Alternatives. A JWT requires no store, but cannot be revoked before it expires.
    group.bench_function("JWT, HS256", |bencher| {
        let key = b"32 bytes of secret, as for HS256";
        let tokens = json_web_tokens(Algorithm::HS256, &EncodingKey::from_secret(key));
        verify_json_web_tokens(
            bencher,
            Algorithm::HS256,
            &DecodingKey::from_secret(key),
            &tokens,
        );
    });
    group.bench_function("JWT, EdDSA", |bencher| {
        let key = EncodingKey::from_ed_der(ED25519_PRIVATE);
        let tokens = json_web_tokens(Algorithm::EdDSA, &key);
        let key = DecodingKey::from_ed_der(ED25519_PUBLIC);
        verify_json_web_tokens(bencher, Algorithm::EdDSA, &key, &tokens);
    });
    // A slow hash, meant for passwords and not for tokens.
    group.sample_size(10);
    group.bench_function("argon2id, 19 MiB, two passes", |bencher| {
        let mut digest = [0; 32];
        bencher.iter(|| {
            Argon2::default().hash_password_into(black_box(&[b'x'; 55]), &[0; 16], &mut digest)
        });
    });
    group.sample_size(100);

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
        bencher.iter(|| last_used.record(black_box(fixtures::token_use(*next(), fixtures::NOW))));
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
    verify_on_sqlite(&mut group);
    verify_one_of_many(&mut group);
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
