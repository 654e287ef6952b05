use std::sync::Arc;

use uuid::Uuid;

use crate::access::Actor;
use crate::admin_tokens::{
    AdminTokenStore, OwnedToken, Review, RevokeMatching, RevokeMatchingOutcome, TokenFilter,
};
use crate::agent_run::{AgentRunAction, AgentRunStore, EndRuns, EndRunsOutcome};
use crate::audit::{
    AuditAction, AuditActor, AuditCursor, AuditEvent, AuditEventId, AuditFilter, AuditStore,
    RequestContext, Subject,
};
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::invite::{
    InviteAction, InviteId, InviteStatus, InviteStore, WithdrawInvite, WithdrawInviteOutcome,
};
use crate::page::MAX_TOKEN_PAGE;
use crate::session::{
    EndSessions, EndSessionsOutcome, RemovePassword, RemovePasswordOutcome, SessionAction,
    SessionSelection, SessionStore,
};
use crate::store::{Listing, StoreError};
use crate::token::{Status, TokenAction, TokenId, TokenKind};
use crate::user::{
    ChangeUser, ChangeUserOutcome, DeleteUser, DeleteUserOutcome, UserAction, UserChange, UserId,
    UserStore,
};

use super::missed::MissedUser;
use super::{ExportedEvent, Missed};

/// What [`Restore`] requires.
#[derive(Clone)]
pub struct RestorePorts {
    /// The store of every user's tokens.
    pub admin_tokens: Arc<dyn AdminTokenStore>,
    /// The store of agent runs.
    pub agent_runs: Arc<dyn AgentRunStore>,
    /// The store of users.
    pub users: Arc<dyn UserStore>,
    /// The store of browser sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The store of invites.
    pub invites: Arc<dyn InviteStore>,
    /// The audit log.
    pub audit: Arc<dyn AuditStore>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub entropy: Arc<dyn Entropy>,
}

/// The use cases of a restored backup, for the operator's shell: any caller controls the instance.
/// Every change has its audit event, whose actor is the operator. Repeating them is not an error.
#[derive(Clone)]
pub struct Restore {
    ports: RestorePorts,
}

/// What [`Restore::end`] ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The number of tokens that were revoked.
    pub tokens: u64,
    /// The number of agent runs that were ended for themselves. Those of revoked tokens ended too.
    pub runs: u64,
    /// The number of users that were suspended.
    pub suspended: u64,
    /// The number of administrators that were made members.
    pub demoted: u64,
    /// The number of users that were deleted.
    pub deleted: u64,
    /// The number of passwords that were removed, since the user has or may have had a new one.
    pub passwords: u64,
    /// The number of browser sessions that ended.
    pub sessions: u64,
    /// The number of open invites that were withdrawn.
    pub invites: u64,
    /// Users who were suspended, demoted or deleted since the backup, and are its only active
    /// administrator. Their tokens and their password ended, and they stay an administrator.
    pub last_admin: Vec<UserId>,
}

