//! Failures of commands, and how they are reported.

use std::fmt::Write as _;
use std::io;
use std::ops::{Deref, DerefMut};

use openindex_adapters_http::client::{Cause, ClientError, Effect, Origin, Problem};
use openindex_domain::duration::at_least;
use serde_json::{Map, Value, json};

use crate::exit_code::ExitCode;
use crate::input::Unreadable;
use crate::render::redact;

/// How a command ends when it does not succeed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The reader of standard output closed the pipe; this is not a failure.
    ClosedPipe,
    /// Everything was reported already; only the exit status is left to return.
    Reported(ExitCode),
    /// A failure to report.
    Failure(Failure),
}

/// A failure to report: as text to a user, as an `error` document to a program.
///
/// Boxed to keep `Result`s small.
#[derive(Debug, Clone)]
pub(crate) struct Failure(Box<Parts>);

/// The fields of a [`Failure`].
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) exit: ExitCode,
    /// The machine-readable kind of failure; the server's code if the server reported it.
    pub(crate) code: String,
    pub(crate) message: String,
    /// The HTTP status, if a server responded.
    pub(crate) status: Option<u16>,
    /// The command to run next.
    pub(crate) next_command: Option<String>,
    /// Advice for the user; each line is a sentence.
    pub(crate) hint: Option<String>,
    /// More data for programs, placed beside `error` in the document.
    pub(crate) details: Map<String, Value>,
    /// Whether the response was JSON of a form that this version does not know.
    from_other_version: bool,
    /// The requested URL, if a server responded.
    requested_url: Option<String>,
}

/// Reports an invalid argument as a usage error.
pub(crate) trait Named<T> {
    /// Puts the name of the argument, such as `--name`, before the error.
    fn named(self, argument: &str) -> Result<T, Failure>;
}

impl<T, E: std::fmt::Display> Named<T> for Result<T, E> {
    fn named(self, argument: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::usage(format!("{argument} {error}")))
    }
}

