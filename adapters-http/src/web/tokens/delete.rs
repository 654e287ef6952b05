use askama::Template;
use http::StatusCode;
use openindex_domain::token::TokenId;

use crate::server::Context;
use crate::web::{Done, Ending, IdPath, Page, PageResult, Person, Query, TokenView, html};

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
    IdPath(id): IdPath<TokenId>,
    query: Query,
) -> PageResult {
    let token = found(person.tokens.get(&person.principal, id).await, id)?;
    let owner = person.principal.user_id();
    let allowed = person.principal.effective_scope();
    let template = DeletePage {
        page: person.page("tokens"),
        token: TokenView::of(&token, allowed, person.now()),
        list: kept(&query).on(crate::TOKENS_PAGE),
        runs: Ending::of(&person, owner, Some(id)).await?,
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(
    person: Person,
    IdPath(id): IdPath<TokenId>,
    query: Query,
    context: Context,
) -> PageResult {
    let (tokens, principal) = (&person.tokens, &person.principal);
    // A damaged token can still be deleted.
    let token = tokens.get(principal, id).await.ok();
    tokens.revoke(principal, id, &context).await?;
    let about = token.map_or_else(|| id.to_string(), |token| token.name.as_str().to_owned());
    let list = kept(&query).on(crate::TOKENS_PAGE);
    Ok(Done::TokenDeleted.to(&person.site, &list, &about))
}
