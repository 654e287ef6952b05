use std::sync::Arc;

use uuid::Uuid;

use crate::access::{Actor, ActorError, Denial, Principal, Requirement};
use crate::audit::{AuditActor, RequestContext, Subject};
use crate::change::begin;
use crate::clock::Timestamp;
use crate::entropy::EntropyError;
use crate::invite::InviteAction;
use crate::opaque::OpaqueSecret;
use crate::page::PageSize;
use crate::rate_limit::RateLimited;
use crate::session::Sessions;
use crate::store::{Listing, StoreError};
use crate::token::{Expiry, NewToken, SecretPrefixes, TokenWithSecret};
use crate::user::{Account, Email, HashError, Role, User, UserId, WeakPassword};

use super::claim::check;
use super::{
    Claim, ClaimInvite, ClaimInviteOutcome, Claimed, CreateInvite, CreateInviteOutcome,
    INVITE_LIFETIME_SECONDS, Invite, InviteId, InviteKind, InviteStore, NewInvite, NotClaimable,
    WithdrawInvite, WithdrawInviteOutcome,
};

/// The use cases of invites: [`create`](Self::create), [`first_admin`](Self::first_admin),
/// [`list`](Self::list), [`get`](Self::get), [`withdraw`](Self::withdraw), [`preview`](Self::preview) and
/// [`claim`](Self::claim). Cheap to clone.
#[derive(Clone)]
pub struct Invites {
    pub(super) store: Arc<dyn InviteStore>,
    pub(super) sessions: Sessions,
}

/// A failure of a use case on invites.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The invite does not exist or is no longer open.
    #[error("invite not found, or no longer open")]
    NotFound,
    /// A user with this address exists.
    #[error("a user with this email address already exists")]
    EmailTaken,
    /// The invite cannot be claimed.
    #[error(transparent)]
    NotClaimable(#[from] NotClaimable),
    /// The first administrator must enter an address.
    #[error("an email address is required")]
    EmailRequired,
    /// The claim names an address other than the invited one.
    #[error("the invite is for another email address")]
    EmailMismatch,
    /// The claim requests neither a password nor a token, so the user could not sign in.
    #[error("choose a password or request a token")]
    NoCredential,
    /// The password is too easy to guess.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The rate limit is reached.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(InviteError);

impl From<Denial> for InviteError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

/// A page of invites.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvitePage {
    /// The invites, newest first.
    pub invites: Listing<Invite>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<InviteId>,
}

impl Invites {
    /// Creates the use cases on a store. The other ports are those of `sessions`.
    #[must_use]
    pub fn new(store: Arc<dyn InviteStore>, sessions: Sessions) -> Self {
        Self { store, sessions }
    }

    /// Creates an invite, which replaces an earlier open one for the same address.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotAuthorized`] unless `principal` is an administrator;
    /// [`InviteError::EmailTaken`] when a user with this address exists; [`InviteError::Entropy`]
    /// and [`InviteError::Store`] when a port fails.
    pub async fn create(
        &self,
        principal: &Principal,
        email: Email,
        role: Role,
        context: &RequestContext,
    ) -> Result<NewInvite, InviteError> {
        let requirement = Requirement::HUMAN_ADMIN;
        principal.authorize(requirement)?;
        let kind = InviteKind::Person { email, role };
        self.insert(kind, Some((principal, requirement)), context)
            .await
    }

    /// Creates the invite for a new instance's first administrator, which replaces earlier ones. To
    /// be called when the server starts.
    ///
    /// # Errors
    ///
    /// [`InviteError::EmailTaken`] when there is a user already; [`InviteError::Entropy`] and
    /// [`InviteError::Store`] when a port fails.
    pub async fn first_admin(&self) -> Result<NewInvite, InviteError> {
        let context = RequestContext::default();
        self.insert(InviteKind::FirstAdmin, None, &context).await
    }

