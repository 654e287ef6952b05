//! From the domain's types to what travels.

use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Issued, Principal, Token};
use openindex_domain::user::{Bootstrapped, User};

use crate::wire;

pub(super) fn pat(token: &Token, now: Timestamp) -> wire::Pat {
    wire::Pat {
        id: token.id.to_string(),
        name: token.name.as_str().to_owned(),
        scope: token.scope.into(),
        created_at: token.created_at.to_string(),
        expires_at: text(token.expires_at),
        last_used_at: text(token.last_used_at),
        status: token.status(now).into(),
    }
}

/// The one answer that holds a secret.
pub(super) fn created(issued: &Issued, now: Timestamp) -> wire::CreatedPat {
    wire::CreatedPat {
        pat: pat(&issued.token, now),
        token: wire::PlainSecret::new(issued.secret.expose()),
    }
}

/// The first administrator, their token and its secret, as `oi-server bootstrap --json` prints
/// them.
#[must_use]
pub fn bootstrapped(instance: &Bootstrapped, now: Timestamp) -> wire::Bootstrapped {
    let wire::CreatedPat { pat, token } = created(&instance.issued, now);
    wire::Bootstrapped {
        user: user(&instance.user),
        pat,
        token,
    }
}

pub(super) fn me(principal: &Principal) -> wire::Me {
    let (token, owner) = (principal.token(), principal.owner());
    let profile = owner.profile.as_ref();
    wire::Me {
        user: wire::MeUser {
            id: owner.id.to_string(),
            email: profile.map(|profile| profile.email.as_str().to_owned()),
            name: profile.map(|profile| profile.name.as_str().to_owned()),
            role: owner.role.into(),
        },
        token: wire::MeToken {
            id: token.id.to_string(),
            kind: token.kind().into(),
            name: token.name.as_str().to_owned(),
            scope: token.scope.into(),
            effective_scope: principal.effective_scope().into(),
            expires_at: text(token.expires_at),
        },
    }
}

pub(super) fn user(user: &User) -> wire::User {
    wire::User {
        id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        name: user.name.as_str().to_owned(),
        role: user.role.into(),
        created_at: user.created_at.to_string(),
        suspended_at: text(user.suspended_at),
    }
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
