use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::agent_run::EndedRuns;
use crate::audit::{AuditAction, AuditEvent, EmailChange, RequestContext, Subject};
use crate::invite::{Invite, InviteStatus};
use crate::token::Token;

use super::{Email, PersonName, Role, User, UserError, UserId, Users};

/// What can be changed of a user: their name by themselves, everything else by an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UserChange {
    /// None of their tokens and sessions is accepted from now on; their agent runs end.
    Suspend,
    /// Their tokens are accepted again. Sessions that the suspension ended stay ended.
    Unsuspend,
    /// What they may do at most is another from now on, for tokens they have as well.
    SetRole(Role),
    /// They sign in with another address from now on; their id, tokens and sessions stay. Open
    /// sign-in links, which may be in the former mailbox, are void, and open invites for the new
    /// address are withdrawn.
    SetEmail(Email),
    /// They are shown with another name from now on, wherever they are.
    SetName(PersonName),
}

impl UserChange {
    const fn action(&self) -> AuditAction {
        match self {
            Self::Suspend => AuditAction::UserSuspended,
            Self::Unsuspend => AuditAction::UserUnsuspended,
            Self::SetRole(Role::Admin) => AuditAction::UserPromoted,
            Self::SetRole(Role::Member) => AuditAction::UserDemoted,
            Self::SetEmail(_) => AuditAction::UserEmailChanged,
            Self::SetName(_) => AuditAction::UserNameChanged,
        }
    }
}

/// The change: a user is suspended, or active again, or has another role, address or name.
#[derive(Debug, Clone)]
pub struct ChangeUser {
    /// Who does it.
    pub actor: Actor,
    /// To whom.
    pub user: UserId,
    /// What.
    pub change: UserChange,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`ChangeUser`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ChangeUserOutcome {
    /// The user as they are now.
    Changed(User),
    /// They were so already; nothing changed, and no event was written.
    Unchanged(User),
    /// There is no such user; nothing changed.
    NotFound,
    /// Nobody would be left to administer the instance; nothing changed.
    LastAdmin,
    /// Another user has the address; nothing changed.
    EmailTaken,
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDecision {
    /// The user as they are to be written.
    pub user: User,
    /// Whether all of their browser sessions end with it.
    pub end_sessions: bool,
    /// Whether their open sign-in links are void with it.
    pub void_links: bool,
    /// Their agent runs that end with it.
    pub runs: EndedRuns,
    /// Open invites for their new address, as they are to be written.
    pub withdrawn: Vec<Invite>,
    /// The events it leaves: of the change, and of each invite.
    pub events: Vec<AuditEvent>,
}

impl ChangeUser {
    /// The address that must be nobody else's, for the store to look up.
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

    /// Decides, from what the store read inside the transaction: the acting credential's record,
    /// the user, how many *other* users are active administrators, the user's unrevoked agent runs,
    /// and of the [new address](Self::new_email) who has it, and its unclaimed invites.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
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
            EndedRuns::with_owner(&self.audit, runs)
        };
        let withdrawn = self.withdrawn(invites);
        let withdrawals = withdrawn.iter().map(|invite| AuditEvent {
            id: self.audit.id.derive(invite.id.uuid()),
            action: AuditAction::InviteWithdrawn,
            subject: Subject::Invite(invite.id),
            related: Some(Subject::User(self.user)),
            ..self.audit.clone()
        });
        Ok(UserDecision {
            end_sessions: !changed.is_active(),
            void_links: !changed.is_active() || changed.email != current.email,
            runs,
            events: std::iter::once(audit).chain(withdrawals).collect(),
            withdrawn,
            user: changed,
        })
    }

    /// Whoever has an address cannot join with it, so its open invites end.
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

impl Users {
    /// Suspends a user, lifts that, or gives them another role or address; at once, for all of
    /// their tokens and browser sessions. What is so already is no error.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless an administrator asks; [`UserError::NotFound`];
    /// [`UserError::LastAdmin`] when nobody would be left to administer the instance;
    /// [`UserError::EmailTaken`] when another user has the new address.
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

    /// Changes the caller's own name. Repeating it is not an error, and leaves no event.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless a human asks; [`UserError::NotFound`] when the store has no such
    /// user; [`UserError::Store`].
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

    async fn apply(
        &self,
        principal: &Principal,
        requirement: Requirement,
        user: UserId,
        change: UserChange,
        context: &RequestContext,
    ) -> Result<User, UserError> {
        principal.authorize(requirement)?;
        let now = self.clock.now();
        let change = ChangeUser {
            actor: Actor::of(principal, requirement, now),
            user,
            audit: AuditEvent::new(
                principal.audit_actor(),
                change.action(),
                Subject::User(user),
                context,
                now,
                &*self.entropy,
            )?,
            change,
        };
        match self.store.change_user(change).await? {
            ChangeUserOutcome::Changed(user) | ChangeUserOutcome::Unchanged(user) => Ok(user),
            ChangeUserOutcome::NotFound => Err(UserError::NotFound),
            ChangeUserOutcome::LastAdmin => Err(UserError::LastAdmin),
            ChangeUserOutcome::EmailTaken => Err(UserError::EmailTaken),
            ChangeUserOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
