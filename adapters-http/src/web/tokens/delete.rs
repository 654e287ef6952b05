use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::token::TokenId;

use crate::server::Context;
use crate::web::access::Person;
use crate::web::done::Done;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::path::IdPath;
use crate::web::query::Query;
use crate::web::runs::Ending;
use crate::web::site::Web;
use crate::web::view::TokenView;

use super::found;
use super::list::kept;

#[derive(Template)]
#[template(path = "tokens/delete.html")]
struct DeletePage {
    page: Page,
    token: TokenView,
    /// The path of the list.
    list: String,
    runs: Ending,
}

pub(in crate::web) async fn confirm(
    person: Person,
    State(web): State<Web>,
    IdPath(id): IdPath<TokenId>,
    query: Query,
) -> Result<Response, WebError> {
    let token = found(web.api.tokens.get(&person.principal, id).await, id)?;
    let owner = person.principal.user_id();
    let allowed = person.principal.effective_scope();
    let template = DeletePage {
        page: Page::of(&web, &person, "tokens"),
        token: TokenView::of(&token, allowed, web.api.tokens.now()),
        list: kept(&query).on(crate::TOKENS_PAGE),
        runs: Ending::of(&web, &person, owner, Some(id)).await?,
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(
    person: Person,
    State(web): State<Web>,
    IdPath(id): IdPath<TokenId>,
    query: Query,
    context: Context,
) -> Result<Response, WebError> {
    let (tokens, principal) = (&web.api.tokens, &person.principal);
    // A damaged token can still be deleted.
    let token = tokens.get(principal, id).await.ok();
    tokens.revoke(principal, id, &context).await?;
    let about = token.map_or_else(|| id.to_string(), |token| token.name.as_str().to_owned());
    let list = kept(&query).on(crate::TOKENS_PAGE);
    Ok(Done::TokenDeleted.to(&web.site, &list, &about))
}
