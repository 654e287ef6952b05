use std::sync::Arc;

use crate::access::{Actor, ActorError, Denial, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::change::begin;
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::page::{MAX_PAGE, PageSize};
use crate::store::{Listing, StoreError};
use crate::user::UserAction;

use super::{
    ChangeUser, ChangeUserOutcome, DeleteUser, DeleteUserOutcome, DismissNotices,
    DismissNoticesOutcome, Email, FoundUsers, Notice, PersonName, User, UserChange, UserCursor,
    UserId, UserKey, UserQuery, UserSeek, UserSort, UserStore,
};

/// The use cases of users: [`bootstrap`](Self::bootstrap), [`list`](Self::list),
/// [`change`](Self::change), [`rename_self`](Self::rename_self), [`delete`](Self::delete) and
/// [`notices`](Self::notices). Cheap to clone.
#[derive(Clone)]
pub struct Users {
    pub(super) store: Arc<dyn UserStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserPage {
    /// The users, in the order in which they joined.
    pub users: Listing<User>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<UserId>,
}

/// A failure of a use case on users.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The user does not exist.
    #[error("user not found")]
    NotFound,
    /// No active administrator would be left.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// Callers cannot delete their own account.
    #[error("you cannot delete your own account")]
    OwnAccount,
    /// Another user has this email address.
    #[error("another user has this email address")]
    EmailTaken,
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for UserError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

impl Users {
    /// Creates the use cases on a store, a clock and a source of entropy.
    #[must_use]
    pub fn new(
        store: Arc<dyn UserStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
        }
    }

    /// Returns a page of all users, starting after `after`. `limit` is clamped to 1 to
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is an administrator; [`UserError::Store`]
    /// when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<UserPage, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = PageSize::clamp(limit);
        let mut users = self.store.page(after, limit.rows_to_read()).await?;
        let next = limit.truncate(&mut users, |user| user.id);
        Ok(UserPage { users, next })
    }

    /// Returns one user.
    ///
    /// # Errors
    ///
    /// [`UserError::NotFound`] when the user does not exist; [`UserError::NotAuthorized`] unless
    /// `principal` is an administrator; [`UserError::Store`] when the store fails.
    pub async fn get(&self, principal: &Principal, id: UserId) -> Result<User, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        self.store.find(id).await?.ok_or(UserError::NotFound)
    }

    /// Returns the name of another user, without the address, for example to show who a work item
    /// is assigned to. `None` if the user was deleted.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is a human; [`UserError::Store`] when the
    /// store fails.
    pub async fn name_of(
        &self,
        principal: &Principal,
        id: UserId,
    ) -> Result<Option<PersonName>, UserError> {
        principal.authorize(Requirement::HUMAN)?;
        Ok(self.store.find(id).await?.map(|user| user.name))
    }

    /// Returns whether there are any users. A new instance has none and must be bootstrapped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn any(&self) -> Result<bool, StoreError> {
        Ok(self.store.page(None, 1).await?.count() > 0)
    }

    /// Returns the address of an active administrator among the first [`MAX_PAGE`] users:
    /// `preferred` if it is one, otherwise that of the first who joined. For the operator's shell.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn administrator(&self, preferred: &Email) -> Result<Option<Email>, StoreError> {
        let users = self.store.page(None, MAX_PAGE).await?;
        let admins = || users.iter().filter(|user| user.is_active_admin());
        let found = admins()
            .find(|user| user.email.key() == preferred.key())
            .or_else(|| admins().next());
        Ok(found.map(|user| user.email.clone()))
    }

    /// Returns a page of the users that match the query. `limit` is clamped to 1 to [`MAX_PAGE`]. A
    /// cursor of another order is ignored. In the order of joining, users who join or are deleted
    /// between two pages do not shift the others.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is an administrator; [`UserError::Store`]
    /// when the store fails.
    pub async fn search(
        &self,
        principal: &Principal,
        query: &UserQuery,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<FoundUsers, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let (limit, sort) = (PageSize::clamp(limit), query.sort);
        let seek = seek.filter(|seek| seek.cursor().sort == sort);
        let is_backward = matches!(seek, Some(UserSeek::Before(_)));
        let is_first = seek.is_none();
        let now = self.clock.now();
        let mut users = self
            .store
            .search_users(query, now, seek, limit.rows_to_read())
            .await?;
        let further = limit.truncate(&mut users, |user| UserCursor::of(user, sort));
        let further = further.map(|cursor| UserCursor { sort, ..cursor });
        // The position of a damaged row is known only in the order of ids.
        let further = further.filter(|cursor| match sort {
            UserSort::Joined | UserSort::Newest => true,
            UserSort::Name | UserSort::LastSeen | UserSort::LeastSeen => cursor.key != UserKey::Id,
        });
        if is_backward {
            users.reverse();
        }
        let [first, last] =
            [users.first(), users.last()].map(|user| user.map(|user| UserCursor::of(user, sort)));
        let (previous, next) = if is_backward {
            (further, last)
        } else {
            (first.filter(|_| !is_first), further)
        };
        Ok(FoundUsers {
            users,
            previous,
            next,
        })
    }

    /// Suspends or unsuspends a user, or changes their role or address, effective immediately for
    /// all of their tokens and browser sessions. Repeating a change is not an error.
    ///
    /// # Errors
    ///
    /// - [`UserError::NotAuthorized`] unless `principal` is an administrator.
    /// - [`UserError::NotFound`] when the user does not exist.
    /// - [`UserError::LastAdmin`] when no active administrator would be left.
    /// - [`UserError::EmailTaken`] when another user has the new address.
    /// - [`UserError::Entropy`] and [`UserError::Store`] when a port fails.
    pub async fn change(
        &self,
        principal: &Principal,
        user: UserId,
        change: UserChange,
        context: &RequestContext,
    ) -> Result<User, UserError> {
        self.apply(principal, Requirement::HUMAN_ADMIN, user, change, context)
            .await
    }

    /// Changes the caller's own name. Repeating it is not an error and records no event.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is a human; [`UserError::NotFound`] when the
    /// store has no such user; [`UserError::Entropy`] and [`UserError::Store`] when a port fails.
    pub async fn rename_self(
        &self,
        principal: &Principal,
        name: PersonName,
        context: &RequestContext,
    ) -> Result<User, UserError> {
        let (user, change) = (principal.user_id(), UserChange::SetName(name));
        self.apply(principal, Requirement::HUMAN, user, change, context)
            .await
    }

    fn begin(
        &self,
        principal: &Principal,
        requirement: Requirement,
        event: (AuditAction, Subject),
        context: &RequestContext,
    ) -> Result<(Actor, AuditEvent), UserError> {
        let now = self.clock.now();
        begin(principal, requirement, event, context, now, &*self.entropy)
    }

    async fn apply(
        &self,
        principal: &Principal,
        requirement: Requirement,
        user: UserId,
        change: UserChange,
        context: &RequestContext,
    ) -> Result<User, UserError> {
        let event = (change.action(), Subject::User(user));
        let (actor, audit) = self.begin(principal, requirement, event, context)?;
        let change = ChangeUser {
            actor,
            user,
            change,
            audit,
        };
        match self.store.change_user(change).await? {
            ChangeUserOutcome::Changed(user) | ChangeUserOutcome::Unchanged(user) => Ok(user),
            ChangeUserOutcome::NotFound => Err(UserError::NotFound),
            ChangeUserOutcome::LastAdmin => Err(UserError::LastAdmin),
            ChangeUserOutcome::EmailTaken => Err(UserError::EmailTaken),
            ChangeUserOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Deletes a user in one step: their tokens, agent runs, sessions, sign-in links, invites and
    /// claims of work items end, their password and personal data are erased, and their address
    /// becomes available. Their id stays in the audit log and in work items.
    ///
    /// # Errors
    ///
    /// - [`UserError::NotAuthorized`] unless `principal` is an administrator.
    /// - [`UserError::NotFound`] when the user does not exist.
    /// - [`UserError::LastAdmin`] when no active administrator would be left.
    /// - [`UserError::OwnAccount`] when the user is the caller.
    /// - [`UserError::Entropy`] and [`UserError::Store`] when a port fails.
    pub async fn delete(
        &self,
        principal: &Principal,
        user: UserId,
        context: &RequestContext,
    ) -> Result<(), UserError> {
        let event = (UserAction::DELETED, Subject::User(user));
        let (actor, audit) = self.begin(principal, Requirement::HUMAN_ADMIN, event, context)?;
        match self
            .store
            .delete_user(DeleteUser { actor, user, audit })
            .await?
        {
            DeleteUserOutcome::Deleted => Ok(()),
            DeleteUserOutcome::NotFound => Err(UserError::NotFound),
            DeleteUserOutcome::LastAdmin => Err(UserError::LastAdmin),
            DeleteUserOutcome::OwnAccount => Err(UserError::OwnAccount),
            DeleteUserOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Returns the notices of the user that `principal` acts as, newest first.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is a human; [`UserError::Store`] when the
    /// store fails.
    pub async fn notices(&self, principal: &Principal) -> Result<Vec<Notice>, UserError> {
        principal.authorize(Requirement::HUMAN)?;
        let mut notices = self.store.notices(principal.user_id()).await?;
        let signed_in_at = principal.session().map(|session| session.created_at);
        notices.retain(|notice| notice.is_shown_to(signed_in_at));
        Ok(notices)
    }

    /// Dismisses the caller's notices up to `up_to`, so that a notice which arrives in the meantime
    /// is not lost.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is a human; [`UserError::Entropy`] and
    /// [`UserError::Store`] when a port fails.
    pub async fn dismiss_notices(
        &self,
        principal: &Principal,
        up_to: Timestamp,
        context: &RequestContext,
    ) -> Result<(), UserError> {
        let user = principal.user_id();
        let event = (UserAction::NOTICES_DISMISSED, Subject::User(user));
        let (actor, audit) = self.begin(principal, Requirement::HUMAN, event, context)?;
        let change = DismissNotices {
            actor,
            user,
            up_to,
            signed_in_at: principal.session().map(|session| session.created_at),
            audit,
        };
        match self.store.dismiss_notices(change).await? {
            DismissNoticesOutcome::Dismissed(_) => Ok(()),
            DismissNoticesOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
