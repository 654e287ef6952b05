use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The maximum length of a [`DomainKey`] in characters.
const MAX_DOMAIN: usize = 10;

/// The key of a domain (an area of work), such as the `OPS` in `OPS-42`: an upper-case ASCII
/// letter, followed by 1 to 9 upper-case letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainKey(
    // Zero-padded, so that the derived order is that of the text.
    [u8; MAX_DOMAIN],
);

/// The text is not a valid domain key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 2 to 10 letters and digits, beginning with a letter, such as OPS")]
pub struct InvalidDomainKey;

impl DomainKey {
    /// Parses a key. Lower-case ASCII letters are accepted and become upper case, so that a key is
    /// always stored and shown in one spelling.
    ///
    /// # Errors
    ///
    /// [`InvalidDomainKey`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidDomainKey> {
        let bytes = text.as_bytes();
        let fits = (2..=MAX_DOMAIN).contains(&bytes.len())
            && bytes[0].is_ascii_alphabetic()
            && bytes.iter().all(u8::is_ascii_alphanumeric);
        if !fits {
            return Err(InvalidDomainKey);
        }
        let mut key = [0; MAX_DOMAIN];
        key[..bytes.len()].copy_from_slice(bytes);
        key.make_ascii_uppercase();
        Ok(Self(key))
    }

    /// Returns the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(MAX_DOMAIN);
        // The constructor accepts only ASCII.
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl fmt::Display for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DomainKey {
    type Err = InvalidDomainKey;

    fn from_str(text: &str) -> Result<Self, InvalidDomainKey> {
        Self::parse(text)
    }
}

/// The permanent key of a work item: `OPS-42`, or `OPS-42.1` for a sub-task of it. Runs can be
/// bound to a work item; services without work items ignore it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkItemKey {
    /// The domain that it belongs to.
    pub domain: DomainKey,
    /// Its number within the domain.
    pub number: NonZeroU32,
    /// Its number within its parent; `None` unless it is a sub-task.
    pub part: Option<NonZeroU32>,
}

/// The text is not a valid work item key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a key such as OPS-42 or OPS-42.1")]
pub struct InvalidWorkItemKey;

impl WorkItemKey {
    /// The maximum number in a key: the maximum of a signed 32-bit database column.
    pub const MAX_NUMBER: u32 = i32::MAX as u32;

    /// Returns the key of the parent; `None` unless it is a sub-task.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self.part {
            Some(_) => Some(Self { part: None, ..self }),
            None => None,
        }
    }
}

impl fmt::Display for WorkItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.domain, self.number)?;
        self.part.map_or(Ok(()), |part| write!(f, ".{part}"))
    }
}

impl fmt::Debug for WorkItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for WorkItemKey {
    type Err = InvalidWorkItemKey;

    fn from_str(text: &str) -> Result<Self, InvalidWorkItemKey> {
        let (domain, numbers) = text.split_once('-').ok_or(InvalidWorkItemKey)?;
        let (number, part) = match numbers.split_once('.') {
            Some((number, part)) => (number, Some(part)),
            None => (numbers, None),
        };
        Ok(Self {
            domain: domain.parse().map_err(|_| InvalidWorkItemKey)?,
            number: parse_number(number)?,
            part: part.map(parse_number).transpose()?,
        })
    }
}

/// Parses decimal digits without a sign or leading zero, so that a key has one spelling.
fn parse_number(text: &str) -> Result<NonZeroU32, InvalidWorkItemKey> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse::<NonZeroU32>()
        .ok()
        .filter(|number| is_plain && number.get() <= WorkItemKey::MAX_NUMBER)
        .ok_or(InvalidWorkItemKey)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_has_one_spelling() {
        for text in ["OPS-42", "OPS-42.1", "A1-1", "ABCDEFGHIJ-2147483647.7"] {
            let key: WorkItemKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(format!("{key:?}"), text);
        }
        for text in [
            "",
            "OPS",
            "OPS-",
            "-42",
            "O-42",
            "öps-42",
            "1A-42",
            "OPS-0",
            "OPS-042",
            "OPS-+1",
            "OPS--1",
            "OPS-42.",
            "OPS-42.0",
            "OPS-42.01",
            "OPS-42.1.1",
            "OPS-42 ",
            " OPS-42",
            "OPS-2147483648",
            "ABCDEFGHIJK-1",
            "OP\u{0}-1",
            "OPS-４２",
        ] {
            assert!(text.parse::<WorkItemKey>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_key_is_read_in_any_case() {
        for text in ["OPS-42.1", "ops-42.1", "Ops-42.1"] {
            let key: WorkItemKey = text.parse().unwrap();
            assert_eq!(key.to_string(), "OPS-42.1");
        }
        assert_eq!(DomainKey::parse("a1"), DomainKey::parse("A1"));
    }

    #[test]
    fn a_sub_task_key_contains_its_parent() {
        let part: WorkItemKey = "OPS-42.1".parse().unwrap();
        assert_eq!(part.parent(), "OPS-42".parse().ok());
        assert_eq!(part.parent().unwrap().parent(), None);
    }

    proptest! {
        #[test]
        fn instants_round_trip(text in "\\PC*|[A-Za-z0-9]{1,11}-[0-9]{1,11}(\\.[0-9]{1,3})?") {
            if let Ok(key) = text.parse::<WorkItemKey>() {
                prop_assert_eq!(key.to_string(), text.to_ascii_uppercase());
            }
        }
    }
}
