//! Converts rows to domain types. A row with a value that the domain rejects is [`Damaged`], and
//! listed as such. Text is accepted as stored: the rules for names apply to input.

use std::net::IpAddr;
use std::str::FromStr;

use openindex_domain::admin_tokens::Stats;
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
    Account, Email, ListedUser, Notice, NoticeAbout, Owner, PasswordHash, PersonName, Role, User,
    UserId,
};
use openindex_domain::{Damaged, DamagedColumn, StoreError};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

/// The columns of a [`Token`] without its [`TokenDetails`], from the table `t`.
macro_rules! token_columns {
    () => {
        "t.id, t.kind, t.owner_id, t.name, t.scope, t.created_at, t.expires_at, t.revoked_at, \
         t.last_used_at, t.successor, t.agent_id, t.work_item, t.issuer_id"
    };
}
/// The columns of a [`Token`] with its [`TokenDetails`], from the table `t`.
macro_rules! shown_token_columns {
    () => {
        concat!(
            $crate::rows::token_columns!(),
            ", t.last_four, t.created_from, t.last_used_from, t.revoked_by"
        )
    };
}
/// The columns of a [`Session`], from the table `s`.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id AS session_user_id, s.created_at, s.last_seen_at, s.client, \
         s.client_address"
    };
}
/// The columns of a [`User`], from the table `u`.
macro_rules! user_columns {
    () => {
        "u.id AS user_id, u.email AS user_email, u.name AS user_name, u.role AS user_role, \
         u.created_at AS user_created_at, u.suspended_at AS user_suspended_at, \
         u.deleted_at AS user_deleted_at"
    };
}
/// The start of a query for [`TokenRecord`]s with their [`TokenDetails`]. A token whose owner is missing
/// is included, as damaged.
macro_rules! select_shown_record {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::shown_token_columns!(),
            ", t.digest, ",
            $crate::rows::user_columns!(),
            " FROM tokens t LEFT JOIN users u ON u.id = t.owner_id WHERE ",
            $condition
        )
    };
}
/// The start of a query for [`TokenRecord`]s.
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
/// The start of a query for [`Token`]s with their digests.
macro_rules! select_token {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::token_columns!(),
            ", t.digest FROM tokens t WHERE ",
            $condition
        )
    };
}
/// The start of a query for agent runs that are not revoked and expire after `?2`, so that
/// thousands of ended runs cost nothing. The domain decides which of these are live, or to be
/// ended.
macro_rules! select_unexpired_runs {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::token_columns!(),
            " FROM tokens t WHERE t.kind = 'agent_run' AND t.revoked_at IS NULL \
             AND t.expires_at > ?2 AND ",
            $condition
        )
    };
}
/// The start of a query for [`SessionRecord`]s.
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
/// The start of a query for [`User`]s.
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
/// The start of a query for [`Account`]s.
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
    select_account, select_record, select_session_record, select_shown_record, select_token,
    select_unexpired_runs, select_user, session_columns, shown_token_columns, token_columns,
    user_columns,
};

pub(crate) fn record(row: &SqliteRow) -> Result<TokenRecord, StoreError> {
    // The user's row is damaged or missing.
    let damaged = |_| Damaged::new("tokens", &token_id(row), DamagedColumn("owner_id"));
    Ok(TokenRecord {
        token: token(row)?,
        digest: digest(row)?,
        owner: owner(row).map_err(damaged)?,
    })
}

/// Returns the owner of a token; a deleted one has no name.
fn owner(row: &SqliteRow) -> Result<Owner, DamagedColumn> {
    // An unreadable time counts as deleted too.
    if optional_instant(row, "user_deleted_at") != Ok(None) {
        return Ok(Owner::deleted(UserId::from_uuid(get(row, "user_id")?)));
    }
    Ok(user_fields(row)?.as_owner())
}

pub(crate) fn digest(row: &SqliteRow) -> Result<Digest, StoreError> {
    get(row, "digest")
        .and_then(|bytes| Digest::from_stored(bytes).map_err(|_| DamagedColumn("digest")))
        .map_err(|column| Damaged::new("tokens", &token_id(row), column).into())
}

pub(crate) fn token(row: &SqliteRow) -> Result<Token, StoreError> {
    token_fields(row).map_err(|column| Damaged::new("tokens", &token_id(row), column).into())
}

