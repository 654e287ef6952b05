//! Conversions from domain types to wire types.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use openindex_domain::access::Principal;
use openindex_domain::admin_tokens::{OwnedToken, Stats};
use openindex_domain::audit::{AuditActor, AuditEvent, RawEvent, Subject, SubjectName};
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::Invite;
use openindex_domain::token::Scope;
use openindex_domain::user::{Bootstrapped, Email, Owner, User};
use openindex_domain::work_item::{Queue, QueueItems, WorkItem};
use openindex_domain::{Damaged, Listing};

use crate::wire;

/// Returns the first administrator, their token and its secret, as `oi-server bootstrap --json`
/// prints them.
#[must_use]
pub fn bootstrapped(instance: &Bootstrapped, now: Timestamp) -> wire::Bootstrapped {
    let wire::CreatedPat { pat, token } = wire::CreatedPat::new(&instance.issued, now);
    wire::Bootstrapped {
        user: user(&instance.user),
        pat,
        token,
    }
}

/// Returns `None` for a browser session, which no API route accepts.
pub(super) fn me(principal: &Principal) -> Option<wire::Me> {
    Some(wire::Me {
        user: me_user(principal.owner()),
        token: me_token(principal)?,
    })
}

/// Returns `None` for a browser session.
pub(super) fn me_token(principal: &Principal) -> Option<wire::MeToken> {
    let token = principal.token()?;
    Some(wire::MeToken {
        id: token.id.to_string(),
        kind: token.kind().into(),
        name: token.name.as_str().to_owned(),
        scope: token.scope.into(),
        effective_scope: principal.effective_scope().into(),
        expires_at: text(token.expires_at),
        run: principal.run().map(|run| wire::MeRun {
            agent_id: run.agent.to_string(),
            work_item_key: run.work_item.map(|key| key.to_string()),
        }),
    })
}

/// Rounded down, so that nobody takes a token for live that is not.
const fn seconds(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(1_000)
}

/// Returns what a verified token is; a browser session is not active.
pub(super) fn introspection(principal: &Principal) -> wire::Introspection {
    let Some(token) = principal.token() else {
        return wire::Introspection::default();
    };
    let effective = principal.effective_scope();
    let scopes = Scope::ALL
        .into_iter()
        .filter(|scope| effective.contains(*scope));
    let scopes: Vec<&str> = scopes.map(Scope::as_str).collect();
    let profile = principal.owner().profile.as_ref();
    wire::Introspection {
        active: true,
        scope: Some(scopes.join(" ")),
        sub: Some(token.owner.to_string()),
        username: profile.map(|profile| profile.email.as_str().to_owned()),
        token_type: Some("Bearer".to_owned()),
        exp: token.expires_at.map(seconds),
        iat: Some(seconds(token.created_at)),
        jti: Some(token.id.to_string()),
        kind: Some(token.kind().into()),
    }
}

pub(super) fn work_item_summary(item: &WorkItem) -> wire::WorkItemSummary {
    let claim = item.claim.as_ref();
    wire::WorkItemSummary {
        key: item.key.to_string(),
        kind: item.kind.into(),
        parent: item.key.parent().map(|parent| parent.to_string()),
        title: item.title.as_str().to_owned(),
        status: item.status.into(),
        priority: item.priority.into(),
        execution_target: item.target.into(),
        assignee: item.assignee.map(|user| user.to_string()),
        active_agent_id: item.agent().map(ToString::to_string),
        active_user_id: claim
            .and_then(|claim| claim.holder.person())
            .map(|user| user.to_string()),
        active_run_id: claim.and_then(|claim| claim.run).map(|run| run.to_string()),
        claimed_at: text(claim.map(|claim| claim.at)),
        created_by: item.created_by.to_string(),
        created_at: item.created_at.to_string(),
        updated_at: item.updated_at.to_string(),
        resolved_at: text(item.resolved_at),
        version: item.version,
    }
}

pub(super) fn work_item(item: &WorkItem) -> wire::WorkItem {
    wire::WorkItem {
        summary: work_item_summary(item),
        description: item.description.as_str().to_owned(),
    }
}

pub(super) fn queue(queue: &Queue) -> wire::WorkQueue {
    wire::WorkQueue {
        available: section(&queue.available),
        mine: section(&queue.mine),
    }
}

fn section(section: &QueueItems) -> wire::QueueSection {
    wire::QueueSection {
        damaged: damaged(&section.items),
        items: section.items.iter().map(work_item_summary).collect(),
        more: section.more,
    }
}

fn me_user(owner: &Owner) -> wire::MeUser {
    let profile = owner.profile.as_ref();
    wire::MeUser {
        id: owner.id.to_string(),
        email: profile.map(|profile| profile.email.as_str().to_owned()),
        name: profile.map(|profile| profile.name.as_str().to_owned()),
        role: owner.role.into(),
    }
}

pub(super) fn user(user: &User) -> wire::User {
    wire::User {
        id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        name: user.name.as_str().to_owned(),
        mixed_scripts: names(user.mixed_scripts()),
        role: user.role.into(),
        created_at: user.created_at.to_string(),
        suspended_at: text(user.suspended_at),
    }
}

