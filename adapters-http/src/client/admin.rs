//! What an administrator asks for.

use std::io::Write;

use openindex_domain::invite::InviteId;
use openindex_domain::token::TokenId;
use openindex_domain::user::{Email, Role, UserId};
use ureq::http::Method;

use crate::wire::{
    AdminPatList, AuditList, CreateInvite, CreatedInvite, ExportQuery, InviteList, PatchUser,
    RevokePats, RevokedPats, SignInLink, Stats, User, UserList,
};

use super::query::path;
use super::{AuditQuery, Client, ClientError, ExportError, ExportFormat, PageQuery, PatFilter};

impl Client {
    /// One page of the instance's users, in the order of their joining.
    pub fn users_list(&self, page: &PageQuery) -> Result<UserList, ClientError> {
        self.get(&path("/admin/users", page, &()))
    }

    /// One user.
    pub fn user_get(&self, id: UserId) -> Result<User, ClientError> {
        self.get(&format!("/admin/users/{id}"))
    }

    /// Changes what a user may do at most; it acts at once on all of their tokens and sessions.
    pub fn user_set_role(&self, id: UserId, role: Role) -> Result<User, ClientError> {
        let role = Some(role);
        self.user_patch(id, &PatchUser { role, email: None })
    }

    /// Changes the address that a user signs in with; their id, tokens and sessions stay.
    pub fn user_set_email(&self, id: UserId, email: Email) -> Result<User, ClientError> {
        let email = Some(email);
        self.user_patch(id, &PatchUser { role: None, email })
    }

    fn user_patch(&self, id: UserId, wanted: &PatchUser) -> Result<User, ClientError> {
        let path = format!("/admin/users/{id}");
        let answer = self.0.send(Method::PATCH, &path, Some(wanted))?;
        self.0.read(&answer)
    }

    /// Deletes a user: everything of theirs ends at once, and it cannot be undone.
    pub fn user_delete(&self, id: UserId) -> Result<(), ClientError> {
        self.delete(&format!("/admin/users/{id}"))
    }

    /// Suspends a user: none of their tokens and sessions is accepted any more.
    pub fn user_suspend(&self, id: UserId) -> Result<User, ClientError> {
        self.post(&format!("/admin/users/{id}/suspend"))
    }

    /// Lets a suspended user act again.
    pub fn user_unsuspend(&self, id: UserId) -> Result<User, ClientError> {
        self.post(&format!("/admin/users/{id}/unsuspend"))
    }

    /// Makes a one-time link that opens a user's account; an earlier one is void from then on.
    pub fn user_sign_in_link(&self, id: UserId) -> Result<SignInLink, ClientError> {
        self.post(&format!("/admin/users/{id}/sign-in-link"))
    }

    /// One page of the invites, the newest first.
    pub fn invites_list(&self, page: &PageQuery) -> Result<InviteList, ClientError> {
        self.get(&path("/admin/invites", page, &()))
    }

    /// Invites somebody. Not to be repeated without looking when the answer got lost: see
    /// [`ClientError::Transport`].
    pub fn invite_create(&self, wanted: &CreateInvite) -> Result<CreatedInvite, ClientError> {
        let answer = self.0.send(Method::POST, "/admin/invites", Some(wanted))?;
        self.0.read(&answer)
    }

    /// Withdraws an invite: its link is worth nothing from then on.
    pub fn invite_withdraw(&self, id: InviteId) -> Result<(), ClientError> {
        self.delete(&format!("/admin/invites/{id}"))
    }

    /// One page of everybody's tokens, the newest first.
    pub fn admin_pats_list(
        &self,
        filter: &PatFilter,
        page: &PageQuery,
    ) -> Result<AdminPatList, ClientError> {
        self.get(&path("/admin/pats", filter, page))
    }

    /// Revokes anybody's token: once this has returned, nobody gets in with it.
    pub fn admin_pat_revoke(&self, id: TokenId) -> Result<(), ClientError> {
        self.delete(&format!("/admin/pats/{id}"))
    }

    /// Revokes every token that matches the filters, in one change; or, with `dry_run`, returns a
    /// page of them. See [`PatFilter::review`] and [`PatFilter::revocation`].
    pub fn admin_pats_revoke(&self, wanted: &RevokePats) -> Result<RevokedPats, ClientError> {
        let answer = self
            .0
            .post_large("/admin/pats/revoke", wanted, !wanted.dry_run)?;
        self.0.read(&answer)
    }

    /// How much of everything there is.
    pub fn stats(&self) -> Result<Stats, ClientError> {
        self.get("/stats")
    }

    /// One page of the audit trail, the newest first.
    pub fn audit_list(
        &self,
        filter: &AuditQuery,
        page: &PageQuery,
    ) -> Result<AuditList, ClientError> {
        self.get(&path("/audit", filter, page))
    }

    /// Writes the whole audit trail, or what the filter wants of it, to `sink` as it arrives.
    /// Answers how many bytes that were. It may take as long as it keeps arriving; the timeout of
    /// the options is for each piece.
    ///
    /// # Errors
    ///
    /// [`ExportError`]; part of the trail may have been written.
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
