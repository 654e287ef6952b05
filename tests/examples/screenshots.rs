//! Takes screenshots of every page, light and dark, wide and narrow, for `docs/screenshots`.
//! `scripts/screenshots` runs it.

#[path = "../tests/browser/driver.rs"]
#[expect(dead_code, reason = "the browser tests use the rest")]
mod driver;
#[path = "../tests/browser/sample.rs"]
#[expect(dead_code, reason = "the browser tests use the rest")]
mod sample;

use std::path::Path;

use driver::{Browser, Scheme};
use sample::Sample;

fn take(browser: &Browser, pages: &[(&str, String)], directory: &Path) {
    for (name, path) in pages {
        for (suffix, scheme, width) in [
            ("light", Scheme::Light, 1280),
            ("dark", Scheme::Dark, 1280),
            ("phone", Scheme::Light, 360),
        ] {
            browser.prefer(scheme);
            browser.set_width(width);
            browser.open(path);
            let file = directory.join(format!("{name}-{suffix}.png"));
            std::fs::write(&file, browser.screenshot()).expect("a file");
        }
    }
}

fn main() {
    let directory = std::env::args().nth(1).expect("a directory to write to");
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory).expect("a directory");
    let sample = Sample::new();
    take(
        &sample.browser,
        &[("notice", "/settings/tokens".to_owned())],
        directory,
    );
    sample.browser.press("Dismiss");
    take(&sample.browser, &sample.pages(), directory);
    sample.browser.open("/settings/tokens/new");
    sample.browser.fill("name", "release bot");
    sample.browser.press("Create token");
    for (suffix, scheme) in [("light", Scheme::Light), ("dark", Scheme::Dark)] {
        sample.browser.prefer(scheme);
        sample.browser.set_width(1280);
        let file = directory.join(format!("token-created-{suffix}.png"));
        std::fs::write(&file, sample.browser.screenshot()).expect("a file");
    }
    let stranger = sample.stranger();
    take(&stranger, &sample.public_pages(), directory);
}
