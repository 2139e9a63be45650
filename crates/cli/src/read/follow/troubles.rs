//! What is in the way of the reader, said once as long as it lasts. Each change in the directory makes it look again.

use std::collections::BTreeSet;

use crate::say::{self, Problem};

#[derive(Debug, Default)]
pub(super) struct Troubles {
    said: BTreeSet<String>,
}

impl Troubles {
    /// Says a problem, unless it was said since the reader last got on.
    pub(super) fn say(&mut self, problem: &Problem) {
        let words = problem.to_string();
        if !self.said.contains(&words) {
            say::warn(&words);
            self.said.insert(words);
        }
    }

    /// Returns whether nothing is in the way that is known of.
    pub(super) fn are_none(&self) -> bool {
        self.said.is_empty()
    }

    /// Notes that the reader has got on. What is in its way from here on is news.
    pub(super) fn are_over(&mut self) {
        self.said.clear();
    }
}
