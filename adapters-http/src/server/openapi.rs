//! The description of the API (OpenAPI 3.1), generated from the routes.

use openindex_domain::access::Requirement;
use utoipa::OpenApi;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, ResponseBuilder};

use crate::wire;

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
    ),
    servers((url = "/", description = "The instance that serves this document")),
    components(schemas(wire::ProblemBody, wire::FieldError)),
    tags(
        (name = "me", description = "Who am I, and my personal access tokens."),
        (name = "agent runs", description = "Tokens that I issue to agents, each for one run: they do work, never administer, and end with the token that started them."),
        (name = "admin", description = "Administration of the instance."),
        (name = "instance", description = "Health, discovery and this document."),
    ),
)]
struct Base;

/// What the routes of work items add to it.
#[derive(OpenApi)]
#[openapi(tags(
    (name = "work", description = "Work items and the queue, for people and agents. An answer about one item has its version as `ETag`; send it as `If-Match` with a change, and the change is made only to that version. A run that is bound to a work item changes that one alone."),
))]
struct WorkBase;

pub(super) fn base() -> Document {
    let mut document = Base::openapi();
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("oi_pat_… or oi_run_…")
        .build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    document
}

pub(super) fn work_base() -> Document {
    WorkBase::openapi()
}

/// The description of every route of this version.
#[must_use]
pub fn document() -> Document {
    let (_, work) = routes::work().into_parts();
    without_work().merge_from(work)
}

/// The description of an instance that keeps no work items.
pub(crate) fn without_work() -> Document {
    routes::all().into_parts().1
}

/// Writes what a route needs, and the refusals that follow from it, into its description.
pub(super) fn describe_needs(paths: &mut Paths, needs: Needs) {
    for item in paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
            &mut item.put,
        ];
        for operation in operations.into_iter().flatten() {
            describe_operation(operation, needs);
        }
    }
}

fn describe_operation(operation: &mut Operation, needs: Needs) {
    operation
        .extensions
        .get_or_insert_with(Extensions::default)
        .insert(NEEDS_EXTENSION.to_owned(), needs_name(needs).into());
    let mut refuse = |status: &str, description: &str| {
        let problem = Content::new(Some(Ref::from_schema_name("ProblemBody")));
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", problem)
            .build();
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| response.into());
    };
    match needs {
        Needs::Nothing => operation.security = Some(Vec::new()),
        Needs::Token(requirement) => {
            refuse(
                "400",
                &format!(
                    "`{}` or `{}`",
                    name(Code::InvalidRequest),
                    name(Code::InvalidField)
                ),
            );
            refuse(
                "401",
                &[
                    Code::AuthenticationRequired,
                    Code::TokenMalformed,
                    Code::TokenUnknown,
                    Code::TokenExpired,
                    Code::TokenRevoked,
                    Code::OwnerSuspended,
                ]
                .map(|code| format!("`{}`", name(code)))
                .join(", "),
            );
            if requirement != Requirement::ANY_TOKEN {
                refuse(
                    "403",
                    &format!(
                        "`{}` or `{}`",
                        name(Code::HumanTokenRequired),
                        name(Code::InsufficientScope)
                    ),
                );
            }
            refuse(
                "503",
                "`unavailable`: nobody knows whether the token is good; `overloaded`: the server has too much to do; see `Retry-After`",
            );
            operation.security = Some(vec![SecurityRequirement::new(
                "bearer",
                Vec::<String>::new(),
            )]);
        }
    }
}

fn name(code: Code) -> &'static str {
    code.as_str()
}

fn needs_name(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "nothing",
        Needs::Token(Requirement::HUMAN_ADMIN) => "human_admin",
        Needs::Token(requirement) if requirement.human => "human",
        Needs::Token(_) => "any_token",
    }
}
