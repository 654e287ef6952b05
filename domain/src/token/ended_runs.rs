use std::collections::HashMap;

use crate::audit::{AuditEvent, Subject};
use crate::clock::Timestamp;

use super::{AgentRunAction, Token, TokenId, TokenKind};

/// The maximum clock difference between two servers on one store: 1 hour. A run that has expired by
/// one clock may be live by another, so a change that ends runs includes those that expired within
/// this time.
pub const CLOCK_MARGIN_SECONDS: i64 = 60 * 60;

/// The agent runs that end together with something else, which a store must write in the same
/// transaction. A store without runs passes none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct EndedRuns {
    /// The updated tokens of the runs.
    pub tokens: Vec<Token>,
    /// Their audit events.
    pub events: Vec<AuditEvent>,
}

impl EndedRuns {
    /// Returns the instant before which a run must have expired to be expired by every server's
    /// clock at `now`. Such runs do not have to be read in order to end them.
    #[must_use]
    pub fn horizon(now: Timestamp) -> Timestamp {
        now.saturating_add_seconds(-CLOCK_MARGIN_SECONDS)
    }

    /// Ends the runs among `runs` that were started with tokens that are now revoked, given each
    /// token with the event of its revocation.
    pub fn with_issuers<'a>(
        revoked: impl IntoIterator<Item = (TokenId, &'a AuditEvent)>,
        runs: &[Token],
    ) -> Self {
        let causes: HashMap<TokenId, &AuditEvent> = revoked.into_iter().collect();
        let mut ended = Self::default();
        for run in runs {
            let issuer = run.run.as_ref().map(|run| run.issuer);
            if let Some(cause) = issuer.and_then(|issuer| causes.get(&issuer)) {
                ended.end(run, cause);
            }
        }
        ended
    }

    /// Ends the runs among `runs` that depend on the subject of `cause`.
    pub(crate) fn with_subject(
        cause: &AuditEvent,
        runs: &[Token],
        depends: impl Fn(&Token) -> bool,
    ) -> Self {
        let mut ended = Self::default();
        for run in runs.iter().filter(|run| depends(run)) {
            ended.end(run, cause);
        }
        ended
    }

    /// Shortens the runs among `runs` whose issuing token now expires at `end`, so that none
    /// outlives it. This is not an event of its own.
    pub(crate) fn not_after(issuer: TokenId, end: Timestamp, runs: &[Token]) -> Self {
        let outliving = runs.iter().filter(|run| {
            is_unrevoked_run(run)
                && run.run.as_ref().is_some_and(|run| run.issuer == issuer)
                && run.expires_at.is_none_or(|own| own > end)
        });
        Self {
            tokens: outliving
                .map(|run| Token {
                    expires_at: Some(end),
                    ..run.clone()
                })
                .collect(),
            events: Vec::new(),
        }
    }

    fn end(&mut self, run: &Token, cause: &AuditEvent) {
        let ended = run.revoked(cause.at).filter(|_| is_unrevoked_run(run));
        let Some(ended) = ended else {
            return;
        };
        let subject = Subject::Token(run.id);
        let event = cause.derived(AgentRunAction::ENDED, subject, cause.subject);
        self.events.push(event);
        self.tokens.push(ended);
    }
}

fn is_unrevoked_run(token: &Token) -> bool {
    token.kind() == TokenKind::AgentRun && token.revoked_at.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::{self, NOW};
    use crate::token::TokenAction;

    fn revocation() -> AuditEvent {
        let pat = fixtures::token(1, NOW).id;
        fixtures::audit(1, NOW, TokenAction::REVOKED, Subject::Token(pat))
    }

    #[test]
    fn only_unrevoked_runs_of_that_issuer_end_with_it() {
        let issuer = fixtures::token(1, NOW).id;
        let live = fixtures::run(10, issuer);
        // Expired by this clock; another server's clock may be behind.
        let mut over = fixtures::run(11, issuer);
        over.expires_at = Some(NOW);
        let mut ended = fixtures::run(12, issuer);
        ended.revoked_at = Some(NOW);
        let foreign = fixtures::run(13, fixtures::token(2, NOW).id);
        let event = revocation();
        let runs = [live.clone(), over.clone(), ended, foreign];
        let ended = EndedRuns::with_issuers([(issuer, &event)], &runs);
        let revoked = |run: &Token| run.revoked(NOW).unwrap();
        assert_eq!(ended.tokens, [revoked(&live), revoked(&over)]);
        let [told, _] = &ended.events[..] else {
            panic!("two events: {:?}", ended.events);
        };
        assert_eq!(told.action, AgentRunAction::ENDED);
        assert_eq!(told.subject, Subject::Token(live.id));
        assert_eq!(told.related, Some(Subject::Token(issuer)));
        assert_ne!(told.id, event.id);
    }

    #[test]
    fn no_run_outlives_its_issuer_or_is_extended() {
        let issuer = fixtures::token(1, NOW).id;
        let soon = NOW.saturating_add_seconds(10);
        let long = fixtures::run(10, issuer);
        let mut short = fixtures::run(11, issuer);
        short.expires_at = Some(NOW.saturating_add_seconds(5));
        let cut = EndedRuns::not_after(issuer, soon, &[long.clone(), short]);
        assert_eq!(cut.tokens.len(), 1);
        assert_eq!(cut.tokens[0].id, long.id);
        assert_eq!(cut.tokens[0].expires_at, Some(soon));
        assert_eq!(cut.events, []);
    }
}
