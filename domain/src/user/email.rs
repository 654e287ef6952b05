use std::fmt;
use std::sync::Arc;

use crate::token::{CONTAINS_SECRET, Secret};

/// An email address: one `@` between two parts, at most 254 bytes (RFC 5321 §4.5.3.1.3), no white
/// space or control characters. Whether mail arrives there is not checked. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(Arc<str>);

/// The text is not an email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// It is none.
    #[error("must be an email address such as ada@example.com")]
    Format,
    /// A token's secret, which everyone who reads the text could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

impl Email {
    /// Trims and checks an address.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`].
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        if Secret::is_in(text) {
            return Err(InvalidEmail::Secret);
        }
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail::Format)?;
        let fits = !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        fits.then(|| Self(text.into())).ok_or(InvalidEmail::Format)
    }

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two spellings of one address share; unique in a store.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_at_sign_between_two_parts() {
        assert_eq!(
            Email::parse(" Ada@Example.com ").unwrap().as_str(),
            "Ada@Example.com"
        );
        assert_eq!(
            Email::parse("Ada@Example.com").unwrap().key(),
            "ada@example.com"
        );
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "a b@c",
            "a\n@c",
            "a@\u{0}c",
        ] {
            assert_eq!(Email::parse(text), Err(InvalidEmail::Format), "{text:?}");
        }
        assert_eq!(
            Email::parse(&format!("{}@c", "x".repeat(253))),
            Err(InvalidEmail::Format)
        );
    }
}
