//! Converts rows to domain types. A row with a value that the domain rejects is [`Damaged`], and
//! listed as such. Text is accepted as stored: the rules for names apply to input.

use std::collections::BTreeMap;
use std::net::IpAddr;

use openindex_domain::admin_tokens::{OwnedToken, Stats};
use openindex_domain::agent_run::{AgentId, AgentRun};
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditCursor, AuditEvent, AuditEventId, EmailChange, RawEvent,
    RequestContext, RequestId, Subject, SubjectName,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::{Invite, InviteId, InviteKind};
use openindex_domain::rate_limit::RateWindow;
use openindex_domain::session::{
    ClientName, Session, SessionId, SessionRecord, SignInLink, SignInLinkId,
};
use openindex_domain::token::{
    Digest, Scope, Token, TokenDetails, TokenId, TokenKind, TokenName, TokenRecord,
};
use openindex_domain::user::{
    Account, Email, ListedUser, Notice, NoticeAbout, Owner, PasswordHash, PersonName, Profile,
    Role, User, UserId,
};
use openindex_domain::{Damaged, DamagedColumn, StoreError};
use uuid::Uuid;

use crate::row::{
    Row, any_instant, get, instant, optional, optional_exact, optional_instant, optional_parse,
    parse,
};

mod work_items;

pub(crate) use work_items::work_item;

/// The columns of a [`Token`] without its [`TokenDetails`], from the table `t`.
pub const TOKEN_COLUMNS: &str = "t.id, t.kind, t.owner_id, t.name, t.scope, t.created_at, \
    t.expires_at, t.revoked_at, t.last_used_at, t.successor, t.agent_id, t.work_item, t.issuer_id";
/// The columns of the [`TokenDetails`] of a [`Token`], from the table `t`.
pub const DETAIL_COLUMNS: &str = "t.last_four, t.created_from, t.last_used_from, t.revoked_by";
/// The columns of a [`User`], from the table `u`.
pub const USER_COLUMNS: &str = "u.id AS user_id, u.email AS user_email, u.name AS user_name, \
    u.role AS user_role, u.created_at AS user_created_at, u.suspended_at AS user_suspended_at, \
    u.deleted_at AS user_deleted_at";
/// The columns of an [`Owner`] besides the id, from the table `o`.
pub const OWNER_COLUMNS: &str = "o.role AS owner_role, o.active AS owner_active, \
    o.email AS owner_email, o.name AS owner_name";
/// The columns of a [`Session`], from the table `s`.
pub(crate) const SESSION_COLUMNS: &str = "s.id, s.user_id AS session_user_id, s.created_at, \
    s.last_seen_at, s.client, s.client_address";

/// Returns the text of a query for [`TokenRecord`]s: tokens `t` with their owners `o`.
#[must_use]
pub fn select_record(condition: &str) -> String {
    format!(
        "SELECT {TOKEN_COLUMNS}, t.digest, {OWNER_COLUMNS} \
         FROM tokens t JOIN owners o ON o.id = t.owner_id WHERE {condition}"
    )
}

/// Reads the row of a [`select_record`].
///
/// # Errors
///
/// [`Damaged`] if the row has a value that the domain rejects.
pub fn record(row: &impl Row) -> Result<TokenRecord, StoreError> {
    // The owner's row is damaged or missing.
    let damaged = |_| Damaged::new("tokens", &token_id(row), DamagedColumn("owner_id"));
    let token = token(row)?;
    Ok(TokenRecord {
        digest: digest(row)?,
        owner: owner(row, token.owner).map_err(damaged)?,
        token,
    })
}

/// Returns the owner with this id.
pub(crate) fn owner(row: &impl Row, id: UserId) -> Result<Owner, DamagedColumn> {
    let profile = match (optional(row, "owner_email")?, optional(row, "owner_name")?) {
        (Some(email), Some(name)) => Some(Profile {
            email: Email::from_stored(email),
            name: PersonName::from_stored(name),
        }),
        _ => None,
    };
    Ok(Owner {
        id,
        active: match get(row, "owner_active")? {
            0_i64 => false,
            1 => true,
            _ => return Err(DamagedColumn("owner_active")),
        },
        role: Role::parse(get(row, "owner_role")?).ok_or(DamagedColumn("owner_role"))?,
        profile,
    })
}

