//! `/settings/tokens`: the user's own tokens.

mod create;
mod delete;
mod expiry;
mod list;
mod rotate;
mod show;

pub(super) use create::{create, show_form};
pub(super) use delete::{confirm as confirm_delete, delete};
pub(super) use list::list;
pub(super) use rotate::{rotate, show_form as show_rotate_form};
pub(super) use show::show;

use askama::Template;
use http::StatusCode;
use openindex_domain::token::{Token, TokenError, TokenId, TokenWithSecret};

use super::{DamagedRow, Moment, Page, PageResult, Person, Shown, WebError, html, scope_name};

/// Converts a lookup of the user's own token; a damaged row gets its own error page.
fn found(read: Result<Token, TokenError>, id: TokenId) -> Result<Token, WebError> {
    match read {
        Err(TokenError::Store(error)) => Err(WebError::of_row(error, DamagedRow::OwnToken(id))),
        read => Ok(read?),
    }
}

/// The only page that shows a token's secret.
#[derive(Template)]
#[template(path = "tokens/created.html")]
struct CreatedPage<'a> {
    page: Page,
    title: &'static str,
    name: Shown,
    scope: &'static str,
    expires: Option<Moment>,
    /// What happens to the token that this one replaces.
    predecessor: Option<String>,
    secret: &'a str,
    /// The URL of the API, for the example commands.
    url: &'a str,
    /// Another active token has the same name.
    shares_name: bool,
    /// The path of the list.
    list: String,
}

fn created(
    person: &Person,
    issued: &TokenWithSecret,
    title: &'static str,
    predecessor: Option<String>,
    shares_name: bool,
    list: String,
) -> PageResult {
    let now = person.now();
    let token = &issued.token;
    let template = CreatedPage {
        page: person.page("tokens"),
        title,
        name: Shown::of(token.name.as_str()),
        scope: scope_name(token.scope),
        expires: token.expires_at.map(|at| Moment::end(at, now)),
        predecessor,
        secret: issued.secret.expose(),
        url: person.settings.public_url.trim_end_matches('/'),
        shares_name,
        list,
    };
    html(StatusCode::CREATED, &template)
}