pub(super) fn invite(invite: &Invite, now: Timestamp) -> wire::Invite {
    wire::Invite {
        id: invite.id.to_string(),
        email: invite.email().map(|email| email.as_str().to_owned()),
        mixed_scripts: names(invite.email().map(Email::mixed_scripts).unwrap_or_default()),
        role: invite.role().into(),
        status: invite.status(now).into(),
        created_by: invite.created_by.map(|id| id.to_string()),
        created_at: invite.created_at.to_string(),
        expires_at: invite.expires_at.to_string(),
        claimed_at: invite.claimed.map(|(at, _)| at.to_string()),
        claimed_by: invite.claimed.map(|(_, by)| by.to_string()),
        replaced_by: invite.replaced_by.map(|id| id.to_string()),
    }
}

pub(super) fn owned(owned: &OwnedToken, now: Timestamp) -> wire::AdminPat {
    wire::AdminPat {
        pat: wire::Pat::new(&owned.token, now),
        owner: me_user(&owned.owner),
    }
}

pub(super) fn stats(stats: Stats) -> wire::Stats {
    wire::Stats {
        users_active: stats.users_active,
        users_suspended: stats.users_suspended,
        admins_active: stats.admins_active,
        tokens_live: stats.tokens_live,
        tokens_live_admin: stats.tokens_live_admin,
        tokens_expiring: stats.tokens_expiring,
        tokens_expired: stats.tokens_expired,
        tokens_revoked: stats.tokens_revoked,
        invites_open: stats.invites_open,
    }
}

/// Returns the damaged rows of a list. Each is logged once per process, so that a list which is
/// read often does not flood the log.
pub(crate) fn damaged<T>(listing: &Listing<T>) -> Vec<wire::DamagedRow> {
    let rows = listing.damaged().map(|row| {
        log_once(row);
        row.into()
    });
    rows.collect()
}

fn log_once(row: &Damaged) {
    /// Rows beyond this number are not logged.
    const MAX_LOGGED: usize = 1_000;
    static LOGGED: Mutex<BTreeSet<(&str, String)>> = Mutex::new(BTreeSet::new());
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.len() < MAX_LOGGED && logged.insert((row.table, row.id.clone())) {
        let Damaged {
            table, id, column, ..
        } = row;
        tracing::error!(table, id, column = column.0, "damaged row");
    }
}

/// Returns the events of a page in order, with the names of what they mention. Events that this
/// version cannot parse are shown as stored.
pub(super) fn events(
    listing: &Listing<AuditEvent>,
    names: &HashMap<Subject, SubjectName>,
) -> Vec<wire::AuditEvent> {
    let shown = listing
        .entries()
        .into_iter()
        .filter_map(|entry| match entry {
            Ok(known) => Some(event(known, names)),
            Err(row) => {
                log_once(row);
                RawEvent::of(row).map(raw_event)
            }
        });
    shown.collect()
}

fn raw_event(event: RawEvent) -> wire::AuditEvent {
    wire::AuditEvent {
        id: event.id,
        at: event.at,
        actor: wire::AuditActor {
            kind: event.actor,
            user_id: event.actor_user,
            credential_id: event.actor_credential,
            user_name: None,
            credential_name: None,
        },
        action: event.action,
        subject: event.subject,
        related: event.related,
        subject_name: None,
        related_name: None,
        email_change: None,
        request_id: event.request_id,
        client_address: event.client_address,
    }
}

fn event(event: &AuditEvent, names: &HashMap<Subject, SubjectName>) -> wire::AuditEvent {
    let name = |subject| names.get(&subject).map(|it| it.name.clone());
    wire::AuditEvent {
        id: event.id.to_string(),
        at: event.at.to_string(),
        actor: wire::AuditActor {
            kind: event.actor.kind().to_owned(),
            user_id: event.actor.user().map(|id| id.to_string()),
            credential_id: match event.actor {
                AuditActor::Token { token, .. } => Some(token.to_string()),
                AuditActor::Session { session, .. } => Some(session.to_string()),
                AuditActor::External { .. } | AuditActor::Operator | AuditActor::Anonymous => None,
            },
            user_name: event.actor.user().map(Subject::User).and_then(name),
            credential_name: match event.actor {
                AuditActor::Token { token, .. } => name(Subject::Token(token)),
                AuditActor::Session { .. }
                | AuditActor::External { .. }
                | AuditActor::Operator
                | AuditActor::Anonymous => None,
            },
        },
        action: event.action.as_str().to_owned(),
        subject: event.subject.to_string(),
        related: event.related.map(|subject| subject.to_string()),
        subject_name: name(event.subject),
        related_name: event.related.and_then(name),
        email_change: event.email_change.as_ref().map(|change| wire::EmailChange {
            from: change.from.as_str().to_owned(),
            to: change.to.as_str().to_owned(),
        }),
        request_id: event
            .context
            .request_id
            .as_ref()
            .map(|id| id.as_str().to_owned()),
        client_address: event
            .context
            .client_address
            .map(|address| address.to_string()),
    }
}

fn names(scripts: Vec<&'static str>) -> Vec<String> {
    scripts.into_iter().map(str::to_owned).collect()
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
