//! Databases of services that embed the tokens without accounts, as released versions left them,
//! migrated by the current crates.

mod instance;

use instance::Instance;
use openindex_tests::fixture::{Fixture, Part};
use openindex_tests::{Kind, both_stores};

both_stores! { a_database_without_accounts_of_each_release_is_migrated_and_everything_works }

fn a_database_without_accounts_of_each_release_is_migrated_and_everything_works(kind: Kind) {
    for fixture in Fixture::all() {
        let (database, document) = fixture.load(Part::Tokens, kind);
        let before = database.columns();
        assert!(!before.contains("users.id"), "without accounts");
        for _ in ["migrated", "opened again"] {
            let instance = Instance::open(&database);
            instance.assert_works(&document);
            instance.close();
        }
    }
}
