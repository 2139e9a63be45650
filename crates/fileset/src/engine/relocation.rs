//! Where the set goes on when the path of one of its directories leads elsewhere. It enters another directory only with
//! that directory's lock in hand, and only if nothing there would have to be removed that is not ours. Until then it
//! stays where it is, and rotates and prunes there. `policy::relocation` decides.

use crate::model::error::Failure;
use crate::model::time::{Mono, Wall};
use crate::policy::backoff::{Prospect, Retry};

#[derive(Debug, Default)]
pub(super) struct Relocation {
    pub(super) retry: Retry,
    /// When to try next.
    pub(super) due: Option<Mono>,
    pub(super) since: Option<Wall>,
}

impl Relocation {
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// Retries what was refused, now.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.due = self.due.map(|_| now);
    }
}

/// Why the set stays where it is.
pub(super) struct Stay {
    pub(super) failure: Option<Failure>,
    pub(super) why: String,
    pub(super) prospect: Prospect,
}

impl From<Failure> for Stay {
    fn from(failure: Failure) -> Self {
        let prospect = failure.class().into();
        Self { why: "it cannot be entered".to_owned(), failure: Some(failure), prospect }
    }
}
