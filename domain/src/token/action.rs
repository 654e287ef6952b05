use crate::audit::AuditAction;
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What is done to tokens.
    TokenAction: AuditAction {
        /// A token was created.
        CREATED = "token.created",
        /// A token was rotated. Related: its successor.
        ROTATED = "token.rotated".ending_token,
        /// A token was revoked.
        REVOKED = "token.revoked".ending_token,
        /// A token was reported as leaked and revoked. The reporter is hidden from its owner, so
        /// that reporting has no drawbacks.
        REPORTED_LEAKED = "token.reported_leaked".ending_token.hiding_anonymous,
    }
}

vocabulary! {
    /// What is done to owners without an account. Subject: the user.
    OwnerAction: AuditAction {
        /// An owner was added.
        ADDED = "owner.added",
        /// An owner was suspended; their agent runs ended.
        SUSPENDED = "owner.suspended",
        /// An owner was unsuspended.
        UNSUSPENDED = "owner.unsuspended",
        /// An owner was made an administrator.
        PROMOTED = "owner.promoted",
        /// An administrator was made a member.
        DEMOTED = "owner.demoted",
        /// An owner's name or email address was changed.
        UPDATED = "owner.updated",
    }
}

vocabulary! {
    /// What is done to agent runs, which also end together with tokens.
    AgentRunAction: AuditAction {
        /// An agent run was started. Subject: its token; related: what it is bound to.
        STARTED = "agent_run.started",
        /// An agent run ended. Related: what it ended with, such as the issuing token or the owner;
        /// `None` if it was ended directly.
        ENDED = "agent_run.ended".ending_token,
    }
}
