use std::collections::HashMap;
use std::sync::Arc;

use crate::access::{Denial, Principal, Requirement};
use crate::agent_run::WorkItemKey;
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::rate_limit::RateLimits;
use crate::store::{Listing, StoreError};
use crate::token::{Token, TokenId};
use crate::user::MAX_PAGE;

use super::{
    AuditAction, AuditCursor, AuditEvent, AuditFilter, AuditStore, RequestContext, Subject,
};

/// The use cases of the trail: [`list`](Self::list) and
/// [`note_refusal`](Self::note_refusal). Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    store: Arc<dyn AuditStore>,
    rate_limits: RateLimits,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Some events, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The events, the newest first.
    pub events: Listing<AuditEvent>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<AuditCursor>,
}

/// A page of a user's own activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityPage {
    /// The events, the newest first.
    pub events: Listing<AuditEvent>,
    /// Pass it as [`ActivityPlace::Before`] for the page of newer events; `None` on the first.
    pub previous: Option<AuditCursor>,
    /// Pass it as [`ActivityPlace::After`] for the page of older events; `None` on the last.
    pub next: Option<AuditCursor>,
}

/// Where a page of a user's own activity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityPlace {
    /// Just older than this event.
    After(AuditCursor),
    /// Just newer than this event.
    Before(AuditCursor),
}

/// Why a use case on the trail did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The principal may not do this.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Audit {
    /// The use cases on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn AuditStore>,
        rate_limits: RateLimits,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            rate_limits,
            clock,
            entropy,
        }
    }

    /// Returns the newest entries about a personal access token, which the user that `principal` acts
    /// as owns: at most `limit`, each as far as it is for them.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless a human asks; [`AuditError::Store`].
    pub async fn of_own_token(
        &self,
        principal: &Principal,
        token: &Token,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, AuditError> {
        principal.authorize(Requirement::HUMAN)?;
        if token.owner != principal.user_id() {
            return Ok(Listing::default());
        }
        let filter = AuditFilter {
            subject: Some(Subject::Token(token.id)),
            ..AuditFilter::default()
        };
        let events = self.store.events(&filter, None, limit).await?;
        Ok(events.each(|event| event.keep_for(token.owner)))
    }

    /// A page of the trail, the newest first, beginning after `after`; `limit` is held within 1 to
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless an administrator asks; [`AuditError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<AuditPage, AuditError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let mut events = self.store.events(filter, after, limit + 1).await?;
        let next = crate::page::cut(&mut events, limit, place_of);
        Ok(AuditPage { events, next })
    }

    /// Returns a page of what the caller did, and of what was done to them or their tokens, the newest
    /// first, each as far as it is for them. `limit` is held within 1 to
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless a human asks; [`AuditError::Store`].
    pub async fn activity(
        &self,
        principal: &Principal,
        place: Option<ActivityPlace>,
        limit: u32,
    ) -> Result<ActivityPage, AuditError> {
        principal.authorize(Requirement::HUMAN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let (after, newer_than) = match place {
            None => (None, None),
            Some(ActivityPlace::After(cursor)) => (Some(cursor), None),
            Some(ActivityPlace::Before(cursor)) => (None, Some(cursor)),
        };
        let user = principal.user_id();
        let filter = AuditFilter {
            involving: Some(user),
            newer_than,
            ..AuditFilter::default()
        };
        let found = self.store.events(&filter, after, limit + 1).await?;
        let mut events = found.each(|event| event.keep_for(user));
        if newer_than.is_none() {
            let next = crate::page::cut(&mut events, limit, place_of);
            let previous = after.and(first_place(&events));
            return Ok(ActivityPage {
                events,
                previous,
                next,
            });
        }
        // What is one too many is farthest from the event: the newest.
        events.reverse();
        let previous = crate::page::cut(&mut events, limit, place_of);
        let next = first_place(&events);
        events.reverse();
        Ok(ActivityPage {
            events,
            previous,
            next,
        })
    }

    /// Returns the events that ended these tokens and agent runs of `principal`'s own user, and those
    /// that ended the tokens which issued the runs: why each no longer works.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless a human asks; [`AuditError::Store`].
    pub async fn endings(
        &self,
        principal: &Principal,
        tokens: &[Token],
    ) -> Result<HashMap<TokenId, AuditEvent>, AuditError> {
        principal.authorize(Requirement::HUMAN)?;
        let ended: Vec<TokenId> = tokens
            .iter()
            .filter(|token| token.owner == principal.user_id() && token.revoked_at.is_some())
            .flat_map(|token| {
                let issuer = token.run.as_ref().map(|run| run.issuer);
                [Some(token.id), issuer].into_iter().flatten()
            })
            .collect();
        if ended.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.store.endings(&ended).await?;
        let by_subject = found.iter().filter_map(|event| match event.subject {
            Subject::Token(id) => Some((id, event.clone())),
            _ => None,
        });
        Ok(by_subject.collect())
    }

    /// Returns what happened to a work item, and which agent runs were bound to it, the newest
    /// first, at most `limit` entries. Everyone who may read the item may read who did what; which
    /// request it was and from where is for administrators.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`]; [`AuditError::Store`].
    pub async fn history(
        &self,
        principal: &Principal,
        item: WorkItemKey,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, AuditError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let filter = AuditFilter {
            subject: Some(Subject::WorkItem(item)),
            ..AuditFilter::default()
        };
        let found = self.store.events(&filter, None, limit.clamp(1, MAX_PAGE));
        Ok(found
            .await?
            .iter()
            .map(|event| AuditEvent {
                context: RequestContext::default(),
                ..event.clone()
            })
            .collect())
    }

    /// Records that a route of the administration was denied to a user: 10 times a user within 15
    /// minutes, and the last of those events says that further ones are not recorded.
    ///
    /// # Errors
    ///
    /// [`AuditError::Entropy`]; [`AuditError::Store`].
    pub async fn record_denial(
        &self,
        principal: &Principal,
        context: &RequestContext,
    ) -> Result<(), AuditError> {
        let now = self.clock.now();
        let recorded = self
            .rate_limits
            .denied_admin(principal.user_id(), now)
            .await?;
        let (each, last) = (AuditAction::AdminDenied, AuditAction::AdminDeniedRepeatedly);
        let Some(action) = recorded.action(each, last) else {
            return Ok(());
        };
        let event = AuditEvent::new(
            principal.audit_actor(),
            action,
            Subject::User(principal.user_id()),
            context,
            now,
            &*self.entropy,
        )?;
        Ok(self.store.append(event).await?)
    }
}

const fn place_of(event: &AuditEvent) -> AuditCursor {
    AuditCursor {
        at: event.at,
        id: event.id,
    }
}

/// Returns the place of the first event whose place can be read.
fn first_place(events: &Listing<AuditEvent>) -> Option<AuditCursor> {
    let places = events.entries().into_iter();
    let mut places = places.map(|event| match event {
        Ok(event) => Some(place_of(event)),
        Err(damaged) => damaged.cursor.parse().ok(),
    });
    places.find_map(|place| place)
}
