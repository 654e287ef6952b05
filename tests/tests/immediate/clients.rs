//! The clients that verify credentials.

use std::time::{Duration, Instant};

use openindex_tests::Random;

use crate::board::{Known, Right};
use crate::log::{Check, Span, Verdict};
use crate::trial::{PAUSE, Trial};
use crate::wire::{Links, Reply, Request};

impl Trial {
    /// Verifies until the trial ends. Each client starts with its own replica, so that others
    /// continue while one is stopped, and moves to the next one after a failure.
    pub(crate) fn verify(&self, number: usize) {
        let mut random = Random::new(number as u64);
        let mut links = Links::new(&self.replicas);
        let mut failed = false;
        while !self.pace.finished() {
            self.pace.keep_step();
            let known = self.board.pick(&mut random);
            let replica = (number + usize::from(failed)) % self.replicas.count();
            failed = self.check(&mut links, replica, &known) == Verdict::Unknown;
            if failed {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Verifies this credential on every replica.
    pub(crate) fn check_everywhere(&self, links: &mut Links<'_>, known: &Known) {
        for replica in 0..self.replicas.count() {
            self.check(links, replica, known);
        }
    }

    /// Verifies this credential on this replica.
    pub(crate) fn check(&self, links: &mut Links<'_>, replica: usize, known: &Known) -> Verdict {
        let request = Request {
            method: "GET",
            path: known.right.path(),
            body: None,
            from: None,
        };
        self.send(links, replica, known, &request).verdict
    }

    /// Sends a request and logs the verdict on its credential: every request is a verification,
    /// whatever it is for.
    pub(crate) fn send(
        &self,
        links: &mut Links<'_>,
        replica: usize,
        known: &Known,
        request: &Request<'_>,
    ) -> Sent {
        let begun = Instant::now();
        let invoked = self.recorder.number();
        let reply = links.send(replica, &known.secret, request).ok();
        let responded = self.recorder.number();
        let sent = Sent {
            span: Span { invoked, responded },
            took: begun.elapsed(),
            verdict: verdict(request.method, known.right, reply.as_ref()),
            reply,
        };
        self.recorder.log().checks.push(Check {
            span: sent.span,
            took: sent.took,
            replica,
            credential: known.credential,
            verdict: sent.verdict,
        });
        self.pace.checked(sent.verdict != Verdict::Unknown);
        sent
    }
}

/// A request, and its response if there was one.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) span: Span,
    pub(crate) took: Duration,
    pub(crate) verdict: Verdict,
    pub(crate) reply: Option<Reply>,
}

fn verdict(method: &str, right: Right, reply: Option<&Reply>) -> Verdict {
    match reply.map(|reply| reply.status) {
        None | Some(503) => Verdict::Unknown,
        Some(401) => Verdict::Denied,
        Some(403) if right == Right::Administer => Verdict::Denied,
        Some(200..300) => Verdict::Accepted,
        // The credential of a change is accepted before its target is looked at: that of a deletion
        // can be gone (404), and an unacknowledged attempt can have rotated a token (409).
        Some(404 | 409) if method != "GET" => Verdict::Accepted,
        Some(other) => Verdict::Other(other),
    }
}

#[test]
fn a_change_without_its_target_is_an_acceptance_and_a_read_is_not() {
    let reply = |status| Reply {
        status,
        body: Vec::new(),
    };
    for status in [404, 409] {
        let reply = reply(status);
        for (method, expected) in [("POST", Verdict::Accepted), ("GET", Verdict::Other(status))] {
            let verdict = verdict(method, Right::Authenticate, Some(&reply));
            assert_eq!(verdict, expected, "{method}: {status}");
        }
    }
}

#[test]
fn a_denied_permission_is_a_denial_of_the_right_to_administer_only() {
    let denied = Reply {
        status: 403,
        body: Vec::new(),
    };
    let verdict = |right| verdict("GET", right, Some(&denied));
    assert_eq!(verdict(Right::Administer), Verdict::Denied);
    assert_eq!(verdict(Right::Authenticate), Verdict::Other(403));
}
