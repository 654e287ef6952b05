use askama::Template;
use axum::extract::State;
use axum::response::Response;
use openindex_domain::token::{Overlap, RotationOptions, Token, TokenError};

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::form::{Form, Sent};
use crate::web::invalid::Invalid;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::runs::Ending;
use crate::web::site::Web;
use crate::web::view::{Moment, TokenView, duration};

use super::expiry::{self, Choice};
use super::{TokenPath, found, list};

/// How long the old token keeps working, in seconds.
const OVERLAPS: [(&str, &str); 3] = [
    ("0", "Immediately"),
    ("3600", "After 1 hour"),
    ("86400", "After 24 hours"),
];

#[derive(Template)]
#[template(path = "tokens/rotate.html")]
struct RotatePage<'a> {
    page: Page,
    token: TokenView,
    runs: Ending,
    overlaps: [Choice; 3],
    choices: Vec<Choice>,
    date: &'a str,
    today: String,
    /// The path of the list.
    list: String,
    errors: Invalid,
}

pub(in crate::web) async fn show_form(
    person: Person,
    State(web): State<Web>,
    TokenPath(id): TokenPath,
    query: Query,
) -> Result<Response, WebError> {
    // Fails like the form would, before the user fills it in.
    let token = found(web.api.tokens.rotatable(&person.principal, id).await, id)?;
    render(
        &web,
        &person,
        &token,
        &query,
        person.entries(),
        Invalid::default(),
    )
    .await
}

pub(in crate::web) async fn rotate(
    person: Person,
    State(web): State<Web>,
    TokenPath(id): TokenPath,
    query: Query,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let tokens = &web.api.tokens;
    let predecessor = tokens.rotatable(&person.principal, id).await?;
    let reject = |error: String| {
        let errors = Invalid::field("expiry-date", error);
        render(&web, &person, &predecessor, &query, &form, errors)
    };
    let expires = match expiry::chosen(&form, tokens.now()) {
        Ok(expires) => expires,
        Err(error) => return reject(error).await,
    };
    let seconds: i64 = form.get("overlap").parse().unwrap_or(0);
    let overlap = Overlap::from_seconds(seconds).map_err(TokenError::from)?;
    let options = RotationOptions {
        expires: expires.map(Into::into),
        overlap,
    };
    match tokens
        .rotate(&person.principal, id, options, &context)
        .await
    {
        Ok(issued) => {
            let page = Page::of(&web, &person, "tokens");
            let was = match u64::try_from(seconds) {
                Ok(seconds @ 1..) => {
                    format!("The old token keeps working for {}.", duration(seconds))
                }
                _ => "The old token no longer works.".to_owned(),
            };
            super::created(
                &web,
                page,
                &issued,
                "Token rotated",
                Some(was),
                false,
                &query,
            )
        }
        Err(TokenError::Expiry(error)) => reject(expiry::message(error)).await,
        Err(error) => Err(error.into()),
    }
}

async fn render(
    web: &Web,
    person: &Person,
    token: &Token,
    query: &Query,
    form: &Form,
    errors: Invalid,
) -> Result<Response, WebError> {
    let now = web.api.tokens.now();
    let kept = token.expires_at.map_or_else(
        || "Unchanged (never expires)".to_owned(),
        |at| format!("Unchanged (expires {})", Moment::new(at, now).day()),
    );
    let template = RotatePage {
        page: Page::of(web, person, "tokens"),
        runs: Ending::of(web, person, token.owner, Some(token.id)).await?,
        token: TokenView::of(token, person.principal.effective_scope(), now),
        overlaps: OVERLAPS.map(|(value, label)| Choice {
            value,
            label: label.to_owned(),
            is_selected: value == form.get("overlap"),
        }),
        choices: expiry::choices(form.get("expiry"), now, &kept),
        date: form.get("expiryDate"),
        today: expiry::today(now),
        list: list::kept(query).on(crate::TOKENS_PAGE),
        errors,
    };
    html(template.errors.status(), &template)
}
