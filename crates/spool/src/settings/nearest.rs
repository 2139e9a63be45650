//! The names of settings that are nearest to one that doesn't exist, for an error message.

use crate::settings::table::SETTINGS;

/// How many are worth reading.
const MOST: usize = 3;

/// Returns the names that take the fewest edits, the nearest first.
pub(super) fn nearest(name: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_by_key(|known| edits(name.as_bytes(), known.as_bytes()));
    names.truncate(MOST);
    names
}

/// Returns how many bytes must be added, removed or replaced to make one name from the other.
fn edits(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, byte) in from.iter().enumerate() {
        let mut diagonal = done;
        row[0] = done + 1;
        for at in 0..to.len() {
            let replaced = diagonal + usize::from(*byte != to[at]);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_one_edit() {
        assert_eq!(
            [("max_bytes", "max_byte"), ("", "ab"), ("abc", "abc"), ("kitten", "sitting")]
                .map(|(from, to)| edits(from.as_bytes(), to.as_bytes())),
            [1, 2, 0, 3]
        );
        assert_eq!((nearest("max_byts")[0], nearest("").len()), ("max_bytes", 3));
    }
}