fn token_fields(row: &SqliteRow) -> Result<Token, DamagedColumn> {
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
pub(crate) fn shown_token(row: &SqliteRow) -> Result<Token, StoreError> {
    let mut token = token(row)?;
    token.details = details(row);
    Ok(token)
}

/// Returns the trace of a token. Unreadable values count as absent: nothing depends on them.
pub(crate) fn details(row: &SqliteRow) -> TokenDetails {
    TokenDetails {
        last_four: optional_parse(row, "last_four").unwrap_or_default(),
        created_from: optional_parse(row, "created_from").unwrap_or_default(),
        last_used_from: optional_parse(row, "last_used_from").unwrap_or_default(),
        revoked_by: optional_parse(row, "revoked_by").unwrap_or_default(),
    }
}

/// Returns the id of a token whose row may be damaged; one of an unknown kind counts as personal.
pub(crate) fn token_id(row: &SqliteRow) -> TokenId {
    let kind = get(row, "kind").ok().and_then(TokenKind::parse);
    TokenId::new(kind.unwrap_or(TokenKind::Personal), any_uuid(row, "id"))
}

/// The tokens that a list of personal tokens reads, including damaged ones of an unknown kind. Two
/// conditions, so that each uses its index.
pub(crate) const LISTED_KINDS: [&str; 2] = [
    "t.kind = 'personal'",
    "t.kind NOT IN ('personal', 'agent_run')",
];

/// Returns the fields required to end a token, and whether its row is damaged. Unreadable values
/// get defaults that do not keep the token from ending.
pub(crate) fn revocable(row: &SqliteRow) -> Result<(Token, bool), StoreError> {
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
            issuer: TokenId::new(TokenKind::Personal, any_uuid(row, "issuer_id")),
        }),
        details: TokenDetails::default(),
    };
    Ok((token, true))
}

/// Returns the fields of an agent run, which a token must have if and only if it is one.
fn run(row: &SqliteRow, kind: TokenKind) -> Result<Option<AgentRun>, DamagedColumn> {
    let agent = optional::<&str>(row, "agent_id")?.map(AgentId::from_stored);
    let issuer = optional::<Uuid>(row, "issuer_id")?;
    let work_item = optional_parse(row, "work_item")?;
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
pub(crate) fn user(row: &SqliteRow) -> Result<User, StoreError> {
    user_fields(row).map_err(|DamagedColumn(alias)| {
        let column = DamagedColumn(alias.strip_prefix("user_").unwrap_or(alias));
        let id = UserId::from_uuid(any_uuid(row, "user_id"));
        Damaged::new("users", &id, column).into()
    })
}

pub(crate) fn listed_user(row: &SqliteRow) -> Result<ListedUser, StoreError> {
    Ok(ListedUser {
        user: user(row)?,
        live_tokens: get::<i64>(row, "live_tokens")?.unsigned_abs(),
        // -1 means never. An invalid time counts as never, too.
        last_seen_at: Timestamp::from_unix_millis(get(row, "seen_at")?),
    })
}

fn user_fields(row: &SqliteRow) -> Result<User, DamagedColumn> {
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
pub(crate) fn user_for_change(row: &SqliteRow) -> User {
    if let Ok(user) = user_fields(row) {
        return user;
    }
    let id = UserId::from_uuid(any_uuid(row, "user_id"));
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

pub(crate) fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    Ok(Account {
        user: user(row)?,
        password: optional::<String>(row, "password_hash")?.map(PasswordHash::from_stored),
    })
}

pub(crate) fn session_record(row: &SqliteRow) -> Result<SessionRecord, StoreError> {
    let digest = get(row, "digest")
        .and_then(|bytes| Digest::from_stored(bytes).map_err(|_| DamagedColumn("digest")));
    Ok(SessionRecord {
        session: session(row)?,
        digest: digest.map_err(|column| Damaged::new("sessions", &session_id(row), column))?,
        owner: user(row)?.as_owner(),
    })
}

fn session_id(row: &SqliteRow) -> SessionId {
    SessionId::from_uuid(any_uuid(row, "id"))
}

pub(crate) fn session(row: &SqliteRow) -> Result<Session, StoreError> {
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

pub(crate) fn link(row: &SqliteRow) -> Result<SignInLink, StoreError> {
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
        let id = SignInLinkId::from_uuid(any_uuid(row, "id"));
        Damaged::new("sign_in_links", &id, column).into()
    })
}

pub(crate) fn invite(row: &SqliteRow) -> Result<Invite, StoreError> {
    invite_fields(row).map_err(|column| {
        let id = InviteId::from_uuid(any_uuid(row, "id"));
        Damaged::new("invites", &id, column).into()
    })
}

fn invite_fields(row: &SqliteRow) -> Result<Invite, DamagedColumn> {
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
pub(crate) fn invite_to_withdraw(row: &SqliteRow) -> (Invite, bool) {
    if let Ok(invite) = invite_fields(row) {
        return (invite, false);
    }
    let time = |column| optional_instant(row, column).unwrap_or_default();
    let invite = Invite {
        id: InviteId::from_uuid(any_uuid(row, "id")),
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

pub(crate) fn notice(row: &SqliteRow) -> Result<Notice, StoreError> {
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

/// Returns the window of a bucket. An unreadable one counts as empty, so that no user is locked out.
pub(crate) fn rate_window(row: &SqliteRow) -> Option<RateWindow> {
    let count: i64 = get(row, "count").ok()?;
    Some(RateWindow {
        begun_at: instant(row, "begun_at").ok()?,
        count: u32::try_from(count).ok()?,
    })
}

pub(crate) fn stats(row: &SqliteRow) -> Result<Stats, StoreError> {
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
        tokens_expired: count("tokens_expired")?,
        invites_open: count("invites_open")?,
    })
}

pub(crate) fn event(row: &SqliteRow) -> Result<AuditEvent, StoreError> {
    event_fields(row).map_err(|column| {
        let id = AuditEventId::from_uuid(any_uuid(row, "id"));
        let at = any_instant(row, "at");
        let text = |column| optional::<String>(row, column).unwrap_or_default();
        Damaged {
            cursor: AuditCursor { at, id }.to_string(),
            raw: Some(Box::new(RawEvent {
                id: id.to_string(),
                at: at.to_string(),
                actor: text("actor").unwrap_or_default(),
                actor_user: text("actor_user"),
                actor_credential: text("actor_token").or_else(|| text("actor_session")),
                action: text("action").unwrap_or_default(),
                subject: text("subject").unwrap_or_default(),
                related: text("related"),
                request_id: text("request_id"),
                client_address: text("client_address"),
            })),
            ..Damaged::new("audit_events", &id, column)
        }
        .into()
    })
}

/// Returns the name of a user, token or invite, or `None` if the row is damaged.
pub(crate) fn subject_name(row: &SqliteRow) -> Option<SubjectName> {
    let id: Uuid = get(row, "id").ok()?;
    Some(SubjectName {
        subject: match get(row, "kind").ok()? {
            "user" => Subject::User(UserId::from_uuid(id)),
            "invite" => Subject::Invite(InviteId::from_uuid(id)),
            kind => Subject::Token(TokenId::new(TokenKind::parse(kind)?, id)),
        },
        name: get(row, "name").ok()?,
        owner: optional::<Uuid>(row, "owner").ok()?.map(UserId::from_uuid),
    })
}

fn event_fields(row: &SqliteRow) -> Result<AuditEvent, DamagedColumn> {
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

/// Returns the id of a row that may be damaged, with the bytes that there are.
fn any_uuid(row: &SqliteRow, column: &'static str) -> Uuid {
    let bytes = get::<Vec<u8>>(row, column).unwrap_or_default();
    let mut id = [0; 16];
    let length = bytes.len().min(16);
    id[..length].copy_from_slice(&bytes[..length]);
    Uuid::from_bytes(id)
}

/// Returns `["<value>",…]`: one parameter for any number of values.
pub(crate) fn json(values: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let values: Vec<String> = values.map(|value| format!("\"{value}\"")).collect();
    format!("[{}]", values.join(","))
}

fn email_change(row: &SqliteRow) -> Result<Option<EmailChange>, DamagedColumn> {
    match (optional(row, "email_from")?, optional(row, "email_to")?) {
        (Some(from), Some(to)) => Ok(Some(EmailChange {
            from: Email::from_stored(from),
            to: Email::from_stored(to),
        })),
        (None, None) => Ok(None),
        _ => Err(DamagedColumn("email_from")),
    }
}

/// Fails unless one row was changed, which was read in the same transaction.
pub(crate) fn exactly_one(changed: u64, what: &str) -> Result<(), StoreError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::corrupt(format!(
            "{what} disappeared inside the transaction that changes it"
        )))
    }
}

pub(crate) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, DamagedColumn>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    optional(row, column)?.ok_or(DamagedColumn(column))
}

