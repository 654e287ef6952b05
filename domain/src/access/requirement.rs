use crate::credential::Scope;
use crate::id::{TokenKind, WorkItemKey};

/// What an operation requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The kind of token, if only one may act. A browser session acts as a personal token, that
    /// is as a human; an agent run is denied there, whatever its owner's role.
    pub kind: Option<TokenKind>,
    /// The minimum effective scope.
    pub scope: Scope,
}

/// Why a verified principal is not permitted to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// An agent run's token was used for an operation that requires a human.
    #[error("this requires a human's personal access token")]
    HumanTokenRequired,
    /// A human's token was used where only agent runs may act.
    #[error("this requires the token of an agent run")]
    AgentRunTokenRequired,
    /// The effective scope is insufficient.
    #[error("this requires the scope {required}")]
    InsufficientScope {
        /// The scope that is required.
        required: Scope,
    },
    /// An agent run that is bound to a work item tried to change something else.
    #[error("this agent run can only change {bound_to}")]
    BoundToWorkItem {
        /// The only work item that the run may change.
        bound_to: WorkItemKey,
    },
    /// An owner without an account tried to change something that names a user as its author.
    #[error("this requires a user with an account")]
    AccountRequired,
}

impl Requirement {
    /// Any live credential, of a human or an agent run. Every scope contains `read_write`.
    pub const ANY_TOKEN: Self = Self {
        kind: None,
        scope: Scope::ReadWrite,
    };
    /// A human's credential of any scope.
    pub const HUMAN: Self = Self {
        kind: Some(TokenKind::Personal),
        scope: Scope::ReadWrite,
    };
    /// A human's credential with the effective scope `admin`.
    pub const HUMAN_ADMIN: Self = Self {
        kind: Some(TokenKind::Personal),
        scope: Scope::Admin,
    };

    /// Returns the requirement for creating a token of `scope`: a human's credential whose
    /// effective scope contains it, so that no token can create a more powerful one.
    #[must_use]
    pub const fn human_with(scope: Scope) -> Self {
        Self {
            kind: Some(TokenKind::Personal),
            scope,
        }
    }
}
