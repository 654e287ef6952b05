//! Answers that hold a one-time link.

use openindex_adapters_http::wire::PlainSecret;
use serde::Serialize;

use crate::app::App;
use crate::error::CliError;
use crate::render::{Style, plain};

/// The link alone on standard output, where it can be taken from, and around it what a person
/// should know.
pub(super) fn show<T: Serialize>(
    app: &mut App<'_>,
    document: &T,
    url: &PlainSecret,
    url_only: bool,
    introduction: impl FnOnce(&Style) -> String,
    warning: &str,
) -> Result<(), CliError> {
    let url = zeroize::Zeroizing::new(plain(url.expose()));
    if url_only {
        app.out.raw(&url)?;
        return app.out.raw("\n");
    }
    app.out.aside(|style| format!("{}\n", introduction(style)));
    app.out
        .answer(document, |style| format!("{}\n", style.bold(&url)))?;
    app.out
        .aside(|style| format!("\n{}\n", style.yellow(warning)));
    Ok(())
}
