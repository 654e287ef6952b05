use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::token::{Expiry, NewToken, Scope, TokenError, TokenName};

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::form::{Form, Sent};
use crate::web::invalid::Invalid;
use crate::web::once;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::Web;

use super::expiry::{self, Choice};

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

pub(in crate::web) async fn show_form(
    person: Person,
    State(web): State<Web>,
) -> Result<Response, WebError> {
    render(&web, &person, person.entries(), Invalid::default(), None)
}

pub(in crate::web) async fn create(
    person: Person,
    State(web): State<Web>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let context = once::context(&web, context, &form)?;
    let mut errors = Invalid::default();
    let name = TokenName::parse(form.get("name"));
    let name = name.map_err(|error| errors.add("name", format!("The name {error}.")));
    let scope = form.get("scope").parse::<Scope>();
    let scope = scope.map_err(|_| errors.add("scope", "Choose a scope."));
    let expires = expiry::chosen(&form, web.api.tokens.now());
    let expires = expires.map_err(|error| errors.add("expiry-date", error));
    let (Ok(name), Ok(scope), Ok(expires)) = (name, scope, expires) else {
        return render(&web, &person, &form, errors, None);
    };
    let new = NewToken {
        name,
        scope,
        // If left blank, the token does not expire.
        expires: expires.unwrap_or(Expiry::Never).into(),
    };
    let tokens = &web.api.tokens;
    match tokens.create(&person.principal, new, &context).await {
        Ok(issued) => {
            let page = Page::of(&web, &person, "tokens");
            // The secret must be shown even if this lookup fails.
            let shared = tokens.shared_names(&person.principal).await;
            let shares_name = shared.is_ok_and(|names| names.contains(&issued.token.name));
            let (title, query) = ("Token created", Query::default());
            super::created(&web, page, &issued, title, None, shares_name, &query)
        }
        Err(TokenError::NotAuthorized(ActorError::FormUsed(created))) => {
            once::already(&web, &person, created).await
        }
        Err(TokenError::Expiry(error)) => {
            errors.add("expiry-date", expiry::message(error));
            render(&web, &person, &form, errors, None)
        }
        Err(TokenError::QuotaReached { quota }) => {
            render(&web, &person, &form, errors, Some(quota))
        }
        Err(error) => Err(error.into()),
    }
}

fn render(
    web: &Web,
    person: &Person,
    form: &Form,
    errors: Invalid,
    quota: Option<u32>,
) -> Result<Response, WebError> {
    let now = web.api.tokens.now();
    let template = CreatePage {
        page: Page::of(web, person, "tokens"),
        form: once::to_show(web, form)?,
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
