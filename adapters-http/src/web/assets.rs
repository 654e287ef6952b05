//! The embedded style sheet, script and icon. Their names contain a hash of their content, so
//! browsers cache them permanently and an upgrade takes effect immediately.

use axum::response::IntoResponse as _;
use http::header;

use super::{Anyone, IdPath, PageResult, WebError};

pub(super) const STYLE: Asset = Asset::new(
    "style",
    "css",
    "text/css; charset=utf-8",
    include_bytes!("../../assets/style.css"),
);
pub(super) const SCRIPT: Asset = Asset::new(
    "script",
    "js",
    "text/javascript; charset=utf-8",
    include_bytes!("../../assets/script.js"),
);
pub(super) const ICON: Asset = Asset::new(
    "icon",
    "svg",
    "image/svg+xml",
    include_bytes!("../../assets/icon.svg"),
);
const ALL: [Asset; 3] = [STYLE, SCRIPT, ICON];

/// An embedded file.
#[derive(Clone, Copy)]
pub(super) struct Asset {
    stem: &'static str,
    extension: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    fingerprint: u64,
}

impl Asset {
    const fn new(
        stem: &'static str,
        extension: &'static str,
        content_type: &'static str,
        bytes: &'static [u8],
    ) -> Self {
        Self {
            stem,
            extension,
            content_type,
            bytes,
            fingerprint: fingerprint(bytes),
        }
    }

    fn name(&self) -> String {
        format!("{}-{:016x}.{}", self.stem, self.fingerprint, self.extension)
    }

    /// Returns the path of the asset, without the base path.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name())
    }
}

/// Returns the 64-bit FNV-1a hash. It only distinguishes our own files, so it need not resist
/// attacks.
const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

pub(super) async fn serve(_: Anyone, IdPath(name): IdPath<String>) -> PageResult {
    let asset = ALL
        .iter()
        .find(|asset| asset.name() == name)
        .ok_or(WebError::NOT_FOUND)?;
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.bytes).into_response())
}
