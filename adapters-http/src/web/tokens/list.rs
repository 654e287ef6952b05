use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::token::ListFilter;

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::Web;
use crate::web::view::TokenView;

/// How many tokens a page shows.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct ListPage {
    page: Page,
    tokens: Vec<TokenView>,
    is_first: bool,
    next: Option<String>,
}

pub(in crate::web) async fn list(
    person: Person,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let after = query.get("after").parse().ok();
    let filter = ListFilter::default();
    let found = web.api.tokens.list(&person.principal, &filter, after, PAGE);
    let found = found.await?;
    let now = web.api.tokens.now();
    let allowed = person.principal.effective_scope();
    let template = ListPage {
        page: Page::of(&web, &person, "tokens").with_damaged(&found.tokens),
        tokens: found
            .tokens
            .iter()
            .map(|token| TokenView::of(token, allowed, now))
            .collect(),
        is_first: after.is_none(),
        next: found.next.map(|id| {
            Query::default()
                .with("after", id.to_string())
                .on("/settings/tokens")
        }),
    };
    html(StatusCode::OK, &template)
}
