//! Ready-made users, tokens and other records. Equal numbers yield equal ids.

use std::num::NonZeroU32;

use uuid::Uuid;

use crate::agent_run::{AgentId, AgentRun, DomainKey, WorkItemKey};
use crate::audit::{AuditAction, AuditActor, AuditEvent, AuditEventId, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::invite::{Invite, InviteId, InviteKind};
use crate::session::{ClientName, Session, SessionId, SignInLink, SignInLinkId};
use crate::token::{Digest, Scope, Token, TokenDetails, TokenId, TokenKind, TokenName, TokenUse};
use crate::user::{Email, Owner, PasswordHash, PersonName, Role, User, UserId};
use crate::work_item::{
    Description, ExecutionTarget, ItemKind, ItemStatus, Priority, Title, WorkItem,
};

/// 2026-11-24T06:00:00.000Z, the default current time of tests.
pub const NOW: Timestamp = match Timestamp::from_unix_millis(1_795_500_000_000) {
    Some(now) => now,
    None => Timestamp::MIN,
};

fn uuid(space: u64, number: u64) -> Uuid {
    Uuid::from_u64_pair(space << 32 | 0x7000, 1 << 63 | number)
}

/// Returns an active administrator.
///
/// # Panics
///
/// Never: the name and address are valid for every number.
#[must_use]
pub fn user(number: u64) -> User {
    User {
        id: UserId::from_uuid(uuid(1, number)),
        email: Email::parse(&format!("user{number}@example.com")).expect("a well-formed address"),
        name: PersonName::parse(&format!("User {number}")).expect("a well-formed name"),
        role: Role::Admin,
        created_at: NOW,
        suspended_at: None,
    }
}

/// Returns the same administrator as the owner of tokens.
#[must_use]
pub fn owner(number: u64) -> Owner {
    user(number).as_owner()
}

/// Returns a live `admin` token of user 1, without expiry.
///
/// # Panics
///
/// Never: the name is valid for every number.
#[must_use]
pub fn token(number: u64, created_at: Timestamp) -> Token {
    Token {
        id: TokenId::new(TokenKind::Personal, uuid(2, number)),
        owner: user(1).id,
        name: TokenName::parse(&format!("token {number}")).expect("a well-formed name"),
        scope: Scope::Admin,
        created_at,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        successor: None,
        run: None,
        details: TokenDetails::default(),
    }
}

/// Returns a use of a token without a client address.
#[must_use]
pub const fn token_use(token: TokenId, at: Timestamp) -> TokenUse {
    TokenUse {
        token,
        at,
        from: None,
    }
}

/// Returns a live agent run of user 1, not bound to a work item, started at [`NOW`] with the token
/// `issuer` for an hour. Its number must differ from those of tokens.
///
/// # Panics
///
/// Never: the agent id is valid for every number.
#[must_use]
pub fn run(number: u64, issuer: TokenId) -> Token {
    let agent = AgentId::parse(&format!("agent-{number}")).expect("a well-formed name");
    Token {
        id: TokenId::new(TokenKind::AgentRun, uuid(2, number)),
        name: TokenName::of_agent(&agent),
        scope: Scope::ReadWrite,
        expires_at: Some(NOW.saturating_add_seconds(60 * 60)),
        run: Some(AgentRun {
            agent,
            work_item: None,
            issuer,
        }),
        ..token(number, NOW)
    }
}

/// Returns `OPS-<number>`: an unclaimed task with the status `todo`, created by user 1 at [`NOW`].
///
/// # Panics
///
/// When the number is 0.
#[must_use]
pub fn work_item(number: u32) -> WorkItem {
    WorkItem {
        key: WorkItemKey {
            domain: DomainKey::parse("OPS").expect("a well-formed key"),
            number: NonZeroU32::new(number).expect("a number"),
            part: None,
        },
        kind: ItemKind::Task,
        title: Title::parse(&format!("Item {number}")).expect("a well-formed title"),
        description: Description::default(),
        status: ItemStatus::Todo,
        priority: Priority::Medium,
        target: ExecutionTarget::Either,
        assignee: None,
        claim: None,
        created_by: user(1).id,
        created_at: NOW,
        updated_at: NOW,
        resolved_at: None,
        version: 1,
        last_part: 0,
    }
}

/// Returns the digest for a token with the same number.
///
/// # Panics
///
/// Never: it has 32 bytes for every number.
#[must_use]
pub fn digest(number: u64) -> Digest {
    let mut bytes = [0xd1; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Digest::from_stored(&bytes).expect("32 bytes")
}

/// Returns a browser session of user 1, created and last seen at [`NOW`].
#[must_use]
pub fn session(number: u64) -> Session {
    Session {
        id: SessionId::from_uuid(uuid(4, number)),
        user: user(1).id,
        created_at: NOW,
        last_seen_at: NOW,
        client: ClientName::sanitize(&format!("Browser/{number}")),
        client_address: (number != 2).then(|| std::net::Ipv6Addr::LOCALHOST.into()),
    }
}

/// Returns an open invite for `invited<number>@example.com` as a member, created by user 1, that
/// expires a day after [`NOW`].
///
/// # Panics
///
/// Never: the address is valid for every number.
#[must_use]
pub fn invite(number: u64) -> Invite {
    let email = format!("invited{number}@example.com");
    Invite {
        id: InviteId::from_uuid(uuid(5, number)),
        kind: InviteKind::Person {
            email: Email::parse(&email).expect("a well-formed address"),
            role: Role::Member,
        },
        created_by: Some(user(1).id),
        created_at: NOW,
        expires_at: NOW.saturating_add_seconds(24 * 60 * 60),
        claimed: None,
        withdrawn_at: None,
        replaced_by: None,
    }
}

/// Returns an open sign-in link for user 1, created by the operator, that expires an hour after
/// [`NOW`].
#[must_use]
pub fn link(number: u64) -> SignInLink {
    SignInLink {
        id: SignInLinkId::from_uuid(uuid(6, number)),
        user: user(1).id,
        created_by: None,
        created_at: NOW,
        expires_at: NOW.saturating_add_seconds(60 * 60),
        used_at: None,
    }
}

/// Returns a made-up hash; equal numbers yield equal hashes.
#[must_use]
pub fn password_hash(number: u64) -> PasswordHash {
    PasswordHash::from_stored(format!("fixture${number}"))
}

/// Returns an audit event with an id of the given number, caused by the operator.
#[must_use]
pub fn audit(number: u64, at: Timestamp, action: AuditAction, subject: Subject) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::from_uuid(uuid(3, number)),
        at,
        actor: AuditActor::Operator,
        action,
        subject,
        related: None,
        email_change: None,
        context: RequestContext::default(),
    }
}
