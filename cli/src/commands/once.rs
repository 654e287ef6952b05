//! Answers that hold a secret or a one-time link, which is shown in them and never again.

use openindex_adapters_http::wire::PlainSecret;
use serde::Serialize;

use crate::app::App;
use crate::error::CliError;
use crate::render::{Style, plain};

/// The secret alone on standard output, where it can be taken from, and around it what a person
/// should know.
pub(super) fn show<T: Serialize>(
    app: &mut App<'_>,
    document: &T,
    secret: &PlainSecret,
    secret_only: bool,
    introduction: impl FnOnce(&Style) -> String,
    warning: &str,
) -> Result<(), CliError> {
    let secret = zeroize::Zeroizing::new(plain(secret.expose()));
    if secret_only {
        app.out.raw(&secret)?;
        return app.out.raw("\n");
    }
    app.out.aside(|style| format!("{}\n", introduction(style)));
    app.out
        .answer(document, |style| format!("{}\n", style.bold(&secret)))?;
    app.out
        .aside(|style| format!("\n{}\n", style.yellow(warning)));
    Ok(())
}
