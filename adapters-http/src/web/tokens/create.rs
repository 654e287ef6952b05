use askama::Template;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::token::{Expiry, NewToken, Scope, TokenError, TokenName};

use crate::web::{Choice, Form, Invalid, Page, PageResult, Person, html, once, paths};

use super::expiry;

#[derive(Template)]
#[template(path = "tokens/create.html")]
struct CreatePage<'a> {
    page: Page,
    form: FormId,
    name: &'a str,
    /// Whether the admin scope is offered: not to members, whose tokens could not use it.
    offers_admin: bool,
    is_admin_chosen: bool,
    choices: Vec<Choice>,
    date: &'a str,
    today: String,
    errors: Invalid,
    /// The quota of live tokens, if it is reached.
    quota: Option<u32>,
}

pub(in crate::web) async fn show_form(person: Person) -> PageResult {
    render(&person, person.entries(), Invalid::default(), None)
}

pub(in crate::web) async fn create(person: Person, form: Form) -> PageResult {
    let context = once::context(&person, &form)?;
    let mut errors = Invalid::default();
    let name = TokenName::parse(form.get("name"));
    let name = errors.named("name", "name", name);
    let scope = form.get("scope").parse::<Scope>();
    let scope = errors.check("scope", scope, |_| "Choose a scope.");
    let expires = expiry::chosen(&form, person.now());
    let expires = errors.check("expiry-date", expires, |error| error);
    let (Some(name), Some(scope), Some(expires)) = (name, scope, expires) else {
        return render(&person, &form, errors, None);
    };
    let new = NewToken {
        name,
        scope,
        // If left blank, the token does not expire.
        expires: expires.unwrap_or(Expiry::Never).into(),
    };
    let tokens = &person.tokens;
    match tokens.create(&person.principal, new, &context).await {
        Ok(issued) => {
            // The secret must be shown even if this lookup fails.
            let shared = tokens.shared_names(&person.principal).await;
            let shares_name = shared.is_ok_and(|names| names.contains(&issued.token.name));
            let (title, list) = ("Token created", paths::TOKENS.to_owned());
            super::created(&person, &issued, title, None, shares_name, list)
        }
        Err(TokenError::NotAuthorized(ActorError::FormUsed(created))) => {
            once::already(&person, created).await
        }
        Err(TokenError::Expiry(error)) => {
            errors.add("expiry-date", expiry::message(error));
            render(&person, &form, errors, None)
        }
        Err(TokenError::QuotaReached { quota }) => render(&person, &form, errors, Some(quota)),
        Err(error) => Err(error.into()),
    }
}

fn render(person: &Person, form: &Form, errors: Invalid, quota: Option<u32>) -> PageResult {
    let now = person.now();
    let template = CreatePage {
        page: person.page("tokens"),
        form: once::to_show(person, form)?,
        name: form.shown("name"),
        offers_admin: person.principal.effective_scope() == Scope::Admin,
        is_admin_chosen: form.get("scope") == Scope::Admin.as_str(),
        choices: expiry::choices(form.get("expiry"), now, "Use the date above"),
        date: form.get("expiryDate"),
        today: expiry::today(now),
        errors,
        quota,
    };
    let status = match quota {
        Some(_) => StatusCode::CONFLICT,
        None => template.errors.status(),
    };
    html(status, &template)
}
