use openindex_domain::token::{TokenId, TokenKind};
use serde_json::json;

use crate::app::App;
use crate::error::{CliError, Failure};
use crate::render::shown;

/// Parses the ID of a token of this kind. A secret gets an error of its own, which does not repeat
/// it; `command` lists the IDs.
pub(crate) fn parse_token_id(
    text: &str,
    kind: TokenKind,
    secret: &str,
    command: &str,
) -> Result<TokenId, Failure> {
    let message = match text.parse::<TokenId>() {
        Ok(id) if id.kind() == kind => return Ok(id),
        _ if text.starts_with("oi_") => secret.to_owned(),
        _ => {
            let (what, prefix) = match kind {
                TokenKind::Personal => ("token", "pat_"),
                TokenKind::AgentRun => ("run", "run_"),
            };
            format!(
                "invalid {what} ID '{}': must be {prefix} and 32 hexadecimal digits, as shown by \
                 `list`",
                shown(text)
            )
        }
    };
    Err(Failure::usage(message).next(command))
}

/// Parses or looks up each of the values, without duplicates.
pub(crate) fn distinct<A, T: PartialEq>(
    values: impl IntoIterator<Item = A>,
    parse: impl Fn(A) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut parsed = Vec::new();
    for value in values {
        let value = parse(value)?;
        if !parsed.contains(&value) {
            parsed.push(value);
        }
    }
    Ok(parsed)
}

/// Runs `act` for each item and stops at the first failure, which lists the items before it under
/// `done`, such as `revoked`. The command `check` shows whether the failed change was applied.
pub(crate) fn one_by_one<T: std::fmt::Display>(
    items: &[T],
    done: &str,
    check: &str,
    act: impl Fn(&T) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let mut finished: Vec<String> = Vec::new();
    for item in items {
        act(item).map_err(|failure| {
            let mut failure = failure.or_check(check);
            failure.message = format!("{item}: {}", failure.message);
            if finished.is_empty() {
                return failure;
            }
            let before = finished.join(", ");
            failure.message = format!("{}\nalready {done}: {before}", failure.message);
            failure.detail(done, finished.clone())
        })?;
        finished.push(item.to_string());
    }
    Ok(finished)
}

/// Prints which objects were ended: as JSON under `done`, for a user with the verb, such as
/// `Revoked`.
pub(crate) fn print_ended(
    app: &mut App<'_>,
    done: &str,
    verb: &str,
    ids: &[String],
) -> Result<(), CliError> {
    app.out.print(&json!({ done: ids }), |style| {
        let lines = ids
            .iter()
            .map(|id| format!("{} {verb} {id}\n", style.done()));
        lines.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_stops_and_lists_what_was_done() {
        let act = |item: &&str| match *item {
            "c" => Err(Failure::of("not_found", "not found")),
            _ => Ok(()),
        };
        assert_eq!(
            one_by_one(&["a", "b"], "revoked", "oi list", act).unwrap(),
            ["a", "b"]
        );
        let failure = one_by_one(&["a", "b", "c", "d"], "revoked", "oi list", act).unwrap_err();
        assert_eq!(failure.message, "c: not found\nalready revoked: a, b");
        assert_eq!(failure.details["revoked"], serde_json::json!(["a", "b"]));
        let failure = one_by_one(&["c"], "revoked", "oi list", act).unwrap_err();
        assert_eq!(failure.message, "c: not found");
    }
}
