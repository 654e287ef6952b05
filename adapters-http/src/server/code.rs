//! Kinds of problems. What becomes which is in `mapping.rs`.

use http::StatusCode;

/// Defines the kinds: each with its code on the wire, its status and its title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// Every kind of problem there is: a stable code for programs, its status and its title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            const fn parts(self) -> (&'static str, StatusCode, &'static str) {
                match self {
                    $(Self::$name => ($code, StatusCode::$status, $title),)+
                }
            }
        }
    };
}

codes! {
    /// 400: the request itself cannot be understood.
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request cannot be understood";
    /// 400: a field or a parameter is wrong; `errors` says which.
    InvalidField = "invalid_field", BAD_REQUEST, "A field or parameter is invalid";
    /// 401: no bearer token was presented.
    AuthenticationRequired = "authentication_required", UNAUTHORIZED, "A token is required";
    /// 401: what was presented cannot be a token.
    TokenMalformed = "token_malformed", UNAUTHORIZED, "The token is malformed";
    /// 401: no such token.
    TokenUnknown = "token_unknown", UNAUTHORIZED, "The token is unknown";
    /// 401: its time is up.
    TokenExpired = "token_expired", UNAUTHORIZED, "The token has expired";
    /// 401: it was deleted.
    TokenRevoked = "token_revoked", UNAUTHORIZED, "The token has been revoked";
    /// 401: its owner is suspended.
    OwnerSuspended = "owner_suspended", UNAUTHORIZED, "The token's owner is suspended";
    /// 403: the token's effective scope is too small.
    InsufficientScope = "insufficient_scope", FORBIDDEN, "The token's scope does not allow this";
    /// 403: an agent run's token was presented where a human's is needed.
    HumanTokenRequired = "human_token_required", FORBIDDEN, "A human's token is required";
    /// 403: only somebody who is signed in with a browser may do this.
    SessionRequired = "session_required", FORBIDDEN, "A browser session is required";
    /// 403: the agent run may change one work item alone, and this is not it.
    RunBoundToWorkItem = "run_bound_to_work_item", FORBIDDEN, "The agent run is bound to a work item";
    /// 403: the agent run works for another agent.
    AgentMismatch = "agent_mismatch", FORBIDDEN, "The agent run works for another agent";
    /// 404: there is nothing here, or nothing of yours.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// 405: not with this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// 409: no more live tokens for this user.
    TokenLimitReached = "token_limit_reached", CONFLICT, "The limit of live tokens is reached";
    /// 409: an expired token cannot be rotated.
    TokenNotLive = "token_not_live", CONFLICT, "The token is not live";
    /// 409: a bulk revocation matches other tokens than those that were reviewed.
    ReviewOutdated = "review_outdated", CONFLICT, "The matching tokens have changed since they were reviewed";
    /// 409: a bulk revocation matches more tokens than can be revoked without a review.
    ReviewRequired = "review_required", CONFLICT, "The matching tokens must be reviewed first";
    /// 409: the token was rotated already.
    TokenAlreadyRotated = "token_already_rotated", CONFLICT, "The token was rotated already";
    /// 409: nobody would be left to administer the instance.
    LastAdmin = "last_admin", CONFLICT, "The last administrator must stay";
    /// 409: an administrator asked for their own deletion.
    OwnAccount = "own_account", CONFLICT, "You cannot delete your own account";
    /// 409: somebody with this address has an account.
    EmailTaken = "email_taken", CONFLICT, "The email address has an account";
    /// 409: the invite was claimed or withdrawn, or has expired.
    InviteNotOpen = "invite_not_open", CONFLICT, "The invite is not open";
    /// 409: no more live agent runs for this user.
    RunLimitReached = "run_limit_reached", CONFLICT, "The limit of live agent runs is reached";
    /// 409: somebody else works at the work item.
    WorkItemClaimed = "work_item_claimed", CONFLICT, "Somebody else works at the work item";
    /// 409: the work item is done or cancelled.
    WorkItemResolved = "work_item_resolved", CONFLICT, "The work item is done or cancelled";
    /// 409: an agent gives another status to, and deletes, only what it works at.
    WorkItemNotClaimed = "work_item_not_claimed", CONFLICT, "The work item is not claimed";
    /// 409: the work item is for people, or for agents, alone.
    WrongExecutionTarget = "wrong_execution_target", CONFLICT, "The work item is for others";
    /// 409: the one status does not follow on the other.
    InvalidTransition = "invalid_transition", CONFLICT, "The status does not follow on the present one";
    /// 409: the work item has sub-tasks.
    HasSubTasks = "has_sub_tasks", CONFLICT, "The work item has sub-tasks";
    /// 409: there is no number left for another work item.
    NumbersExhausted = "numbers_exhausted", CONFLICT, "There is no number left";
    /// 412: the work item has another version by now.
    VersionMismatch = "version_mismatch", PRECONDITION_FAILED, "The work item has another version";
    /// 412: a condition of the request is false, or cannot be evaluated.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "A precondition failed";
    /// 408: the head or the body did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request did not arrive in time";
    /// 413: the body is too large.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// 415: the body is not JSON, or it has a content coding.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be plain JSON";
    /// 417: an expectation other than `100-continue`.
    ExpectationFailed = "expectation_failed", EXPECTATION_FAILED, "The expectation cannot be met";
    /// 429: too many calls.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// 429: as many tokens, or agent runs, were issued to the user within 24 hours as may be.
    CreationRateReached = "issue_rate_reached", TOO_MANY_REQUESTS, "Too many were created within 24 hours";
    /// 431: the headers are too large.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    /// 500: a fault of ours.
    Internal = "internal_error", INTERNAL_SERVER_ERROR, "An internal error";
    /// 501: a method or transfer coding that this server does not implement.
    NotImplemented = "not_implemented", NOT_IMPLEMENTED, "Not implemented";
    /// 503: the store is away, or too slow.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The service is temporarily unavailable";
    /// 503: the server has as much to do as it takes on.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server has too much to do";
}

impl Code {
    /// The code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.parts().1
    }

    /// What every problem of this kind is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.parts().2
    }
}
