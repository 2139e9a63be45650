//! All that was measured in one run, and how to ask it: medians, spreads, and ratios within a round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::scenario::Outcome;

/// Where it was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    pub file_system: String,
    pub date: String,
}

/// One case: a peer, and the value of a growing series.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answers {
    pub peer: String,
    pub at: Option<f64>,
    /// One for each round; none where the peer failed.
    pub rounds: Vec<Option<Outcome>>,
    /// Why the last of those failed.
    pub failure: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub machine: Machine,
    pub is_quick: bool,
    pub seconds: f64,
    pub limits: Vec<Limits>,
    /// By series.
    pub answers: BTreeMap<String, Vec<Answers>>,
}

/// Median, least and most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

pub fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    Some(Spread { median: *values.get(values.len() / 2)?, least: *values.first()?, most: *values.last()? })
}

impl Results {
    pub fn series(&self, name: &str) -> &[Answers] {
        self.answers.get(name).map_or(&[], Vec::as_slice)
    }

    fn of(&self, series: &str, peer: &str) -> Option<&Answers> {
        self.series(series).iter().find(|answers| answers.peer == peer)
    }

    /// A figure of a peer over all rounds.
    pub fn figure(&self, series: &str, peer: &str, pick: impl Fn(&Outcome) -> Option<f64>) -> Option<Spread> {
        spread(self.of(series, peer)?.rounds.iter().flatten().filter_map(pick))
    }

    /// The ratio of two peers' figures within each round: what disturbs the machine disturbs both.
    pub fn ratio(
        &self,
        series: &str,
        ours: &str,
        theirs: &str,
        pick: impl Fn(&Outcome) -> Option<f64>,
    ) -> Option<Spread> {
        let (ours, theirs) = (self.of(series, ours)?, self.of(series, theirs)?);
        let pairs = ours.rounds.iter().zip(&theirs.rounds);
        spread(pairs.filter_map(|(ours, theirs)| Some(pick(ours.as_ref()?)? / pick(theirs.as_ref()?)?)))
    }

    pub fn limit(&self, pick: impl Fn(&Limits) -> f64) -> Option<Spread> {
        spread(self.limits.iter().map(pick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_its_round() {
        let answers = |peer: &str, seconds: [f64; 3]| Answers {
            peer: peer.to_owned(),
            rounds: seconds.map(|seconds| Some(Outcome { seconds, ..Outcome::default() })).to_vec(),
            ..Answers::default()
        };
        let mut results = Results::default();
        results
            .answers
            .insert("s".to_owned(), vec![answers("a", [1.0, 10.0, 4.0]), answers("b", [2.0, 5.0, 1.0])]);
        let ratio = results.ratio("s", "a", "b", |outcome| Some(outcome.seconds)).unwrap();
        assert_eq!((ratio.least, ratio.median, ratio.most), (0.5, 2.0, 4.0));
        assert_eq!(results.ratio("s", "a", "c", |outcome| Some(outcome.seconds)), None);
    }

    #[test]
    fn a_spread_of_nothing_is_none() {
        assert_eq!(spread([]), None);
        assert_eq!(spread([f64::NAN, 1.0]).unwrap().median, 1.0);
    }
}
