//! From rows to domain types. Whatever the domain does not accept is [`StoreError::Corrupt`].

mod work;

use std::net::IpAddr;
use std::str::FromStr;

use openindex_domain::StoreError;
use openindex_domain::agent_run::{AgentId, Run, WorkItemKey};
use openindex_domain::attempt::Tally;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditEvent, AuditEventId, EmailChange, RequestContext, RequestId,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::inventory::Stats;
use openindex_domain::invite::{Invite, InviteId, InviteKind};
use openindex_domain::session::{
    ClientName, LinkId, Session, SessionId, SessionRecord, SignInLink,
};
use openindex_domain::token::{Digest, Scope, Token, TokenId, TokenKind, TokenName, TokenRecord};
use openindex_domain::user::{
    Account, Email, Notice, Owner, PasswordHash, PersonName, Role, User, UserId,
};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::store_error;

/// The columns of a [`Token`], of the table `t`.
macro_rules! token_columns {
    () => {
        "t.id, t.kind, t.owner_id, t.name, t.scope, t.created_at, t.expires_at, t.revoked_at, \
         t.last_used_at, t.successor, t.agent_id, t.work_item, t.issuer_id"
    };
}
/// The beginning of a query for [`Token`]s that are neither revoked nor, at `$1`, expired.
macro_rules! select_unexpired {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::token_columns!(),
            " FROM tokens t WHERE t.revoked_at IS NULL \
             AND (t.expires_at IS NULL OR t.expires_at > $1) AND ",
            $condition
        )
    };
}
/// The columns of a [`Session`], of the table `s`.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id AS session_user_id, s.created_at, s.last_seen_at, s.client"
    };
}
/// The columns of a [`User`], of the table `u`.
macro_rules! user_columns {
    () => {
        "u.id AS user_id, u.email AS user_email, u.name AS user_name, u.role AS user_role, \
         u.created_at AS user_created_at, u.suspended_at AS user_suspended_at, \
         u.deleted_at AS user_deleted_at"
    };
}
/// The beginning of a query for [`TokenRecord`]s.
macro_rules! select_record {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::token_columns!(),
            ", t.digest, ",
            $crate::rows::user_columns!(),
            " FROM tokens t JOIN users u ON u.id = t.owner_id WHERE ",
            $condition
        )
    };
}
/// The beginning of a query for [`SessionRecord`]s.
macro_rules! select_session_record {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::session_columns!(),
            ", s.digest, ",
            $crate::rows::user_columns!(),
            " FROM sessions s JOIN users u ON u.id = s.user_id WHERE ",
            $condition
        )
    };
}
/// The beginning of a query for [`User`]s.
macro_rules! select_user {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::user_columns!(),
            " FROM users u WHERE ",
            $condition
        )
    };
}
/// The beginning of a query for [`Account`]s.
macro_rules! select_account {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::user_columns!(),
            ", u.password_hash FROM users u WHERE ",
            $condition
        )
    };
}
pub(crate) use {
    select_account, select_record, select_session_record, select_unexpired, select_user,
    session_columns, token_columns, user_columns,
};

pub(crate) use work::{key_numbers, select_work_item, work_item};

pub(crate) fn record(row: &PgRow) -> Result<TokenRecord, StoreError> {
    Ok(TokenRecord {
        token: token(row)?,
        digest: Digest::from_stored(get(row, "digest")?).map_err(StoreError::corrupt)?,
        owner: owner(row)?,
    })
}

/// The owner of a token, also when their user was deleted, and is nameless.
fn owner(row: &PgRow) -> Result<Owner, StoreError> {
    if optional_instant(row, "user_deleted_at")?.is_some() {
        return Ok(Owner::deleted(UserId::from_uuid(get(row, "user_id")?)));
    }
    Ok(user(row)?.as_owner())
}

pub(crate) fn token(row: &PgRow) -> Result<Token, StoreError> {
    let kind = TokenKind::parse(get(row, "kind")?).ok_or_else(|| unknown("kind"))?;
    Ok(Token {
        id: TokenId::new(kind, get(row, "id")?),
        owner: UserId::from_uuid(get(row, "owner_id")?),
        name: TokenName::from_stored(get(row, "name")?).map_err(StoreError::corrupt)?,
        scope: parse::<Scope>(get(row, "scope")?)?,
        created_at: instant(get(row, "created_at")?)?,
        expires_at: optional_instant(row, "expires_at")?,
        revoked_at: optional_instant(row, "revoked_at")?,
        last_used_at: optional_instant(row, "last_used_at")?,
        successor: optional_parse(row, "successor")?,
        run: run(row, kind)?,
    })
}