pub(crate) fn digest(row: &impl Row) -> Result<Digest, StoreError> {
    get(row, "digest")
        .and_then(|bytes| Digest::from_stored(bytes).map_err(|_| DamagedColumn("digest")))
        .map_err(|column| Damaged::new("tokens", &token_id(row), column).into())
}

pub(crate) fn token(row: &impl Row) -> Result<Token, StoreError> {
    token_fields(row).map_err(|column| Damaged::new("tokens", &token_id(row), column).into())
}

fn token_fields(row: &impl Row) -> Result<Token, DamagedColumn> {
    let kind = TokenKind::parse(get(row, "kind")?).ok_or(DamagedColumn("kind"))?;
    Ok(Token {
        id: TokenId::new(kind, get(row, "id")?),
        owner: UserId::from_uuid(get(row, "owner_id")?),
        name: TokenName::from_stored(get(row, "name")?),
        scope: parse::<Scope>(row, "scope")?,
        created_at: instant(row, "created_at")?,
        expires_at: optional_instant(row, "expires_at")?,
        revoked_at: optional_instant(row, "revoked_at")?,
        last_used_at: optional_instant(row, "last_used_at")?,
        successor: optional_parse(row, "successor")?,
        run: run(row, kind)?,
        details: TokenDetails::default(),
    })
}

/// Returns a token with its [`TokenDetails`].
pub(crate) fn shown_token(row: &impl Row) -> Result<Token, StoreError> {
    let mut token = token(row)?;
    token.details = details(row);
    Ok(token)
}

/// Returns the trace of a token. Unreadable values count as absent: nothing depends on them.
pub(crate) fn details(row: &impl Row) -> TokenDetails {
    TokenDetails {
        last_four: optional_parse(row, "last_four").unwrap_or_default(),
        created_from: optional_parse(row, "created_from").unwrap_or_default(),
        last_used_from: optional_parse(row, "last_used_from").unwrap_or_default(),
        revoked_by: optional_parse(row, "revoked_by").unwrap_or_default(),
    }
}

/// Returns the id of a token whose row may be damaged; one of an unknown kind counts as personal.
pub(crate) fn token_id(row: &impl Row) -> TokenId {
    let kind = get(row, "kind").ok().and_then(TokenKind::parse);
    TokenId::new(kind.unwrap_or(TokenKind::Personal), row.any_uuid("id"))
}

/// Returns the fields required to end a token, and whether its row is damaged. Unreadable values
/// get defaults that do not keep the token from ending.
pub(crate) fn revocable(row: &impl Row) -> Result<(Token, bool), StoreError> {
    if let Ok(token) = token_fields(row) {
        return Ok((token, false));
    }
    let id = token_id(row);
    let damaged = |column| Damaged::new("tokens", &id, column);
    let text = |column| get::<&str>(row, column).unwrap_or_default();
    let time = |column| optional_instant(row, column).unwrap_or_default();
    let token = Token {
        id,
        owner: UserId::from_uuid(get(row, "owner_id").map_err(damaged)?),
        name: TokenName::from_stored(text("name")),
        scope: Scope::ReadWrite,
        created_at: time("created_at").unwrap_or(Timestamp::MAX),
        expires_at: time("expires_at"),
        revoked_at: time("revoked_at"),
        last_used_at: None,
        successor: None,
        run: (id.kind() == TokenKind::AgentRun).then(|| AgentRun {
            agent: AgentId::from_stored(text("agent_id")),
            work_item: text("work_item").parse().ok(),
            issuer: TokenId::new(TokenKind::Personal, row.any_uuid("issuer_id")),
        }),
        details: TokenDetails::default(),
    };
    Ok((token, true))
}

