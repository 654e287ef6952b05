use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::access::Refusal;
use openindex_domain::form::FormId;
use openindex_domain::token::{Expiry, IssueToken, Scope, TokenError, TokenName};

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::form::{Form, Sent};
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
    /// A member is not offered what their tokens could not do.
    offers_admin: bool,
    is_admin_chosen: bool,
    choices: Vec<Choice>,
    date: &'a str,
    errors: Errors,
}

#[derive(Default)]
struct Errors {
    name: Option<String>,
    scope: Option<&'static str>,
    expiry: Option<String>,
    quota: Option<u32>,
}

impl Errors {
    fn status(&self) -> StatusCode {
        if self.quota.is_some() {
            StatusCode::CONFLICT
        } else if self.name.is_some() || self.scope.is_some() || self.expiry.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        }
    }
}

pub(in crate::web) async fn show_form(
    person: Person,
    State(web): State<Web>,
) -> Result<Response, WebError> {
    render(&web, &person, &Form::default(), Errors::default())
}

pub(in crate::web) async fn create(
    person: Person,
    State(web): State<Web>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let context = once::context(&web, context, &form)?;
    let mut errors = Errors::default();
    let name = TokenName::parse(form.get("name"));
    let name = name.map_err(|error| errors.name = Some(error.to_string()));
    let scope = form.get("scope").parse::<Scope>();
    let scope = scope.map_err(|_| errors.scope = Some("Choose a scope."));
    let expires = expiry::chosen(&form, web.api.tokens.now());
    let expires = expires.map_err(|error| errors.expiry = Some(error));
    let (Ok(name), Ok(scope), Ok(expires)) = (name, scope, expires) else {
        return render(&web, &person, &form, errors);
    };
    let wanted = IssueToken {
        name,
        scope,
        // Left blank, the token does not expire.
        expires: expires.unwrap_or(Expiry::Never).into(),
    };
    let tokens = &web.api.tokens;
    match tokens.issue(&person.principal, wanted, &context).await {
        Ok(issued) => {
            let page = Page::of(&web, &person, "tokens");
            // The secret is shown, whatever becomes of this lookup.
            let shared = tokens.shared_names(&person.principal).await;
            let shares_name = shared.is_ok_and(|names| names.contains(&issued.token.name));
            let (title, query) = ("Token created", Query::default());
            super::created(&web, page, &issued, title, None, shares_name, &query)
        }
        Err(TokenError::Refused(Refusal::FormUsed(made))) => {
            once::already(&web, &person, made).await
        }
        Err(TokenError::Expiry(error)) => {
            errors.expiry = Some(expiry::message(error));
            render(&web, &person, &form, errors)
        }
        Err(TokenError::QuotaReached { quota }) => {
            errors.quota = Some(quota);
            render(&web, &person, &form, errors)
        }
        Err(error) => Err(error.into()),
    }
}

fn render(web: &Web, person: &Person, form: &Form, errors: Errors) -> Result<Response, WebError> {
    let template = CreatePage {
        page: Page::of(web, person, "tokens"),
        form: once::to_show(web, form)?,
        name: form.shown("name"),
        offers_admin: person.principal.effective_scope() == Scope::Admin,
        is_admin_chosen: form.get("scope") == Scope::Admin.as_str(),
        choices: expiry::choices(
            form.get("expiry"),
            web.api.tokens.now(),
            "Use the date above",
        ),
        date: form.get("expiryDate"),
        errors,
    };
    html(template.errors.status(), &template)
}
