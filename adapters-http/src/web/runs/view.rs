use std::collections::HashMap;
use std::collections::hash_map::Entry;

use openindex_domain::StoreError;
use openindex_domain::audit::{AuditEvent, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Status, Token, TokenAction, TokenError, TokenId};
use openindex_domain::user::UserId;

use crate::web::{Badge, Moment, Person, Shown, WebError};

/// A run in a list or on its page.
pub(super) struct RunView {
    pub(super) id: String,
    pub(super) agent: Shown,
    pub(super) status: Badge,
    pub(super) is_live: bool,
    /// Why it ended; `None` if it is live or the reason is unknown.
    pub(super) reason: Option<String>,
    pub(super) work_item: Option<String>,
    pub(super) token: TokenName,
    pub(super) started: Moment,
    pub(super) expires: Option<Moment>,
    pub(super) ended: Option<Moment>,
    pub(super) last_used: Option<Moment>,
}

/// The token that a run was started with.
pub(super) struct TokenName {
    pub(super) id: String,
    pub(super) name: Option<Shown>,
}

/// Details shown with runs: the names of their issuing tokens, and why they ended.
pub(super) struct Details {
    me: UserId,
    tokens: HashMap<TokenId, Option<Token>>,
    endings: HashMap<TokenId, AuditEvent>,
}

impl Details {
    pub(super) async fn of(person: &Person, runs: &[Token]) -> Result<Self, WebError> {
        let principal = &person.principal;
        let mut tokens = HashMap::new();
        for run in runs.iter().filter_map(|token| token.run.as_ref()) {
            let Entry::Vacant(unknown) = tokens.entry(run.issuer) else {
                continue;
            };
            let found = person.tokens.get_including_revoked(principal, run.issuer);
            unknown.insert(match found.await {
                // A damaged token is shown by ID.
                Err(TokenError::Store(StoreError::Corrupt(_))) => None,
                known => known?,
            });
        }
        Ok(Self {
            me: principal.user_id(),
            tokens,
            endings: person.audit.end_events(principal, runs).await?,
        })
    }

    fn reason(&self, run: &Token, issuer: TokenId) -> Option<String> {
        let by_me = |event: &AuditEvent| event.actor.user() == Some(self.me);
        let Some(event) = self.endings.get(&run.id) else {
            return run
                .revoked_at
                .is_none()
                .then(|| "Time limit reached".to_owned());
        };
        let reason = match (event.action, event.related) {
            (TokenAction::REPORTED_LEAKED, _) => "Reported as leaked",
            (_, Some(Subject::WorkItem(key))) => {
                return Some(format!("{key} was completed, cancelled or deleted"));
            }
            (_, Some(Subject::User(_))) => "Account suspended",
            (_, Some(_)) => match self.endings.get(&issuer) {
                Some(event) if event.action == TokenAction::ROTATED => "Issuing token rotated",
                Some(event) if event.action == TokenAction::REPORTED_LEAKED => {
                    "Issuing token reported as leaked"
                }
                Some(event) if by_me(event) => "Issuing token deleted",
                _ => "Issuing token revoked by an administrator",
            },
            (_, None) if by_me(event) => "Ended by you",
            (_, None) => return None,
        };
        Some(reason.to_owned())
    }
}

impl RunView {
    /// Returns the view, or `None` if the token is not an agent run.
    pub(super) fn of(token: &Token, details: &Details, now: Timestamp) -> Option<Self> {
        let run = token.run.as_ref()?;
        let status = token.status(now);
        let known = details.tokens.get(&run.issuer).and_then(Option::as_ref);
        Some(Self {
            id: token.id.to_string(),
            agent: Shown::of(run.agent.as_str()),
            status: Badge::of_run(status),
            is_live: status == Status::Live,
            reason: (status != Status::Live)
                .then(|| details.reason(token, run.issuer))
                .flatten(),
            work_item: run.work_item.map(|key| key.to_string()),
            token: TokenName {
                id: run.issuer.to_string(),
                name: known.map(|token| Shown::of(token.name.as_str())),
            },
            started: Moment::new(token.created_at, now),
            expires: token.expires_at.map(|at| Moment::end(at, now)),
            ended: token
                .revoked_at
                .or(token.expires_at.filter(|at| *at <= now))
                .map(|at| Moment::new(at, now)),
            last_used: token.last_used_at.map(|at| Moment::new(at, now)),
        })
    }
}
