//! The changes: each user has a thread that creates credentials and ends them in every way there
//! is, through any replica.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use openindex_tests::Random;
use serde_json::{Value, json};

use crate::board::Known;
use crate::clients::Sent;
use crate::log::{Act, Change, Item, Outcome, Run, Span, TokenWithSecret, User};
use crate::trial::{PAUSE, Trial};
use crate::wire::{Links, Reply, Request};

/// For how long a token stays live after a rotation with an overlap.
const OVERLAP: Duration = Duration::from_secs(1);
/// How long a change may keep failing before the test itself counts as broken.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bulk revocation covers the tokens that expire before the second of these: those of one batch.
const BATCH_EXPIRES: &str = "2190-01-01T00:00:00Z";
const BATCH_BEFORE: &str = "2191-01-01T00:00:00Z";

/// The ways to end something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    OwnRevocation,
    AdminRevocation,
    BulkRevocation,
    LeakReport,
    ItsOwnDeletion,
    Rotation,
    OverlappingRotation,
    IssuersRevocation,
    RunsEnd,
    ItemsCompletion,
    ItemsDeletion,
    OwnersSuspension,
    OwnersDemotion,
    OwnersDeletion,
}

impl Way {
    /// All of them, in the order of their use.
    pub(crate) const ALL: [Self; 14] = [
        Self::OwnRevocation,
        Self::AdminRevocation,
        Self::BulkRevocation,
        Self::LeakReport,
        Self::ItsOwnDeletion,
        Self::Rotation,
        Self::OverlappingRotation,
        Self::IssuersRevocation,
        Self::RunsEnd,
        Self::ItemsCompletion,
        Self::ItemsDeletion,
        Self::OwnersSuspension,
        Self::OwnersDemotion,
        Self::OwnersDeletion,
    ];

    /// Returns its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OwnRevocation => "revocation by its owner",
            Self::AdminRevocation => "revocation by an administrator",
            Self::BulkRevocation => "bulk revocation",
            Self::LeakReport => "report of leaked tokens",
            Self::ItsOwnDeletion => "deletion with itself",
            Self::Rotation => "rotation",
            Self::OverlappingRotation => "rotation with an overlap",
            Self::IssuersRevocation => "revocation of a run's issuer",
            Self::RunsEnd => "end of a run",
            Self::ItemsCompletion => "completion of a run's item",
            Self::ItemsDeletion => "deletion of a run's item",
            Self::OwnersSuspension => "suspension of its owner",
            Self::OwnersDemotion => "demotion of its owner",
            Self::OwnersDeletion => "deletion of its owner",
        }
    }
}

/// These end nothing, and are not counted as ways.
const LIFTING: &str = "lifting of a suspension";
const OVERLAPPING: &str = "beginning of an overlap";

/// A user whose token creates the credentials, and who is only ever suspended.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// `usr_…`.
    pub(crate) id: String,
    pub(crate) user: User,
    pub(crate) main: Known,
}

/// The context of a changing thread.
struct Changer<'a> {
    trial: &'a Trial,
    person: &'a Person,
    links: Links<'a>,
    random: Random,
}

/// A new token or run.
struct New {
    /// `pat_…` or `run_…`.
    id: String,
    known: Known,
}

/// Changes this user's credentials until the trial has made all its changes.
pub(crate) fn change(trial: &Trial, person: &Person) {
    let mut changer = Changer {
        trial,
        person,
        links: Links::new(&trial.replicas),
        random: Random::new(1_000 + person.user.0 as u64),
    };
    while let Some(number) = trial.pace.next_change() {
        let turn = usize::try_from(number).expect("a small number") % Way::ALL.len();
        changer.end_something(Way::ALL[turn]);
        trial.pace.changed();
    }
}