/// Returns the fields of an agent run, which a token must have if and only if it is one.
fn run(row: &impl Row, kind: TokenKind) -> Result<Option<AgentRun>, DamagedColumn> {
    let agent = optional::<&str>(row, "agent_id")?.map(AgentId::from_stored);
    let issuer = optional::<Uuid>(row, "issuer_id")?;
    let work_item = optional_exact(row, "work_item")?;
    match (kind, agent, issuer, work_item) {
        (TokenKind::Personal, None, None, None) => Ok(None),
        (TokenKind::AgentRun, Some(agent), Some(issuer), work_item) => {
            // Queries for unexpired runs would miss a run that never expires.
            if optional_instant(row, "expires_at")?.is_none() {
                return Err(DamagedColumn("expires_at"));
            }
            Ok(Some(AgentRun {
                agent,
                work_item,
                issuer: TokenId::new(TokenKind::Personal, issuer),
            }))
        }
        _ => Err(DamagedColumn("kind")),
    }
}

/// Returns the user in the columns with the prefix `user_`.
pub(crate) fn user(row: &impl Row) -> Result<User, StoreError> {
    user_fields(row).map_err(|DamagedColumn(alias)| {
        let column = DamagedColumn(alias.strip_prefix("user_").unwrap_or(alias));
        let id = UserId::from_uuid(row.any_uuid("user_id"));
        Damaged::new("users", &id, column).into()
    })
}

pub(crate) fn listed_user(row: &impl Row) -> Result<ListedUser, StoreError> {
    Ok(ListedUser {
        user: user(row)?,
        live_tokens: get::<i64>(row, "live_tokens")?.unsigned_abs(),
        // -1 means never. An invalid time counts as never, too.
        last_seen_at: Timestamp::from_unix_millis(get(row, "seen_at")?),
    })
}

fn user_fields(row: &impl Row) -> Result<User, DamagedColumn> {
    Ok(User {
        id: UserId::from_uuid(get(row, "user_id")?),
        email: Email::from_stored(get(row, "user_email")?),
        name: PersonName::from_stored(get(row, "user_name")?),
        role: Role::parse(get(row, "user_role")?).ok_or(DamagedColumn("user_role"))?,
        created_at: instant(row, "user_created_at")?,
        suspended_at: optional_instant(row, "user_suspended_at")?,
    })
}

/// Returns a user to be changed. In a damaged row, an unreadable role counts as member and an
/// unreadable time as none, so that what is written then is readable.
pub(crate) fn user_for_change(row: &impl Row) -> User {
    if let Ok(user) = user_fields(row) {
        return user;
    }
    let id = UserId::from_uuid(row.any_uuid("user_id"));
    let text = |column| get::<&str>(row, column).unwrap_or_default();
    let time = |column| optional_instant(row, column).unwrap_or_default();
    User {
        id,
        email: Email::from_stored(text("user_email")),
        name: PersonName::from_stored(text("user_name")),
        role: Role::parse(text("user_role")).unwrap_or(Role::Member),
        created_at: time("user_created_at").unwrap_or(Timestamp::MAX),
        suspended_at: time("user_suspended_at"),
    }
}

pub(crate) fn account(row: &impl Row) -> Result<Account, StoreError> {
    Ok(Account {
        user: user(row)?,
        password: optional::<&str>(row, "password_hash")?
            .map(|hash| PasswordHash::from_stored(hash.to_owned())),
    })
}

pub(crate) fn session_record(row: &impl Row) -> Result<SessionRecord, StoreError> {
    let digest = get(row, "digest")
        .and_then(|bytes| Digest::from_stored(bytes).map_err(|_| DamagedColumn("digest")));
    Ok(SessionRecord {
        session: session(row)?,
        digest: digest.map_err(|column| Damaged::new("sessions", &session_id(row), column))?,
        owner: user(row)?.as_owner(),
    })
}

fn session_id(row: &impl Row) -> SessionId {
    SessionId::from_uuid(row.any_uuid("id"))
}

pub(crate) fn session(row: &impl Row) -> Result<Session, StoreError> {
    let read = || {
        Ok(Session {
            id: SessionId::from_uuid(get(row, "id")?),
            user: UserId::from_uuid(get(row, "session_user_id")?),
            created_at: instant(row, "created_at")?,
            last_seen_at: instant(row, "last_seen_at")?,
            client: ClientName::from_stored(get(row, "client")?),
            client_address: optional_parse::<IpAddr>(row, "client_address")?,
        })
    };
    read().map_err(|column| Damaged::new("sessions", &session_id(row), column).into())
}

