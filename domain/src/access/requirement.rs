use crate::agent_run::WorkItemKey;
use crate::token::Scope;

use super::Credential;

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
pub enum Denial {
    /// An agent run's token was presented where only a human's may act.
    #[error("only a human's personal access token may do this")]
    HumanTokenRequired,
    /// The effective scope is less than what is needed.
    #[error("this needs the scope {required}")]
    InsufficientScope {
        /// What would have been enough.
        required: Scope,
    },
    /// An agent run that is bound to a work item would change something else.
    #[error("this agent run may change {bound_to} alone")]
    BoundToWorkItem {
        /// What it may change.
        bound_to: WorkItemKey,
    },
}

impl Requirement {
    /// Any live credential, of a human or of an agent run. Every scope contains `read_write`.
    pub const ANY_TOKEN: Self = Self {
        human: false,
        scope: Scope::ReadWrite,
    };
    /// A human's credential of any scope.
    pub const HUMAN: Self = Self {
        human: true,
        scope: Scope::ReadWrite,
    };
    /// A human's credential with the effective scope `admin`.
    pub const HUMAN_ADMIN: Self = Self {
        human: true,
        scope: Scope::Admin,
    };

    /// A human's credential whose effective scope contains `scope`: what issuing a token of that
    /// scope needs, so that no token can make a mightier one.
    #[must_use]
    pub const fn human_with(scope: Scope) -> Self {
        Self { human: true, scope }
    }

    /// Whether `credential` meets it.
    pub(super) fn check(self, credential: &Credential) -> Result<(), Denial> {
        if self.human && !credential.is_human() {
            return Err(Denial::HumanTokenRequired);
        }
        if !credential.effective_scope().contains(self.scope) {
            return Err(Denial::InsufficientScope {
                required: self.scope,
            });
        }
        Ok(())
    }
}
