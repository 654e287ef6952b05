use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::access::{Denial, Principal, Requirement};
use crate::audit::AdminAction;
use crate::clock::Clock;
use crate::credential::Token;
use crate::entropy::{Entropy, EntropyError};
use crate::id::TokenId;
use crate::page::PageSize;
use crate::rate_limit::RateLimits;
use crate::store::{Listing, StoreError};

use super::{
    AuditCursor, AuditEvent, AuditFilter, AuditStore, RequestContext, Subject, SubjectName,
};

/// The use cases of the audit log: [`list`](Self::list), [`activity`](Self::activity),
/// [`names`](Self::names), [`history`](Self::history) and [`record_denial`](Self::record_denial).
/// Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    store: Arc<dyn AuditStore>,
    rate_limits: RateLimits,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditPage {
    /// The events, newest first.
    pub events: Listing<AuditEvent>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<AuditCursor>,
}

/// A page of a user's own activity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityPage {
    /// The events, newest first.
    pub events: Listing<AuditEvent>,
    /// Pass it as [`ActivitySeek::Before`] for the page of newer events; `None` on the first page.
    pub previous: Option<AuditCursor>,
    /// Pass it as [`ActivitySeek::After`] for the page of older events; `None` on the last page.
    pub next: Option<AuditCursor>,
}

/// Which page of a user's own activity to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivitySeek {
    /// The page that starts after this event, with older ones.
    After(AuditCursor),
    /// The page that ends before this event, with newer ones.
    Before(AuditCursor),
}

/// A failure of a use case on the audit log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The principal is not permitted to do this.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The id of something that every principal may read, together with its
/// [history](Audit::history). The module that owns it declares so.
pub trait SharedSubject: Into<Subject> {}

impl Audit {
    /// Creates the use cases on these ports.
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

    /// Returns the newest events about a personal access token of the user that `principal` acts
    /// as, at most `limit`, without details that the user must not see.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless `principal` is a human; [`AuditError::Store`] when the store
    /// fails.
    pub async fn own_token_events(
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
        let limit = PageSize::clamp(limit).rows();
        let events = self.store.events(&filter, None, limit).await?;
        Ok(events.each(|event| event.redact_for(token.owner)))
    }

    /// Returns a page of the audit log, newest first, starting after `after`. `limit` is clamped to
    /// 1 to [`MAX_PAGE`](crate::page::MAX_PAGE).
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless `principal` is an administrator; [`AuditError::Store`] when
    /// the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<AuditPage, AuditError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = PageSize::clamp(limit);
        let mut events = self
            .store
            .events(filter, after, limit.rows_to_read())
            .await?;
        let next = limit.truncate(&mut events, place_of);
        Ok(AuditPage { events, next })
    }

    /// Returns the current names of what [events mention](AuditEvent::mentions), as far as
    /// `principal` may see them: all for an administrator; for others their own name and those of
    /// their tokens, agent runs and claimed invite.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless `principal` is a human; [`AuditError::Store`] when the store
    /// fails.
    pub async fn names(
        &self,
        principal: &Principal,
        mentioned: impl IntoIterator<Item = Subject>,
    ) -> Result<HashMap<Subject, SubjectName>, AuditError> {
        principal.authorize(Requirement::HUMAN)?;
        let is_admin = principal.authorize(Requirement::HUMAN_ADMIN).is_ok();
        let mentioned: HashSet<Subject> = mentioned.into_iter().collect();
        if mentioned.is_empty() {
            return Ok(HashMap::new());
        }
        let mentioned: Vec<Subject> = mentioned.into_iter().collect();
        let names = self.store.names(&mentioned).await?.into_iter();
        let names = names.filter(|it| is_admin || it.owner == Some(principal.user_id()));
        Ok(names.map(|it| (it.subject, it)).collect())
    }

    /// Returns a page of the caller's activity: what they did, and what was done to them or their
    /// tokens, newest first, without details that they must not see. The filter selects among these
    /// events. `limit` is clamped to 1 to [`MAX_PAGE`](crate::page::MAX_PAGE).
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless `principal` is a human; [`AuditError::Store`] when the store
    /// fails.
    pub async fn activity(
        &self,
        principal: &Principal,
        filter: &AuditFilter,
        place: Option<ActivitySeek>,
        limit: u32,
    ) -> Result<ActivityPage, AuditError> {
        principal.authorize(Requirement::HUMAN)?;
        let limit = PageSize::clamp(limit);
        let (after, newer_than) = match place {
            None => (None, None),
            Some(ActivitySeek::After(cursor)) => (Some(cursor), None),
            Some(ActivitySeek::Before(cursor)) => (None, Some(cursor)),
        };
        let user = principal.user_id();
        let filter = AuditFilter {
            involving: Some(user),
            newer_than,
            ..*filter
        };
        let found = self
            .store
            .events(&filter, after, limit.rows_to_read())
            .await?;
        let mut events = found.each(|event| event.redact_for(user));
        if newer_than.is_none() {
            let next = limit.truncate(&mut events, place_of);
            let previous = after.and(first_place(&events));
            return Ok(ActivityPage {
                events,
                previous,
                next,
            });
        }
        // The extra row is the farthest from the event, which is the newest.
        events.reverse();
        let previous = limit.truncate(&mut events, place_of);
        let next = first_place(&events);
        events.reverse();
        Ok(ActivityPage {
            events,
            previous,
            next,
        })
    }

    /// Returns the events that ended these tokens and agent runs of the user that `principal` acts
    /// as, and those that ended the issuing tokens of the runs: the reason why each no longer
    /// works.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] unless `principal` is a human; [`AuditError::Store`] when the store
    /// fails.
    pub async fn end_events(
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
        let found = self.store.end_events(&ended).await?;
        let by_subject = found.iter().filter_map(|event| match event.subject {
            Subject::Token(id) => Some((id, event.clone())),
            _ => None,
        });
        Ok(by_subject.collect())
    }

    /// Returns the events about something that all users share, and those that are related to it,
    /// newest first, at most `limit`, without the requests.
    ///
    /// # Errors
    ///
    /// [`AuditError::Denied`] when the principal is not permitted to read anything;
    /// [`AuditError::Store`] when the store fails.
    pub async fn history(
        &self,
        principal: &Principal,
        of: impl SharedSubject,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, AuditError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let filter = AuditFilter {
            subject: Some(of.into()),
            ..AuditFilter::default()
        };
        let found = self
            .store
            .events(&filter, None, PageSize::clamp(limit).rows());
        Ok(found
            .await?
            .iter()
            .map(|event| AuditEvent {
                context: RequestContext::default(),
                ..event.clone()
            })
            .collect())
    }

    /// Records that an administrative request of a user was denied: at most 10 times per user
    /// within 15 minutes. The last of these events says that further ones are not recorded.
    ///
    /// # Errors
    ///
    /// [`AuditError::Entropy`] and [`AuditError::Store`] when a port fails.
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
        let (each, last) = (AdminAction::DENIED, AdminAction::DENIED_REPEATEDLY);
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

/// Returns the cursor of the first event whose position can be read.
fn first_place(events: &Listing<AuditEvent>) -> Option<AuditCursor> {
    let places = events.entries().into_iter();
    let mut places = places.map(|event| match event {
        Ok(event) => Some(place_of(event)),
        Err(damaged) => damaged.cursor.parse().ok(),
    });
    places.find_map(|place| place)
}
