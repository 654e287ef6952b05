use crate::user::{Owner, UserId};

use super::{Scope, Token, TokenId, TokenKind};

/// Who a verified request acts as. Only [`Tokens::verify`](super::Tokens::verify) makes one.
#[derive(Debug, Clone)]
pub struct Principal {
    token: Token,
    owner: Owner,
}

/// What an operation needs of whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// Refuse a workflow agent run's token, whatever its owner may do.
    pub human: bool,
    /// The least effective scope.
    pub scope: Scope,
}

/// Why a verified principal may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// An agent run's token was presented where only a human's may act.
    #[error("only a human's personal access token may do this")]
    HumanTokenRequired,
    /// The effective scope is less than what is needed.
    #[error("this needs the scope {required}")]
    InsufficientScope {
        /// What would have been enough.
        required: Scope,
    },
}

impl Requirement {
    /// Any live token, of a human or of an agent run. Every scope contains `read_write`.
    pub const ANY_TOKEN: Self = Self {
        human: false,
        scope: Scope::ReadWrite,
    };
    /// A human's token of any scope.
    pub const HUMAN: Self = Self {
        human: true,
        scope: Scope::ReadWrite,
    };
    /// A human's token with the effective scope `admin`.
    pub const HUMAN_ADMIN: Self = Self {
        human: true,
        scope: Scope::Admin,
    };

    /// A human's token whose effective scope contains `scope`: what issuing a token of that scope
    /// needs, so that no token can make a mightier one.
    #[must_use]
    pub const fn human_with(scope: Scope) -> Self {
        Self { human: true, scope }
    }

    /// Whether `token`, owned by `owner`, meets it.
    pub(super) fn check(self, token: &Token, owner: &Owner) -> Result<(), Denied> {
        if self.human && token.kind() != TokenKind::Personal {
            return Err(Denied::HumanTokenRequired);
        }
        if !effective_scope(token, owner).contains(self.scope) {
            return Err(Denied::InsufficientScope {
                required: self.scope,
            });
        }
        Ok(())
    }
}

impl Principal {
    pub(super) const fn new(token: Token, owner: Owner) -> Self {
        Self { token, owner }
    }

    /// The user it acts as.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.owner.id
    }

    /// The token it acts with.
    #[must_use]
    pub const fn token_id(&self) -> TokenId {
        self.token.id
    }

    /// A human's token or an agent run's.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.token.kind()
    }

    /// The lesser of the token's scope and what the owner's role allows now.
    #[must_use]
    pub fn effective_scope(&self) -> Scope {
        effective_scope(&self.token, &self.owner)
    }

    /// The token as it was when it was verified.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The owner as they were when the token was verified.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// May this principal do what needs `requirement`?
    ///
    /// # Errors
    ///
    /// [`Denied`]; over HTTP a 403 (RFC 6750 §3.1 `insufficient_scope`).
    pub fn authorize(&self, requirement: Requirement) -> Result<(), Denied> {
        requirement.check(&self.token, &self.owner)
    }
}

fn effective_scope(token: &Token, owner: &Owner) -> Scope {
    token.scope.min(owner.role.highest_scope())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;
    use crate::user::Role;

    fn principal(kind: TokenKind, scope: Scope, role: Role) -> Principal {
        let mut token = fixtures::token(1, fixtures::NOW);
        token.id = TokenId::new(kind, token.id.uuid());
        token.scope = scope;
        let mut owner = fixtures::owner(1);
        owner.role = role;
        Principal::new(token, owner)
    }

    #[test]
    fn the_effective_scope_is_the_lesser_of_token_and_role() {
        use Scope::{Admin, ReadWrite};
        for (scope, role, effective) in [
            (ReadWrite, Role::Member, ReadWrite),
            (ReadWrite, Role::Admin, ReadWrite),
            (Admin, Role::Member, ReadWrite),
            (Admin, Role::Admin, Admin),
        ] {
            let principal = principal(TokenKind::Personal, scope, role);
            assert_eq!(principal.effective_scope(), effective);
        }
    }

    #[test]
    fn an_agent_run_is_refused_wherever_a_human_must_act() {
        let run = principal(TokenKind::AgentRun, Scope::Admin, Role::Admin);
        assert_eq!(run.authorize(Requirement::ANY_TOKEN), Ok(()));
        for requirement in [Requirement::HUMAN, Requirement::HUMAN_ADMIN] {
            assert_eq!(run.authorize(requirement), Err(Denied::HumanTokenRequired));
        }
    }

    #[test]
    fn administration_needs_the_effective_scope_admin() {
        let denied = Err(Denied::InsufficientScope {
            required: Scope::Admin,
        });
        for (scope, role, answer) in [
            (Scope::Admin, Role::Admin, Ok(())),
            (Scope::Admin, Role::Member, denied),
            (Scope::ReadWrite, Role::Admin, denied),
        ] {
            let principal = principal(TokenKind::Personal, scope, role);
            assert_eq!(principal.authorize(Requirement::HUMAN_ADMIN), answer);
            assert_eq!(principal.authorize(Requirement::HUMAN), Ok(()));
        }
    }
}