    async fn insert(
        &self,
        kind: InviteKind,
        by: Option<(&Principal, Requirement)>,
        context: &RequestContext,
    ) -> Result<NewInvite, InviteError> {
        let ports = &self.sessions.ports;
        let (now, entropy) = (ports.clock.now(), &*ports.entropy);
        let secret = OpaqueSecret::generate(entropy)?;
        let invite = Invite {
            id: InviteId::generate(now, entropy)?,
            kind,
            created_by: by.map(|(principal, _)| principal.user_id()),
            created_at: now,
            expires_at: now.saturating_add_seconds(INVITE_LIFETIME_SECONDS),
            claimed: None,
            withdrawn_at: None,
            replaced_by: None,
        };
        let made = Subject::Invite(invite.id);
        let change = CreateInvite {
            actor: by.map(|(principal, requirement)| {
                let actor = Actor::of(principal, requirement, now);
                actor.with_form(context.form, principal.user_id(), made)
            }),
            digest: secret.digest(),
            audit: self.sessions.event(
                by.map_or(AuditActor::Operator, |(principal, _)| {
                    principal.audit_actor()
                }),
                InviteAction::CREATED,
                made,
                context,
                now,
            )?,
            invite: invite.clone(),
        };
        match self.store.create_invite(change).await? {
            CreateInviteOutcome::Created => Ok(NewInvite { invite, secret }),
            CreateInviteOutcome::Taken => Err(InviteError::EmailTaken),
            CreateInviteOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Returns a page of all invites, starting after `after`. `limit` is clamped to 1 to
    /// [`MAX_PAGE`](crate::page::MAX_PAGE).
    ///
    /// # Errors
    ///
    /// [`InviteError::NotAuthorized`] unless `principal` is an administrator;
    /// [`InviteError::Store`] when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<InvitePage, InviteError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = PageSize::clamp(limit);
        let mut invites = self.store.invites(after, limit.rows_to_read()).await?;
        let next = limit.truncate(&mut invites, |invite| invite.id);
        Ok(InvitePage { invites, next })
    }

    /// Returns an invite, or `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// As for [`Invites::list`].
    pub async fn get(
        &self,
        principal: &Principal,
        id: InviteId,
    ) -> Result<Option<Invite>, InviteError> {
        // Lists are in descending order of ID: the page after the next higher ID starts with this.
        let above = InviteId::from_uuid(Uuid::from_u128(id.uuid().as_u128().saturating_add(1)));
        let found = self.list(principal, Some(above), 1).await?;
        Ok(found.invites.iter().find(|invite| invite.id == id).cloned())
    }

    /// Withdraws an invite: its link stops working immediately.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotFound`] when it does not exist, or was claimed or withdrawn before;
    /// [`InviteError::NotAuthorized`] unless `principal` is an administrator;
    /// [`InviteError::Entropy`] and [`InviteError::Store`] when a port fails.
    pub async fn withdraw(
        &self,
        principal: &Principal,
        invite: InviteId,
        context: &RequestContext,
    ) -> Result<(), InviteError> {
        let event = (InviteAction::WITHDRAWN, Subject::Invite(invite));
        let ports = &self.sessions.ports;
        let (actor, audit) = begin::<InviteError>(
            principal,
            Requirement::HUMAN_ADMIN,
            event,
            context,
            ports.clock.now(),
            &*ports.entropy,
        )?;
        let change = WithdrawInvite {
            actor,
            invite,
            audit,
        };
        match self.store.withdraw_invite(change).await? {
            WithdrawInviteOutcome::Withdrawn => Ok(()),
            WithdrawInviteOutcome::NotFound => Err(InviteError::NotFound),
            WithdrawInviteOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Returns the invite with this secret, as long as [`claim`](Self::claim) would accept it.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotClaimable`] when it cannot be claimed; [`InviteError::EmailTaken`] when a
    /// user with the invited address exists; [`InviteError::Store`] when the store fails.
    pub async fn preview(&self, presented: &str) -> Result<Invite, InviteError> {
        self.claimable(presented, self.sessions.ports.clock.now())
            .await
    }

    async fn claimable(&self, presented: &str, now: Timestamp) -> Result<Invite, InviteError> {
        let secret = OpaqueSecret::parse(presented).ok_or(NotClaimable::Unknown)?;
        let invite = StoreError::ignore_damaged(self.store.find_invite(&secret.digest()).await)?;
        let invite = invite.ok_or(NotClaimable::Unknown)?;
        let users = &self.sessions.ports.users;
        let creator = self.sessions.creator(invite.created_by).await?;
        let any_user = users.page(None, 1).await?.count() > 0;
        check(&invite, creator.as_ref(), any_user, now)?;
        if let Some(email) = invite.email()
            && StoreError::separate_damaged(users.account(&email.key()).await)? != (None, None)
        {
            return Err(InviteError::EmailTaken);
        }
        Ok(invite)
    }

    /// Claims an invite and creates the user. Attempts are limited per client address.
    ///
    /// # Errors
    ///
    /// [`InviteError`], whose variants name the conditions, except for those of creating and
    /// withdrawing invites.
    pub async fn claim(
        &self,
        presented: &str,
        claim: Claim,
        context: &RequestContext,
    ) -> Result<Claimed, InviteError> {
        let now = self.sessions.ports.clock.now();
        self.sessions
            .ports
            .rate_limits
            .unauthenticated_route("claim", context.client_address, now)
            .await?;
        let invite = self.claimable(presented, now).await?;
        let email = claimed_email(&invite, claim.email)?;
        if claim.password.is_none() && claim.token.is_none() {
            return Err(InviteError::NoCredential);
        }
        let entropy = &*self.sessions.ports.entropy;
        let user = User {
            id: UserId::generate(now, entropy)?,
            email,
            name: claim.name,
            role: invite.role(),
            created_at: now,
            suspended_at: None,
        };
        let password = match &claim.password {
            None => None,
            Some(password) => {
                password.check_new(&user.own_words())?;
                Some(self.sessions.ports.hasher.hash(password).await?)
            }
        };
        let scope = user.role.highest_scope();
        let from = context.client_address;
        let issued = claim
            .token
            .map(|name| {
                let never = Expiry::Never;
                let wanted = NewToken::new(name, scope, never);
                let prefixes = SecretPrefixes::DEFAULT;
                TokenWithSecret::mint(user.id, wanted, never, now, from, prefixes, entropy)
            })
            .transpose()?;
        let signed_in = claim
            .session
            .map(|client| self.sessions.mint(user.id, client, context, now))
            .transpose()?;
        let mut audit = self.sessions.event(
            AuditActor::Anonymous,
            InviteAction::CLAIMED,
            Subject::Invite(invite.id),
            context,
            now,
        )?;
        audit.related = Some(Subject::User(user.id));
        let change = ClaimInvite {
            invite: invite.id,
            now,
            account: Account {
                user: user.clone(),
                password,
            },
            token: issued
                .as_ref()
                .map(|issued| (issued.token.clone(), issued.secret.digest())),
            session: signed_in
                .as_ref()
                .map(|signed_in| (signed_in.session.clone(), signed_in.secret.digest())),
            audit,
        };
        match self.store.claim_invite(change).await? {
            ClaimInviteOutcome::Claimed => Ok(Claimed {
                user,
                issued,
                signed_in,
            }),
            ClaimInviteOutcome::NotClaimable(reason) => Err(reason.into()),
            ClaimInviteOutcome::EmailTaken => Err(InviteError::EmailTaken),
        }
    }
}

/// Returns the address of the new user. An invite is valid for its address only; otherwise anyone
/// with a forwarded link could create an account under any address.
fn claimed_email(invite: &Invite, given: Option<Email>) -> Result<Email, InviteError> {
    match (invite.email(), given) {
        (None, Some(given)) => Ok(given),
        (None, None) => Err(InviteError::EmailRequired),
        (Some(invited), None) => Ok(invited.clone()),
        (Some(invited), Some(given)) if given.key() == invited.key() => Ok(invited.clone()),
        (Some(_), Some(_)) => Err(InviteError::EmailMismatch),
    }
}
