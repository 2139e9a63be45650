//! The rules by which records are rendered, and what rendering did.

/// How records are rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Escapes the C0 controls except tab and newline, DEL, U+0080 to U+009F, and bytes that are not UTF-8.
    pub escape: bool,
    /// Escapes newlines inside a record too.
    pub single_line: bool,
    /// The longest rendered record in bytes, including its newline.
    pub max_bytes: usize,
    /// Leaves colours (`ESC [ ... m`) as they are, for an output that people look at. Other escape sequences are still
    /// escaped.
    pub colours: bool,
    /// Leaves records as they are, without adding a newline; only a record that is too long is cut.
    pub verbatim: bool,
}

impl Default for Rules {
    /// Returns rules that escape, keep newlines, and allow at most 1 MiB.
    fn default() -> Self {
        Self { escape: true, single_line: false, max_bytes: 1 << 20, colours: false, verbatim: false }
    }
}

/// What rendering did to a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The number of bytes that were cut from the record, which its mark `…[+N bytes]` states.
    pub cut_bytes: usize,
}
