//! Lookups beside changes, in interleavings that a scheduler chooses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use openindex_domain::testing::fixtures::{self, NOW};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, Ordering::SeqCst};
use shuttle::{Config, Runner, thread};

use super::*;

const SCHEDULES: usize = 3_000;

/// What is wrong with a changer or a reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The change is acknowledged before its rows are closed.
    PublishesAfterResponse,
    /// The moment of a read is that of its end.
    KeepsLateFills,
    /// Only the tokens of a suspended owner are closed that the change knows of: none.
    ForgetsSuspensions,
}

/// A store with one token: its record, as a read returns it.
struct Store {
    record: Mutex<TokenRecord>,
    index: TokenIndex,
    fault: Fault,
}

impl Store {
    fn new(fault: Fault) -> Self {
        Self {
            record: Mutex::new(TokenRecord {
                token: fixtures::token(1, NOW),
                digest: fixtures::digest(1),
                owner: fixtures::owner(1),
            }),
            // One stripe or two: rows that share one must not disturb each other.
            index: TokenIndex::with_stripes(NonZero::<usize>::MIN, 1),
            fault,
        }
    }

    fn read(&self) -> Arc<TokenRecord> {
        Arc::new(self.record.lock().unwrap().clone())
    }

    /// Returns whether the token is accepted.
    fn verifies(&self) -> bool {
        let record = self.index.find(&fixtures::digest(1)).unwrap_or_else(|| {
            let before = self.index.now();
            let record = self.read();
            let is_late = self.fault == Fault::KeepsLateFills;
            let since = if is_late { self.index.now() } else { before };
            self.index.keep(Arc::clone(&record), since);
            record
        });
        record.owner.active && record.token.revoked_at.is_none()
    }

    /// Changes a row, then sets `acknowledged`.
    fn change(&self, row: Uuid, commit: impl FnOnce(&mut TokenRecord), acknowledged: &AtomicBool) {
        let mut changed = Changed::default();
        if self.fault != Fault::ForgetsSuspensions {
            changed.add(row);
        }
        let commit = || commit(&mut self.record.lock().unwrap());
        if self.fault == Fault::PublishesAfterResponse {
            commit();
            acknowledged.store(true, SeqCst);
            let closed = self.index.close(&changed);
            self.index.open(closed);
        } else {
            let closed = self.index.close(&changed);
            commit();
            self.index.open(closed);
            acknowledged.store(true, SeqCst);
        }
    }

    fn revoke(&self, acknowledged: &AtomicBool) {
        let row = fixtures::token(1, NOW).id.uuid();
        let revoke = |record: &mut TokenRecord| record.token.revoked_at = Some(NOW);
        self.change(row, revoke, acknowledged);
    }

    fn suspend(&self, acknowledged: &AtomicBool) {
        let row = fixtures::owner(1).id.uuid();
        self.change(row, |record| record.owner.active = false, acknowledged);
    }

    /// A change that is not about the token.
    fn rename_owner(&self) {
        let (row, ignored) = (fixtures::owner(1).id.uuid(), AtomicBool::new(false));
        self.change(row, |record| record.owner.profile = None, &ignored);
    }
}

/// Runs a scenario in many schedules. Panics if one of them does.
fn check(scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(scenario);
    let again = Arc::clone(&scenario);
    let few_switches = PctScheduler::new_from_seed(15, 4, SCHEDULES);
    Runner::new(few_switches, Config::new()).run(move || scenario());
    let many_switches = RandomScheduler::new_from_seed(15, SCHEDULES);
    Runner::new(many_switches, Config::new()).run(move || again());
}

/// Two readers that verify again and again, while the token ends.
fn readers_beside(end: fn(&Store, &AtomicBool), fault: Fault) -> impl Fn() + Send + Sync + 'static {
    move || {
        let store = Arc::new(Store::new(fault));
        let acknowledged = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (store, acknowledged) = (store.clone(), acknowledged.clone());
                thread::spawn(move || {
                    for _ in 0..3 {
                        let was_ended = acknowledged.load(SeqCst);
                        let is_accepted = store.verifies();
                        assert!(!(was_ended && is_accepted), "accepted after its end");
                        // After one request was rejected, every later one is.
                        acknowledged.fetch_or(!is_accepted, SeqCst);
                    }
                })
            })
            .collect();
        let renaming = {
            let store = store.clone();
            thread::spawn(move || store.rename_owner())
        };
        end(&store, &acknowledged);
        for thread in readers.into_iter().chain([renaming]) {
            thread.join().unwrap();
        }
        assert!(!store.verifies(), "accepted after its end");
    }
}

#[test]
fn a_token_is_never_accepted_after_its_end() {
    check(readers_beside(Store::revoke, Fault::None));
    check(readers_beside(Store::suspend, Fault::None));
}

#[test]
fn each_fault_is_found() {
    let caught = |end, fault| {
        let run = AssertUnwindSafe(|| check(readers_beside(end, fault)));
        catch_unwind(run).is_err()
    };
    assert!(caught(Store::revoke, Fault::PublishesAfterResponse));
    assert!(caught(Store::revoke, Fault::KeepsLateFills));
    assert!(caught(Store::suspend, Fault::ForgetsSuspensions));
}

/// Runs a scenario without other threads.
fn alone(scenario: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(scenario, None);
}

#[test]
fn a_record_is_remembered_until_one_of_its_rows_changes() {
    alone(|| {
        let store = Store::new(Fault::None);
        let find = || store.index.find(&fixtures::digest(1)).is_some();
        assert!(!find());
        assert!(store.verifies() && find());
        store.rename_owner();
        assert!(!find());
        assert!(store.verifies() && find());
        store.revoke(&AtomicBool::new(false));
        assert!(!find() && !store.verifies() && find());
        store.index.forget();
        assert!(!find());
    });
}

#[test]
fn rows_of_a_change_of_unknown_outcome_stay_closed() {
    alone(|| {
        let store = Store::new(Fault::None);
        let find = || store.index.find(&fixtures::digest(1)).is_some();
        let closed = store.index.close(&Changed::everything());
        assert!(store.verifies() && !find());
        store.revoke(&AtomicBool::new(false));
        assert!(
            !store.verifies() && !find(),
            "another change does not open it"
        );
        store.index.open(closed);
        assert!(!store.verifies() && find());
    });
}

#[test]
fn a_change_may_name_a_row_any_number_of_times() {
    alone(|| {
        let store = Store::new(Fault::None);
        let find = || store.index.find(&fixtures::digest(1)).is_some();
        // Later than any moment that the count of a row could be confused with.
        (0..3).for_each(|_| store.index.forget());
        assert!(store.verifies() && find());
        let mut changed = Changed::default();
        for _ in 0..1 << 16 {
            changed.add(fixtures::owner(1).id.uuid());
        }
        let closed = store.index.close(&changed);
        assert!(store.verifies() && !find());
        store.index.open(closed);
        assert!(!find(), "read before the end of the change");
        assert!(store.verifies() && find());
    });
}

#[test]
fn the_number_of_records_is_bounded() {
    alone(|| {
        let capacity = NonZero::new(100).unwrap();
        let index = TokenIndex::with_stripes(capacity, 4);
        for number in 0..1_000 {
            let record = TokenRecord {
                token: fixtures::token(number, NOW),
                digest: fixtures::digest(number),
                owner: fixtures::owner(1),
            };
            index.keep(Arc::new(record), index.now());
        }
        let kept = (0..1_000).filter(|number| index.find(&fixtures::digest(*number)).is_some());
        assert!((1..=100).contains(&kept.count()));
    });
}
