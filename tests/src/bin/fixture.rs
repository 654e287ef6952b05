//! Writes `tests/fixtures/VERSION`; `scripts/fixture` runs it.

use openindex_tests::fixture::Fixture;

fn main() {
    let version = std::env::args().nth(1).expect("a version");
    Fixture::make(&version);
}
