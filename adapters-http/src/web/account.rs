//! `/settings/account`: name, password and browser sessions.

use askama::Template;
use openindex_domain::duration::at_least;
use openindex_domain::session::{
    ABSOLUTE_LIMIT_SECONDS, IDLE_LIMIT_SECONDS, SessionError, SessionId, SessionSelection,
};
use openindex_domain::user::{MIN_PASSWORD_CHARS, PersonName};

use super::sign_in::leave;
use super::view::browser;
use super::{
    At, Done, Form, Invalid, Moment, Page, PageResult, Person, Shown, WebError, html, paths,
    weak_password,
};

const WRONG: &str = "Incorrect current password.";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Page,
    /// The current name, or the invalid one that was entered.
    name: Shown,
    sessions: Vec<SessionView>,
    min_password: usize,
    idle_limit: String,
    absolute_limit: String,
    errors: Invalid,
}

struct SessionView {
    id: String,
    browser: Option<String>,
    client: Shown,
    address: Option<String>,
    began: Moment,
    seen: Moment,
    is_own: bool,
}

pub(super) async fn show(person: Person) -> PageResult {
    // The name entered before the session ended.
    let typed = Some(person.entries().shown("name")).filter(|name| !name.is_empty());
    render(&person, typed, Invalid::default()).await
}

pub(super) async fn change_name(person: Person, form: Form) -> PageResult {
    match PersonName::parse(form.get("name")) {
        Ok(name) => {
            let users = &person.users;
            let user = users
                .rename_self(&person.principal, name, &person.context)
                .await?;
            Ok(Done::NameChanged.to(&person.site, paths::ACCOUNT, user.name.as_str()))
        }
        Err(error) => {
            let errors = Invalid::field("name", format!("The name {error}."));
            render(&person, Some(form.shown("name")), errors).await
        }
    }
}

pub(super) async fn change_password(person: Person, form: Form) -> PageResult {
    let mut errors = Invalid::default();
    let current = form.password("currentPassword");
    let current = errors.check("current", current, |_| WRONG);
    let new = form.password("password").ok();
    if let (Some(current), Some(new)) = (current, new) {
        let (sessions, by) = (&person.sessions, &person.principal);
        match sessions
            .change_password(by, &current, &new, &person.context)
            .await
        {
            Ok(()) => return Ok(Done::PasswordChanged.on(&person.site, paths::ACCOUNT)),
            Err(SessionError::WrongPassword) => errors.add("current", WRONG),
            Err(SessionError::WeakPassword(weak)) => errors.add("password", weak_password(weak)),
            Err(error) => return Err(error.into()),
        }
    }
    // With a wrong current password, the new one has not been checked.
    if errors.get("password").is_none() {
        let profile = person.principal.owner().profile.as_ref();
        let own = profile.map(|own| [own.name.as_str(), own.email.as_str()]);
        errors.new_password(&form, own.as_ref().map_or(&[], |own| &own[..]));
    }
    render(&person, None, errors).await
}

pub(super) async fn end_session(person: At<Person, SessionId>) -> PageResult {
    let own = person.principal.session().map(|session| session.id);
    let sessions = &person.sessions;
    let client = sessions
        .list(&person.principal)
        .await?
        .iter()
        .find(|session| session.id == person.id)
        .map(|session| session.client.as_str().to_owned())
        .unwrap_or_default();
    let ended = sessions
        .end(
            &person.principal,
            SessionSelection::One(person.id),
            &person.context,
        )
        .await?;
    if own == Some(person.id) {
        return Ok(leave(&person, Done::SignedOut));
    }
    if ended == 0 {
        return Err(WebError::NOT_FOUND);
    }
    let about = browser(&client).unwrap_or(client);
    Ok(Done::SessionEnded.to(&person.site, paths::ACCOUNT, &about))
}

pub(super) async fn sign_out_everywhere(person: Person) -> PageResult {
    person
        .sessions
        .end(&person.principal, SessionSelection::All, &person.context)
        .await?;
    Ok(leave(&person, Done::SignedOutEverywhere))
}

async fn render(person: &Person, typed_name: Option<&str>, errors: Invalid) -> PageResult {
    let now = person.now();
    let own = person.principal.session().map(|session| session.id);
    let sessions = person.sessions.list(&person.principal).await?;
    let profile = person.principal.owner().profile.as_ref();
    let name = profile.map_or("", |profile| profile.name.as_str());
    let template = AccountPage {
        page: person.page("account"),
        name: Shown::of(typed_name.unwrap_or(name)),
        sessions: sessions
            .iter()
            .map(|session| SessionView {
                id: session.id.to_string(),
                browser: browser(session.client.as_str()),
                client: Shown::of(session.client.as_str()),
                address: session.client_address.map(|address| address.to_string()),
                began: Moment::new(session.created_at, now),
                seen: Moment::new(session.last_seen_at, now),
                is_own: own == Some(session.id),
            })
            .collect(),
        min_password: MIN_PASSWORD_CHARS,
        idle_limit: at_least(IDLE_LIMIT_SECONDS.unsigned_abs()),
        absolute_limit: at_least(ABSOLUTE_LIMIT_SECONDS.unsigned_abs()),
        errors,
    };
    html(template.errors.status(), &template)
}