/// Why a restored backup is not ready to be served.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database has no users, so no backup was restored to it.
    #[error("the database has no users; restore the backup first")]
    NoUsers,
    /// Something else changed the database meanwhile.
    #[error("the database was changed meanwhile; stop all servers, and try again")]
    Changed,
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Restore {
    /// Creates the use cases on these ports.
    #[must_use]
    pub fn new(ports: RestorePorts) -> Self {
        Self { ports }
    }

    /// Compares exports of the audit log with the one in the backup, and returns what the backup
    /// lacks.
    ///
    /// # Errors
    ///
    /// [`RestoreError::NoUsers`], or [`RestoreError::Store`] when the store fails.
    pub async fn compare(&self, exports: &[Vec<ExportedEvent>]) -> Result<Missed, RestoreError> {
        if self.ports.users.page(None, 1).await?.count() == 0 {
            return Err(RestoreError::NoUsers);
        }
        let now = self.ports.clock.now();
        let until_now = AuditFilter {
            // Without events of a clock that was ahead. The end is exclusive.
            until: Some(now.saturating_add_millis(1)),
            ..AuditFilter::default()
        };
        let newest = self.events(until_now, None, 1).await?;
        let backup_at = newest.first().map_or(Timestamp::MIN, |cursor| cursor.at);
        let since = exports.iter().flatten().map(|event| event.at).min();
        let since = since.map(|oldest| oldest.min(Missed::required_before(backup_at)));
        let mut stored: Vec<(Timestamp, AuditEventId)> = Vec::new();
        if since.is_some() {
            let filter = AuditFilter {
                since,
                ..AuditFilter::default()
            };
            let mut after = None;
            loop {
                let page = self.events(filter, after, MAX_TOKEN_PAGE).await?;
                stored.extend(page.iter().map(|cursor| (cursor.at, cursor.id)));
                after = page.last().copied();
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(Missed::of(exports, &stored, backup_at, now))
    }

    /// Returns the positions of events, newest first, including damaged ones.
    async fn events(
        &self,
        filter: AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditCursor>, StoreError> {
        let page = self.ports.audit.events(&filter, after, limit).await?;
        let cursors = page.entries().into_iter().map(|entry| match entry {
            Ok(event) => Ok(AuditCursor {
                at: event.at,
                id: event.id,
            }),
            Err(damaged) => damaged.cursor.parse().map_err(StoreError::corrupt),
        });
        cursors.collect()
    }

    /// Ends what the backup revives: everything that was missed, the live tokens that were created
    /// before `created_before`, and all browser sessions, sign-in links and open invites, since
    /// nothing is known about their use after the backup.
    ///
    /// With `created_before`, and unless the exports are continuous, all passwords are removed too:
    /// which of them changed, and who was suspended, demoted or deleted, is unknown.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]; a repeated call continues.
    pub async fn end(
        &self,
        missed: &Missed,
        created_before: Option<Timestamp>,
    ) -> Result<Ended, RestoreError> {
        let mut ended = Ended::default();
        let tokens: Vec<TokenId> = missed.tokens.iter().copied().collect();
        for batch in tokens.chunks(MAX_TOKEN_PAGE as usize) {
            self.end_tokens(batch, &mut ended).await?;
        }
        if created_before.is_some() {
            let filter = TokenFilter {
                created_before,
                status: Some(Status::Live),
                ..TokenFilter::default()
            };
            ended.tokens += self.revoke(filter).await?;
        }
        for (user, state) in &missed.users {
            self.end_user(*user, *state, &mut ended).await?;
        }
        let are_users_unknown = created_before.is_some() && !missed.is_continuous;
        self.end_sessions(are_users_unknown, &mut ended).await?;
        self.withdraw_invites(&mut ended).await?;
        Ok(ended)
    }

    /// Returns live tokens of the backup, newest first, at most `limit`, and how many there are.
    ///
    /// # Errors
    ///
    /// [`RestoreError::Store`] when the store fails.
    pub async fn live_tokens(
        &self,
        limit: u32,
    ) -> Result<(Listing<OwnedToken>, u64), RestoreError> {
        let filter = TokenFilter {
            status: Some(Status::Live),
            ..TokenFilter::default()
        };
        let (tokens, now) = (&self.ports.admin_tokens, self.ports.clock.now());
        let listed = tokens.tokens(&filter, now, None, limit).await?;
        Ok((listed, tokens.stats(now).await?.tokens_live))
    }

    fn event(
        &self,
        action: AuditAction,
        subject: Subject,
        now: Timestamp,
    ) -> Result<AuditEvent, EntropyError> {
        let (actor, context) = (AuditActor::Operator, RequestContext::default());
        AuditEvent::new(actor, action, subject, &context, now, &*self.ports.entropy)
    }

    async fn end_tokens(&self, ids: &[TokenId], ended: &mut Ended) -> Result<(), RestoreError> {
        let found = self.ports.admin_tokens.tokens_by_id(ids).await?;
        let readable = found.iter().filter(|it| it.token.revoked_at.is_none());
        let readable = readable.map(|it| (it.token.id, Some(it.token.owner)));
        let damaged = found.damaged().filter_map(|row| row.id.parse().ok());
        let ends: Vec<_> = readable.chain(damaged.map(|id| (id, None))).collect();
        for (id, owner) in ends {
            match (id.kind(), owner) {
                (TokenKind::AgentRun, Some(owner)) => ended.runs += self.end_run(id, owner).await?,
                // A damaged run is accepted nowhere.
                (TokenKind::AgentRun, None) => {}
                (TokenKind::Personal, _) => {
                    let filter = TokenFilter {
                        token: Some(id),
                        ..TokenFilter::default()
                    };
                    ended.tokens += self.revoke(filter).await?;
                }
            }
        }
        Ok(())
    }

    async fn end_run(&self, run: TokenId, owner: UserId) -> Result<u64, RestoreError> {
        let now = self.ports.clock.now();
        let change = EndRuns {
            actor: Actor::operator(now),
            owner,
            runs: vec![run],
            audit: self.event(AgentRunAction::ENDED, Subject::Token(run), now)?,
        };
        match self.ports.agent_runs.end_runs(change).await? {
            EndRunsOutcome::Ended(count) => Ok(count as u64),
            EndRunsOutcome::NotFound => Ok(0),
            EndRunsOutcome::NotAuthorized(_) => Err(RestoreError::Changed),
        }
    }

    /// Revokes all matching tokens, and returns how many.
    async fn revoke(&self, filter: TokenFilter) -> Result<u64, RestoreError> {
        let now = self.ports.clock.now();
        let ids = self.ports.admin_tokens.matching_ids(&filter, now).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let change = RevokeMatching {
            actor: Actor::operator(now),
            filter,
            kept: None,
            expected: Some(Review::of(ids.iter().copied()).digest),
            // The subject is replaced in each event.
            audit: self.event(TokenAction::REVOKED, Subject::UnknownAccount, now)?,
        };
        match self.ports.admin_tokens.revoke_matching(change).await? {
            RevokeMatchingOutcome::Revoked(tokens) => Ok(tokens.count() as u64),
            RevokeMatchingOutcome::ReviewOutdated(_)
            | RevokeMatchingOutcome::ReviewRequired(_)
            | RevokeMatchingOutcome::NotAuthorized(_) => Err(RestoreError::Changed),
        }
    }

    async fn end_user(
        &self,
        user: UserId,
        missed: MissedUser,
        ended: &mut Ended,
    ) -> Result<(), RestoreError> {
        let mut is_last_admin = false;
        if missed.is_deleted {
            is_last_admin = self.delete(user, &mut ended.deleted).await?;
        } else {
            if let Some(role) = missed.role {
                let change = UserChange::SetRole(role);
                is_last_admin |= self
                    .change(user, change, UserAction::DEMOTED, &mut ended.demoted)
                    .await?;
            }
            if missed.is_suspended {
                let change = UserChange::Suspend;
                is_last_admin |= self
                    .change(user, change, UserAction::SUSPENDED, &mut ended.suspended)
                    .await?;
            }
        }
        if is_last_admin {
            ended.last_admin.push(user);
            let filter = TokenFilter {
                owner: Some(user),
                ..TokenFilter::default()
            };
            ended.tokens += self.revoke(filter).await?;
        }
        if missed.has_new_password || is_last_admin {
            ended.passwords += self.remove_password(user).await?;
        }
        Ok(())
    }

    /// Deletes a user, and returns whether they are the last administrator and stay.
    async fn delete(&self, user: UserId, count: &mut u64) -> Result<bool, RestoreError> {
        let now = self.ports.clock.now();
        let change = DeleteUser {
            actor: Actor::operator(now),
            user,
            audit: self.event(UserAction::DELETED, Subject::User(user), now)?,
        };
        match self.ports.users.delete_user(change).await? {
            DeleteUserOutcome::Deleted => *count += 1,
            DeleteUserOutcome::NotFound => {}
            DeleteUserOutcome::LastAdmin => return Ok(true),
            DeleteUserOutcome::OwnAccount | DeleteUserOutcome::NotAuthorized(_) => {
                return Err(RestoreError::Changed);
            }
        }
        Ok(false)
    }

    /// Changes a user, and returns whether they are the last administrator and stay as they are.
    async fn change(
        &self,
        user: UserId,
        change: UserChange,
        action: AuditAction,
        count: &mut u64,
    ) -> Result<bool, RestoreError> {
        let now = self.ports.clock.now();
        let change = ChangeUser {
            actor: Actor::operator(now),
            user,
            change,
            audit: self.event(action, Subject::User(user), now)?,
        };
        match self.ports.users.change_user(change).await? {
            ChangeUserOutcome::Changed(_) => *count += 1,
            ChangeUserOutcome::Unchanged(_) | ChangeUserOutcome::NotFound => {}
            ChangeUserOutcome::LastAdmin => return Ok(true),
            ChangeUserOutcome::EmailTaken | ChangeUserOutcome::NotAuthorized(_) => {
                return Err(RestoreError::Changed);
            }
        }
        Ok(false)
    }

    async fn remove_password(&self, user: UserId) -> Result<u64, RestoreError> {
        let now = self.ports.clock.now();
        let change = RemovePassword {
            actor: Actor::operator(now),
            user,
            audit: self.event(SessionAction::PASSWORD_CHANGED, Subject::User(user), now)?,
        };
        match self.ports.sessions.remove_password(change).await? {
            RemovePasswordOutcome::Removed => Ok(1),
            RemovePasswordOutcome::NotFound => Ok(0),
            RemovePasswordOutcome::NotAuthorized(_) => Err(RestoreError::Changed),
        }
    }

    /// Ends all sessions, each user's with an event, deletes all sign-in links, and removes all
    /// passwords `with_passwords`.
    async fn end_sessions(
        &self,
        with_passwords: bool,
        ended: &mut Ended,
    ) -> Result<(), RestoreError> {
        let mut after = None;
        loop {
            let page = self.ports.users.page(after, MAX_TOKEN_PAGE).await?;
            for user in &page {
                let now = self.ports.clock.now();
                let change = EndSessions {
                    actor: Actor::operator(now),
                    user: user.id,
                    selection: SessionSelection::All,
                    audit: self.event(
                        SessionAction::SESSIONS_ENDED,
                        Subject::User(user.id),
                        now,
                    )?,
                };
                match self.ports.sessions.end_sessions(change).await? {
                    EndSessionsOutcome::Ended(count) => ended.sessions += count,
                    EndSessionsOutcome::NotAuthorized(_) => return Err(RestoreError::Changed),
                }
                if with_passwords {
                    ended.passwords += self.remove_password(user.id).await?;
                }
            }
            let last = page.entries().pop().map(|entry| match entry {
                Ok(user) => Some(user.id),
                Err(damaged) => damaged.id.parse().ok(),
            });
            let Some(Some(last)) = last else { break };
            after = Some(last);
        }
        // What is left: sign-in links, and sessions of users whose rows are damaged.
        let all = Timestamp::MAX;
        self.ports.sessions.purge_sessions(all, all, all).await?;
        Ok(())
    }

    async fn withdraw_invites(&self, ended: &mut Ended) -> Result<(), RestoreError> {
        let mut after: Option<InviteId> = None;
        loop {
            let page = self.ports.invites.invites(after, MAX_TOKEN_PAGE).await?;
            let now = self.ports.clock.now();
            let mut last = None;
            for entry in page.entries() {
                let (id, is_open) = match entry {
                    Ok(invite) => (invite.id, invite.status(now) == InviteStatus::Open),
                    Err(damaged) => match damaged.id.parse() {
                        Ok(id) => (id, true),
                        Err(_) => (InviteId::from_uuid(Uuid::nil()), false),
                    },
                };
                last = Some(id);
                if !is_open {
                    continue;
                }
                let change = WithdrawInvite {
                    actor: Actor::operator(now),
                    invite: id,
                    audit: self.event(InviteAction::WITHDRAWN, Subject::Invite(id), now)?,
                };
                match self.ports.invites.withdraw_invite(change).await? {
                    WithdrawInviteOutcome::Withdrawn => ended.invites += 1,
                    WithdrawInviteOutcome::NotFound => {}
                    WithdrawInviteOutcome::NotAuthorized(_) => return Err(RestoreError::Changed),
                }
            }
            if last.is_none() {
                break;
            }
            after = last;
        }
        Ok(())
    }
}