/// What makes a token of this kind an agent run's.
fn run(row: &PgRow, kind: TokenKind) -> Result<Option<Run>, StoreError> {
    let agent = optional_parse::<AgentId>(row, "agent_id")?;
    let work_item = optional_parse::<WorkItemKey>(row, "work_item")?;
    let issuer = get::<Option<Uuid>>(row, "issuer_id")?;
    match (kind, agent, issuer, work_item) {
        (TokenKind::Personal, None, None, None) => Ok(None),
        (TokenKind::AgentRun, Some(agent), Some(issuer), work_item) => Ok(Some(Run {
            agent,
            work_item,
            issuer: TokenId::new(TokenKind::Personal, issuer),
        })),
        _ => Err(StoreError::corrupt(
            "a token that is an agent run's by half",
        )),
    }
}

/// A user, under column names with the prefix `user_`.
pub(crate) fn user(row: &PgRow) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_uuid(get(row, "user_id")?),
        email: Email::from_stored(get(row, "user_email")?).map_err(StoreError::corrupt)?,
        name: PersonName::from_stored(get(row, "user_name")?).map_err(StoreError::corrupt)?,
        role: Role::parse(get(row, "user_role")?).ok_or_else(|| unknown("role"))?,
        created_at: instant(get(row, "user_created_at")?)?,
        suspended_at: optional_instant(row, "user_suspended_at")?,
    })
}

pub(crate) fn account(row: &PgRow) -> Result<Account, StoreError> {
    Ok(Account {
        user: user(row)?,
        password: get::<Option<String>>(row, "password_hash")?.map(PasswordHash::from_stored),
    })
}

pub(crate) fn session_record(row: &PgRow) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        session: session(row)?,
        digest: Digest::from_stored(get(row, "digest")?).map_err(StoreError::corrupt)?,
        owner: user(row)?.as_owner(),
    })
}

pub(crate) fn session(row: &PgRow) -> Result<Session, StoreError> {
    let client: &str = get(row, "client")?;
    Ok(Session {
        id: SessionId::from_uuid(get(row, "id")?),
        user: UserId::from_uuid(get(row, "session_user_id")?),
        created_at: instant(get(row, "created_at")?)?,
        last_seen_at: instant(get(row, "last_seen_at")?)?,
        client: Some(ClientName::cut(client))
            .filter(|cut| cut.as_str() == client)
            .ok_or_else(|| StoreError::corrupt("a client's name that was not cut"))?,
    })
}

pub(crate) fn link(row: &PgRow) -> Result<SignInLink, StoreError> {
    Ok(SignInLink {
        id: LinkId::from_uuid(get(row, "id")?),
        user: UserId::from_uuid(get(row, "user_id")?),
        created_by: get::<Option<Uuid>>(row, "created_by")?.map(UserId::from_uuid),
        created_at: instant(get(row, "created_at")?)?,
        expires_at: instant(get(row, "expires_at")?)?,
        used_at: optional_instant(row, "used_at")?,
    })
}

pub(crate) fn invite(row: &PgRow) -> Result<Invite, StoreError> {
    let kind = match get(row, "kind")? {
        "first_admin" => InviteKind::FirstAdmin,
        "person" => InviteKind::Person {
            email: Email::from_stored(get(row, "email")?).map_err(StoreError::corrupt)?,
            role: Role::parse(get(row, "role")?).ok_or_else(|| unknown("role"))?,
        },
        _ => return Err(unknown("kind of invite")),
    };
    let claimed_by = get::<Option<Uuid>>(row, "claimed_by")?.map(UserId::from_uuid);
    let claimed = match (optional_instant(row, "claimed_at")?, claimed_by) {
        (None, None) => None,
        (Some(at), Some(by)) => Some((at, by)),
        _ => return Err(StoreError::corrupt("an invite that is claimed by half")),
    };
    Ok(Invite {
        id: InviteId::from_uuid(get(row, "id")?),
        kind,
        created_by: get::<Option<Uuid>>(row, "created_by")?.map(UserId::from_uuid),
        created_at: instant(get(row, "created_at")?)?,
        expires_at: instant(get(row, "expires_at")?)?,
        claimed,
        withdrawn_at: optional_instant(row, "withdrawn_at")?,
    })
}

