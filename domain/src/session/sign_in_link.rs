use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::id::prefixed_id;
use crate::opaque::OpaqueSecret;
use crate::store::StoreError;
use crate::token::Digest;
use crate::user::{Email, Notice, NoticeAbout, Password, PasswordHash, User, UserId, is_vouched};

use super::{ClientName, Ended, Session, SessionError, Sessions, SignedIn};

/// A one-time link can be used for this time: 1 hour.
pub const SIGN_IN_LINK_LIFETIME_SECONDS: i64 = 60 * 60;

prefixed_id! {
    /// The id of a one-time sign-in link: `lnk_` and a UUID. It names the link and is no secret.
    SignInLinkId, "lnk_"
}

/// A one-time link that opens the account of somebody who has no password, or forgot it: whoever
/// has it chooses a new one and is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInLink {
    /// Names it.
    pub id: SignInLinkId,
    /// Whose account it opens.
    pub user: UserId,
    /// Who made it; `None` is the operator.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It can be used before this instant.
    pub expires_at: Timestamp,
    /// When it was used. One that is made void is deleted.
    pub used_at: Option<Timestamp>,
}

impl SignInLink {
    /// Whether it can be used at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }

    /// Returns whether it can be used at `now`, given its user and whoever made it (`None` where
    /// that was the operator). Who looks at a link is shown no more than who uses it would get.
    fn is_usable(&self, user: Option<&User>, creator: Option<&User>, now: Timestamp) -> bool {
        self.is_open(now)
            && user.is_some_and(|user| user.id == self.user && user.is_active())
            && is_vouched(self.created_by, creator)
    }
}

/// A new link and its secret, which exists here and in the URL that its user is given.
#[derive(Debug)]
pub struct NewSignInLink {
    /// The link.
    pub link: SignInLink,
    /// What the URL is to hold.
    pub secret: OpaqueSecret,
}

/// The change: a one-time link comes into being.
#[derive(Debug, Clone)]
pub struct CreateSignInLink {
    /// Who makes it; `None` is the operator's shell.
    pub actor: Option<Actor>,
    /// The link.
    pub link: SignInLink,
    /// The digest of its secret.
    pub digest: Digest,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`CreateSignInLink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateSignInLinkOutcome {
    /// It is there.
    Created,
    /// There is no such user, or they are suspended; nothing changed.
    NotFound,
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl CreateSignInLink {
    /// Decides, from what the store read inside the transaction: the acting credential's record,
    /// if there is one, and the user.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        user: Option<&User>,
    ) -> Result<(), CreateSignInLinkOutcome> {
        if let Some(acting) = &self.actor {
            acting
                .check(actor)
                .map_err(CreateSignInLinkOutcome::NotAuthorized)?;
        }
        user.filter(|user| user.id == self.link.user && user.is_active())
            .map(|_| ())
            .ok_or(CreateSignInLinkOutcome::NotFound)
    }
}

/// The change: a one-time link is used.
#[derive(Debug, Clone)]
pub struct RedeemSignInLink {
    /// Which one.
    pub link: SignInLinkId,
    /// The time of the request.
    pub now: Timestamp,
    /// The new password.
    pub hash: PasswordHash,
    /// The new session.
    pub session: Session,
    /// The digest of its secret.
    pub digest: Digest,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`RedeemSignInLink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RedeemSignInLinkOutcome {
    /// Password and session are there.
    Redeemed,
    /// It is used, void or expired, or its user suspended; nothing changed.
    Rejected,
}

impl RedeemSignInLink {
    /// Returns the notice that the store leaves for the user.
    #[must_use]
    pub fn notice(&self) -> Notice {
        Notice {
            about: NoticeAbout::UsedLink {
                link: self.link,
                from: self.audit.context.client_address,
            },
            at: self.session.created_at,
        }
    }

    /// Decides, from what was read inside the transaction: the link, its user, and whoever made it
    /// (`None` where that was the operator). What a suspended or demoted administrator made opens
    /// nothing. Answers which of the user's earlier sessions end with it.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        link: Option<&SignInLink>,
        user: Option<&User>,
        creator: Option<&User>,
    ) -> Result<Ended, RedeemSignInLinkOutcome> {
        let is_it = |link: &&SignInLink| link.id == self.link && link.user == self.session.user;
        match link.filter(is_it) {
            Some(link) if link.is_usable(user, creator, self.now) => {
                Ok(Ended::AllBut(self.session.id))
            }
            _ => Err(RedeemSignInLinkOutcome::Rejected),
        }
    }
}

