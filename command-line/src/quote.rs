/// Quotes an argument of a command that is shown for a POSIX shell, where that is necessary.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_quoted_argument_as_one_word() {
        for (text, shown) in [
            ("ada@example.com", "ada@example.com"),
            ("sqlite:///var/lib/a.db", "sqlite:///var/lib/a.db"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(id)@example.com", "'$(id)@example.com'"),
            ("o'neil@example.com", r"'o'\''neil@example.com'"),
        ] {
            assert_eq!(quoted(text), shown);
        }
    }
}
