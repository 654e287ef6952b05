//! Calls for administrators.

use std::io::Write;

use openindex_domain::invite::InviteId;
use openindex_domain::token::TokenId;
use openindex_domain::user::{Email, Role, UserId};
use ureq::http::Method;

use crate::wire::{
    AdminPatList, AuditList, AuditQuery, CreateInvite, CreatedInvite, ExportFormat, ExportQuery,
    InviteList, PageQuery, PatFilter, PatchUser, RevokePats, RevokedPats, SignInLink, Stats, User,
    UserList, UserQuery,
};

use super::calls::calls;
use super::query::with_query;
use super::{Client, ClientError, ExportError};

impl Client {
    calls! {
        /// Returns one page of the users that match the query, in its order.
        users_list(query: &UserQuery, page: &PageQuery) -> UserList
            = GET "/admin/users" ? query page;

        /// Returns one user.
        user_get(id: UserId) -> User = GET "/admin/users/{id}";

        /// Deletes a user and everything that belongs to them. This cannot be undone.
        user_delete(id: UserId) = DELETE "/admin/users/{id}";

        /// Suspends a user: their tokens and sessions stop working.
        user_suspend(id: UserId) -> User = POST "/admin/users/{id}/suspend";

        /// Unsuspends a user.
        user_unsuspend(id: UserId) -> User = POST "/admin/users/{id}/unsuspend";

        /// Creates a one-time sign-in link for a user; earlier links stop working.
        user_sign_in_link(id: UserId) -> SignInLink = POST "/admin/users/{id}/sign-in-link";

        /// Returns one page of invites, newest first.
        invites_list(page: &PageQuery) -> InviteList = GET "/admin/invites" ? page;

        /// Creates an invite. Do not retry blindly after a lost response: see
        /// [`ClientError::Transport`].
        invite_create(wanted: &CreateInvite) -> CreatedInvite = POST "/admin/invites", wanted;

        /// Withdraws an invite: its link stops working.
        invite_withdraw(id: InviteId) = DELETE "/admin/invites/{id}";

        /// Returns one page of tokens of all users, newest first.
        admin_pats_list(filter: &PatFilter, page: &PageQuery) -> AdminPatList
            = GET "/admin/pats" ? filter page;

        /// Revokes a token of any user: once this returns, the token is no longer accepted.
        admin_pat_revoke(id: TokenId) = DELETE "/admin/pats/{id}";

        /// Returns the counts of users, tokens and invites.
        stats() -> Stats = GET "/stats";

        /// Returns one page of audit events, newest first.
        audit_list(filter: &AuditQuery, page: &PageQuery) -> AuditList = GET "/audit" ? filter page;
    }

    /// Changes a user's role, which applies immediately to all of their tokens and sessions.
    pub fn user_set_role(&self, id: UserId, role: Role) -> Result<User, ClientError> {
        let role = Some(role);
        self.user_patch(id, &PatchUser { role, email: None })
    }

    /// Changes a user's email address; their id, tokens and sessions stay the same.
    pub fn user_set_email(&self, id: UserId, email: Email) -> Result<User, ClientError> {
        let email = Some(email);
        self.user_patch(id, &PatchUser { role: None, email })
    }

    fn user_patch(&self, id: UserId, wanted: &PatchUser) -> Result<User, ClientError> {
        let call = self.0.call(Method::PATCH, format!("/admin/users/{id}"));
        call.body(wanted).read()
    }

    /// Revokes every token that matches the filters in one change; with `dry_run`, returns a page
    /// of them instead. See [`PatFilter::review`] and [`PatFilter::revocation`].
    pub fn admin_pats_revoke(&self, wanted: &RevokePats) -> Result<RevokedPats, ClientError> {
        let call = self.0.call(Method::POST, "/admin/pats/revoke");
        call.body(wanted).large(!wanted.dry_run).read()
    }

    /// Writes the audit events that match the filter to `sink` as they arrive, and returns the
    /// number of bytes. The total time is unlimited; the timeout of the options applies to each
    /// read.
    ///
    /// # Errors
    ///
    /// [`ExportError`]; part of the export may have been written.
    pub fn audit_export(
        &self,
        filter: &AuditQuery,
        format: ExportFormat,
        sink: &mut dyn Write,
    ) -> Result<u64, ExportError> {
        let format = Some(format);
        let path = with_query("/audit/export".to_owned(), &ExportQuery { format });
        self.0.stream(&with_query(path, filter), sink)
    }
}
