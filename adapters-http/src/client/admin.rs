//! Calls for administrators.

use std::io::Write;

use openindex_domain::invite::InviteId;
use openindex_domain::token::TokenId;
use openindex_domain::user::{Email, Role, UserId};
use ureq::http::Method;

use crate::wire::{
    AdminPatList, AuditList, CreateInvite, CreatedInvite, ExportQuery, InviteList, PatchUser,
    RevokePats, RevokedPats, SignInLink, Stats, User, UserList, UserQuery,
};

use super::query::path;
use super::{AuditQuery, Client, ClientError, ExportError, ExportFormat, PageQuery, PatFilter};

impl Client {
    /// Returns one page of the users that match the query, in its order.
    pub fn users_list(&self, query: &UserQuery, page: &PageQuery) -> Result<UserList, ClientError> {
        self.get(&path("/admin/users", query, page))
    }

    /// Returns one user.
    pub fn user_get(&self, id: UserId) -> Result<User, ClientError> {
        self.get(&format!("/admin/users/{id}"))
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
        let path = format!("/admin/users/{id}");
        let response = self.0.send(Method::PATCH, &path, Some(wanted))?;
        self.0.read(&response)
    }

    /// Deletes a user and everything that belongs to them. This cannot be undone.
    pub fn user_delete(&self, id: UserId) -> Result<(), ClientError> {
        self.delete(&format!("/admin/users/{id}"))
    }

    /// Suspends a user: their tokens and sessions stop working.
    pub fn user_suspend(&self, id: UserId) -> Result<User, ClientError> {
        self.post(&format!("/admin/users/{id}/suspend"))
    }

    /// Unsuspends a user.
    pub fn user_unsuspend(&self, id: UserId) -> Result<User, ClientError> {
        self.post(&format!("/admin/users/{id}/unsuspend"))
    }

    /// Creates a one-time sign-in link for a user; earlier links stop working.
    pub fn user_sign_in_link(&self, id: UserId) -> Result<SignInLink, ClientError> {
        self.post(&format!("/admin/users/{id}/sign-in-link"))
    }

    /// Returns one page of invites, newest first.
    pub fn invites_list(&self, page: &PageQuery) -> Result<InviteList, ClientError> {
        self.get(&path("/admin/invites", page, &()))
    }

    /// Creates an invite. Do not retry blindly after a lost response: see
    /// [`ClientError::Transport`].
    pub fn invite_create(&self, wanted: &CreateInvite) -> Result<CreatedInvite, ClientError> {
        let response = self.0.send(Method::POST, "/admin/invites", Some(wanted))?;
        self.0.read(&response)
    }

    /// Withdraws an invite: its link stops working.
    pub fn invite_withdraw(&self, id: InviteId) -> Result<(), ClientError> {
        self.delete(&format!("/admin/invites/{id}"))
    }

    /// Returns one page of tokens of all users, newest first.
    pub fn admin_pats_list(
        &self,
        filter: &PatFilter,
        page: &PageQuery,
    ) -> Result<AdminPatList, ClientError> {
        self.get(&path("/admin/pats", filter, page))
    }

    /// Revokes a token of any user: once this returns, the token is no longer accepted.
    pub fn admin_pat_revoke(&self, id: TokenId) -> Result<(), ClientError> {
        self.delete(&format!("/admin/pats/{id}"))
    }

    /// Revokes every token that matches the filters in one change; with `dry_run`, returns a page
    /// of them instead. See [`PatFilter::review`] and [`PatFilter::revocation`].
    pub fn admin_pats_revoke(&self, wanted: &RevokePats) -> Result<RevokedPats, ClientError> {
        let response = self
            .0
            .post_large("/admin/pats/revoke", wanted, !wanted.dry_run)?;
        self.0.read(&response)
    }

    /// Returns the counts of users, tokens and invites.
    pub fn stats(&self) -> Result<Stats, ClientError> {
        self.get("/stats")
    }

    /// Returns one page of audit events, newest first.
    pub fn audit_list(
        &self,
        filter: &AuditQuery,
        page: &PageQuery,
    ) -> Result<AuditList, ClientError> {
        self.get(&path("/audit", filter, page))
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
        let format = ExportQuery {
            format: Some(format),
        };
        let path = path("/audit/export", &format, filter);
        self.0.stream(&path, sink)
    }
}
