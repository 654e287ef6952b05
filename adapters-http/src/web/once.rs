//! Forms that create something. Each can be used once, so a reload, a double click or the back
//! button does not create a duplicate.

use askama::Template;
use http::StatusCode;
use openindex_domain::agent_run::AgentRunError;
use openindex_domain::audit::{RequestContext, Subject};
use openindex_domain::form::FormId;
use openindex_domain::invite::{Invite, InviteError};
use openindex_domain::token::{TokenError, TokenId, TokenKind};
use openindex_domain::user::UserError;

use super::form::ID_FIELD;
use super::{Form, Page, PageResult, Person, Shown, Web, WebError, html, paths};

/// Returns the ID for the form on a page: the sent one if it is still open, or a new one.
pub(super) fn to_show(web: &Web, sent: &Form) -> Result<FormId, WebError> {
    let now = web.now();
    match open(web, sent) {
        Some(form) => Ok(form),
        None => FormId::generate(now, &*web.entropy)
            .map_err(TokenError::from)
            .map_err(WebError::from),
    }
}

/// Returns the request context with the form's ID.
///
/// # Errors
///
/// [`WebError::STALE_FORM`] if the form has no ID or is too old.
pub(super) fn context(person: &Person, sent: &Form) -> Result<RequestContext, WebError> {
    let form = open(person, sent).ok_or(WebError::STALE_FORM)?;
    Ok(RequestContext {
        form: Some(form),
        ..person.context.0.clone()
    })
}

fn open(web: &Web, sent: &Form) -> Option<FormId> {
    let form: FormId = sent.get(ID_FIELD).parse().ok()?;
    form.is_open(web.now()).then_some(form)
}

#[derive(Template)]
#[template(path = "already.html")]
struct AlreadyPage {
    page: Page,
    kind: &'static str,
    name: Option<Shown>,
    advice: &'static str,
    /// The path and label of the button that deletes or ends it.
    delete: Option<(String, &'static str)>,
    another: (String, &'static str),
    back: (&'static str, &'static str),
}

/// Returns the page that names what the form created when it was first sent.
pub(super) async fn already(person: &Person, created: Subject) -> PageResult {
    let by = &person.principal;
    let template = match created {
        Subject::Invite(id) => AlreadyPage {
            page: person.page("invites"),
            kind: "invite",
            name: match person.invites.get(by, id).await {
                Ok(invite) => invite.as_ref().and_then(Invite::email).map(shown),
                // The user may no longer be an administrator.
                Err(InviteError::NotAuthorized(_)) => None,
                Err(error) => return Err(error.into()),
            },
            advice: "Its link was shown once. If you didn’t copy it, invite the same address \
                     again; the first link will stop working.",
            delete: None,
            another: (paths::INVITES.to_owned(), "Create another invite"),
            back: (paths::INVITES, "Back to invites"),
        },
        Subject::User(user) => AlreadyPage {
            page: person.page("users"),
            kind: "sign-in link",
            name: match person.users.get(by, user).await {
                Ok(user) => Some(shown(&user.email)),
                Err(UserError::NotFound | UserError::NotAuthorized(_)) => None,
                Err(error) => return Err(error.into()),
            },
            advice: "It was shown once. If you didn’t copy it, create another one; the first link \
                     will stop working.",
            delete: None,
            another: (
                format!("{}/{user}", paths::USERS),
                "Create another sign-in link",
            ),
            back: (paths::USERS, "Back to users"),
        },
        Subject::WorkItem(key) => AlreadyPage {
            page: person.page("work"),
            kind: "work item",
            name: Some(shown(&key)),
            advice: "Find it in the list of work items.",
            delete: None,
            another: ("/work/new".to_owned(), "Create another work item"),
            back: (paths::WORK_ITEMS, "Back to work items"),
        },
        Subject::Token(id) if id.kind() == TokenKind::AgentRun => run(person, id).await?,
        created => {
            let token = match created {
                Subject::Token(id) => person.tokens.get(by, id).await,
                _ => Err(TokenError::NotFound),
            };
            let token = match token {
                Ok(token) => Some(token),
                Err(TokenError::NotFound) => None,
                Err(error) => return Err(error.into()),
            };
            AlreadyPage {
                page: person.page("tokens"),
                kind: "token",
                advice: match token {
                    Some(_) => {
                        "Its value was shown once. If you didn’t copy it, delete the token \
                                and create another one."
                    }
                    None => "It’s no longer in your list of tokens.",
                },
                delete: token.as_ref().map(|token| {
                    (
                        format!("{}/{}/delete", paths::TOKENS, token.id),
                        "Delete token",
                    )
                }),
                name: token.map(|token| shown(&token.name)),
                another: (format!("{}/new", paths::TOKENS), "Create another token"),
                back: (paths::TOKENS, "Back to tokens"),
            }
        }
    };
    html(StatusCode::CONFLICT, &template)
}

async fn run(person: &Person, id: TokenId) -> Result<AlreadyPage, WebError> {
    let name = match person.agent_runs.get(&person.principal, id).await {
        Ok(token) => token.run.map(|run| shown(&run.agent)),
        Err(AgentRunError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(AlreadyPage {
        page: person.page("agent-runs"),
        kind: "agent run",
        advice: match name {
            Some(_) => {
                "Its token was shown once. If you didn’t copy it, end the run and \
                        start another one."
            }
            None => "It’s no longer in your list of agent runs.",
        },
        delete: name
            .is_some()
            .then(|| (format!("{}/{id}/end", paths::RUNS), "End agent run")),
        name,
        another: (format!("{}/new", paths::RUNS), "Start another agent run"),
        back: (paths::RUNS, "Back to agent runs"),
    })
}

fn shown(name: &impl ToString) -> Shown {
    Shown::of(&name.to_string())
}
