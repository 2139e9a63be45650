//! Levels as the queue and the account know them: five ranks. `hand_off::shedding` decides up to which fill each is
//! admitted.

use tracing_core::Level;

/// A record's level, ordered from the least to the most important. A record whose level isn't known counts as `Info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Rank {
    /// From the least to the most important.
    pub(crate) const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    pub(crate) fn of(level: Level) -> Self {
        match level {
            Level::TRACE => Self::Trace,
            Level::DEBUG => Self::Debug,
            Level::INFO => Self::Info,
            Level::WARN => Self::Warn,
            Level::ERROR => Self::Error,
        }
    }

    pub(crate) fn level(self) -> Level {
        match self {
            Self::Trace => Level::TRACE,
            Self::Debug => Level::DEBUG,
            Self::Info => Level::INFO,
            Self::Warn => Level::WARN,
            Self::Error => Level::ERROR,
        }
    }

    /// Returns its index in [`Self::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Returns the rank of a [`code`](Self::code).
    pub(crate) fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Info)
    }

    pub(crate) fn name(self) -> &'static str {
        self.level().as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for rank in Rank::ALL {
            assert_eq!(Rank::from_code(rank.code()), rank);
            assert_eq!(Rank::of(rank.level()), rank);
            assert_eq!(Rank::ALL[rank.index()], rank);
        }
        assert_eq!(Rank::from_code(200), Rank::Info);
    }
}
