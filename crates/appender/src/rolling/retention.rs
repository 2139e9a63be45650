//! Which of an appender's files must go: the oldest, until their number and bytes are within the limits. It touches no
//! file.

use super::names::Own;

/// A file of ours that takes no more records. Files are ordered by age, the older one first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Old {
    pub(super) own: Own,
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// Sorts the files by age and splits off those that must go. At most `max_files` of at most `max_bytes` together are left.
pub(super) fn split_off_surplus(old: &mut Vec<Old>, max_files: usize, max_bytes: u64) -> Vec<Old> {
    old.sort_unstable();
    let mut bytes = total(old);
    let mut surplus = old.len().saturating_sub(max_files);
    bytes -= total(&old[..surplus]);
    while bytes > max_bytes {
        bytes -= old[surplus].bytes;
        surplus += 1;
    }
    old.drain(..surplus).collect()
}

/// Returns how many bytes they have together.
pub(super) fn total(old: &[Old]) -> u64 {
    old.iter().map(|old| old.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::*;

    fn old(names: &[(&str, u64)]) -> Vec<Old> {
        let ours = Names { prefix: Some("a".into()), suffix: None, rotates: true, has_segments: true };
        let old = |&(name, bytes): &(&str, u64)| Old {
            own: ours.read(name).unwrap(),
            name: name.to_owned(),
            bytes,
        };
        names.iter().map(old).collect()
    }

    #[test]
    fn the_oldest_go_until_number_and_bytes_fit() {
        let all = [
            ("a.2026-01-02.10", 5),
            ("a.2026-01-02.9", 5),
            ("a.2026-01-02", 5),
            ("a.2026-01-01-23.gz", 1),
            ("a.2026-01-03-00", 9),
        ];
        let going = |max_files, max_bytes| {
            let mut kept = old(&all);
            let gone = split_off_surplus(&mut kept, max_files, max_bytes);
            assert_eq!(gone.len() + kept.len(), all.len());
            gone.into_iter().map(|old| old.name).collect::<Vec<_>>()
        };
        assert_eq!(going(5, 25), [""; 0]);
        assert_eq!(going(3, 25), ["a.2026-01-01-23.gz", "a.2026-01-02"]);
        assert_eq!(going(5, 14), ["a.2026-01-01-23.gz", "a.2026-01-02", "a.2026-01-02.9"]);
        assert_eq!(going(4, 20), ["a.2026-01-01-23.gz", "a.2026-01-02"], "10 is newer than 9");
        assert_eq!((going(0, 25).len(), going(5, 0).len()), (5, 5));
    }
}
