use crate::access::{ActingRecord, Actor, ActorError};
use crate::agent_run::EndedRuns;
use crate::audit::{AuditAction, AuditEvent, EmailChange, Subject};
use crate::invite::{Invite, InviteAction, InviteStatus};
use crate::token::Token;
use crate::user::UserAction;

use super::{Email, Notice, NoticeAbout, PersonName, Role, User, UserId};

/// A change of a user. Users can change their own name; everything else requires an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UserChange {
    /// Suspends the user: their tokens and sessions are rejected, and their agent runs end.
    Suspend,
    /// Unsuspends the user: their tokens are accepted again. Sessions and agent runs that the
    /// suspension ended stay ended.
    Unsuspend,
    /// Changes the role, which limits the effective scope of existing tokens, too.
    SetRole(Role),
    /// Changes the address that they sign in with; their id, tokens and sessions stay. Open sign-in
    /// links, which may be in the old mailbox, are deleted, and open invites for the new address
    /// are withdrawn.
    SetEmail(Email),
    /// Changes the displayed name.
    SetName(PersonName),
}

impl UserChange {
    pub(super) const fn action(&self) -> AuditAction {
        match self {
            Self::Suspend => UserAction::SUSPENDED,
            Self::Unsuspend => UserAction::UNSUSPENDED,
            Self::SetRole(Role::Admin) => UserAction::PROMOTED,
            Self::SetRole(Role::Member) => UserAction::DEMOTED,
            Self::SetEmail(_) => UserAction::EMAIL_CHANGED,
            Self::SetName(_) => UserAction::NAME_CHANGED,
        }
    }
}

/// The change that updates a user.
#[derive(Debug, Clone)]
pub struct ChangeUser {
    /// The acting credential.
    pub actor: Actor,
    /// The user to update.
    pub user: UserId,
    /// The update.
    pub change: UserChange,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`ChangeUser`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ChangeUserOutcome {
    /// The updated user.
    Changed(User),
    /// The user, who had this state before; nothing changed, and no event was written.
    Unchanged(User),
    /// The user does not exist; nothing changed.
    NotFound,
    /// No active administrator would be left; nothing changed.
    LastAdmin,
    /// Another user has the address; nothing changed.
    EmailTaken,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store must write when a user is updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDecision {
    /// The updated user.
    pub user: User,
    /// Whether to end all of the user's browser sessions.
    pub end_sessions: bool,
    /// Whether to delete the user's unused sign-in links.
    pub delete_links: bool,
    /// The agent runs that end.
    pub runs: EndedRuns,
    /// Open invites for the new address, now withdrawn.
    pub withdrawn: Vec<Invite>,
    /// The notice for the user, if an administrator lifted their suspension.
    pub notice: Option<Notice>,
    /// The audit events: one for the change, and one for each invite.
    pub events: Vec<AuditEvent>,
}

impl ChangeUser {
    /// Returns the new address, which must not belong to another user, for the store to look up.
    #[must_use]
    pub const fn new_email(&self) -> Option<&Email> {
        match &self.change {
            UserChange::SetEmail(email) => Some(email),
            UserChange::Suspend
            | UserChange::Unsuspend
            | UserChange::SetRole(_)
            | UserChange::SetName(_) => None,
        }
    }

    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record, the user, the number of *other* users who are active administrators,
    /// the user's unrevoked agent runs, and for the [new address](Self::new_email) its user and its
    /// unclaimed invites.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        user: Option<&User>,
        other_active_admins: u32,
        runs: &[Token],
        email_holder: Option<UserId>,
        invites: &[Invite],
    ) -> Result<UserDecision, ChangeUserOutcome> {
        self.actor
            .check(actor)
            .map_err(ChangeUserOutcome::NotAuthorized)?;
        let current = user
            .filter(|user| user.id == self.user)
            .ok_or(ChangeUserOutcome::NotFound)?;
        let mut changed = current.clone();
        let mut audit = self.audit.clone();
        match &self.change {
            UserChange::Suspend if current.is_active() => {
                changed.suspended_at = Some(self.actor.now);
            }
            UserChange::Suspend => {}
            UserChange::Unsuspend => changed.suspended_at = None,
            UserChange::SetRole(role) => changed.role = *role,
            UserChange::SetEmail(_) if email_holder.is_some_and(|holder| holder != self.user) => {
                return Err(ChangeUserOutcome::EmailTaken);
            }
            UserChange::SetEmail(email) => {
                audit.email_change = Some(EmailChange {
                    from: current.email.clone(),
                    to: email.clone(),
                });
                changed.email = email.clone();
            }
            UserChange::SetName(name) => changed.name = name.clone(),
        }
        if changed == *current {
            return Err(ChangeUserOutcome::Unchanged(changed));
        }
        let loses_admin = current.is_active_admin() && !changed.is_active_admin();
        if loses_admin && other_active_admins == 0 {
            return Err(ChangeUserOutcome::LastAdmin);
        }
        let runs = if changed.is_active() {
            EndedRuns::default()
        } else {
            EndedRuns::with_subject(&self.audit, runs, |run| run.owner == self.user)
        };
        let withdrawn = self.withdrawn(invites);
        let user = Subject::User(self.user);
        let withdrawals = withdrawn.iter().map(|invite| {
            let invite = Subject::Invite(invite.id);
            self.audit.derived(InviteAction::WITHDRAWN, invite, user)
        });
        let notice = (changed.is_active() && !current.is_active()).then_some(Notice {
            about: NoticeAbout::Unsuspended {
                event: self.audit.id,
            },
            at: self.actor.now,
        });
        Ok(UserDecision {
            notice,
            end_sessions: !changed.is_active(),
            delete_links: !changed.is_active() || changed.email != current.email,
            runs,
            events: std::iter::once(audit).chain(withdrawals).collect(),
            withdrawn,
            user: changed,
        })
    }

    /// Withdraws the open invites for the new address: a user who has an account cannot claim one.
    fn withdrawn(&self, invites: &[Invite]) -> Vec<Invite> {
        let (now, key) = (self.actor.now, self.new_email().map(Email::key));
        let open = invites.iter().filter(|invite| {
            invite.status(now) == InviteStatus::Open
                && key.is_some()
                && invite.email().map(Email::key) == key
        });
        let withdrawn = open.map(|invite| Invite {
            withdrawn_at: Some(now),
            ..invite.clone()
        });
        withdrawn.collect()
    }
}