impl Failure {
    pub(crate) fn new(exit: ExitCode, code: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            exit,
            code: code.to_owned(),
            message: message.into(),
            status: None,
            next_command: None,
            hint: None,
            details: Map::new(),
            from_other_version: false,
            requested_url: None,
        }))
    }

    /// Creates a failure that has no exit status of its own.
    pub(crate) fn of(code: &str, message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failure, code, message)
    }

    /// Creates a failure for a response that cannot be used.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::of("unexpected_response", message)
    }

    /// Creates a failure for an invalid command line that clap cannot detect.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, "usage", message)
    }

    /// Creates a failure for standard input that cannot be read.
    pub(crate) fn input(error: &Unreadable) -> Self {
        let message = format!("cannot read standard input: {error}");
        Self::of("input_failed", message)
    }

    pub(crate) fn next(mut self, command: impl Into<String>) -> Self {
        self.next_command = Some(command.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Adds whether the requested change was applied although the request failed.
    fn with_effect(self, effect: Effect) -> Self {
        let (detail, hint) = match effect {
            Effect::None => return self,
            Effect::Possible => (
                "mayHaveArrived",
                "the change may have been applied; check before retrying",
            ),
            Effect::Done => (
                "wasDone",
                "the change was applied, but its response could not be read; do not retry",
            ),
        };
        let mut failure = self.detail(detail, true).prepend_hint(hint);
        // It ignores that the change may have been applied.
        failure.next_command = None;
        failure
    }

    /// Returns whether the requested change was applied, or may have been.
    pub(crate) fn may_have_taken_effect(&self) -> bool {
        ["mayHaveArrived", "wasDone"]
            .iter()
            .any(|detail| self.details.contains_key(*detail))
    }

    /// Suggests the command `check` if the change may have been applied although the request
    /// failed.
    pub(crate) fn or_check(self, check: &str) -> Self {
        if self.may_have_taken_effect() {
            self.next(check)
        } else {
            self
        }
    }

    /// Returns whether a server of another version could be the cause: a response of an unknown
    /// form, a missing path, or an unknown field.
    pub(crate) fn suggests_other_version(&self) -> bool {
        let mentions = |text: &str| {
            let errors = self.details.get("errors").map(ToString::to_string);
            self.message.contains(text) || errors.is_some_and(|errors| errors.contains(text))
        };
        match self.status {
            _ if self.from_other_version => true,
            // The wording of current and earlier servers.
            Some(400) => ["unknown field", "unknown parameter", "is not known"]
                .into_iter()
                .any(mentions),
            Some(404) => mentions("no route matches"),
            Some(405) => true,
            _ => false,
        }
    }

    /// Returns the requested URL if there seems to be no OpenIndex server at it, or none with that
    /// path. A gateway's error or another version's response does not count.
    pub(crate) fn url_without_server(&self) -> Option<&str> {
        let nothing = match self.status {
            // The API's 404, and the web interface's.
            Some(404) if self.message.contains("no route matches") => true,
            Some(404) if self.message.starts_with("What you are looking for") => true,
            Some(status) => {
                status < 500 && self.code == "unexpected_response" && !self.from_other_version
            }
            None => false,
        };
        self.requested_url.as_deref().filter(|_| nothing)
    }

    /// Puts a sentence before the existing hint.
    pub(crate) fn prepend_hint(mut self, hint: &str) -> Self {
        let hint = match self.hint.take() {
            Some(rest) => format!("{hint}\n{rest}"),
            None => hint.to_owned(),
        };
        self.hint(hint)
    }

    /// Returns `{error: {code, message, status, nextCommand}}` with the details beside it.
    pub(crate) fn document(&self) -> Value {
        let mut document = self.details.clone();
        document.insert(
            "error".to_owned(),
            json!({
                "code": self.code,
                "message": redact(&self.message),
                "status": self.status,
                "nextCommand": self.next_command.as_deref().map(redact),
            }),
        );
        Value::Object(document)
    }
}

impl Deref for Failure {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<io::Error> for CliError {
    /// Converts errors of writing the output; other IO errors are reported with their context.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        Failure::of("output_failed", format!("cannot write the output: {error}")).into()
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Failure::from(error).into()
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (message, effect) = (error.to_string(), error.effect());
        let failure = match error {
            ClientError::Problem(problem) => from_problem(*problem),
            ClientError::Transport { cause, .. } => {
                let mut failure = Self::of("unreachable", message).next("oi doctor");
                failure.hint = hint_for(cause).map(str::to_owned);
                failure
            }
            ClientError::UnexpectedResponse {
                url,
                status,
                origin,
                retry_after,
                ..
            } => {
                let message = with_wait(message, retry_after);
                let mut failure = Self::of("unexpected_response", message)
                    .hint(hint_about(origin))
                    .next("oi doctor");
                failure.status = Some(status);
                failure.from_other_version = origin == Origin::Version;
                failure.requested_url = Some(url);
                failure
            }
            ClientError::InvalidProxy { .. } => Self::of("invalid_proxy", message),
            ClientError::UnsendableToken => Self::new(ExitCode::Auth, "token_malformed", message)
                .next("oi profile set --token -"),
            ClientError::InsecureTransport { .. } => Self::of("insecure_transport", message).hint(
                "use an https:// URL; only on a trusted private network, set \
                     OPENINDEX_ALLOW_INSECURE_HTTP=1",
            ),
        };
        failure.with_effect(effect)
    }
}

const fn hint_for(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::UnknownAuthority => Some(
            "for a private certificate authority, set SSL_CERT_FILE to a PEM file with its \
             certificate, such as /etc/ssl/corp-ca.pem, or SSL_CERT_DIR to a directory of such \
             files",
        ),
        Cause::CertificateTime => {
            Some("renew the server's certificate, or correct this machine's clock")
        }
        Cause::Certificate => Some("check the URL; if it is correct, replace the certificate"),
        Cause::Proxy => Some(
            "check the proxy variable, or add the server's host to NO_PROXY to connect directly",
        ),
        Cause::ProxyLogin => Some(
            "add the percent-encoded credentials to the proxy variable, as in \
             http://USER:PASSWORD@proxy.example:3128",
        ),
        Cause::Other => None,
    }
}

const fn hint_about(origin: Origin) -> &'static str {
    match origin {
        Origin::Gateway => {
            "a proxy or gateway responded instead of the server; check that both are running"
        }
        Origin::Page => {
            "a captive portal or proxy may require you to sign in: open the URL in a browser; \
             otherwise check that it is the URL of an OpenIndex server"
        }
        Origin::Redirect => {
            "if the redirect leads to the OpenIndex server, use that URL; it can also be the \
             sign-in page of a captive portal or proxy"
        }
        Origin::Version | Origin::Other => "check that this is the URL of an OpenIndex server",
    }
}