/// Whose account a link is to open.
#[derive(Debug, Clone, Copy)]
pub enum SignInLinkUser<'a> {
    /// An administrator names the user.
    ByAdmin(&'a Principal, UserId),
    /// Whoever has a shell on the server names the address.
    ByOperator(&'a Email),
}

impl Sessions {
    /// Makes a one-time link. Earlier ones of the same user that were not used are void from then
    /// on.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when there is no such user, or they are suspended;
    /// [`SessionError::NotAuthorized`] unless an administrator asks.
    pub async fn create_sign_in_link(
        &self,
        subject: SignInLinkUser<'_>,
        context: &RequestContext,
    ) -> Result<NewSignInLink, SessionError> {
        let requirement = Requirement::HUMAN_ADMIN;
        let now = self.clock.now();
        let (user, actor, by) = match subject {
            SignInLinkUser::ByAdmin(principal, user) => {
                principal.authorize(requirement)?;
                let actor = Actor::of(principal, requirement, now).with_form(
                    context.form,
                    principal.user_id(),
                    Subject::User(user),
                );
                (user, Some(actor), principal.audit_actor())
            }
            SignInLinkUser::ByOperator(email) => {
                let account = self.users.account(&email.key()).await?;
                let account = account.ok_or(SessionError::NotFound)?;
                (account.user.id, None, AuditActor::Operator)
            }
        };
        let secret = OpaqueSecret::generate(&*self.entropy)?;
        let link = SignInLink {
            id: SignInLinkId::generate(now, &*self.entropy)?,
            user,
            created_by: by.user(),
            created_at: now,
            expires_at: now.saturating_add_seconds(SIGN_IN_LINK_LIFETIME_SECONDS),
            used_at: None,
        };
        let change = CreateSignInLink {
            actor,
            digest: secret.digest(),
            audit: self.event(
                by,
                AuditAction::SignInLinkCreated,
                Subject::User(user),
                context,
            )?,
            link: link.clone(),
        };
        match self.store.create_sign_in_link(change).await? {
            CreateSignInLinkOutcome::Created => Ok(NewSignInLink { link, secret }),
            CreateSignInLinkOutcome::NotFound => Err(SessionError::NotFound),
            CreateSignInLinkOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }

    /// Returns a one-time link and its user while [`redeem_sign_in_link`](Self::redeem_sign_in_link) would take it.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when it cannot; [`SessionError::Store`].
    pub async fn get_sign_in_link(
        &self,
        presented: &str,
    ) -> Result<(SignInLink, User), SessionError> {
        let secret = OpaqueSecret::parse(presented).ok_or(SessionError::NotFound)?;
        let link =
            StoreError::unless_damaged(self.store.find_sign_in_link(&secret.digest()).await)?;
        let link = link.ok_or(SessionError::NotFound)?;
        let user = StoreError::unless_damaged(self.users.find(link.user).await)?;
        let creator = match link.created_by {
            Some(id) => StoreError::unless_damaged(self.users.find(id).await)?,
            None => None,
        };
        match user {
            Some(user) if link.is_usable(Some(&user), creator.as_ref(), self.clock.now()) => {
                Ok((link, user))
            }
            _ => Err(SessionError::NotFound),
        }
    }

    /// Uses a one-time link: sets the password that its bearer chose, ends all earlier sessions of
    /// the user and signs the bearer in. Tokens are left alone.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when it cannot be used (any more);
    /// [`SessionError::WeakPassword`]; [`SessionError::RateLimited`] after too many calls from one
    /// address.
    pub async fn redeem_sign_in_link(
        &self,
        presented: &str,
        new: &Password,
        client: ClientName,
        context: &RequestContext,
    ) -> Result<SignedIn, SessionError> {
        self.rate_limits
            .open_route("link", context.client_address, self.clock.now())
            .await?;
        let (link, user) = self.get_sign_in_link(presented).await?;
        new.check_new(&user.own_words())?;
        let hash = self.hasher.hash(new).await?;
        let signed_in = self.mint(user.id, client, context)?;
        let by = AuditActor::Session {
            user: user.id,
            session: signed_in.session.id,
        };
        let change = RedeemSignInLink {
            link: link.id,
            now: self.clock.now(),
            hash,
            session: signed_in.session.clone(),
            digest: signed_in.secret.digest(),
            audit: self.event(
                by,
                AuditAction::SignInLinkUsed,
                Subject::User(user.id),
                context,
            )?,
        };
        match self.store.redeem_sign_in_link(change).await? {
            RedeemSignInLinkOutcome::Redeemed => Ok(signed_in),
            RedeemSignInLinkOutcome::Rejected => Err(SessionError::NotFound),
        }
    }
}
