//! `oi report-leak`: end tokens that were found where they should not be.

pub(crate) mod scan;

use std::collections::HashSet;
use std::io::{self, Read as _};

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{PlainSecret, ReportLeakedTokens};
use openindex_domain::token::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::prompt;
use crate::token;

use scan::{Found, Scanner};

pub(crate) const AFTER_HELP: &str = "\
Reads any text from standard input (a log, a diff, a list), finds the tokens in it and reports
them; nothing else of it is sent. Those that are live are revoked at once and their owners are told.
Which were live, the server does not say: not to you, not to anybody. No token of yours is needed or
sent. Reporting again does no harm.

Examples:
  oi report-leak < build.log
  git log -p | oi report-leak --app-url https://openindex.example.com";

/// The most secrets in one report.
const MAX_REPORTED: usize = 1_000;
const PIECE: usize = 64 * 1024;

/// What was sent.
#[derive(Debug, Default, Serialize)]
struct Answer {
    /// Different tokens.
    reported: usize,
    /// What begins like a token and is none: cut off or mistyped.
    malformed: usize,
}

pub(crate) fn run(app: &mut App<'_>) -> Result<(), CliError> {
    let server = app.server()?;
    let client = app.client(&server.api_url, None)?;
    client.check_confidential()?;
    let answer = if prompt::can_ask_hidden() {
        typed(&client)
    } else {
        piped(&client)
    };
    let answer = answer.map_err(|error| match error {
        CliError::Failure(failure) => server.explain(failure).into(),
        error => error,
    })?;
    let malformed = match answer.malformed {
        0 => None,
        1 => Some("1 text begins like a token and is none: cut off or mistyped".to_owned()),
        count => Some(format!(
            "{count} texts begin like a token and are none: cut off or mistyped"
        )),
    };
    if answer.reported == 0 {
        let message = "there is no token in the input; nothing was reported";
        let failure = Failure::new(ExitCode::Failure, "nothing_to_report", message);
        return Err(match malformed {
            Some(malformed) => failure.hint(malformed),
            None => failure,
        }
        .into());
    }
    if let Some(malformed) = malformed {
        app.out.note(&malformed);
    }
    app.out.answer(&answer, |style| {
        let plural = if answer.reported == 1 { "" } else { "s" };
        format!(
            "{} Reported {} token{plural}. Whatever of that was live is revoked; the server does not \
             say which.\n",
            style.done(),
            answer.reported
        )
    })
}

/// One token from the terminal, not shown.
fn typed(client: &Client) -> Result<Answer, CliError> {
    let text = prompt::read_token()?;
    let mut answer = Answer::default();
    match token::parse(&text) {
        Ok(secret) => send(client, &mut vec![secret], &mut answer)?,
        Err(error) => {
            let message = format!("nothing was reported: {error}");
            return Err(Failure::new(ExitCode::Failure, "nothing_to_report", message).into());
        }
    }
    Ok(answer)
}

/// All tokens of standard input, in as many reports as it takes. The input may be of any size.
fn piped(client: &Client) -> Result<Answer, CliError> {
    let mut input = io::stdin().lock();
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let mut scanner = Scanner::default();
    let mut answer = Answer::default();
    let (mut seen, mut waiting) = (HashSet::new(), Vec::new());
    loop {
        let length = match input.read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(stopped(Failure::input(&error.into()), answer.reported).into());
            }
        };
        let mut take = |found: Found| {
            match found {
                Found::Secret(secret) if seen.insert(secret.digest()) => waiting.push(secret),
                Found::Secret(_) => {}
                Found::Malformed => answer.malformed += 1,
            }
            if waiting.len() == MAX_REPORTED {
                send(client, &mut waiting, &mut answer)?;
            }
            Ok::<(), Failure>(())
        };
        if length == 0 {
            scanner.finish(&mut take)?;
            break;
        }
        scanner.feed(&piece[..length], &mut take)?;
    }
    if !waiting.is_empty() {
        send(client, &mut waiting, &mut answer)?;
    }
    Ok(answer)
}

fn send(client: &Client, secrets: &mut Vec<Secret>, answer: &mut Answer) -> Result<(), Failure> {
    let tokens = secrets
        .drain(..)
        .map(|secret| PlainSecret::new(secret.expose()));
    let report = ReportLeakedTokens {
        tokens: tokens.collect(),
    };
    client
        .report_leaked(&report)
        .map_err(|error| stopped(error.into(), answer.reported))?;
    answer.reported += report.tokens.len();
    Ok(())
}

/// Some reports may have gone out before.
fn stopped(mut failure: Failure, reported: usize) -> Failure {
    if reported == 0 {
        return failure;
    }
    failure.message = format!(
        "{}\n{reported} tokens were reported before; run it again for the rest",
        failure.message
    );
    failure.detail("reported", reported)
}
