//! The audit log: written inside the transaction of each change, read newest first.

use async_trait::async_trait;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditCursor, AuditEvent, AuditFilter, AuditStore, Subject, SubjectName,
};
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::PostgresStore;
use crate::error::store_error;
use crate::rows;

/// Maximum number of events in one INSERT; each has 13 parameters.
const BATCH: usize = 500;

/// Writes one event on the connection of its change's transaction.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    insert_all(connection, std::slice::from_ref(event)).await
}

/// Writes events on the connection of their change's transaction.
pub(crate) async fn insert_all(
    connection: &mut PgConnection,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    for batch in events.chunks(BATCH) {
        let mut query = QueryBuilder::<Postgres>::new(
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
                .push_bind(event.at.to_datetime())
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
impl AuditStore for PostgresStore {
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, StoreError> {
        let filter = *filter;
        self.browse(move |connection| {
            Box::pin(async move {
                let found = page(&filter, after, limit)
                    .build()
                    .fetch_all(connection)
                    .await
                    .map_err(store_error)?;
                Listing::read(newest_first(&filter, found).iter().map(rows::event))
            })
        })
        .await
    }

    async fn end_events(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>, StoreError> {
        let subjects: Vec<String> = tokens.iter().map(ToString::to_string).collect();
        self.browse(move |connection| {
            Box::pin(async move {
                let actions: Vec<&str> = AuditAction::END_ACTIONS
                    .iter()
                    .map(|a| a.as_str())
                    .collect();
                let mut query = select();
                query
                    .push(" WHERE subject = ANY (")
                    .push_bind(subjects)
                    .push(") AND action = ANY (")
                    .push_bind(actions)
                    .push(")");
                let found = query.build().fetch_all(connection).await;
                Listing::read(found.map_err(store_error)?.iter().map(rows::event))
            })
        })
        .await
    }

    async fn names(&self, subjects: &[Subject]) -> Result<Vec<SubjectName>, StoreError> {
        let (mut users, mut tokens, mut invites) = (Vec::new(), Vec::new(), Vec::new());
        for subject in subjects {
            match subject {
                Subject::User(id) => users.push(id.uuid()),
                Subject::Token(id) => tokens.push(id.uuid()),
                Subject::Invite(id) => invites.push(id.uuid()),
                Subject::Session(_) | Subject::WorkItem(_) | Subject::UnknownAccount => {}
            }
        }
        let found = self
            .browse(move |connection| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "SELECT 'user' AS kind, id, name, id AS owner FROM users \
                         WHERE deleted_at IS NULL AND id = ANY ($1) \
                         UNION ALL SELECT kind, id, name, owner_id FROM tokens \
                         WHERE id = ANY ($2) \
                         UNION ALL SELECT 'invite', id, email, claimed_by FROM invites \
                         WHERE email IS NOT NULL AND id = ANY ($3)",
                    )
                    .bind(users)
                    .bind(tokens)
                    .bind(invites)
                    .fetch_all(connection)
                    .await
                    .map_err(store_error)?;
                    Ok(found.iter().filter_map(rows::subject_name).collect())
                })
            })
            .await?;
        let names: Vec<SubjectName> = found;
        let names = names.into_iter();
        Ok(names.filter(|it| subjects.contains(&it.subject)).collect())
    }

    async fn append(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.call(move |connection| Box::pin(async move { insert(connection, &event).await }))
            .await
    }
}

const SELECT: &str = "SELECT id, at, actor, actor_user, actor_token, actor_session, action, \
    subject, related, request_id, client_address, email_from, email_to FROM audit_events";

fn select() -> QueryBuilder<Postgres> {
    QueryBuilder::new(SELECT)
}

/// Returns [`AuditFilter::matches`] as a query with only the conditions that are set, so that each
/// can use its index.
fn page(filter: &AuditFilter, after: Option<AuditCursor>, limit: u32) -> QueryBuilder<Postgres> {
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
        .push_bind(i64::from(limit));
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
    query: &mut QueryBuilder<Postgres>,
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
        query.push(" AND at >= ").push_bind(since.to_datetime());
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until.to_datetime());
    }
    if let Some(after) = after {
        query
            .push(" AND (at, id) < (")
            .push_bind(after.at.to_datetime())
            .push(", ")
            .push_bind(after.id.uuid())
            .push(")");
    }
    if let Some(than) = filter.newer_than {
        query
            .push(" AND (at, id) > (")
            .push_bind(than.at.to_datetime())
            .push(", ")
            .push_bind(than.id.uuid())
            .push(")");
    }
    let order = order(filter);
    query
        .push(format_args!(" ORDER BY at {order}, id {order} LIMIT "))
        .push_bind(i64::from(limit));
}

fn newest_first(filter: &AuditFilter, mut found: Vec<PgRow>) -> Vec<PgRow> {
    if filter.newer_than.is_some() {
        found.reverse();
    }
    found
}
