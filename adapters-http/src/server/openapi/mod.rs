//! The description of the API (OpenAPI 3.1), generated from the routes.

mod combinations;
mod commands;
mod examples;
mod headers;
mod problem_examples;
mod problems;

use openindex_domain::access::Requirement;
use openindex_domain::token::Scope;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Response};
use utoipa::{OpenApi, PartialSchema as _};

use crate::wire::{self, schema};

use super::permission::Needs;
use super::{Code, routes};

/// In a description, what a route needs: `nothing`, `any_token`, `human` or `human_admin`.
const NEEDS_EXTENSION: &str = "x-openindex-needs";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "OpenIndex",
        description = "Personal access tokens of an OpenIndex instance: issue, list, rotate, revoke and check them, and what is done with them.\n\nEvery request that needs a token carries it as `Authorization: Bearer oi_pat_…`, or `oi_run_…` of an agent run. Errors are `application/problem+json` (RFC 9457) with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(name = "The operator of this instance"),
    ),
    servers((url = "/", description = "The instance that serves this document")),
    components(schemas(
        wire::ProblemBody,
        wire::FieldError,
        // What stands in queries alone.
        schema::AuditAction,
        schema::ListedStatus,
        schema::PatSort,
        schema::UserSort,
    )),
    tags(
        (name = "me", description = "Account and tokens"),
        (name = "agent runs", description = "Agent runs\n\nEach agent run has its own token. It can work on items but cannot manage tokens or settings, and it is revoked when its issuing token, owner or work item ends."),
        (name = "admin", description = "Administration"),
        (name = "instance", description = "Health and discovery"),
    ),
)]
struct Base;

/// What the routes of work items add to it.
#[derive(OpenApi)]
#[openapi(components(schemas(schema::SearchText)), tags(
    (name = "work", description = "Work items and queue\n\nA response with one item has its version as `ETag`. Send it as `If-Match` with a change, and the item changes only if it still has that version. A run that is bound to a work item can change only that item."),
))]
struct WorkBase;

pub(super) fn base() -> Document {
    let mut document = Base::openapi();
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("oi_pat_… or oi_run_…")
        .description(Some(
            "A personal access token (`oi_pat_…`), or the token of an agent run (`oi_run_…`), which \
             is accepted where `x-openindex-needs` is `any_token`. Query parameters and cookies never \
             authenticate.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    headers::add_component(components);
    document
}

pub(super) fn work_base() -> Document {
    WorkBase::openapi()
}

/// The description of every route of this version.
#[must_use]
pub fn document() -> Document {
    let (_, work) = routes::work().into_parts();
    complete(routes::all().into_parts().1.merge_from(work))
}

/// The description of an instance that keeps no work items.
pub(crate) fn without_work() -> Document {
    complete(routes::all().into_parts().1)
}

fn complete(mut document: Document) -> Document {
    combinations::describe(document.components.get_or_insert_default());
    examples::add(&mut document);
    commands::add(&mut document);
    document
}

/// Describes what a route needs, and all that it may return besides what its handler says. Returns
/// the responses that the description refers to.
pub(super) fn describe(
    paths: &mut Paths,
    needs: Needs,
    problems: &[Code],
) -> Vec<(String, RefOr<Response>)> {
    let mut shared = Vec::new();
    for (path, item) in &mut paths.paths {
        if let Some(read) = &mut item.get {
            shared.push(problems::not_modified(read));
        }
        for operation in operations(item) {
            describe_needs(operation, needs);
            describe_conditions(operation);
            let responses = operation.responses.responses.values_mut();
            responses.for_each(headers::complete);
            let problems = problems_of(needs).chain(problems.iter().copied());
            shared.extend(problems::describe(path, operation, problems));
        }
    }
    shared
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        post,
        delete,
        patch,
        put,
        ..
    } = item;
    [get, post, delete, patch, put].into_iter().flatten()
}

fn describe_needs(operation: &mut Operation, needs: Needs) {
    operation
        .extensions
        .get_or_insert_with(Extensions::default)
        .insert(NEEDS_EXTENSION.to_owned(), needs_name(needs).into());
    operation.security = Some(match needs {
        Needs::Nothing => Vec::new(),
        Needs::Token(_) => vec![SecurityRequirement::new("bearer", Vec::<String>::new())],
    });
}

/// Gives the condition of a change its form. A read ignores a malformed `If-None-Match`.
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

/// With which problems a token is rejected, or denied.
fn problems_of(needs: Needs) -> impl Iterator<Item = Code> {
    let codes = match needs {
        Needs::Nothing => Vec::new(),
        Needs::Token(requirement) => {
            let mut codes = problems::UNAUTHORIZED.to_vec();
            if requirement.human {
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

fn needs_name(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "nothing",
        Needs::Token(Requirement::HUMAN_ADMIN) => "human_admin",
        Needs::Token(requirement) if requirement.human => "human",
        Needs::Token(_) => "any_token",
    }
}