pub(crate) fn link(row: &impl Row) -> Result<SignInLink, StoreError> {
    let read = || {
        Ok(SignInLink {
            id: SignInLinkId::from_uuid(get(row, "id")?),
            user: UserId::from_uuid(get(row, "user_id")?),
            created_by: optional::<Uuid>(row, "created_by")?.map(UserId::from_uuid),
            created_at: instant(row, "created_at")?,
            expires_at: instant(row, "expires_at")?,
            used_at: optional_instant(row, "used_at")?,
        })
    };
    read().map_err(|column| {
        let id = SignInLinkId::from_uuid(row.any_uuid("id"));
        Damaged::new("sign_in_links", &id, column).into()
    })
}

pub(crate) fn invite(row: &impl Row) -> Result<Invite, StoreError> {
    invite_fields(row).map_err(|column| {
        let id = InviteId::from_uuid(row.any_uuid("id"));
        Damaged::new("invites", &id, column).into()
    })
}

fn invite_fields(row: &impl Row) -> Result<Invite, DamagedColumn> {
    let kind = match get(row, "kind")? {
        "first_admin" => InviteKind::FirstAdmin,
        "person" => InviteKind::Person {
            email: Email::from_stored(get(row, "email")?),
            role: Role::parse(get(row, "role")?).ok_or(DamagedColumn("role"))?,
        },
        _ => return Err(DamagedColumn("kind")),
    };
    let claimed_by = optional::<Uuid>(row, "claimed_by")?.map(UserId::from_uuid);
    let claimed = match (optional_instant(row, "claimed_at")?, claimed_by) {
        (None, None) => None,
        (Some(at), Some(by)) => Some((at, by)),
        // Only one of the two columns is set.
        _ => return Err(DamagedColumn("claimed_by")),
    };
    Ok(Invite {
        id: InviteId::from_uuid(get(row, "id")?),
        kind,
        created_by: optional::<Uuid>(row, "created_by")?.map(UserId::from_uuid),
        created_at: instant(row, "created_at")?,
        expires_at: instant(row, "expires_at")?,
        claimed,
        withdrawn_at: optional_instant(row, "withdrawn_at")?,
        replaced_by: optional::<Uuid>(row, "replaced_by")?.map(InviteId::from_uuid),
    })
}

/// Returns the fields required to withdraw an invite, and whether its row is damaged.
pub(crate) fn invite_to_withdraw(row: &impl Row) -> (Invite, bool) {
    if let Ok(invite) = invite_fields(row) {
        return (invite, false);
    }
    let time = |column| optional_instant(row, column).unwrap_or_default();
    let invite = Invite {
        id: InviteId::from_uuid(row.any_uuid("id")),
        kind: InviteKind::FirstAdmin,
        created_by: None,
        created_at: time("created_at").unwrap_or(Timestamp::MAX),
        expires_at: time("expires_at").unwrap_or(Timestamp::MAX),
        claimed: None,
        withdrawn_at: time("withdrawn_at"),
        replaced_by: None,
    };
    (invite, true)
}

pub(crate) fn notice(row: &impl Row) -> Result<Notice, StoreError> {
    let about = if let Ok(link) = parse::<SignInLinkId>(row, "token") {
        let from = optional_parse(row, "client_address")?;
        NoticeAbout::UsedLink { link, from }
    } else if let Ok(event) = parse::<AuditEventId>(row, "token") {
        match optional::<i64>(row, "revoked")?.map(i64::unsigned_abs) {
            Some(count) => NoticeAbout::RevokedTokens { event, count },
            None => NoticeAbout::Unsuspended { event },
        }
    } else {
        NoticeAbout::LeakedToken {
            token: parse(row, "token")?,
            name: TokenName::from_stored(get(row, "token_name")?),
        }
    };
    let at = instant(row, "at")?;
    Ok(Notice { about, at })
}

/// Returns the key and the window of a bucket. An unreadable one counts as empty, so that no user is
/// locked out.
pub(crate) fn rate_window(row: &impl Row) -> Option<(String, RateWindow)> {
    let count: i64 = get(row, "count").ok()?;
    let window = RateWindow {
        begun_at: instant(row, "begun_at").ok()?,
        count: u32::try_from(count).ok()?,
    };
    Some((get::<&str>(row, "key").ok()?.to_owned(), window))
}