/// The driver decodes NULL as an empty text or 0 unless an `Option` is requested.
pub(crate) fn optional<'r, T>(
    row: &'r SqliteRow,
    column: &'static str,
) -> Result<Option<T>, DamagedColumn>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).map_err(|_| DamagedColumn(column))
}

pub(crate) fn parse<T: FromStr>(row: &SqliteRow, column: &'static str) -> Result<T, DamagedColumn> {
    optional_parse(row, column)?.ok_or(DamagedColumn(column))
}

pub(crate) fn optional_parse<T: FromStr>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, DamagedColumn> {
    let text: Option<&str> = optional(row, column)?;
    text.map(str::parse)
        .transpose()
        .map_err(|_| DamagedColumn(column))
}

pub(crate) fn instant(row: &SqliteRow, column: &'static str) -> Result<Timestamp, DamagedColumn> {
    optional_instant(row, column)?.ok_or(DamagedColumn(column))
}

pub(crate) fn optional_instant(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<Timestamp>, DamagedColumn> {
    let Some(millis) = optional::<i64>(row, column)? else {
        return Ok(None);
    };
    let at = Timestamp::from_unix_millis(millis).ok_or(DamagedColumn(column))?;
    Ok(Some(at))
}

/// Returns the nearest valid time; 1970 if it is unreadable.
pub(crate) fn any_instant(row: &SqliteRow, column: &'static str) -> Timestamp {
    let millis = get::<i64>(row, column).unwrap_or_default();
    let millis = millis.clamp(0, Timestamp::MAX.unix_millis());
    Timestamp::from_unix_millis(millis).unwrap_or(Timestamp::MAX)
}
