//! Paths as words of other programs: quoted as each reads them, or refused where it can't read them.

use std::path::Path;

use crate::say::Problem;

/// What a program takes for a pattern instead of a name.
pub(super) const PATTERN: &str = "*?[]{}";

/// Returns a path as text that fits into a line.
pub(super) fn plain(what: &str, path: &Path) -> Result<String, Problem> {
    let Some(text) = path.to_str() else {
        return Err(Problem::unusable(format_args!("{what} {:?}: must be UTF-8", path.display())));
    };
    if text.chars().any(char::is_control) {
        return Err(Problem::unusable(format_args!("{what} {text:?}: must be without control characters")));
    }
    Ok(text.to_owned())
}

/// Refuses a path with characters that a program reads as something else.
pub(super) fn refuse(program: &str, path: &str, letters: &str) -> Result<(), Problem> {
    match path.chars().find(|letter| letters.contains(*letter)) {
        Some(letter) => Err(Problem::unusable(format_args!(
            "PATH {path}: {program} can't be given a name with `{letter}`; give the log a path without it"
        ))),
        None => Ok(()),
    }
}

/// Quotes a text, with a backslash before the quote and before a backslash.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Quotes a text for a POSIX shell.
pub(super) fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Returns what a log is called in configurations: `shop` for `/var/log/shop/shop.log`.
pub(super) fn label(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let label: String = stem.chars().map(plain).collect();
    let label = label.trim_matches('_');
    if label.starts_with(|first: char| first.is_ascii_alphabetic()) {
        label.to_owned()
    } else {
        format!("log_{label}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_identifiers() {
        for (path, wanted) in [
            ("/var/log/shop/shop.log", "shop"),
            ("/var/log/my shop.log", "my_shop"),
            ("/var/log/2.log", "log_2"),
            ("/var/log/ü.log", "log_"),
        ] {
            assert_eq!(label(Path::new(path)), wanted);
        }
    }

    #[test]
    fn quotes_are_undone_by_their_readers() {
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
        assert_eq!(shell("it's"), r"'it'\''s'");
    }

    #[test]
    fn what_a_program_would_misread_is_refused() {
        assert!(refuse("rsyslog", "/var/log/a*.log", PATTERN).is_err());
        assert!(refuse("rsyslog", "/var/log/a b.log", PATTERN).is_ok());
    }
}
