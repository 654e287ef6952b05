//! The table of audit events: written in the transaction of each change, read newest first.

use openindex_domain::Listing;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditCursor, AuditEvent, AuditFilter, RequestId, Subject, SubjectName,
};
use openindex_domain::token::TokenId;

use crate::rows;
use crate::{Database, Result, Statement, Tx};

const COLUMNS: &str = "id, at, actor, actor_user, actor_token, actor_session, action, subject, \
    related, request_id, client_address, email_from, email_to";

/// Writes one event in the transaction of its change.
pub(crate) async fn insert<D: Database>(tx: &mut Tx<'_, D>, event: &AuditEvent) -> Result<()> {
    insert_all(tx, std::slice::from_ref(event)).await
}

/// Writes events in the transaction of their change.
pub(crate) async fn insert_all<D: Database>(
    tx: &mut Tx<'_, D>,
    events: &[AuditEvent],
) -> Result<()> {
    for batch in events.chunks(D::MAX_ROWS) {
        let mut query = Statement::new(format!("INSERT INTO audit_events ({COLUMNS}) "));
        D::push_rows(&mut query, batch, |event| {
            let (token, session) = match event.actor {
                AuditActor::Token { token, .. } => (Some(token.to_string()), None),
                AuditActor::Session { session, .. } => (None, Some(session.to_string())),
                AuditActor::External { .. } | AuditActor::Operator | AuditActor::Anonymous => {
                    (None, None)
                }
            };
            let context = &event.context;
            let emails = event.email_change.as_ref();
            [
                event.id.uuid().into(),
                event.at.into(),
                event.actor.kind().into(),
                event.actor.user().map(|user| user.to_string()).into(),
                token.into(),
                session.into(),
                event.action.as_str().into(),
                event.subject.to_string().into(),
                event.related.map(|related| related.to_string()).into(),
                context.request_id.as_ref().map(RequestId::as_str).into(),
                context.client_address.map(|from| from.to_string()).into(),
                emails.map(|emails| emails.from.as_str()).into(),
                emails.map(|emails| emails.to.as_str()).into(),
            ]
        });
        tx.execute(query).await?;
    }
    Ok(())
}

/// Returns a page of the events that match.
pub(crate) async fn page<D: Database>(
    tx: &mut Tx<'_, D>,
    filter: &AuditFilter,
    after: Option<AuditCursor>,
    limit: u32,
) -> Result<Listing<AuditEvent>> {
    let mut found = tx.rows(select_page(filter, after, limit)).await?;
    if filter.newer_than.is_some() {
        found.reverse();
    }
    Listing::read(found.iter().map(rows::event))
}

/// Returns the events that ended these tokens.
pub(crate) async fn ends_of<D: Database>(
    tx: &mut Tx<'_, D>,
    tokens: Vec<TokenId>,
) -> Result<Listing<AuditEvent>> {
    let actions = AuditAction::all()
        .filter(|action| action.ends_token())
        .map(|action| action.as_str().to_owned());
    let statement = Statement::new(format!(
        "SELECT {COLUMNS} FROM audit_events WHERE {} AND {}",
        D::any_text("subject", "$1"),
        D::any_text("action", "$2")
    ))
    .bind(
        tokens
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<String>>(),
    )
    .bind(actions.collect::<Vec<String>>());
    tx.list(statement, rows::event).await
}

/// Returns the names of those subjects that are users, tokens or invites.
pub(crate) async fn names<D: Database>(
    tx: &mut Tx<'_, D>,
    subjects: &[Subject],
) -> Result<Vec<SubjectName>> {
    let (mut users, mut tokens, mut invites) = (Vec::new(), Vec::new(), Vec::new());
    for subject in subjects {
        match subject {
            Subject::User(id) => users.push(id.uuid()),
            Subject::Token(id) => tokens.push(id.uuid()),
            Subject::Invite(id) => invites.push(id.uuid()),
            Subject::Session(_) | Subject::WorkItem(_) | Subject::UnknownAccount => {}
        }
    }
    let mut statement = Statement::new(format!(
        "SELECT 'user' AS kind, id, name, id AS owner FROM owners \
         WHERE name IS NOT NULL AND {} \
         UNION ALL SELECT kind, id, name, owner_id FROM tokens WHERE {}",
        D::any("id", "$1"),
        D::any("id", "$2")
    ))
    .bind(users)
    .bind(tokens);
    // Only a store of accounts has this table.
    if !invites.is_empty() {
        let invites = statement.add(invites);
        statement.push(&format!(
            " UNION ALL SELECT 'invite', id, email, claimed_by FROM invites \
             WHERE email IS NOT NULL AND {}",
            D::any("id", &invites)
        ));
    }
    let found = tx.rows(statement).await?;
    let names = found.iter().filter_map(rows::subject_name);
    Ok(names.filter(|it| subjects.contains(&it.subject)).collect())
}

/// Returns [`AuditFilter::matches`] as a query with only the conditions that are set, so that each
/// can use its index. Events closest to the cursor come first.
#[must_use]
pub(crate) fn select_page(
    filter: &AuditFilter,
    after: Option<AuditCursor>,
    limit: u32,
) -> Statement {
    let mut query = Statement::new("");
    // At most one page of each index: a single condition with OR would read all events of a user
    // or a subject.
    let (columns, id): (&[&str], _) = match (filter.involving, filter.subject) {
        (Some(user), _) => (&["actor_user", "subject", "related"], user.to_string()),
        (None, Some(subject)) => (&["subject", "related"], subject.to_string()),
        (None, None) => {
            push_part(&mut query, filter, None, after, limit);
            return query;
        }
    };
    let mut separator = "SELECT * FROM (";
    for column in columns {
        query.push(separator);
        push_part(&mut query, filter, Some((column, &id)), after, limit);
        separator = ") AS part UNION SELECT * FROM (";
    }
    query.push(") AS part");
    push_order(&mut query, filter, limit);
    query
}

fn push_order(query: &mut Statement, filter: &AuditFilter, limit: u32) {
    let order = match filter.newer_than {
        Some(_) => "ASC",
        None => "DESC",
    };
    query.push(&format!(" ORDER BY at {order}, id {order} LIMIT "));
    query.push_bind(limit);
}

fn push_part(
    query: &mut Statement,
    filter: &AuditFilter,
    part: Option<(&str, &str)>,
    after: Option<AuditCursor>,
    limit: u32,
) {
    query.push(&format!("SELECT {COLUMNS} FROM audit_events WHERE TRUE"));
    if let Some((column, id)) = part {
        query.push(&format!(" AND {column} = ")).push_bind(id);
    }
    if let Some(user) = filter.actor {
        query.push(" AND actor_user = ").push_bind(user.to_string());
    }
    if let Some(action) = filter.action {
        query.push(" AND action = ").push_bind(action.as_str());
    }
    // Otherwise the parts have it.
    if let Some(subject) = filter.subject.filter(|_| filter.involving.is_some()) {
        let subject = query.add(subject.to_string());
        query.push(&format!(
            " AND (subject = {subject} OR related = {subject})"
        ));
    }
    query.push_some(" AND at >= ", filter.since);
    query.push_some(" AND at < ", filter.until);
    for (cursor, beyond) in [(after, "<"), (filter.newer_than, ">")] {
        if let Some(cursor) = cursor {
            query
                .push(&format!(" AND (at, id) {beyond} ("))
                .push_bind(cursor.at);
            query.push(", ").push_bind(cursor.id.uuid()).push(")");
        }
    }
    push_order(query, filter, limit);
}
