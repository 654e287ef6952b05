//! Measures the overhead per lookup with a source that costs nothing:
//! `cargo run --release --example cost`.

use std::convert::Infallible;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use openindex_coalescing::{Coalescer, LookupError, Options, Source};

const LOOKUPS: usize = 1 << 17;
/// Only the fastest counts: the others also measure what else the machine was doing.
const ROUNDS: usize = 10;

type Digest = [u8; 32];

/// Returns the first byte of every key, either immediately or after yielding once.
struct Immediate {
    batches: Arc<AtomicUsize>,
    yields: bool,
}

impl Source for Immediate {
    type Key = Digest;
    type Value = u8;
    type Error = Infallible;

    async fn fetch(&self, keys: &[Digest]) -> Result<Vec<Option<u8>>, Infallible> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        if self.yields {
            tokio::task::yield_now().await;
        }
        Ok(keys.iter().map(|key| Some(key[0])).collect())
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), LookupError<Infallible>> {
    for yields in [false, true] {
        for callers in [1, 32, 256] {
            measure(callers, yields).await?;
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the example prints its figures")]
#[expect(
    clippy::cast_precision_loss,
    reason = "printed figures need no exact precision"
)]
async fn measure(callers: usize, yields: bool) -> Result<(), LookupError<Infallible>> {
    let options = Options {
        workers: NonZero::new(2).expect("not zero"),
        max_batch: NonZero::new(256).expect("not zero"),
        max_queue: NonZero::new(4096).expect("not zero"),
        deadline: Duration::from_secs(1),
    };
    let batches = Arc::new(AtomicUsize::new(0));
    let source = Immediate {
        batches: Arc::clone(&batches),
        yields,
    };
    let coalescer = Coalescer::new(source, options);
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(round(&coalescer, callers).await?);
    }
    println!(
        "{callers:>4} callers, source {:>12}: {:>5.0} ns per lookup, {:>5.1} keys per batch",
        if yields { "yields" } else { "is immediate" },
        best.as_nanos() as f64 / LOOKUPS as f64,
        (ROUNDS * LOOKUPS) as f64 / batches.load(Ordering::Relaxed) as f64,
    );
    Ok(())
}

/// Returns the time that the callers take for all lookups, each looking up one key after another.
async fn round(
    coalescer: &Coalescer<Immediate>,
    callers: usize,
) -> Result<Duration, LookupError<Infallible>> {
    let started = Instant::now();
    let running: Vec<_> = (0..callers)
        .map(|caller| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move {
                for number in 0..LOOKUPS / callers {
                    coalescer.get(digest(caller * LOOKUPS + number)).await?;
                }
                Ok(())
            })
        })
        .collect();
    for caller in running {
        caller.await.expect("no caller panics")?;
    }
    Ok(started.elapsed())
}

/// Returns bytes that are distributed like a digest, and cheaper to compute.
fn digest(number: usize) -> Digest {
    let mut digest = [0; 32];
    for (place, bytes) in (1..).zip(digest.chunks_exact_mut(8)) {
        let mut word = (number as u64 ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        bytes.copy_from_slice(&(word ^ (word >> 32)).to_le_bytes());
    }
    digest
}