fn from_problem(problem: Problem) -> Failure {
    let exit = match problem.status {
        401 | 403 => ExitCode::Auth,
        _ => ExitCode::Failure,
    };
    let mut message = with_wait(problem.body.detail, problem.retry_after);
    let detail = message.clone();
    let errors = problem.body.errors.iter();
    for field in errors.filter(|field| !detail.contains(&field.message)) {
        let _ = write!(message, "\n  {}: {}", field.field, field.message);
    }
    let mut failure = Failure::new(exit, &problem.body.code, message);
    failure.status = Some(problem.status);
    failure.next_command = problem.body.next_command;
    failure.requested_url = Some(problem.url);
    let errors = Some(&problem.body.errors).filter(|errors| !errors.is_empty());
    let request_id = problem.request_id.filter(|_| problem.status >= 500);
    failure.hint = request_id
        .as_ref()
        .map(|id| format!("look for request {id} in the server's logs"));
    for (name, value) in [
        ("errors", json!(errors)),
        ("holder", json!(problem.body.holder)),
        ("successorId", json!(problem.body.successor_id)),
        ("matching", json!(problem.body.matching)),
        ("retryAfterSeconds", json!(problem.retry_after)),
        ("requestId", json!(request_id)),
    ] {
        if !value.is_null() {
            failure = failure.detail(name, value);
        }
    }
    failure
}

/// Formats an IO error without the path of a temporary file, which no longer exists.
pub(crate) fn without_path(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((detail, _)) => detail.to_owned(),
        None => text,
    }
}

fn with_wait(message: String, retry_after: Option<u64>) -> String {
    match retry_after {
        None => message,
        Some(seconds) => format!("{message} (try again in {})", at_least(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use openindex_adapters_http::wire::{FieldError, ProblemBody};

    use super::*;
    use crate::commands::tests::STYLE;
    use crate::output::failure_text;

    fn problem(status: u16, code: &str, detail: &str) -> Problem {
        Problem {
            url: "http://127.0.0.1:8080/me".to_owned(),
            status,
            retry_after: None,
            request_id: Some("req-1".to_owned()),
            body: ProblemBody {
                type_uri: format!("urn:openindex:problem:{code}"),
                title: "Title".to_owned(),
                status,
                detail: detail.to_owned(),
                code: code.to_owned(),
                errors: Vec::new(),
                next_command: None,
                holder: None,
                successor_id: None,
                matching: None,
            },
            effect: Effect::None,
        }
    }

    fn shown(error: ClientError) -> String {
        failure_text(&Failure::from(error), &STYLE)
    }

    #[test]
    fn errors_say_what_happened_and_what_to_do() {
        let mut revoked = problem(401, "token_revoked", "the token was revoked\u{1b}[2J");
        revoked.body.next_command = Some("oi profile set --token -".to_owned());
        let mut invalid = problem(400, "invalid_field", "two fields are invalid");
        for (field, message) in [("name", "must not be blank"), ("scope", "is unknown")] {
            invalid.body.errors.push(FieldError {
                field: field.to_owned(),
                message: message.to_owned(),
            });
        }
        let mut limited = problem(429, "rate_limited", "too many requests");
        limited.retry_after = Some(1);
        let unreachable = ClientError::Transport {
            url: "http://127.0.0.1:8080".to_owned(),
            reason: "connection refused".to_owned(),
            cause: Cause::Other,
            effect: Effect::None,
        };
        let unknown_authority = ClientError::Transport {
            url: "https://openindex.example.com".to_owned(),
            reason: "its certificate is signed by an unknown authority".to_owned(),
            cause: Cause::UnknownAuthority,
            effect: Effect::None,
        };
        let gateway = ClientError::UnexpectedResponse {
            url: "http://127.0.0.1:8080".to_owned(),
            status: 502,
            reason: "sent by a proxy or gateway, not by OpenIndex".to_owned(),
            origin: Origin::Gateway,
            retry_after: None,
            effect: Effect::Possible,
        };
        let insecure = ClientError::InsecureTransport {
            host: "openindex.example.com".to_owned(),
        };
        let texts = [
            ClientError::Problem(Box::new(revoked)),
            ClientError::Problem(Box::new(invalid)),
            ClientError::Problem(Box::new(limited)),
            ClientError::Problem(Box::new(problem(
                500,
                "internal_error",
                "an internal error",
            ))),
            unreachable,
            unknown_authority,
            gateway,
            insecure,
        ]
        .map(shown);
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn a_field_that_the_detail_mentions_is_not_repeated() {
        let mut invalid = problem(400, "invalid_field", "expiresAt must be in the future");
        invalid.body.errors.push(FieldError {
            field: "expiresAt".to_owned(),
            message: "must be in the future".to_owned(),
        });
        let failure = Failure::from(ClientError::Problem(Box::new(invalid)));
        assert_eq!(failure.message, "expiresAt must be in the future");
        assert!(failure.details.contains_key("errors"));
    }
}
