//! The OpenAPI 3.1 description of the API, generated from the routes.

mod combinations;
mod commands;
mod examples;
mod headers;
mod operations;
mod problem_examples;
mod problems;

use openindex_domain::access::Requirement;
use openindex_domain::token::{Scope, TokenKind};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Response};
use utoipa::{OpenApi, PartialSchema as _};

use crate::wire::{self, schema};

use super::{Access, Code};

use operations::operations;

/// Extension of an operation that says who may call it: `nothing` (no token required), `any_token`,
/// `human` or `human_admin`.
const ACCESS_EXTENSION: &str = "x-openindex-requires";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "OpenIndex",
        description = "API of an OpenIndex instance: create, list, rotate and revoke personal access \
            tokens, start agent runs, manage work items, and administer users, invites and \
            tokens.\n\nSend a token as `Authorization: Bearer oi_pat_…`, or `Bearer oi_run_…` in \
            an agent run. Errors are `application/problem+json` (RFC 9457) with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(name = "The operator of this instance"),
    ),
    servers((url = "/", description = "This instance")),
    components(schemas(
        wire::ProblemBody,
        wire::FieldError,
        // Used by query parameters only.
        schema::AuditAction,
        schema::ListedStatus,
        schema::PatSort,
        schema::UserSort,
    )),
    tags(
        (name = "account", description = "Account and tokens"),
        (name = "agent runs", description = "Agent runs\n\nEach agent run has its own token. It can work \
            on items but cannot manage tokens or settings. It is revoked when its issuing token \
            stops working, its owner is suspended or deleted, or its work item is completed, \
            cancelled or deleted."),
        (name = "admin", description = "Administration"),
        (name = "verification", description = "Verification for other services\n\nAny service can \
            have its callers' tokens verified here, at each request and without a cache."),
        (name = "discovery", description = "Health and discovery"),
    ),
)]
struct Base;

/// Additions of the work item routes.
#[derive(OpenApi)]
#[openapi(components(schemas(schema::SearchText)), tags(
    (name = "work items", description = "Work items\n\nWork items are at `/browse` in the API, and \
        at `/work` in the web interface. A response with one item has its version as the `ETag`. \
        Send it as `If-Match` with a change to apply the change only if the item still has that \
        version. An agent run that is bound to a work item can change only that item."),
))]
struct WorkItemsBase;

pub(super) fn base() -> Document {
    let mut document = Base::openapi();
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("oi_pat_… or oi_run_…")
        .description(Some(
            "A personal access token (`oi_pat_…`), or an agent run token (`oi_run_…`) where \
             `x-openindex-requires` is `any_token`. Tokens in query parameters or cookies are \
             ignored.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    headers::add_component(components);
    document
}

pub(super) fn work_items_base() -> Document {
    WorkItemsBase::openapi()
}

/// The order of the tags.
const TAGS: [&str; 6] = [
    "account",
    "agent runs",
    "work items",
    "admin",
    "verification",
    "discovery",
];

/// Completes the description of all routes.
pub(super) fn complete(mut document: Document) -> Document {
    if let Some(tags) = &mut document.tags {
        tags.sort_by_key(|tag| TAGS.iter().position(|name| *name == tag.name));
    }
    combinations::describe(document.components.get_or_insert_default());
    examples::add(&mut document);
    commands::add(&mut document);
    document
}

/// Describes who may call a route, and all responses that its handler does not declare. Returns the
/// responses that the description references.
pub(super) fn describe(
    paths: &mut Paths,
    access: Access,
    problems: &[Code],
) -> Vec<(String, RefOr<Response>)> {
    let mut shared = Vec::new();
    for (path, item) in &mut paths.paths {
        if let Some(read) = &mut item.get {
            shared.push(problems::not_modified(read));
        }
        for operation in operations(item) {
            describe_access(operation, access);
            describe_conditions(operation);
            let responses = operation.responses.responses.values_mut();
            responses.for_each(headers::complete);
            let problems = problems_of(access).chain(problems.iter().copied());
            shared.extend(problems::describe(path, operation, problems));
        }
    }
    shared
}

fn describe_access(operation: &mut Operation, access: Access) {
    operation
        .extensions
        .get_or_insert_with(Extensions::default)
        .insert(ACCESS_EXTENSION.to_owned(), access_name(access).into());
    operation.security = Some(match access {
        Access::Public => Vec::new(),
        Access::Requires(_) => vec![SecurityRequirement::new("bearer", Vec::<String>::new())],
    });
}

/// Sets the schema of `If-Match` on changes. Reads ignore a malformed `If-None-Match`.
fn describe_conditions(operation: &mut Operation) {
    let parameters = operation.parameters.iter_mut().flatten();
    for parameter in parameters {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "If-Match"
        {
            parameter.schema = Some(schema::EntityTags::schema());
        }
    }
}

/// Returns the problems for a rejected or denied token.
fn problems_of(access: Access) -> impl Iterator<Item = Code> {
    let codes = match access {
        Access::Public => Vec::new(),
        Access::Requires(requirement) => {
            let mut codes = problems::UNAUTHORIZED.to_vec();
            if requirement.kind == Some(TokenKind::Personal) {
                codes.push(Code::HumanTokenRequired);
            }
            if requirement.scope == Scope::Admin {
                codes.push(Code::InsufficientScope);
            }
            codes
        }
    };
    codes.into_iter()
}

fn access_name(access: Access) -> &'static str {
    match access {
        Access::Public => "nothing",
        Access::Requires(Requirement::HUMAN_ADMIN) => "human_admin",
        Access::Requires(Requirement::HUMAN) => "human",
        Access::Requires(_) => "any_token",
    }
}
