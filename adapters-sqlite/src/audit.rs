//! The audit log: written inside the transaction of each change, read newest first.

use async_trait::async_trait;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditCursor, AuditEvent, AuditFilter, AuditStore, Subject, SubjectName,
};
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::SqliteStore;
use crate::error::store_error;
use crate::rows;

/// Maximum number of events in one INSERT; each has 13 parameters.
const BATCH: usize = 500;

/// Writes one event on the connection of its change's transaction.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    insert_all(connection, std::slice::from_ref(event)).await
}

/// Writes events on the connection of their change's transaction.
pub(crate) async fn insert_all(
    connection: &mut SqliteConnection,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    for batch in events.chunks(BATCH) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO audit_events (id, at, actor, actor_user, actor_token, actor_session, \
             action, subject, related, request_id, client_address, email_from, email_to) ",
        );
        query.push_values(batch, |mut row, event| {
            let (token, session) = match event.actor {
                AuditActor::Token { token, .. } => (Some(token.to_string()), None),
                AuditActor::Session { session, .. } => (None, Some(session.to_string())),
                AuditActor::Operator | AuditActor::Anonymous => (None, None),
            };
            let context = &event.context;
            let emails = event.email_change.as_ref();
            row.push_bind(event.id.uuid())
                .push_bind(event.at.unix_millis())
                .push_bind(event.actor.kind())
                .push_bind(event.actor.user().map(|user| user.to_string()))
                .push_bind(token)
                .push_bind(session)
                .push_bind(event.action.as_str())
                .push_bind(event.subject.to_string())
                .push_bind(event.related.map(|related| related.to_string()))
                .push_bind(context.request_id.as_ref().map(|id| id.as_str().to_owned()))
                .push_bind(context.client_address.map(|address| address.to_string()))
                .push_bind(emails.map(|emails| emails.from.as_str().to_owned()))
                .push_bind(emails.map(|emails| emails.to.as_str().to_owned()));
        });
        query
            .build()
            // A statement of an unusual length is not worth caching.
            .persistent(batch.len() == 1)
            .execute(&mut *connection)
            .await
            .map_err(store_error)?;
    }
    Ok(())
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, StoreError> {
        let mut browsing = self.browse().await?;
        let found = page(filter, after, limit)
            .build()
            .fetch_all(browsing.connection())
            .await
            .map_err(store_error)?;
        Listing::read(newest_first(filter, found).iter().map(rows::event))
    }

    async fn end_events(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>, StoreError> {
        let mut query = select();
        query
            .push(" WHERE subject IN (SELECT value FROM json_each(")
            .push_bind(rows::json(tokens.iter()))
            .push(")) AND action IN (SELECT value FROM json_each(")
            .push_bind(rows::json(
                AuditAction::END_ACTIONS
                    .iter()
                    .map(|action| action.as_str()),
            ))
            .push("))");
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        Listing::read(found.map_err(store_error)?.iter().map(rows::event))
    }

    async fn names(&self, subjects: &[Subject]) -> Result<Vec<SubjectName>, StoreError> {
        let (mut users, mut tokens, mut invites) = (Vec::new(), Vec::new(), Vec::new());
        for subject in subjects {
            match subject {
                Subject::User(id) => users.push(id.uuid().simple()),
                Subject::Token(id) => tokens.push(id.uuid().simple()),
                Subject::Invite(id) => invites.push(id.uuid().simple()),
                Subject::Session(_) | Subject::WorkItem(_) | Subject::UnknownAccount => {}
            }
        }
        let mut browsing = self.browse().await?;
        let found = sqlx::query(
            "SELECT 'user' AS kind, id, name, id AS owner FROM users \
             WHERE deleted_at IS NULL AND id IN (SELECT unhex(value) FROM json_each(?1)) \
             UNION ALL SELECT kind, id, name, owner_id FROM tokens \
             WHERE id IN (SELECT unhex(value) FROM json_each(?2)) \
             UNION ALL SELECT 'invite', id, email, claimed_by FROM invites \
             WHERE email IS NOT NULL AND id IN (SELECT unhex(value) FROM json_each(?3))",
        )
        .bind(rows::json(users.iter()))
        .bind(rows::json(tokens.iter()))
        .bind(rows::json(invites.iter()))
        .fetch_all(browsing.connection())
        .await
        .map_err(store_error)?;
        let names = found.iter().filter_map(rows::subject_name);
        Ok(names.filter(|it| subjects.contains(&it.subject)).collect())
    }

    async fn append(&self, event: AuditEvent) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        insert(&mut transaction, &event).await?;
        transaction.commit().await
    }
}

