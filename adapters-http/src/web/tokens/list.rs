use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::Web;
use crate::web::view::TokenView;

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct ListPage {
    page: Page,
    tokens: Vec<TokenView>,
}

pub(in crate::web) async fn list(
    person: Person,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let tokens = web.api.tokens.list(&person.principal).await?;
    let now = web.api.tokens.now();
    let allowed = person.principal.effective_scope();
    let template = ListPage {
        page: Page::of(&web, &person, "tokens")
            .after(&query)
            .with_damaged(&tokens),
        tokens: tokens
            .iter()
            .map(|token| TokenView::of(token, allowed, now))
            .collect(),
    };
    html(StatusCode::OK, &template)
}
