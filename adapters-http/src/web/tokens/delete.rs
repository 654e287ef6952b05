use askama::Template;
use http::StatusCode;
use openindex_domain::token::TokenId;

use crate::web::{At, Done, Ending, Page, PageResult, Person, TokenView, html, paths};

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

pub(in crate::web) async fn confirm(person: At<Person, TokenId>) -> PageResult {
    let token = found(
        person.tokens.get(&person.principal, person.id).await,
        person.id,
    )?;
    let owner = person.principal.user_id();
    let allowed = person.principal.effective_scope();
    let template = DeletePage {
        page: person.page("tokens"),
        token: TokenView::of(&token, allowed, person.now()),
        list: kept(&person.query).on(paths::TOKENS),
        runs: Ending::of(&person, owner, Some(person.id)).await?,
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(person: At<Person, TokenId>) -> PageResult {
    let (tokens, principal) = (&person.tokens, &person.principal);
    // A damaged token can still be deleted.
    let token = tokens.get(principal, person.id).await.ok();
    tokens.revoke(principal, person.id, &person.context).await?;
    let about = token.map_or_else(
        || person.id.to_string(),
        |token| token.name.as_str().to_owned(),
    );
    let list = kept(&person.query).on(paths::TOKENS);
    Ok(Done::TokenDeleted.to(&person.site, &list, &about))
}
