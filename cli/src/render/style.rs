use openindex_domain::clock::Timestamp;

/// The style of the output: the terminal's width, color, and the current time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// The terminal's width in columns.
    pub(crate) width: usize,
    pub(crate) color: bool,
    /// The time that relative times ("in 37 days") count from.
    pub(crate) now: Timestamp,
}

impl Style {
    pub(crate) fn bold(&self, text: &str) -> String {
        self.sgr("1", text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.sgr("2", text)
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.sgr("31", text)
    }

    pub(crate) fn green(&self, text: &str) -> String {
        self.sgr("32", text)
    }

    pub(crate) fn yellow(&self, text: &str) -> String {
        self.sgr("33", text)
    }

    pub(crate) fn cyan(&self, text: &str) -> String {
        self.sgr("36", text)
    }

    /// Returns the success mark.
    pub(crate) fn done(&self) -> String {
        self.green("✓")
    }

    /// Applies Select Graphic Rendition (ECMA-48 §8.3.117), if color is on.
    fn sgr(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