impl Changer<'_> {
    fn end_something(&mut self, way: Way) {
        match way {
            Way::OwnRevocation | Way::AdminRevocation | Way::Rotation => {
                let token = [self.token(None)];
                self.end_all(way, &token, &[]);
            }
            Way::OverlappingRotation => {
                let token = self.token(None);
                let run = self.start(&token.known, None);
                self.rotate_with_an_overlap(way.name(), &token, &run.known);
            }
            Way::ItsOwnDeletion => {
                let token = self.token(None);
                let runs = [(); 2].map(|()| self.start(&token.known, None));
                let [run, other] = runs.map(|run| [run]);
                self.end_all(way, &run, &[]);
                self.end_all(way, &[token], &other);
            }
            Way::BulkRevocation | Way::LeakReport => {
                let batch = [(); 3].map(|()| self.token(Some(BATCH_EXPIRES)));
                let run = self.start(&batch[0].known, None);
                self.end_all(way, &batch, &[run]);
            }
            Way::IssuersRevocation => {
                let issuer = [self.token(None)];
                let runs = [(); 2].map(|()| self.start(&issuer[0].known, None));
                self.end_all(way, &issuer, &runs);
            }
            Way::RunsEnd => {
                let main = self.person.main.clone();
                let run = [self.start(&main, None)];
                self.end_all(way, &run, &[]);
            }
            Way::ItemsCompletion | Way::ItemsDeletion => self.resolve_an_item(way),
            Way::OwnersSuspension => self.suspend_and_lift(way.name()),
            Way::OwnersDemotion | Way::OwnersDeletion => self.end_an_administrator(way),
        }
    }

    /// Ends these, and then checks them and those that end with them.
    fn end_all(&mut self, way: Way, those: &[New], with_them: &[New]) {
        let news = those.iter().chain(with_them);
        let all: Vec<Known> = news.map(|new| new.known.clone()).collect();
        self.check_everywhere(&all);
        let act = Act::End(those.iter().map(|new| new.known.credential).collect());
        let (main, admin) = (self.person.main.clone(), self.trial.admin.clone());
        let (name, id) = (way.name(), &those[0].id);
        match way {
            Way::AdminRevocation => self.delete(name, &act, &format!("/admin/pats/{id}"), &admin),
            Way::BulkRevocation => {
                let path = "/admin/pats/revoke";
                let (user, before) = (&self.person.id, BATCH_BEFORE);
                let filter = json!({"user": user, "expiringBefore": before, "dryRun": false});
                self.settle(name, &act, ("POST", path), &admin, Some(&filter), &[200]);
            }
            Way::LeakReport => {
                let secrets = those.iter().map(|new| &*new.known.secret);
                let report = json!({"tokens": secrets.collect::<Vec<_>>()});
                let path = "/credentials/revoke";
                self.settle(name, &act, ("POST", path), &admin, Some(&report), &[202]);
            }
            Way::ItsOwnDeletion => {
                let token = &those[0].known;
                // 401 if an unacknowledged attempt has deleted it.
                let expected = [204, 401];
                self.settle(name, &act, ("DELETE", "/me/token"), token, None, &expected);
            }
            Way::Rotation => {
                let path = format!("/me/pats/{id}/rotate");
                let (none, expected) = (json!({}), [201, 409]);
                let (span, reply) =
                    self.settle(name, &act, ("POST", &path), &main, Some(&none), &expected);
                // 409 if an unacknowledged attempt has rotated it; its successor is lost.
                if reply.status == 201 {
                    self.record(&reply.json(), span, None);
                }
            }
            Way::RunsEnd => self.delete(name, &act, &format!("/agent-runs/{id}"), &main),
            _ => self.delete(name, &act, &format!("/me/pats/{id}"), &main),
        }
        self.check_everywhere(&all);
    }

    /// Rotates a token, and logs its end, with that of its run, when the overlap has passed.
    fn rotate_with_an_overlap(&mut self, way: &'static str, token: &New, run: &Known) {
        let all = [token.known.clone(), run.clone()];
        self.check_everywhere(&all);
        let main = self.person.main.clone();
        let path = format!("/me/pats/{}/rotate", token.id);
        let body = json!({"overlapSeconds": OVERLAP.as_secs()});
        let ended = vec![token.known.credential];
        let (span, reply) = self.settle(
            OVERLAPPING,
            &Act::LetExpire(ended.clone()),
            ("POST", &path),
            &main,
            Some(&body),
            &[201, 409],
        );
        let begun = Instant::now();
        if reply.status == 201 {
            self.record(&reply.json(), span, None);
        }
        while begun.elapsed() <= OVERLAP {
            self.check_everywhere(&all);
            std::thread::sleep(OVERLAP / 10);
        }
        self.trial.recorder.log().changes.push(Change {
            span: Span {
                invoked: span.invoked,
                responded: self.trial.recorder.number(),
            },
            took: begun.elapsed(),
            replica: 0,
            way,
            act: Act::End(ended),
            outcome: Outcome::Done,
        });
        self.check_everywhere(&all);
    }

    fn resolve_an_item(&mut self, way: Way) {
        let main = self.person.main.clone();
        let body = json!({"domain": "OPS", "title": "Wanted"});
        let (_, created) = self.create("/browse", &main, &body);
        let item = Item(text(&created, "key"));
        let runs = [0, 1].map(|_| self.start(&main, Some(&item)).known);
        self.check_everywhere(&runs);
        let path = format!("/browse/{}", item.0);
        let act = Act::Resolve(item);
        if matches!(way, Way::ItemsDeletion) {
            self.delete(way.name(), &act, &path, &main);
        } else {
            let request = ("POST", &*format!("{path}/complete"));
            self.settle(way.name(), &act, request, &main, Some(&json!({})), &[200]);
        }
        self.check_everywhere(&runs);
    }

    fn suspend_and_lift(&mut self, way: &'static str) {
        let token = self.token(None).known;
        let run = self.start(&token, None).known;
        let all = [token, run, self.person.main.clone()];
        self.check_everywhere(&all);
        let admin = self.trial.admin.clone();
        let steps = [
            (way, "suspend", Act::Suspend(self.person.user)),
            (LIFTING, "unsuspend", Act::Lift(self.person.user)),
        ];
        for (way, step, act) in steps {
            let path = format!("/admin/users/{}/{step}", self.person.id);
            self.settle(way, &act, ("POST", &path), &admin, None, &[200]);
            self.check_everywhere(&all);
        }
    }

    /// Demotes or deletes a separate administrator with a token and a run.
    fn end_an_administrator(&mut self, way: Way) {
        let person = self.trial.spare();
        let mut theirs = Changer {
            trial: self.trial,
            person: &person,
            links: Links::new(&self.trial.replicas),
            random: Random::new(2_000 + person.user.0 as u64),
        };
        let run = theirs.start(&person.main, None).known;
        let right = self.trial.put_up_administering(&person.main);
        let all = [right, person.main.clone(), run];
        self.check_everywhere(&all);
        let admin = self.trial.admin.clone();
        let path = format!("/admin/users/{}", person.id);
        let ended = all.iter().map(|known| known.credential);
        if matches!(way, Way::OwnersDemotion) {
            let act = Act::End(ended.take(1).collect());
            let body = Some(&json!({"role": "member"}));
            self.settle(way.name(), &act, ("PATCH", &path), &admin, body, &[200]);
        } else {
            self.delete(way.name(), &Act::End(ended.collect()), &path, &admin);
        }
        self.check_everywhere(&all);
    }

    fn check_everywhere(&mut self, all: &[Known]) {
        for known in all {
            self.trial.check_everywhere(&mut self.links, known);
        }
    }

    /// Creates a token.
    fn token(&mut self, expires: Option<&str>) -> New {
        let body = json!({"name": "ends", "scope": "read_write", "expiresAt": expires});
        let main = self.person.main.clone();
        let (span, created) = self.create("/me/pats", &main, &body);
        self.record(&created, span, None)
    }

    /// Starts a run.
    fn start(&mut self, issuer: &Known, item: Option<&Item>) -> New {
        let key = item.map(|item| item.0.as_str());
        let body = json!({"agentId": "agent", "ttlSeconds": 86_400, "workItemKey": key});
        let (span, created) = self.create("/agent-runs", issuer, &body);
        let run = Run {
            issuer: issuer.credential,
            item: item.cloned(),
        };
        self.record(&created, span, Some(run))
    }

    /// Logs the new credential and puts it on the board.
    fn record(&self, created: &Value, span: Span, run: Option<Run>) -> New {
        let issued = TokenWithSecret {
            owner: self.person.user,
            run,
            span,
        };
        New {
            id: text(created, "id"),
            known: self.trial.put_up(issued, &text(created, "token")),
        }
    }

    /// Creates something, retrying until it is acknowledged. No client knows what an unacknowledged
    /// attempt created.
    fn create(&mut self, path: &str, actor: &Known, body: &Value) -> (Span, Value) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let (_, sent) = self.ask(("POST", path), actor, Some(body));
            match sent.reply {
                Some(reply) if reply.status == 201 => return (sent.span, reply.json()),
                reply => wait_out(reply.as_ref(), path, give_up),
            }
        }
    }

    fn delete(&mut self, way: &'static str, act: &Act, path: &str, actor: &Known) {
        self.settle(way, act, ("DELETE", path), actor, None, &[204, 404]);
    }

    /// Makes a change, retrying until the response has one of these statuses, and logs each
    /// attempt.
    fn settle(
        &mut self,
        way: &'static str,
        act: &Act,
        (method, path): (&'static str, &str),
        actor: &Known,
        body: Option<&Value>,
        expected: &[u16],
    ) -> (Span, Reply) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let (replica, sent) = self.ask((method, path), actor, body);
            let Sent {
                span, took, reply, ..
            } = sent;
            let done = reply
                .as_ref()
                .is_some_and(|reply| expected.contains(&reply.status));
            self.trial.recorder.log().changes.push(Change {
                span,
                took,
                replica,
                way,
                act: act.clone(),
                outcome: if done {
                    Outcome::Done
                } else {
                    Outcome::Unknown
                },
            });
            match reply {
                Some(reply) if done => {
                    self.trial.pace.acknowledged();
                    return (span, reply);
                }
                reply => wait_out(reply.as_ref(), path, give_up),
            }
        }
    }

    /// Sends a request to any server; its response counts as a check of the actor, too.
    fn ask(
        &mut self,
        (method, path): (&'static str, &str),
        actor: &Known,
        body: Option<&Value>,
    ) -> (usize, Sent) {
        let replica = self.random.below(self.trial.replicas.servers().len());
        let request = Request {
            method,
            path,
            body,
            from: Some(self.address()),
        };
        let sent = self.trial.send(&mut self.links, replica, actor, &request);
        (replica, sent)
    }

    /// Returns another address each time: the number of reports from each is limited.
    fn address(&mut self) -> Ipv4Addr {
        let [.., a, b, c] = self.random.below(1 << 24).to_be_bytes();
        Ipv4Addr::new(10, a, b, c)
    }
}

/// Waits after an unacknowledged attempt. A denial is retried too: it is logged, and the oracle
/// decides whether it was right.
fn wait_out(reply: Option<&Reply>, path: &str, give_up: Instant) {
    if let Some(reply) = reply {
        let body = String::from_utf8_lossy(&reply.body);
        assert!(matches!(reply.status, 401 | 503), "{path}: {body}");
    }
    assert!(Instant::now() < give_up, "{path} has no response");
    std::thread::sleep(PAUSE);
}

fn text(value: &Value, field: &str) -> String {
    let text = value[field].as_str();
    text.unwrap_or_else(|| panic!("{field} of {value}"))
        .to_owned()
}
