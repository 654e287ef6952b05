use openindex_domain::clock::Timestamp;

/// What the output looks like: for how wide a terminal, in colour or not, at what time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Columns of the terminal.
    pub(crate) width: usize,
    pub(crate) color: bool,
    /// What "in 37 days" counts from.
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

    /// The mark of something that went well.
    pub(crate) fn done(&self) -> String {
        self.green("✓")
    }

    /// Select Graphic Rendition (ECMA-48 §8.3.117).
    fn sgr(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
