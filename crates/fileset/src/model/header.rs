//! The first lines of each new file: a fixed text, or what a function returns at that moment. `engine::append` writes
//! it and counts its bytes.

use std::fmt;
use std::sync::Arc;

use super::guest;

/// The first lines of each new file, as a fixed text or as the result of a function.
///
/// ```
/// use tracing_spool_fileset::{Header, Settings};
/// let mut settings = Settings::new("/var/log/shop/shop.log");
/// settings.header = Some(Header::from("# shop 1.4, one event a line"));
/// settings.header = Some(Header::by(|| format!("# process {}", std::process::id())));
/// ```
#[derive(Clone)]
pub struct Header(Source);

#[derive(Clone)]
enum Source {
    Text(Arc<str>),
    Function(Arc<dyn Fn() -> String + Send + Sync>),
}

impl Header {
    /// Creates a header from what `function` returns each time a new file is begun.
    ///
    /// The function runs on the thread that writes, and holds it up. It must not log through this set.
    pub fn by(function: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Source::Function(Arc::new(function)))
    }

    /// Returns the text, if it is known without calling a function.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.0 {
            Source::Text(text) => Some(text),
            Source::Function(_) => None,
        }
    }

    /// Returns the bytes for a new file: at most `bytes_max` of them, ending in a newline. A function that panics
    /// writes nothing.
    pub(crate) fn bytes(&self, bytes_max: usize) -> Vec<u8> {
        let text = match &self.0 {
            Source::Text(text) => text.to_string(),
            Source::Function(function) => guest::run(|| function()).unwrap_or_default(),
        };
        let text = text.trim_end_matches('\n');
        if text.is_empty() || bytes_max == 0 {
            return Vec::new();
        }
        let end = (0..=text.len().min(bytes_max - 1)).rev().find(|end| text.is_char_boundary(*end));
        let mut bytes = text.as_bytes()[..end.unwrap_or(0)].to_vec();
        bytes.push(b'\n');
        bytes
    }
}

impl From<&str> for Header {
    fn from(text: &str) -> Self {
        Self(Source::Text(text.into()))
    }
}

impl From<String> for Header {
    fn from(text: String) -> Self {
        Self(Source::Text(text.into()))
    }
}

/// Two texts are equal if they say the same; two functions are equal if they are the same one.
impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Text(one), Source::Text(two)) => one == two,
            (Source::Function(one), Source::Function(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Eq for Header {}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Text(text) => f.debug_tuple("Header").field(text).finish(),
            Source::Function(_) => f.write_str("Header(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_in_one_newline_and_is_cut_between_characters() {
        assert_eq!(Header::from("# one\n# two").bytes(100), b"# one\n# two\n");
        assert_eq!(Header::from("# one\n\n").bytes(100), b"# one\n");
        assert_eq!(Header::from("aé").bytes(3), b"a\n");
        assert_eq!(Header::from("aé").bytes(4), "aé\n".as_bytes());
        assert_eq!(Header::from("").bytes(100), b"");
        assert_eq!(Header::from("a").bytes(0), b"");
    }

    #[test]
    fn a_function_is_asked_each_time_and_may_panic() {
        let count = std::sync::atomic::AtomicU32::new(0);
        let header =
            Header::by(move || format!("file {}", count.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
        assert_eq!((header.bytes(10), header.bytes(10)), (b"file 0\n".to_vec(), b"file 1\n".to_vec()));
        assert_eq!(Header::by(|| panic!("a header")).bytes(10), b"");
        assert!(
            header == header.clone() && header != Header::by(String::new) && header != Header::from("file 0")
        );
    }
}
