use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use crate::secret::{CONTAINS_SECRET, Secret};
use crate::text;

use super::Email;

/// The text is not a valid email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// It does not have the form of an address.
    #[error("must be an email address such as ada@example.com")]
    Malformed,
    /// An invisible, unassigned or private-use character, as its code point.
    #[error("{}", text::forbidden_character(*.0))]
    ForbiddenCharacter(u32),
    /// The part after the `@` is not a valid domain (UTS #46).
    #[error("must have a valid domain after the @")]
    Domain,
    /// The secret of a token, which everyone who can read the address could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

impl Email {
    /// Trims, validates and normalizes an address.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        if Secret::is_in(text) {
            return Err(InvalidEmail::Secret);
        }
        let text: String = text.trim().nfc().collect();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail::Malformed)?;
        let is_malformed = domain.is_empty()
            || domain.contains('@')
            || text.len() > 254
            || text.chars().any(|c| c.is_whitespace() || c.is_control());
        if is_malformed || !is_dot_atom(local) {
            return Err(InvalidEmail::Malformed);
        }
        if let Some(c) = text::invisible(&text) {
            return Err(InvalidEmail::ForbiddenCharacter(c.into()));
        }
        ascii_domain(domain)
            .filter(|domain| is_host_name(domain))
            .ok_or(InvalidEmail::Domain)?;
        // A full-width @ looks like the one before the domain.
        if text::key(local).contains('@') {
            return Err(InvalidEmail::Malformed);
        }
        Ok(Self::from_stored(&text))
    }

    /// Returns the key that all spellings of one address share, regardless of case, normal form,
    /// width, and Punycode in the domain. Stores require it to be unique.
    #[must_use]
    pub fn key(&self) -> String {
        let (local, domain) = self.parts();
        let domain = ascii_domain(domain).map_or_else(|| text::key(domain), Cow::into_owned);
        format!("{}@{domain}", text::key(local))
    }

    /// Returns the scripts that a part of the address mixes if it could be mistaken for another
    /// address; empty otherwise. The parts are the text before the `@` and each label of the
    /// domain; Punycode is decoded first.
    #[must_use]
    pub fn mixed_scripts(&self) -> Vec<&'static str> {
        let (local, domain) = self.parts();
        let (domain, _) = idna::domain_to_unicode(domain);
        // A name in one script at a domain in another is common, so the parts are checked
        // separately.
        let parts = domain.split('.').chain([local]);
        let mut scripts: Vec<_> = parts.flat_map(text::mixed_scripts).collect();
        scripts.sort_unstable();
        scripts.dedup();
        scripts
    }

    /// Returns whether the domain is a single label, such as `localhost` or a name in an intranet.
    /// It may also lack its ending by mistake.
    #[must_use]
    pub fn has_dotless_domain(&self) -> bool {
        !self.parts().1.contains('.')
    }

    fn parts(&self) -> (&str, &str) {
        self.as_str().split_once('@').unwrap_or((self.as_str(), ""))
    }
}

/// Returns whether mail programs accept the text before the `@` without quotes (RFC 5322 §3.2.3,
/// with the letters of RFC 6531 §3.3).
fn is_dot_atom(local: &str) -> bool {
    let is_atom_text =
        |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_text))
}

/// Returns whether the text is a valid host name (RFC 1123 §2.1).
fn is_host_name(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Returns the domain in lower-case ASCII; `None` if it is invalid. ASCII domains are left to the
/// mail server to validate, except for Punycode, which must be the canonical encoding of non-ASCII
/// letters.
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    let lower = domain.to_ascii_lowercase();
    if domain.is_ascii() && !lower.split('.').any(|label| label.starts_with("xn--")) {
        return Some(lower.into());
    }
    idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::EMPTY)
        .ok()
        .filter(|domain| !domain.is_empty() && !domain.contains('@'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Email::parse(text).unwrap().key()
    }

    #[test]
    fn has_one_at_sign_between_two_parts() {
        assert_eq!(
            Email::parse(" Ada@Example.com ").unwrap().as_str(),
            "Ada@Example.com"
        );
        assert_eq!(key("Ada@Example.com"), "ada@example.com");
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "a b@c",
            "a\n@c",
            "a@\u{0}c",
            "a\u{ff20}b@c",
            "\"ada@example.org\"",
            "<ada@example.com>",
            "mailto:ada@example.com",
            "ada;x@example.com",
            "ada,x@example.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
        ] {
            assert_eq!(Email::parse(text), Err(InvalidEmail::Malformed), "{text:?}");
        }
        assert_eq!(
            Email::parse(&format!("{}@c", "x".repeat(253))),
            Err(InvalidEmail::Malformed)
        );
    }

    #[test]
    fn two_spellings_of_one_address_have_one_key() {
        for (one, other) in [
            ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
            ("JOS\u{c9}@example.com", "jos\u{e9}@EXAMPLE.com"),
            ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example"),
            ("ada@bu\u{308}cher.example", "ada@XN--BCHER-KVA.example"),
            ("\u{ff41}da@example.com", "ada@example.com"),
            ("ada@\u{ff45}xample\u{3002}com", "ada@example.com"),
            (
                "\u{3a3}\u{391}\u{3a3}@example.com",
                "\u{3c3}\u{3b1}\u{3c2}@example.com",
            ),
        ] {
            assert_eq!(key(one), key(other), "{one:?} {other:?}");
        }
        let normal = Email::parse("jose\u{301}@example.com").unwrap();
        assert_eq!(normal.as_str(), "jos\u{e9}@example.com");
    }

    #[test]
    fn invisible_characters_and_invalid_domains_are_rejected() {
        for text in [
            "ada\u{200b}@example.com",
            "ada@exam\u{ad}ple.com",
            "\u{202e}ada@example.com",
            "می\u{200c}خ@example.com",
            "ada\u{fe0f}@example.com",
            "ada@\u{3164}example.com",
        ] {
            let rejected = Email::parse(text);
            assert!(
                matches!(rejected, Err(InvalidEmail::ForbiddenCharacter(_))),
                "{text:?}"
            );
        }
        for text in [
            "ada@example,com",
            "ada@example.com.",
            "ada@example..com",
            "ada@-example.com",
            "ada@example_.com",
            "ada@[127.0.0.1]",
            "ada@xn--\u{fc}",
            "ada@xn--zzzzzzzzzz--",
            "ada@\u{301}a.com",
        ] {
            assert_eq!(Email::parse(text), Err(InvalidEmail::Domain), "{text:?}");
        }
    }

    #[test]
    fn a_look_alike_names_its_scripts() {
        let scripts = |text: &str| Email::parse(text).unwrap().mixed_scripts();
        assert_eq!(scripts("\u{430}dmin@example.com"), ["Cyrillic", "Latin"]);
        assert_eq!(scripts("admin@ex\u{430}mple.com"), ["Cyrillic", "Latin"]);
        assert_eq!(scripts("admin@xn--exmple-4nf.com"), ["Cyrillic", "Latin"]);
        for text in ["admin@example.com", "иван@example.com", "山田@example.jp"] {
            assert_eq!(scripts(text), Vec::<&str>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_address_is_accepted_again_unchanged(
            text in "\\PC{1,20}@\\PC{1,20}|.{1,9}@[a-z]{1,9}",
        ) {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                let nfd: String = text.nfd().collect();
                if let Ok(other) = Email::parse(&nfd) {
                    prop_assert_eq!(other.key(), email.key());
                }
            }
        }
    }
}
