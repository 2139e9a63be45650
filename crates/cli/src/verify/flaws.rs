//! Bytes that have no place in a line: NUL, other control characters, and what isn't UTF-8.

/// Which bytes of that kind were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flaws {
    pub(crate) nul: bool,
    pub(crate) control: bool,
    pub(crate) not_utf8: bool,
}

impl Flaws {
    /// Returns the flaws of a whole line.
    pub(crate) fn of_line(line: &[u8]) -> Self {
        let flaws = Self::of_bytes(line);
        if line.is_ascii() {
            return flaws;
        }
        let is_c1 = |pair: &[u8]| pair[0] == 0xC2 && (0x80..=0x9F).contains(&pair[1]);
        match std::str::from_utf8(line) {
            Ok(_) => Self { control: flaws.control || line.windows(2).any(is_c1), ..flaws },
            Err(_) => Self { not_utf8: true, ..flaws },
        }
    }

    /// Returns the flaws of a part of a line. A character may be cut at its ends, so UTF-8 isn't looked at.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        // No branch, so that the compiler can look at many bytes at once.
        let is_control = |byte: &u8| ((*byte < 0x20) & (*byte != b'\t')) | (*byte == 0x7F);
        let any = bytes.iter().fold(false, |any, byte| any | is_control(byte));
        if !any {
            return Self::default();
        }
        let control = bytes.iter().any(|byte| *byte != 0 && is_control(byte));
        Self { nul: memchr::memchr(0, bytes).is_some(), control, not_utf8: false }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            nul: self.nul || other.nul,
            control: self.control || other.control,
            not_utf8: self.not_utf8 || other.not_utf8,
        }
    }

    pub(crate) fn any(self) -> bool {
        self.nul || self.control || self.not_utf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flaw_is_told_from_the_others() {
        let of = |line: &[u8]| {
            let Flaws { nul, control, not_utf8 } = Flaws::of_line(line);
            (nul, control, not_utf8)
        };
        assert_eq!(of("plain\ttext, żółw 🐢".as_bytes()), (false, false, false));
        assert_eq!(of(b"a\0b"), (true, false, false));
        assert_eq!(of(b"a\x1b[1mb"), (false, true, false));
        assert_eq!(of(b"a\x7f"), (false, true, false));
        assert_eq!(of("a\u{85}b".as_bytes()), (false, true, false));
        assert_eq!(of(b"a\xFFb\0"), (true, false, true));
    }
}
