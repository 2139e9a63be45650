//! The rules by which records are rendered, and what rendering did.

/// How records are rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Escape C0 but tab and newline, DEL, U+0080 to U+009F, and bytes that are not UTF-8.
    pub escape: bool,
    /// Escape newlines inside a record too.
    pub single_line: bool,
    /// The longest rendered record in bytes, its newline included.
    pub max_bytes: usize,
    /// Leave colours as they are (`ESC [ ... m`): for an output that is looked at, and no file. Other sequences are escaped.
    pub colours: bool,
    /// Leave a record as it was handed over, without so much as a newline; only one that is too long is cut.
    pub verbatim: bool,
}

impl Default for Rules {
    /// Escaped, newlines kept, at most 1 MiB.
    fn default() -> Self {
        Self { escape: true, single_line: false, max_bytes: 1 << 20, colours: false, verbatim: false }
    }
}

/// What rendering did to a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Bytes of the record that were left out, and are named by its mark `…[+N bytes]`.
    pub cut_bytes: usize,
}
