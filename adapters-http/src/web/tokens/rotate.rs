use askama::Template;
use http::StatusCode;
use openindex_domain::duration::at_least;
use openindex_domain::token::{NotRotatable, Overlap, RotationOptions, Token, TokenError, TokenId};

use crate::web::{
    At, Choice, Ending, Form, Invalid, Moment, Page, PageResult, Person, TokenView, html, paths,
};

use super::{expiry, found, list};

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

#[derive(Template)]
#[template(path = "tokens/rotated.html")]
struct RotatedPage {
    page: Page,
    /// The page of the token that replaced it.
    successor: String,
    /// Back to the list.
    list: String,
}

pub(in crate::web) async fn show_form(person: At<Person, TokenId>) -> PageResult {
    // Fails like the form would, before the user fills it in.
    let token = match person.tokens.rotatable(&person.principal, person.id).await {
        Err(TokenError::NotRotatable(NotRotatable::AlreadyRotated { successor })) => {
            return rotated(&person, successor);
        }
        read => found(read, person.id)?,
    };
    render(&person, &token, person.entries(), Invalid::default()).await
}

pub(in crate::web) async fn rotate(person: At<Person, TokenId>, form: Form) -> PageResult {
    let tokens = &person.tokens;
    let predecessor = match tokens.rotatable(&person.principal, person.id).await {
        Err(TokenError::NotRotatable(NotRotatable::AlreadyRotated { successor })) => {
            return rotated(&person, successor);
        }
        read => read?,
    };
    let reject = |error: String| {
        let errors = Invalid::field("expiry-date", error);
        render(&person, &predecessor, &form, errors)
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
    let rotated_to = tokens.rotate(&person.principal, person.id, options, &person.context);
    match rotated_to.await {
        Ok(issued) => {
            let was = match u64::try_from(seconds) {
                Ok(seconds @ 1..) => {
                    format!("The old token keeps working for {}.", at_least(seconds))
                }
                _ => "The old token no longer works.".to_owned(),
            };
            let (title, list) = ("Token rotated", list::kept(&person.query).on(paths::TOKENS));
            super::created(&person, &issued, title, Some(was), false, list)
        }
        Err(TokenError::NotRotatable(NotRotatable::AlreadyRotated { successor })) => {
            rotated(&person, successor)
        }
        Err(TokenError::Expiry(error)) => reject(expiry::message(error)).await,
        Err(error) => Err(error.into()),
    }
}

/// The page for a token that was rotated before, as Back and a second press of the button find it.
fn rotated(person: &Person, successor: TokenId) -> PageResult {
    let kept = list::kept(&person.query);
    let template = RotatedPage {
        page: person.page("tokens"),
        successor: kept.on(&format!("{}/{successor}", paths::TOKENS)),
        list: kept.on(paths::TOKENS),
    };
    html(StatusCode::CONFLICT, &template)
}

async fn render(person: &Person, token: &Token, form: &Form, errors: Invalid) -> PageResult {
    let now = person.now();
    let kept = token.expires_at.map_or_else(
        || "Unchanged (never expires)".to_owned(),
        |at| format!("Unchanged (expires {})", Moment::end(at, now).day()),
    );
    let template = RotatePage {
        page: person.page("tokens"),
        runs: Ending::of(person, token.owner, Some(token.id)).await?,
        token: TokenView::of(token, person.principal.effective_scope(), now),
        overlaps: OVERLAPS.map(|(value, label)| Choice::new(value, label, form.get("overlap"))),
        choices: expiry::choices(form.get("expiry"), now, &kept),
        date: form.get("expiryDate"),
        today: expiry::today(now),
        list: list::kept(&person.query).on(paths::TOKENS),
        errors,
    };
    html(template.errors.status(), &template)
}
