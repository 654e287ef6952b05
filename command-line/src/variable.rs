use std::ffi::OsStr;

/// Why the value of an environment variable is invalid. The error does not repeat the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariable {
    /// The value is empty or whitespace, probably because of a failed substitution.
    #[error("is set but empty")]
    Empty,
    /// The value is not valid UTF-8.
    #[error("is not valid UTF-8")]
    NotUnicode,
}

/// Returns the trimmed value.
///
/// # Errors
///
/// Returns [`InvalidVariable::Empty`] when the value is blank, and [`InvalidVariable::NotUnicode`]
/// when it is not valid UTF-8.
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
    fn a_blank_value_is_an_error() {
        assert_eq!(check(OsStr::new(" x ")), Ok("x"));
        for blank in ["", " ", "\t\r\n"] {
            assert_eq!(check(OsStr::new(blank)), Err(InvalidVariable::Empty));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_of_its_own() {
        use std::os::unix::ffi::OsStrExt as _;
        let value = OsStr::from_bytes(b"oi_pat_\xff");
        assert_eq!(check(value), Err(InvalidVariable::NotUnicode));
    }
}
