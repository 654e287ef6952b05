//! `/docs`: the API reference, rendered from the OpenAPI document.

use std::sync::LazyLock;

use askama::Template;
use http::StatusCode;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::server::{openapi, openapi_without_work_items};

use super::{Anyone, Page, PageResult, Visitor, WebError, html};

#[derive(Template)]
#[template(path = "public/docs.html")]
struct DocsPage<'a> {
    page: Page,
    /// The base URL of the API.
    api_url: &'a str,
    reference: &'static Reference,
}

struct Group {
    anchor: String,
    title: String,
    description: Prose,
    operations: Vec<Operation>,
}

struct Operation {
    anchor: String,
    method: String,
    path: String,
    summary: Prose,
    description: Prose,
    access: &'static str,
    curl: Curl,
    commands: Vec<String>,
    parameters: Vec<Field>,
    body: Option<String>,
    responses: Vec<ResponseView>,
}

struct ResponseView {
    status: String,
    is_success: bool,
    description: Prose,
    schema: Option<String>,
}

/// A `curl` command for `{api_url}{path}`.
struct Curl {
    /// `None` if it is curl's default.
    method: Option<String>,
    path: String,
    is_authorized: bool,
    /// JSON, escaped for single quotes in a shell.
    body: Option<String>,
}

/// Text with code in it.
type Prose = Vec<Piece>;

/// A part of a description: text, or code from between backticks.
struct Piece {
    is_code: bool,
    text: String,
}

struct Schema {
    name: String,
    description: Prose,
    example: Option<String>,
    fields: Vec<Field>,
    values: Vec<String>,
}

struct Field {
    name: String,
    kind: String,
    is_required: bool,
    description: Prose,
}

struct Reference {
    /// The responses that most operations share.
    common: Vec<ResponseView>,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| reference(&openapi()));
static WITHOUT_WORK: LazyLock<Reference> =
    LazyLock::new(|| reference(&openapi_without_work_items()));

fn reference(document: &OpenApi) -> Reference {
    let document = serde_json::to_value(document).unwrap_or_default();
    let common = common(&document);
    Reference {
        groups: groups(&document, &common),
        schemas: schemas(&document),
        common: responses(&document, common.iter().copied()),
    }
}

pub(super) async fn show(anyone: Anyone, visitor: Result<Visitor, WebError>) -> PageResult {
    let reference = match anyone.work_items {
        Some(_) => &*REFERENCE,
        None => &*WITHOUT_WORK,
    };
    // The reference stays available while the store is not.
    let page = match visitor.ok().and_then(|visitor| visitor.principal) {
        Some(user) => Page::framed(&anyone, &user, "docs"),
        None => Page {
            current: "docs",
            ..Page::plain(&anyone.site)
        },
    };
    let template = DocsPage {
        page,
        api_url: &anyone.settings.public_url,
        reference,
    };
    html(StatusCode::OK, &template)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    entries(&document["paths"]).flat_map(|(path, methods)| {
        entries(methods).map(move |(method, operation)| (path, method, operation))
    })
}

/// A status and its response in the OpenAPI document.
type Returned<'a> = (&'a String, &'a Value);

/// Returns the responses that more than half of the operations share.
fn common(document: &Value) -> Vec<Returned<'_>> {
    let mut counts: Vec<(Returned<'_>, usize)> = Vec::new();
    let mut all = 0;
    for (.., operation) in operations(document) {
        all += 1;
        for response in entries(&operation["responses"]) {
            match counts.iter_mut().find(|(counted, _)| *counted == response) {
                Some((_, count)) => *count += 1,
                None => counts.push((response, 1)),
            }
        }
    }
    counts.retain(|(_, count)| 2 * *count > all);
    counts.sort_by_key(|((status, _), _)| *status);
    counts.into_iter().map(|(response, _)| response).collect()
}

fn responses<'a>(
    document: &'a Value,
    returned: impl Iterator<Item = Returned<'a>>,
) -> Vec<ResponseView> {
    returned
        .map(|(status, response)| {
            let response = resolved(document, response);
            ResponseView {
                status: status.clone(),
                is_success: status.starts_with('2'),
                description: prose(&response["description"]),
                schema: content_schema(response),
            }
        })
        .collect()
}

/// Resolves a `$ref`. Returns the value itself if it is none.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

