//! `oi report-leak`: reports leaked tokens so that they are revoked.

use std::collections::HashSet;
use std::io::{self, Read as _};

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{PlainSecret, ReportLeakedTokens};
use openindex_domain::token::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::commands::prelude::*;
use crate::prompt;
use crate::scan::{Found, Scanner};
use crate::token;

/// The maximum number of tokens in one report.
const MAX_REPORTED: usize = 1_000;
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug, Default, Serialize)]
struct ReportLeakOutput {
    /// The number of distinct tokens that were reported.
    reported: usize,
    /// The number of strings that start like a token but are malformed.
    malformed: usize,
}

pub(super) fn run(_: &NoArguments, app: &mut App<'_>) -> Result<(), CliError> {
    let server = app.server()?;
    let client = app.client(&server.api_url, None)?;
    client.check_confidential()?;
    let output = if prompt::can_ask_hidden() {
        from_terminal(&client)
    } else {
        from_stdin(&client)
    };
    let output = output.map_err(|error| match error {
        CliError::Failure(failure) => server.explain(failure).into(),
        error => error,
    })?;
    let malformed = match output.malformed {
        0 => None,
        1 => Some("1 string looks like a token but is cut off or mistyped".to_owned()),
        count => Some(format!(
            "{count} strings look like tokens but are cut off or mistyped"
        )),
    };
    if output.reported == 0 {
        let message = "no token found in the input; nothing was reported";
        let mut failure = Failure::of("nothing_to_report", message);
        failure.hint = malformed;
        return Err(failure.into());
    }
    if let Some(malformed) = malformed {
        app.out.note(&malformed);
    }
    app.out.print(&output, |style| {
        format!("{} {}\n", style.done(), reported_text(output.reported))
    })
}

/// Tells what became of the reported tokens.
pub(super) fn reported_text(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!(
        "Reported {count} token{plural}. Any active ones are now revoked; the server does not say \
         which."
    )
}

/// Prompts for a token and reports it.
fn from_terminal(client: &Client) -> Result<ReportLeakOutput, CliError> {
    let text = prompt::read_token()?;
    let secret = token::parse(&text).map_err(|error| {
        let message = format!("nothing was reported: {error}");
        Failure::of("nothing_to_report", message)
    })?;
    let mut output = ReportLeakOutput::default();
    send(client, &mut vec![secret], &mut output.reported)?;
    Ok(output)
}

/// Reports all tokens in standard input, which can be of any size.
fn from_stdin(client: &Client) -> Result<ReportLeakOutput, CliError> {
    let mut input = io::stdin().lock();
    let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
    let mut scanner = Scanner::default();
    let mut output = ReportLeakOutput::default();
    let (mut seen, mut pending) = (HashSet::new(), Vec::new());
    loop {
        let length = match input.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(with_reported(Failure::input(&error.into()), output.reported).into());
            }
        };
        let mut on_found = |found: Found| {
            match found {
                Found::Secret(secret, _) if seen.insert(secret.digest()) => pending.push(secret),
                Found::Secret(..) => {}
                Found::Malformed => output.malformed += 1,
            }
            if pending.len() == MAX_REPORTED {
                send(client, &mut pending, &mut output.reported)?;
            }
            Ok::<(), Failure>(())
        };
        if length == 0 {
            scanner.finish(&mut on_found)?;
            break;
        }
        scanner.feed(&chunk[..length], &mut on_found)?;
    }
    if !pending.is_empty() {
        send(client, &mut pending, &mut output.reported)?;
    }
    Ok(output)
}

/// Reports the first tokens, as many as a report can have, and removes them.
pub(super) fn send(
    client: &Client,
    secrets: &mut Vec<Secret>,
    reported: &mut usize,
) -> Result<(), Failure> {
    let tokens = secrets
        .drain(..secrets.len().min(MAX_REPORTED))
        .map(|secret| PlainSecret::new(secret.expose()));
    let report = ReportLeakedTokens {
        tokens: tokens.collect(),
    };
    client
        .report_leaked(&report)
        .map_err(|error| with_reported(error.into(), *reported))?;
    *reported += report.tokens.len();
    Ok(())
}

/// Adds how many tokens were already reported.
fn with_reported(mut failure: Failure, reported: usize) -> Failure {
    if reported == 0 {
        return failure;
    }
    failure.message = format!(
        "{}\n{reported} tokens were already reported; run the command again to report the rest",
        failure.message
    );
    failure.detail("reported", reported)
}
