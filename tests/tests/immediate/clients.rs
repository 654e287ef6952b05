//! The verifying side.

use std::time::{Duration, Instant};

use crate::board::{Known, Random};
use crate::log::{Check, Span, Verdict};
use crate::trial::{PAUSE, Trial};
use crate::wire::{Links, Reply, Request};

impl Trial {
    /// Verifies until the run is over. A client has a replica of its own, so that those of the
    /// others go on while one is stopped; it turns to the next one after a failure.
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

    /// Verifies this credential at every replica.
    pub(crate) fn check_everywhere(&self, links: &mut Links<'_>, known: &Known) {
        for replica in 0..self.replicas.count() {
            self.check(links, replica, known);
        }
    }

    /// Verifies this credential at this replica.
    pub(crate) fn check(&self, links: &mut Links<'_>, replica: usize, known: &Known) -> Verdict {
        let request = Request {
            method: "GET",
            path: "/me",
            body: None,
        };
        self.send(links, replica, known, &request).verdict
    }

    /// Sends a request and writes down what became of its bearer's credential: whatever the request
    /// is for, it is a verification.
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
        let answered = self.recorder.number();
        let sent = Sent {
            span: Span { invoked, answered },
            took: begun.elapsed(),
            verdict: verdict(request.method, reply.as_ref()),
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

/// A request that was sent, and its answer if there was one.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) span: Span,
    pub(crate) took: Duration,
    pub(crate) verdict: Verdict,
    pub(crate) reply: Option<Reply>,
}

fn verdict(method: &str, reply: Option<&Reply>) -> Verdict {
    match reply.map(|reply| reply.status) {
        None | Some(503) => Verdict::Unknown,
        Some(401) => Verdict::Denied,
        Some(200..300) => Verdict::Accepted,
        // Whoever is told that what they want to end is not there has been let in.
        Some(404) if method != "GET" => Verdict::Accepted,
        Some(other) => Verdict::Other(other),
    }
}