fn groups(document: &Value, common: &[Returned<'_>]) -> Vec<Group> {
    items(&document["tags"])
        .map(|tag| {
            // The first paragraph of the description is the heading.
            let text = text(&tag["description"]);
            let (title, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
            Group {
                // An anchor contains no spaces.
                anchor: self::text(&tag["name"]).replace(' ', "-"),
                title: title.to_owned(),
                description: pieces(rest),
                operations: operations(document)
                    .filter(|(.., operation)| operation["tags"][0] == tag["name"])
                    .map(|(path, method, value)| operation(document, common, path, method, value))
                    .collect(),
            }
        })
        .filter(|group| !group.operations.is_empty())
        .collect()
}

fn operation(
    document: &Value,
    common: &[Returned<'_>],
    path: &str,
    method: &str,
    value: &Value,
) -> Operation {
    let access = match value["x-openindex-requires"].as_str() {
        Some("any_token") => "Requires a personal access token or an agent run token.",
        Some("human") => "Requires a personal access token.",
        Some("human_admin") => "Requires an administrator’s token with the admin scope.",
        _ => "No authentication.",
    };
    Operation {
        anchor: text(&value["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: prose(&value["summary"]),
        description: prose(&value["description"]),
        access,
        curl: curl(document, path, method, value),
        commands: items(&document["x-oi"][&text(&value["operationId"])])
            .map(text)
            .collect(),
        parameters: items(&value["parameters"])
            .map(|parameter| Field {
                name: text(&parameter["name"]),
                kind: format!("{}, {}", text(&parameter["in"]), kind(&parameter["schema"])),
                is_required: parameter["required"] == true,
                description: prose(&parameter["description"]),
            })
            .collect(),
        body: content_schema(&value["requestBody"]),
        responses: responses(
            document,
            entries(&value["responses"]).filter(|response| !common.contains(response)),
        ),
    }
}

/// Returns the request, filled in with the document's examples.
fn curl(document: &Value, path: &str, method: &str, value: &Value) -> Curl {
    let mut filled = path.to_owned();
    for parameter in items(&value["parameters"]).filter(|parameter| parameter["in"] == "path") {
        let description = text(&parameter["description"]);
        let example = match description.split('`').nth(1) {
            Some(prefix) if prefix.ends_with("_…") => {
                prefix.replace('…', "0199f3a1c6d07c35b2f0e8a4d1c7b9e2")
            }
            _ => "OPS-42".to_owned(),
        };
        filled = filled.replace(&format!("{{{}}}", text(&parameter["name"])), &example);
    }
    let content = entries(&value["requestBody"]["content"]).map(|(_, content)| content);
    let mut examples = content.flat_map(|content| entries(&content["examples"]));
    let body = examples.next().map(|(_, example)| {
        let body = resolved(document, example)["value"].to_string();
        body.replace('\'', r"'\''")
    });
    Curl {
        // curl defaults to POST if there is a body.
        method: Some(method.to_uppercase())
            .filter(|method| method != if body.is_some() { "POST" } else { "GET" }),
        path: filled,
        is_authorized: value["x-openindex-requires"] != "nothing",
        body,
    }
}

fn prose(value: &Value) -> Prose {
    pieces(&text(value))
}

fn pieces(text: &str) -> Prose {
    text.split('`')
        .filter(|_| !text.is_empty())
        .enumerate()
        .map(|(at, text)| Piece {
            is_code: at % 2 == 1,
            text: text.to_owned(),
        })
        .collect()
}

/// Returns the name of a body's schema, if any.
fn content_schema(value: &Value) -> Option<String> {
    entries(&value["content"]).find_map(|(_, content)| {
        let schema = &content["schema"];
        referred(schema).or_else(|| items(&schema["allOf"]).find_map(referred))
    })
}

fn referred(schema: &Value) -> Option<String> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some(name.to_owned())
}

fn kind(schema: &Value) -> String {
    if let Some(name) = referred(schema) {
        return name;
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let mut kinds = items(&schema[key]).map(kind).filter(|kind| kind != "null");
        if let Some(first) = kinds.next() {
            return first;
        }
    }
    let name = match &schema["type"] {
        Value::Array(types) => types.iter().find(|name| *name != "null").map(text),
        name => Some(text(name)),
    };
    match name.unwrap_or_default().as_str() {
        "array" => format!("list of {}", kind(&schema["items"])),
        "" => "any".to_owned(),
        "string" if schema["format"].is_string() => text(&schema["format"]),
        name => name.to_owned(),
    }
}

fn schemas(document: &Value) -> Vec<Schema> {
    entries(&document["components"]["schemas"])
        .map(|(name, schema)| {
            let parts: Vec<&Value> = std::iter::once(schema)
                .chain(items(&schema["allOf"]))
                .collect();
            Schema {
                name: name.clone(),
                description: prose(&schema["description"]),
                example: schema["examples"][0].as_str().map(str::to_owned),
                fields: parts
                    .iter()
                    .flat_map(|part| fields(document, part))
                    .chain(items(&schema["oneOf"]).flat_map(|one| alternatives(document, one)))
                    .collect(),
                values: items(&schema["enum"])
                    .chain(items(&schema["oneOf"]).flat_map(|one| items(&one["enum"])))
                    .map(text)
                    .collect(),
            }
        })
        .collect()
}

/// Returns the fields of one alternative of a `oneOf`, all optional.
fn alternatives(document: &Value, schema: &Value) -> Vec<Field> {
    let fields = fields(document, schema).into_iter();
    fields
        .map(|field| Field {
            is_required: false,
            ..field
        })
        .collect()
}

/// Returns the fields of an object schema, resolving a `$ref`.
fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let schema = resolved(document, schema);
    entries(&schema["properties"])
        .map(|(name, property)| Field {
            name: name.clone(),
            kind: kind(property),
            is_required: items(&schema["required"]).any(|required| *required == **name),
            description: prose(&property["description"]),
        })
        .collect()
}
