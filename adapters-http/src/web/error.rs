//! Errors of pages. Their statuses come from the mapping of domain errors to problems.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use openindex_domain::StoreError;
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;

use crate::server::{Code, Problem};

/// A page or a redirect, or why there is none.
pub(super) type PageResult = Result<Response, WebError>;

/// An error of a page. It is attached to an empty response as an extension;
/// [`super::protection`] renders it, knowing the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct WebError {
    pub(super) reason: Reason,
    pub(super) retry_after: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The user is not signed in. Redirects to the sign-in page and back afterwards.
    SignIn,
    /// The form was sent by a page of another site.
    CrossSite,
    /// The form was sent by our own page, opened at an address other than the public URL.
    OtherAddress,
    /// The server accepts local connections only, and was reached under another host name.
    WrongHost,
    /// A form that creates something has no id, or was shown too long ago.
    StaleForm,
    /// The row of the page's subject is damaged.
    Damaged(DamagedRow),
    Problem(Code),
}

/// The damaged row of a page's subject, identified so that it can be revoked or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DamagedRow {
    /// A user, shown to an administrator.
    User(UserId),
    /// A token of the signed-in user.
    OwnToken(TokenId),
    /// Any user's token, shown to an administrator.
    Token(TokenId),
}

impl WebError {
    pub(super) const SIGN_IN: Self = Self::because(Reason::SignIn);
    pub(super) const CROSS_SITE: Self = Self::because(Reason::CrossSite);
    pub(super) const OTHER_ADDRESS: Self = Self::because(Reason::OtherAddress);
    pub(super) const WRONG_HOST: Self = Self::because(Reason::WrongHost);
    pub(super) const STALE_FORM: Self = Self::because(Reason::StaleForm);
    pub(super) const NOT_FOUND: Self = Self::of(Code::NotFound);

    const fn because(reason: Reason) -> Self {
        Self {
            reason,
            retry_after: None,
        }
    }

    pub(super) const fn of(code: Code) -> Self {
        Self::because(Reason::Problem(code))
    }

    /// Returns the error page for a damaged row, with buttons to revoke or delete it.
    pub(super) const fn damaged(row: DamagedRow) -> Self {
        Self::because(Reason::Damaged(row))
    }

    /// Returns [`WebError::damaged`] if the store reports a damaged row, and its error otherwise.
    pub(super) fn of_row(error: StoreError, row: DamagedRow) -> Self {
        match error.into_damaged() {
            Ok(_) => Self::damaged(row),
            Err(error) => error.into(),
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self.reason {
            Reason::SignIn => StatusCode::SEE_OTHER,
            Reason::CrossSite | Reason::OtherAddress => StatusCode::FORBIDDEN,
            Reason::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Reason::StaleForm => StatusCode::UNPROCESSABLE_ENTITY,
            // The page exists, but can show only the buttons.
            Reason::Damaged(_) => StatusCode::OK,
            Reason::Problem(code) => code.status(),
        }
    }

    /// Returns whether the same form may succeed later, so that its entries are worth storing.
    pub(super) const fn is_to_be_retried(self) -> bool {
        matches!(
            self.reason,
            Reason::StaleForm
                | Reason::Problem(
                    Code::Unavailable | Code::RateLimited | Code::CreationRateReached
                )
        )
    }

    /// Returns whether the store can be used to look up the user.
    pub(super) const fn leaves_store(self) -> bool {
        !matches!(
            self.reason,
            Reason::SignIn | Reason::WrongHost | Reason::Problem(Code::Unavailable)
        )
    }
}

/// Uses the API's mapping of errors to statuses. Pages send no authentication challenge, so a 401
/// leads to the sign-in page.
impl<E: Into<Problem>> From<E> for WebError {
    fn from(error: E) -> Self {
        let problem: Problem = error.into();
        let code = problem.code();
        if code.status() == StatusCode::UNAUTHORIZED {
            return Self::SIGN_IN;
        }
        Self {
            reason: Reason::Problem(code),
            retry_after: problem.retry_after_seconds(),
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
