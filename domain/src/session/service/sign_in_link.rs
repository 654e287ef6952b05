use crate::access::{Actor, Requirement};
use crate::audit::{AuditActor, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::opaque::OpaqueSecret;
use crate::session::{
    ClientName, CreateSignInLink, CreateSignInLinkOutcome, NewSignInLink, RedeemSignInLink,
    RedeemSignInLinkOutcome, SIGN_IN_LINK_LIFETIME_SECONDS, SessionAction, SignInLink,
    SignInLinkId, SignInLinkUser, SignedIn,
};
use crate::store::StoreError;
use crate::user::{Password, User};

use super::{SessionError, Sessions};

impl Sessions {
    /// Creates a sign-in link and deletes the user's earlier unused ones.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when the user does not exist or is suspended;
    /// [`SessionError::NotAuthorized`] unless the principal is an administrator;
    /// [`SessionError::Entropy`] and [`SessionError::Store`] when a port fails.
    pub async fn create_sign_in_link(
        &self,
        subject: SignInLinkUser<'_>,
        context: &RequestContext,
    ) -> Result<NewSignInLink, SessionError> {
        let requirement = Requirement::HUMAN_ADMIN;
        let now = self.ports.clock.now();
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
                let account = self.ports.users.account(&email.key()).await?;
                let account = account.ok_or(SessionError::NotFound)?;
                (account.user.id, None, AuditActor::Operator)
            }
        };
        let secret = OpaqueSecret::generate(&*self.ports.entropy)?;
        let link = SignInLink {
            id: SignInLinkId::generate(now, &*self.ports.entropy)?,
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
                SessionAction::SIGN_IN_LINK_CREATED,
                Subject::User(user),
                context,
                now,
            )?,
            link: link.clone(),
        };
        match self.ports.store.create_sign_in_link(change).await? {
            CreateSignInLinkOutcome::Created => Ok(NewSignInLink { link, secret }),
            CreateSignInLinkOutcome::NotFound => Err(SessionError::NotFound),
            CreateSignInLinkOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Returns a sign-in link and its user, as long as
    /// [`redeem_sign_in_link`](Self::redeem_sign_in_link) would accept it.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when the link cannot be used; [`SessionError::Store`] when the
    /// store fails.
    pub async fn get_sign_in_link(
        &self,
        presented: &str,
    ) -> Result<(SignInLink, User), SessionError> {
        self.usable_sign_in_link(presented, self.ports.clock.now())
            .await
    }

    async fn usable_sign_in_link(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<(SignInLink, User), SessionError> {
        let secret = OpaqueSecret::parse(presented).ok_or(SessionError::NotFound)?;
        let link =
            StoreError::ignore_damaged(self.ports.store.find_sign_in_link(&secret.digest()).await)?;
        let link = link.ok_or(SessionError::NotFound)?;
        let user = StoreError::ignore_damaged(self.ports.users.find(link.user).await)?;
        let creator = self.creator(link.created_by).await?;
        match user {
            Some(user) if link.is_usable(Some(&user), creator.as_ref(), now) => Ok((link, user)),
            _ => Err(SessionError::NotFound),
        }
    }

    /// Uses a sign-in link: sets the new password, ends all earlier sessions of the user and starts
    /// a new one. Tokens are not affected.
    ///
    /// # Errors
    ///
    /// - [`SessionError::NotFound`] when the link cannot be used (any longer).
    /// - [`SessionError::WeakPassword`] when the password is too easy to guess.
    /// - [`SessionError::RateLimited`] after too many calls from one address.
    /// - [`SessionError::Hash`], [`SessionError::Entropy`] and [`SessionError::Store`] when a port
    ///   fails.
    pub async fn redeem_sign_in_link(
        &self,
        presented: &str,
        new: &Password,
        client: ClientName,
        context: &RequestContext,
    ) -> Result<SignedIn, SessionError> {
        let now = self.ports.clock.now();
        self.ports
            .rate_limits
            .unauthenticated_route("link", context.client_address, now)
            .await?;
        let (link, user) = self.usable_sign_in_link(presented, now).await?;
        new.check_new(&user.own_words())?;
        let hash = self.ports.hasher.hash(new).await?;
        let signed_in = self.mint(user.id, client, context, now)?;
        let change = RedeemSignInLink {
            link: link.id,
            now,
            hash,
            session: signed_in.session.clone(),
            digest: signed_in.secret.digest(),
            audit: self.event(
                signed_in.actor(),
                SessionAction::SIGN_IN_LINK_USED,
                Subject::User(user.id),
                context,
                now,
            )?,
        };
        match self.ports.store.redeem_sign_in_link(change).await? {
            RedeemSignInLinkOutcome::Redeemed => Ok(signed_in),
            RedeemSignInLinkOutcome::Rejected => Err(SessionError::NotFound),
        }
    }
}
