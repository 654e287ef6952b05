//! What the text of an audit filter means: a user, a token, an invite or a work item.

use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::audit::{AuditFilter, Subject};
use openindex_domain::page::MAX_PAGE;
use openindex_domain::token::{Search, Status};
use openindex_domain::user::{Email, UserId, UserQuery, UserSearch};

use crate::web::{Person, WebError};

/// The maximum number of matches to choose from.
const CHOICES: usize = 10;

/// Something that matches a text.
pub(super) struct Match {
    pub(super) subject: Subject,
    pub(super) name: String,
    /// What it is, to tell matches with the same name apart.
    pub(super) kind: String,
    /// Whether the text is its whole name rather than a part of it.
    is_exact: bool,
}

/// Why a text does not identify exactly one thing.
pub(super) struct Unclear {
    pub(super) why: String,
    /// What it matches, to choose from.
    pub(super) matches: Vec<Match>,
}

impl Unclear {
    const fn new(why: String) -> Self {
        let matches = Vec::new();
        Self { why, matches }
    }
}

/// Finds a user by ID, email address, name, or a part of a name or address that matches no other
/// user.
pub(super) async fn user(by: &Person, text: &str) -> Result<Result<UserId, Unclear>, WebError> {
    if let Ok(id) = text.parse() {
        return Ok(Ok(id));
    }
    let search = match UserSearch::parse(text) {
        Ok(search) => search,
        Err(error) => return Ok(Err(Unclear::new(error.to_string()))),
    };
    let users = match users(by, search).await? {
        Found::User(id) => return Ok(Ok(id)),
        Found::Several(users) => users,
    };
    let nothing = "matches no user; use a name, an email address or an ID";
    Ok(match only(users, nothing) {
        Ok(Subject::User(id)) => Ok(id),
        Ok(_) => Err(Unclear::new(nothing.to_owned())),
        Err(unclear) => Err(unclear),
    })
}

/// Finds a target by ID, work item key or an invited address, or like [`user`], where tokens count
/// as well.
pub(super) async fn target(by: &Person, text: &str) -> Result<Result<Subject, Unclear>, WebError> {
    let mut matches = Vec::new();
    // A token can have a name such as `web-1`, which may also be the key of a work item.
    let key = match text.parse() {
        Ok(subject @ Subject::WorkItem(_)) => Some(subject),
        Ok(subject) => return Ok(Ok(subject)),
        Err(_) => None,
    };
    if let Some(subject) = key {
        let about = AuditFilter {
            subject: Some(subject),
            ..AuditFilter::default()
        };
        let events = by.audit.list(&by.principal, &about, None, 1).await?.events;
        matches.extend((events.count() > 0).then(|| Match {
            subject,
            name: subject.to_string(),
            kind: "Work item".to_owned(),
            is_exact: true,
        }));
    }
    let (user, token) = match (UserSearch::parse(text), Search::parse(text)) {
        (Ok(user), Ok(token)) => (user, token),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(Unclear::new(error.to_string()))),
    };
    match users(by, user).await? {
        Found::User(id) => return Ok(Ok(Subject::User(id))),
        Found::Several(users) => matches.extend(users),
    }
    matches.extend(tokens(by, &token, text).await?);
    matches.extend(invites(by, text).await?);
    if let (Some(key), true) = (key, matches.is_empty()) {
        return Ok(Ok(key));
    }
    let nothing = "matches nothing; use a name, an email address, a work item key or an ID";
    Ok(only(matches, nothing))
}

/// The users that match a text.
enum Found {
    /// The user with this address.
    User(UserId),
    Several(Vec<Match>),
}

async fn users(by: &Person, search: UserSearch) -> Result<Found, WebError> {
    let text = search.as_str().to_owned();
    let query = UserQuery {
        search: Some(search),
        ..UserQuery::default()
    };
    let found = by
        .users
        .search(&by.principal, &query, None, MAX_PAGE)
        .await?;
    let users = || found.users.iter().map(|listed| &listed.user);
    let key = Email::parse(&text).ok().map(|email| email.key());
    let mut by_address = users().filter(|user| Some(user.email.key()) == key);
    if let Some(user) = by_address.next() {
        return Ok(Found::User(user.id));
    }
    let matches = users().map(|user| Match {
        subject: Subject::User(user.id),
        name: user.name.to_string(),
        kind: user.email.to_string(),
        is_exact: user.name.as_str() == text,
    });
    Ok(Found::Several(matches.collect()))
}

/// Returns the personal access tokens of every status whose names contain the text.
async fn tokens(by: &Person, search: &Search, text: &str) -> Result<Vec<Match>, WebError> {
    let mut matches = Vec::new();
    for (status, kind) in [(None, "Token"), (Some(Status::Revoked), "Revoked token")] {
        let filter = TokenFilter {
            search: Some(search.clone()),
            status,
            ..TokenFilter::default()
        };
        let found = by.admin_tokens.list(&by.principal, &filter, None, MAX_PAGE);
        for owned in &found.await?.tokens {
            let profile = owned.owner.profile.as_ref();
            let owner = profile.map_or("a deleted user", |profile| profile.name.as_str());
            let end = owned.token.details.last_four;
            let end = end.map(|end| format!(", …{end}")).unwrap_or_default();
            matches.push(Match {
                subject: Subject::Token(owned.token.id),
                name: owned.token.name.as_str().to_owned(),
                kind: format!("{kind} of {owner}{end}"),
                is_exact: owned.token.name.as_str() == text,
            });
        }
    }
    Ok(matches)
}

/// Returns the newest invites for this address.
async fn invites(by: &Person, text: &str) -> Result<Vec<Match>, WebError> {
    let Ok(address) = Email::parse(text) else {
        return Ok(Vec::new());
    };
    let found = by.invites.list(&by.principal, None, MAX_PAGE).await?;
    let is_for = |email: &&Email| email.key() == address.key();
    let matches = found.invites.iter().filter_map(|invite| {
        invite.email().filter(is_for).map(|email| Match {
            subject: Subject::Invite(invite.id),
            name: email.to_string(),
            kind: format!("Invite {}", invite.id),
            is_exact: true,
        })
    });
    Ok(matches.collect())
}

/// Returns the only match, or the only exact one.
fn only(matches: Vec<Match>, nothing: &str) -> Result<Subject, Unclear> {
    let (exact, partial): (Vec<_>, Vec<_>) = matches.into_iter().partition(|it| it.is_exact);
    let mut matches = if exact.is_empty() { partial } else { exact };
    match &matches[..] {
        [] => Err(Unclear::new(nothing.to_owned())),
        [one] => Ok(one.subject),
        several => {
            let count = several.len();
            let are = |kind: fn(&Subject) -> bool| several.iter().all(|it| kind(&it.subject));
            let kinds = match () {
                () if are(|it| matches!(it, Subject::User(_))) => "users",
                () if are(|it| matches!(it, Subject::Token(_))) => "tokens",
                () => "targets",
            };
            let or_more = if count >= MAX_PAGE as usize {
                " or more"
            } else {
                ""
            };
            let how = if matches.len() > CHOICES {
                "choose one of the first, or enter more of the name or an ID"
            } else {
                "choose one, or use an ID"
            };
            let why = format!("matches {count}{or_more} {kinds}; {how}");
            matches.truncate(CHOICES);
            Err(Unclear { why, matches })
        }
    }
}
