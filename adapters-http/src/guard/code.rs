//! The kinds of problems. Which error becomes which problem is in `mapping.rs`.

use http::StatusCode;

/// Defines the kinds, each with its code on the wire, status and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// A kind of problem: a stable code for programs, an HTTP status and a title.
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
    /// 400: the request is malformed.
    InvalidRequest = "invalid_request", BAD_REQUEST, "Invalid request";
    /// 400: fields or parameters are invalid; `errors` lists them.
    InvalidField = "invalid_field", BAD_REQUEST, "Invalid field or parameter";
    /// 401: the request has no bearer token.
    AuthenticationRequired = "authentication_required", UNAUTHORIZED, "Authentication required";
    /// 401: the credential does not have the form of a token.
    TokenMalformed = "token_malformed", UNAUTHORIZED, "Malformed token";
    /// 401: no token has this secret.
    TokenUnknown = "token_unknown", UNAUTHORIZED, "Unknown token";
    /// 401: the token has expired.
    TokenExpired = "token_expired", UNAUTHORIZED, "Token expired";
    /// 401: the token was revoked.
    TokenRevoked = "token_revoked", UNAUTHORIZED, "Token revoked";
    /// 401: the owner of the token is suspended.
    OwnerSuspended = "owner_suspended", UNAUTHORIZED, "Token owner suspended";
    /// 403: the effective scope of the token does not include the required scope.
    InsufficientScope = "insufficient_scope", FORBIDDEN, "Insufficient scope";
    /// 403: an agent run token was used where a personal access token is required.
    HumanTokenRequired = "human_token_required", FORBIDDEN, "Personal access token required";
    /// 403: a personal access token was used where an agent run token is required.
    AgentRunTokenRequired = "agent_run_token_required", FORBIDDEN, "Agent run token required";
    /// 403: the operation is available in the web interface only.
    SessionRequired = "session_required", FORBIDDEN, "Browser session required";
    /// 403: the agent run is bound to another work item.
    RunBoundToWorkItem = "run_bound_to_work_item", FORBIDDEN,
        "Agent run bound to another work item";
    /// 403: the agent run belongs to another agent.
    AgentMismatch = "agent_mismatch", FORBIDDEN, "Agent run belongs to another agent";
    /// 403: the owner of the token has no account, so they cannot be the author of what this
    /// creates.
    AccountRequired = "account_required", FORBIDDEN, "Account required";
    /// 404: the resource does not exist, or the caller may not see it.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// 405: the path does not support this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// 409: the user has the maximum number of active tokens.
    TokenLimitReached = "token_limit_reached", CONFLICT, "Token limit reached";
    /// 409: an expired token cannot be rotated.
    TokenNotLive = "token_not_live", CONFLICT, "Expired token cannot be rotated";
    /// 409: a bulk revocation matches other tokens than those that were reviewed.
    ReviewOutdated = "review_outdated", CONFLICT, "Matching tokens have changed since the review";
    /// 409: a bulk revocation matches more tokens than can be revoked without a review.
    ReviewRequired = "review_required", CONFLICT, "Review required";
    /// 409: the token has already been rotated.
    TokenAlreadyRotated = "token_already_rotated", CONFLICT, "Token already rotated";
    /// 409: the change would remove the last active administrator.
    LastAdmin = "last_admin", CONFLICT, "Cannot remove the last administrator";
    /// 409: administrators cannot delete their own account.
    OwnAccount = "own_account", CONFLICT, "Cannot delete your own account";
    /// 409: another user has this email address.
    EmailTaken = "email_taken", CONFLICT, "Email address already in use";
    /// 409: the invite was claimed, withdrawn or replaced, or has expired.
    InviteNotOpen = "invite_not_open", CONFLICT, "Invite no longer open";
    /// 409: the user has the maximum number of active agent runs.
    RunLimitReached = "run_limit_reached", CONFLICT, "Agent run limit reached";
    /// 409: another worker has claimed the work item.
    WorkItemClaimed = "work_item_claimed", CONFLICT, "Work item already claimed";
    /// 409: the work item is done or cancelled.
    WorkItemResolved = "work_item_resolved", CONFLICT, "Work item done or cancelled";
    /// 409: an agent run must claim a work item before it changes the status or deletes it.
    WorkItemNotClaimed = "work_item_not_claimed", CONFLICT, "Work item not claimed";
    /// 409: only people, or only agents, can claim the work item.
    WrongExecutionTarget = "wrong_execution_target", CONFLICT, "Wrong execution target";
    /// 409: the work item cannot change from its current status to this one.
    InvalidTransition = "invalid_transition", CONFLICT, "Invalid status transition";
    /// 409: a work item with sub-tasks cannot be deleted.
    HasSubTasks = "has_sub_tasks", CONFLICT, "Work item has sub-tasks";
    /// 409: all work item numbers in the domain or parent are used.
    NumbersExhausted = "numbers_exhausted", CONFLICT, "Work item numbers exhausted";
    /// 412: the work item has a different version.
    VersionMismatch = "version_mismatch", PRECONDITION_FAILED, "Version mismatch";
    /// 412: a condition of the request is false or cannot be evaluated.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    /// 408: the head or the body did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// 413: the body is too large.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Request body too large";
    /// 415: the body is not JSON, or has a content coding.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE,
        "Unsupported media type";
    /// 417: the `Expect` header is not `100-continue`.
    ExpectationFailed = "expectation_failed", EXPECTATION_FAILED, "Expectation failed";
    /// 429: too many attempts.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Rate limit exceeded";
    /// 429: the maximum number of tokens, or agent runs, were created for the user within 24 hours.
    CreationRateReached = "creation_rate_reached", TOO_MANY_REQUESTS, "Creation limit exceeded";
    /// 431: the headers are too large.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE,
        "Request headers too large";
    /// 500: an internal error.
    Internal = "internal_error", INTERNAL_SERVER_ERROR, "Internal error";
    /// 501: the server does not implement the method or transfer coding.
    NotImplemented = "not_implemented", NOT_IMPLEMENTED, "Not implemented";
    /// 503: the database, or the server that a service asks, is unavailable or too slow.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Service unavailable";
    /// 503: too many requests are in progress.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Server overloaded";
}

impl Code {
    /// Returns the code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.parts().1
    }

    /// Returns the title that all problems of this kind have.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.parts().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_exactly_the_codes_with_their_status() {
        let page = include_str!("../../../docs/errors.md");
        let row = |line: &str| {
            let (status, rest) = line.strip_prefix("| ")?.split_once(" | `")?;
            let (code, _) = rest.split_once("` | ")?;
            Some((status.parse().ok()?, code.to_owned()))
        };
        let mut documented: Vec<(u16, String)> = page.lines().filter_map(row).collect();
        let codes = Code::ALL.iter();
        let codes = codes.map(|code| (code.status().as_u16(), code.as_str().to_owned()));
        let mut expected: Vec<_> = codes.collect();
        documented.sort();
        expected.sort();
        assert_eq!(documented, expected);
    }
}
