//! An instance with a first administrator, and helpers for its users.

use std::net::IpAddr;

use openindex_domain::access::Principal;
use openindex_domain::audit::{AuditAction, AuditFilter, AuditStore as _, RequestContext};
use openindex_domain::invite::{Claim, Claimed, InviteError};
use openindex_domain::session::{ClientName, SignInError, SignedIn};
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::TokenName;
use openindex_domain::user::{Email, Password, PersonName, Role};

pub(crate) const PASSWORD: &str = "five words that nobody says";
pub(crate) const OTHER: &str = "another handful of such words";

pub(crate) struct World {
    pub(crate) all: InMemory,
    pub(crate) admin: Principal,
    pub(crate) admin_secret: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let all = InMemory::default();
        let ada = fixtures::user(1);
        let first = all
            .users
            .bootstrap(ada.email, ada.name, token_name("first"));
        let first = first.await.expect("a first administrator").issued;
        let admin = all.tokens.verify(first.secret.expose()).await;
        Self {
            admin: admin.expect("live"),
            admin_secret: first.secret.expose().to_owned(),
            all,
        }
    }

    pub(crate) async fn invite(&self, address: &str, role: Role) -> String {
        let invites = &self.all.invites;
        let new = invites.create(&self.admin, email(address), role, context());
        new.await.expect("invited").secret.expose().to_owned()
    }

    pub(crate) async fn claim(&self, code: &str) -> Result<Claimed, InviteError> {
        let claim = Claim {
            email: None,
            name: PersonName::parse("Grace Hopper").expect("a name"),
            password: Some(password(PASSWORD)),
            token: None,
            session: Some(client()),
        };
        self.all.invites.claim(code, claim, context()).await
    }

    /// Creates `grace@example.com`, with [`PASSWORD`] and her first session.
    pub(crate) async fn join(&self, role: Role) -> Claimed {
        let code = self.invite("grace@example.com", role).await;
        self.claim(&code).await.expect("claimed")
    }

    pub(crate) async fn sign_in(&self, address: &str, word: &str) -> Result<SignedIn, SignInError> {
        self.sign_in_from(address, word, context()).await
    }

    pub(crate) async fn sign_in_from(
        &self,
        address: &str,
        word: &str,
        context: &RequestContext,
    ) -> Result<SignedIn, SignInError> {
        let sessions = &self.all.sessions;
        sessions
            .sign_in(&email(address), &password(word), client(), context)
            .await
    }

    pub(crate) async fn principal(&self, signed_in: &SignedIn) -> Option<Principal> {
        let verified = self.all.sessions.verify(signed_in.secret.expose()).await;
        verified.expect("the store works")
    }

    pub(crate) async fn count(&self, action: AuditAction) -> usize {
        let filter = AuditFilter {
            action: Some(action),
            ..AuditFilter::default()
        };
        let events = self.all.store.events(&filter, None, 1_000).await;
        events.expect("the audit log").len()
    }
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

pub(crate) fn password(text: &str) -> Password {
    Password::parse(text).expect("not too long")
}

pub(crate) fn token_name(text: &str) -> TokenName {
    TokenName::parse(text).expect("a name")
}

pub(crate) fn client() -> ClientName {
    ClientName::sanitize("Browser/1")
}

pub(crate) fn context() -> &'static RequestContext {
    static CONTEXT: RequestContext = RequestContext {
        request_id: None,
        client_address: None,
        form: None,
    };
    &CONTEXT
}

pub(crate) fn from(address: &str) -> RequestContext {
    let address: IpAddr = address.parse().expect("an address");
    RequestContext {
        client_address: Some(address),
        form: None,
        ..context().clone()
    }
}

pub(crate) fn session_of(claimed: &Claimed) -> &SignedIn {
    claimed.signed_in.as_ref().expect("a session")
}
