use std::ffi::OsStr;

/// Why the value of a variable cannot be used. It does not repeat the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariable {
    /// Empty, or white space alone: a failed substitution rather than a choice.
    #[error("is set but empty")]
    Empty,
    /// Not UTF-8.
    #[error("is not valid UTF-8")]
    NotUnicode,
}

/// Returns the value without the white space around it.
///
/// # Errors
///
/// [`InvalidVariable`] when the value is blank or not Unicode.
pub fn check(value: &OsStr) -> Result<&str, InvalidVariable> {
    let value = value.to_str().ok_or(InvalidVariable::NotUnicode)?.trim();
    if value.is_empty() {
        return Err(InvalidVariable::Empty);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_value_is_not_an_unset_one() {
        assert_eq!(check(OsStr::new(" x ")), Ok("x"));
        for blank in ["", " ", "\t\r\n"] {
            assert_eq!(check(OsStr::new(blank)), Err(InvalidVariable::Empty));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_told_from_an_empty_one() {
        use std::os::unix::ffi::OsStrExt as _;
        let value = OsStr::from_bytes(b"oi_pat_\xff");
        assert_eq!(check(value), Err(InvalidVariable::NotUnicode));
    }
}
