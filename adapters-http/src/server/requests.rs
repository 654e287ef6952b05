//! Request bodies and the rules that span several of their fields.

use openindex_domain::token::TokenId;
use openindex_domain::user::{Email, Role, UserChange};
use openindex_domain::work_item::{DomainKey, ItemKind, Placement, TopKind, WorkItemKey};
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;

use crate::wire::{
    ClaimInvite, CreateInvite, CreatePat, CreateWorkItem, FieldError, IntrospectTokens, OnBehalfOf,
    PatchMe, PatchUser, PatchWorkItem, ReportLeakedTokens, RevokePats, RotatePat, StartAgentRun,
    requested_expiry,
};

use super::given::Reader;

/// A type that a body can be parsed as.
pub(super) trait Request: DeserializeOwned + PartialSchema {
    /// Returns errors about combinations of valid fields; `None` if one of those fields is invalid.
    fn check(_: &Reader<'_>) -> Option<Vec<FieldError>> {
        None
    }
}

impl Request for ClaimInvite {}
impl Request for CreateInvite {}
impl Request for IntrospectTokens {}
impl Request for PatchMe {}
impl Request for PatchWorkItem {}
impl Request for ReportLeakedTokens {}
impl Request for StartAgentRun {}
impl Request for OnBehalfOf {}

impl Request for PatchUser {
    fn check(reader: &Reader<'_>) -> Option<Vec<FieldError>> {
        let (role, email) = (reader.peek("role")?, reader.peek("email")?);
        user_change(role, email).err()
    }
}

impl Request for RevokePats {
    fn check(reader: &Reader<'_>) -> Option<Vec<FieldError>> {
        let cursor: Option<TokenId> = reader.peek("cursor")?;
        let is_turned = cursor.is_some() && reader.peek("dryRun")? == Some(false);
        is_turned.then(|| {
            vec![FieldError::new(
                "cursor",
                "must be absent unless dryRun is true",
            )]
        })
    }
}

impl Request for CreatePat {
    fn check(reader: &Reader<'_>) -> Option<Vec<FieldError>> {
        requested_expiry(reader.peek("expiresAt")?, reader.peek("expiresIn")?).err()
    }
}

impl Request for RotatePat {
    fn check(reader: &Reader<'_>) -> Option<Vec<FieldError>> {
        CreatePat::check(reader)
    }
}

impl Request for CreateWorkItem {
    fn check(reader: &Reader<'_>) -> Option<Vec<FieldError>> {
        place(
            reader.peek("domain")?,
            reader.peek("kind")?,
            reader.peek("parent")?,
        )
        .err()
    }
}

/// Returns the requested change of a user. Each request makes one change, which is one event.
pub(super) fn user_change(
    role: Option<Role>,
    email: Option<Email>,
) -> Result<UserChange, Vec<FieldError>> {
    match (role, email) {
        (Some(role), None) => Ok(UserChange::SetRole(role)),
        (None, Some(email)) => Ok(UserChange::SetEmail(email)),
        (Some(_), Some(_)) => Err(vec![
            FieldError::new("role", "must be absent when email is given"),
            FieldError::new("email", "must be absent when role is given"),
        ]),
        (None, None) => Err(vec![FieldError::new(
            "role",
            "is required unless email is given",
        )]),
    }
}

/// Returns where a new item goes: exactly one of `domain` and `parent`, and a `kind` that matches.
pub(super) fn place(
    domain: Option<DomainKey>,
    kind: Option<ItemKind>,
    parent: Option<WorkItemKey>,
) -> Result<Placement, Vec<FieldError>> {
    let mut faults = Vec::new();
    if parent.is_none() && kind != Some(ItemKind::SubTask) {
        let kind = match kind {
            Some(ItemKind::Project) => TopKind::Project,
            _ => TopKind::Task,
        };
        return match domain {
            Some(domain) => Ok(Placement::Domain(domain, kind)),
            None => Err(vec![FieldError::new(
                "domain",
                "is required (for example OPS), unless parent is given",
            )]),
        };
    }
    if kind.is_some_and(|kind| kind != ItemKind::SubTask) {
        faults.push(FieldError::new(
            "kind",
            "must be sub_task or absent when parent is given; leave parent out for a project or \
             task",
        ));
    }
    if domain.is_some() {
        faults.push(FieldError::new(
            "domain",
            "must be absent when parent is given; a sub-task is in its parent's domain",
        ));
    }
    match parent {
        Some(parent) if faults.is_empty() => return Ok(Placement::PartOf(parent)),
        Some(_) => {}
        None => faults.push(FieldError::new(
            "parent",
            "is required for a sub_task: the key of a project or task, such as OPS-42",
        )),
    }
    Err(faults)
}
