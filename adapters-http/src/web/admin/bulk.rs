//! `/settings/admin/tokens/revoke`: many at once, after a look at which.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::inventory::{BulkRevocation, InventoryError};

use crate::server::Context;
use crate::web::access::Administrator;
use crate::web::done::Done;
use crate::web::error::WebError;
use crate::web::form::Sent;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::{Web, redirect};

use super::token_filter::ChosenFilter;
use super::tokens::OwnedView;

/// How many of the tokens a preview names; it counts all.
const NAMED: usize = 200;

#[derive(Template)]
#[template(path = "admin/bulk.html")]
struct BulkPage {
    page: Page,
    filter: ChosenFilter,
    tokens: Vec<OwnedView>,
    count: usize,
    named: usize,
    kept_own: bool,
    /// It is another number than the one that was confirmed.
    has_changed: bool,
    back: String,
}

pub(in crate::web) async fn preview(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
    context: Context,
) -> Result<Response, WebError> {
    let chosen = ChosenFilter::of_query(&query);
    let found = run(&web, &by, &chosen, true, &context).await?;
    match found {
        None => Ok(redirect(&chosen.to_query().on("/settings/admin/tokens"))),
        Some(found) => render(&web, &by, chosen, &found, false),
    }
}

pub(in crate::web) async fn revoke(
    by: Administrator,
    State(web): State<Web>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let chosen = ChosenFilter::of_form(&form);
    let to_list = || redirect(&chosen.to_query().on("/settings/admin/tokens"));
    let Some(found) = run(&web, &by, &chosen, true, &context).await? else {
        return Ok(to_list());
    };
    // What was confirmed is a number of tokens; with another one it is to be looked at again.
    if form.get("count").parse() != Ok(found.tokens.count()) {
        return render(&web, &by, chosen, &found, true);
    }
    let Some(found) = run(&web, &by, &chosen, false, &context).await? else {
        return Ok(to_list());
    };
    let about = match found.tokens.count() {
        1 => "1 token".to_owned(),
        count => format!("{count} tokens"),
    };
    Ok(Done::TokensRevoked.to(&web.site, "/settings/admin/tokens", &about))
}

/// `None` when the filter wants everything, or means nothing.
async fn run(
    web: &Web,
    by: &Administrator,
    chosen: &ChosenFilter,
    dry_run: bool,
    context: &Context,
) -> Result<Option<BulkRevocation>, WebError> {
    let Ok(filter) = chosen.parse() else {
        return Ok(None);
    };
    let inventory = &web.api.inventory;
    match inventory
        .revoke_matching(&by.0.principal, &filter, dry_run, context)
        .await
    {
        Ok(found) => Ok(Some(found)),
        Err(InventoryError::FilterRequired) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn render(
    web: &Web,
    by: &Administrator,
    chosen: ChosenFilter,
    found: &BulkRevocation,
    has_changed: bool,
) -> Result<Response, WebError> {
    let now = web.api.tokens.now();
    let template = BulkPage {
        page: Page::of(web, &by.0, "all-tokens").with_damaged(&found.tokens),
        tokens: found
            .tokens
            .iter()
            .take(NAMED)
            .map(|owned| OwnedView::of(owned, now))
            .collect(),
        count: found.tokens.count(),
        named: NAMED,
        kept_own: found.kept_own,
        has_changed,
        back: chosen.to_query().on("/settings/admin/tokens"),
        filter: chosen,
    };
    let status = if has_changed {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    html(status, &template)
}