const SELECT: &str = "SELECT id, at, actor, actor_user, actor_token, actor_session, action, \
    subject, related, request_id, client_address, email_from, email_to FROM audit_events";

fn select() -> QueryBuilder<Sqlite> {
    QueryBuilder::new(SELECT)
}

/// Returns [`AuditFilter::matches`] as a query with only the conditions that are set, so that each
/// can use its index.
fn page(filter: &AuditFilter, after: Option<AuditCursor>, limit: u32) -> QueryBuilder<Sqlite> {
    let Some(user) = filter.involving else {
        let mut query = QueryBuilder::new("");
        part(&mut query, filter, None, after, limit);
        return query;
    };
    // At most one page of each index: a single condition with OR would read all events of a user.
    let mut query = QueryBuilder::new("SELECT * FROM (");
    part(&mut query, filter, Some(("actor_user", user)), after, limit);
    for column in ["subject", "related"] {
        query.push(") AS part UNION SELECT * FROM (");
        part(&mut query, filter, Some((column, user)), after, limit);
    }
    let order = order(filter);
    query
        .push(format_args!(
            ") AS part ORDER BY at {order}, id {order} LIMIT "
        ))
        .push_bind(limit);
    query
}

/// Returns the sort order that puts the events closest to the cursor first.
const fn order(filter: &AuditFilter) -> &'static str {
    if filter.newer_than.is_some() {
        "ASC"
    } else {
        "DESC"
    }
}

fn part(
    query: &mut QueryBuilder<Sqlite>,
    filter: &AuditFilter,
    involving: Option<(&str, UserId)>,
    after: Option<AuditCursor>,
    limit: u32,
) {
    query.push(SELECT).push(" WHERE TRUE");
    if let Some((column, user)) = involving {
        query
            .push(format_args!(" AND {column} = "))
            .push_bind(user.to_string());
    }
    if let Some(user) = filter.actor {
        query.push(" AND actor_user = ").push_bind(user.to_string());
    }
    if let Some(action) = filter.action {
        query.push(" AND action = ").push_bind(action.as_str());
    }
    if let Some(subject) = filter.subject {
        let subject = subject.to_string();
        query
            .push(" AND (subject = ")
            .push_bind(subject.clone())
            .push(" OR related = ")
            .push_bind(subject)
            .push(")");
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.unix_millis());
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until.unix_millis());
    }
    if let Some(after) = after {
        query
            .push(" AND (at, id) < (")
            .push_bind(after.at.unix_millis())
            .push(", ")
            .push_bind(after.id.uuid())
            .push(")");
    }
    if let Some(than) = filter.newer_than {
        query
            .push(" AND (at, id) > (")
            .push_bind(than.at.unix_millis())
            .push(", ")
            .push_bind(than.id.uuid())
            .push(")");
    }
    let order = order(filter);
    query
        .push(format_args!(" ORDER BY at {order}, id {order} LIMIT "))
        .push_bind(limit);
}

fn newest_first(filter: &AuditFilter, mut found: Vec<SqliteRow>) -> Vec<SqliteRow> {
    if filter.newer_than.is_some() {
        found.reverse();
    }
    found
}
