//! The trial: clients verify, users' credentials end, and faults happen, all at the same time. It
//! knows neither what serves it nor what it proves.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use openindex_tests::Client;

use crate::board::{Board, Known, Right};
use crate::changes::{self, Person};
use crate::log::{Log, Recorder, Span, TokenWithSecret, User, Verdict};
use crate::pace::{Pace, Plan};
use crate::totals::Totals;
use crate::wire::{Links, Replicas};

/// Pause after a request without a response, so that an outage does not cause a flood.
pub(crate) const PAUSE: Duration = Duration::from_millis(5);
/// How often a long trial prints its progress.
const PROGRESS: Duration = Duration::from_secs(10);
/// How often the last checks are repeated before their replica counts as dead.
const LAST_ATTEMPTS: usize = 1_000;

/// The state that all threads share.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) replicas: Replicas,
    pub(crate) recorder: Recorder,
    pub(crate) board: Board,
    pub(crate) pace: Pace,
    /// The token of an administrator, which is never ended.
    pub(crate) admin: Known,
    /// Administrators to be deleted or demoted, each with the secret of a token.
    spares: Mutex<Vec<(String, String)>>,
}

impl Trial {
    pub(crate) fn new(
        plan: Plan,
        replicas: Replicas,
        admin: &str,
        spares: Vec<(String, String)>,
    ) -> Self {
        let recorder = Recorder::default();
        let number = recorder.number();
        let issued = TokenWithSecret {
            owner: User(plan.users),
            run: None,
            span: Span {
                invoked: number,
                responded: number,
            },
        };
        Self {
            replicas,
            admin: Known {
                credential: recorder.issued(issued),
                secret: admin.into(),
                right: Right::Authenticate,
            },
            recorder,
            spares: Mutex::new(spares),
            board: Board::default(),
            pace: Pace::new(plan),
        }
    }

    /// Creates one administrator for each deletion and each demotion in the plan. The number of
    /// users who can join from one address is limited; `forget` resets the rate limits.
    pub(crate) fn join_spares(
        plan: Plan,
        http: &Client,
        admin: &str,
        forget: impl Fn(),
    ) -> Vec<(String, String)> {
        let changes = usize::try_from(plan.changes).expect("a small number");
        let each = changes / changes::Way::ALL.len() + 1;
        let spares = (0..2 * each).map(|_| {
            forget();
            http.join_as("admin", admin, &new_address())
        });
        let spares = spares.collect();
        forget();
        spares
    }

    /// Creates the users through this client, runs the trial, and returns its log.
    pub(crate) fn run(self, http: &Client, faults: impl FnOnce(&Self) + Send) -> Log {
        let plan = self.pace.plan();
        let begun = Instant::now();
        let people: Vec<Person> = (0..plan.users).map(|user| self.join(http, user)).collect();
        thread::scope(|scope| {
            let trial = &self;
            for number in 0..plan.clients {
                scope.spawn(move || trial.guarded(|| trial.verify(number)));
            }
            for person in &people {
                scope.spawn(move || trial.guarded(|| changes::change(trial, person)));
            }
            scope.spawn(move || trial.guarded(|| faults(trial)));
            scope.spawn(move || trial.print_progress(begun));
        });
        self.check_all_once_more(plan.clients);
        let log = self.recorder.into_log();
        say(&format!(
            "{}\n  {} clients, {} users, {:.1} s",
            Totals::of(&log),
            plan.clients,
            plan.users,
            begun.elapsed().as_secs_f64()
        ));
        log
    }

    fn join(&self, http: &Client, user: usize) -> Person {
        let invoked = self.recorder.number();
        let (id, secret) = http.join_with_token(&self.admin.secret, &new_address());
        let responded = self.recorder.number();
        let issued = TokenWithSecret {
            owner: User(user),
            run: None,
            span: Span { invoked, responded },
        };
        Person {
            id,
            user: User(user),
            main: self.put_up(issued, &secret),
        }
    }

    /// Returns an administrator to delete or to demote, who owns only a token.
    pub(crate) fn spare(&self) -> Person {
        let mut spares = self.spares.lock().expect("the spares");
        let (id, secret) = spares.pop().expect("a spare for each deletion");
        let user = User(self.pace.plan().users + 1 + spares.len());
        drop(spares);
        let number = self.recorder.number();
        let issued = TokenWithSecret {
            owner: user,
            run: None,
            span: Span {
                invoked: number,
                responded: number,
            },
        };
        let main = self.put_up(issued, &secret);
        Person { id, user, main }
    }

    /// Logs a new credential and puts it on the board.
    pub(crate) fn put_up(&self, issued: TokenWithSecret, secret: &str) -> Known {
        let known = Known {
            credential: self.recorder.issued(issued),
            secret: secret.into(),
            right: Right::Authenticate,
        };
        self.board.put_up(known.clone());
        known
    }

    /// Logs the right of a token to administer, which its owner's demotion ends, and puts it on the
    /// board.
    pub(crate) fn put_up_administering(&self, token: &Known) -> Known {
        let issued = self.recorder.log().issued[token.credential.0].clone();
        let known = Known {
            credential: self.recorder.issued(issued),
            right: Right::Administer,
            ..token.clone()
        };
        self.board.put_up(known.clone());
        known
    }

    /// Runs one thread's work. A panic ends the trial for the other threads too.
    fn guarded(&self, work: impl FnOnce()) {
        struct Guard<'a>(&'a Pace);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.abandon();
                }
            }
        }
        let _guard = Guard(&self.pace);
        work();
    }

    /// Checks each credential once more on one of the replicas, when everything has ended.
    fn check_all_once_more(&self, threads: usize) {
        let all = self.board.all();
        thread::scope(|scope| {
            for thread in 0..threads {
                let mine = all.iter().enumerate().skip(thread).step_by(threads);
                scope.spawn(move || {
                    let mut links = Links::new(&self.replicas);
                    for (number, known) in mine {
                        let replica = number % self.replicas.count();
                        let responded = (0..LAST_ATTEMPTS)
                            .any(|_| self.check(&mut links, replica, known) != Verdict::Unknown);
                        assert!(responded, "replica {replica} does not come back");
                    }
                });
            }
        });
    }

    fn print_progress(&self, begun: Instant) {
        while !self.pace.finished() {
            self.pace.wait(PROGRESS, |_| false);
            let (counts, plan) = (self.pace.counts(), self.pace.plan());
            say(&format!(
                "{:5.0} s: {} of {} checks, {} of {} changes, {} of {} faults, {} without response",
                begun.elapsed().as_secs_f64(),
                counts.checks,
                plan.checks,
                counts.changes,
                plan.changes,
                counts.faults,
                plan.faults,
                counts.failures
            ));
        }
    }
}

/// Returns an email address that no other user has, in any trial.
fn new_address() -> String {
    static JOINED: AtomicUsize = AtomicUsize::new(0);
    let number = JOINED.fetch_add(1, Ordering::SeqCst);
    format!("joined{number}@example.com")
}

#[expect(clippy::print_stderr, reason = "a long trial prints its progress")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