pub(crate) fn notice(row: &PgRow) -> Result<Notice, StoreError> {
    Ok(Notice {
        token: parse(get(row, "token")?)?,
        token_name: TokenName::from_stored(get(row, "token_name")?).map_err(StoreError::corrupt)?,
        at: instant(get(row, "at")?)?,
    })
}

/// The name of the bucket whose [`tally`] is in this row.
pub(crate) fn attempt_key(row: &PgRow) -> Result<String, StoreError> {
    get(row, "key")
}

pub(crate) fn tally(row: &PgRow) -> Result<Tally, StoreError> {
    Ok(Tally {
        begun_at: instant(get(row, "begun_at")?)?,
        count: u32::try_from(get::<i64>(row, "count")?).map_err(StoreError::corrupt)?,
    })
}

pub(crate) fn stats(row: &PgRow) -> Result<Stats, StoreError> {
    let count = |column: &str| {
        let count: i64 = get(row, column)?;
        u64::try_from(count).map_err(StoreError::corrupt)
    };
    Ok(Stats {
        users_active: count("users_active")?,
        users_suspended: count("users_suspended")?,
        admins_active: count("admins_active")?,
        tokens_live: count("tokens_live")?,
        tokens_live_admin: count("tokens_live_admin")?,
        tokens_expired: count("tokens_expired")?,
        invites_open: count("invites_open")?,
    })
}

pub(crate) fn event(row: &PgRow) -> Result<AuditEvent, StoreError> {
    let actor = match get(row, "actor")? {
        "operator" => AuditActor::Operator,
        "anonymous" => AuditActor::Anonymous,
        "token" => AuditActor::Token {
            user: parse(get(row, "actor_user")?)?,
            token: parse(get(row, "actor_token")?)?,
        },
        "session" => AuditActor::Session {
            user: parse(get(row, "actor_user")?)?,
            session: parse(get(row, "actor_session")?)?,
        },
        _ => return Err(unknown("actor")),
    };
    Ok(AuditEvent {
        id: AuditEventId::from_uuid(get(row, "id")?),
        at: instant(get(row, "at")?)?,
        actor,
        action: AuditAction::parse(get(row, "action")?).ok_or_else(|| unknown("action"))?,
        subject: parse(get(row, "subject")?)?,
        related: optional_parse(row, "related")?,
        email_change: email_change(row)?,
        context: RequestContext {
            request_id: get::<Option<&str>>(row, "request_id")?
                .map(RequestId::parse)
                .transpose()
                .map_err(StoreError::corrupt)?,
            client_address: optional_parse::<IpAddr>(row, "client_address")?,
        },
    })
}

fn email_change(row: &PgRow) -> Result<Option<EmailChange>, StoreError> {
    let (from, to) = (get(row, "email_from")?, get(row, "email_to")?);
    let email = |text| Email::from_stored(text).map_err(StoreError::corrupt);
    match (from, to) {
        (Some(from), Some(to)) => Ok(Some(EmailChange {
            from: email(from)?,
            to: email(to)?,
        })),
        (None, None) => Ok(None),
        _ => Err(StoreError::corrupt("half a change of an address")),
    }
}

/// What a change of one row that was read in the same transaction must have changed.
pub(crate) fn exactly_one(changed: u64, what: &str) -> Result<(), StoreError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::corrupt(format!(
            "a {what} went away inside the transaction that changes it"
        )))
    }
}

fn get<'r, T>(row: &'r PgRow, column: &str) -> Result<T, StoreError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(column).map_err(store_error)
}

fn parse<T>(text: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(StoreError::corrupt)
}

fn optional_parse<T>(row: &PgRow, column: &str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    get::<Option<&str>>(row, column)?.map(parse).transpose()
}

fn instant(at: OffsetDateTime) -> Result<Timestamp, StoreError> {
    Timestamp::from_datetime(at)
        .ok_or_else(|| StoreError::corrupt("an instant outside 1970 to 9999"))
}

fn optional_instant(row: &PgRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    get::<Option<OffsetDateTime>>(row, column)?
        .map(instant)
        .transpose()
}

fn unknown(what: &str) -> StoreError {
    StoreError::corrupt(format!("an unknown {what}"))
}