pub(crate) fn stats(row: &impl Row) -> Result<Stats, StoreError> {
    let count = |column| {
        let count: i64 = get(row, column)?;
        u64::try_from(count).map_err(|_| DamagedColumn(column))
    };
    Ok(Stats {
        users_active: count("users_active")?,
        users_suspended: count("users_suspended")?,
        admins_active: count("admins_active")?,
        tokens_live: count("tokens_live")?,
        tokens_live_admin: count("tokens_live_admin")?,
        tokens_expiring: count("tokens_expiring")?,
        tokens_expired: count("tokens_expired")?,
        tokens_revoked: count("tokens_revoked")?,
        invites_open: count("invites_open")?,
    })
}

pub(crate) fn event(row: &impl Row) -> Result<AuditEvent, StoreError> {
    event_fields(row).map_err(|column| {
        let id = AuditEventId::from_uuid(row.any_uuid("id"));
        let at = any_instant(row, "at");
        let mut raw = BTreeMap::from([("id", id.to_string()), ("at", at.to_string())]);
        for column in RawEvent::COLUMNS {
            if let Ok(Some(text)) = optional::<&str>(row, column) {
                raw.insert(column, text.to_owned());
            }
        }
        Damaged {
            cursor: AuditCursor { at, id }.to_string(),
            raw,
            ..Damaged::new("audit_events", &id, column)
        }
        .into()
    })
}

/// Returns the name of a user, token or invite, or `None` if the row is damaged.
pub(crate) fn subject_name(row: &impl Row) -> Option<SubjectName> {
    let id: Uuid = get(row, "id").ok()?;
    Some(SubjectName {
        subject: match get(row, "kind").ok()? {
            "user" => Subject::User(UserId::from_uuid(id)),
            "invite" => Subject::Invite(InviteId::from_uuid(id)),
            kind => Subject::Token(TokenId::new(TokenKind::parse(kind)?, id)),
        },
        name: get::<&str>(row, "name").ok()?.to_owned(),
        owner: optional::<Uuid>(row, "owner").ok()?.map(UserId::from_uuid),
    })
}

fn event_fields(row: &impl Row) -> Result<AuditEvent, DamagedColumn> {
    let actor = match get(row, "actor")? {
        "operator" => AuditActor::Operator,
        "anonymous" => AuditActor::Anonymous,
        "token" => AuditActor::Token {
            user: parse(row, "actor_user")?,
            token: parse(row, "actor_token")?,
        },
        "session" => AuditActor::Session {
            user: parse(row, "actor_user")?,
            session: parse(row, "actor_session")?,
        },
        "external" => AuditActor::External {
            user: parse(row, "actor_user")?,
        },
        _ => return Err(DamagedColumn("actor")),
    };
    let request_id = optional::<&str>(row, "request_id")?.map(RequestId::parse);
    Ok(AuditEvent {
        id: AuditEventId::from_uuid(get(row, "id")?),
        at: instant(row, "at")?,
        actor,
        action: AuditAction::parse(get(row, "action")?).ok_or(DamagedColumn("action"))?,
        subject: parse(row, "subject")?,
        related: optional_parse(row, "related")?,
        email_change: email_change(row)?,
        context: RequestContext {
            request_id: request_id
                .transpose()
                .map_err(|_| DamagedColumn("request_id"))?,
            client_address: optional_parse::<IpAddr>(row, "client_address")?,
            form: None,
        },
    })
}

fn email_change(row: &impl Row) -> Result<Option<EmailChange>, DamagedColumn> {
    match (optional(row, "email_from")?, optional(row, "email_to")?) {
        (Some(from), Some(to)) => Ok(Some(EmailChange {
            from: Email::from_stored(from),
            to: Email::from_stored(to),
        })),
        (None, None) => Ok(None),
        _ => Err(DamagedColumn("email_from")),
    }
}

pub(crate) fn owned_token(row: &impl Row) -> Result<OwnedToken, StoreError> {
    let record = record(row)?;
    Ok(OwnedToken {
        token: Token {
            details: details(row),
            ..record.token
        },
        owner: record.owner,
    })
}
