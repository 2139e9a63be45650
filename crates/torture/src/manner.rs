//! How a life logs: what may be other than in the life before it, on the same files. It is said in arguments of the driver,
//! and drawn here; what becomes of records under it is `sift`'s matter.

use std::time::Duration;

use clap::{Args, ValueEnum};
use fastrand::Rng;
use tracing::Level;
use tracing_spool::{LINGER, Notices, QUEUE_RECORDS, SpoolBuilder};

/// How the spool speaks of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Speech {
    /// In lines of text.
    #[default]
    Text,
    /// In lines of JSON.
    Json,
    /// Not at all.
    Off,
}

/// Of which levels records are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Levels {
    /// Of all but TRACE, in turn.
    #[default]
    Mixed,
    /// All are ERROR: each wakes the writer thread.
    Error,
    /// All are INFO.
    Info,
    /// All are TRACE.
    Trace,
}

/// What a life may choose anew.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How the spool speaks of itself
    #[arg(long, value_enum, default_value = "text")]
    pub notices: Speech,
    /// Records of the queue
    #[arg(long, default_value_t = QUEUE_RECORDS)]
    pub queue_records: u64,
    /// The longest record in bytes
    #[arg(long)]
    pub max_record: Option<u64>,
    /// Control characters are written as they are
    #[arg(long)]
    pub raw_bytes: bool,
    /// Newlines inside a record are escaped
    #[arg(long)]
    pub single_line: bool,
    /// How long a record may wait for company, in milliseconds
    #[arg(long, default_value_t = LINGER.as_millis() as u64)]
    pub linger_ms: u64,
    /// Of which levels records are
    #[arg(long, value_enum, default_value = "mixed")]
    pub levels: Levels,
    /// Records hold characters that the rules of rendering treat differently
    #[arg(long)]
    pub wild: bool,
}

impl Manner {
    /// Any, for wild records.
    #[must_use]
    pub fn drawn(rng: &mut Rng) -> Self {
        Self {
            notices: [Speech::Text, Speech::Json, Speech::Off][rng.usize(..3)],
            queue_records: [40, 1_000, QUEUE_RECORDS][rng.usize(..3)],
            max_record: [Some(100), Some(350), Some(1_500), None][rng.usize(..4)],
            raw_bytes: rng.bool(),
            single_line: rng.bool(),
            linger_ms: [0, 1, 10, 40][rng.usize(..4)],
            levels: [Levels::Mixed, Levels::Error, Levels::Info, Levels::Trace][rng.usize(..4)],
            wild: true,
        }
    }

    /// As arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--notices={}", word(self.notices)),
            format!("--queue-records={}", self.queue_records),
            format!("--linger-ms={}", self.linger_ms),
            format!("--levels={}", word(self.levels)),
        ];
        arguments.extend(self.max_record.map(|bytes| format!("--max-record={bytes}")));
        let flags =
            [(self.raw_bytes, "--raw-bytes"), (self.single_line, "--single-line"), (self.wild, "--wild")];
        arguments.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| (*flag).to_owned()));
        arguments
    }

    /// The same of a spool.
    pub(crate) fn describe(&self, builder: SpoolBuilder) -> SpoolBuilder {
        let builder = builder
            .queue_records(self.queue_records)
            .linger(Duration::from_millis(self.linger_ms))
            .notices(match self.notices {
                Speech::Text => Notices::Text,
                Speech::Json => Notices::Json,
                Speech::Off => Notices::Off,
            });
        let builder = if self.raw_bytes { builder.raw_bytes() } else { builder };
        let builder = if self.single_line { builder.single_line() } else { builder };
        match self.max_record {
            Some(bytes) => builder.max_record_bytes(bytes),
            None => builder,
        }
    }

    /// The level of a thread's record number `number`.
    pub(crate) fn level(&self, number: u64) -> Level {
        match (self.levels, number % 5) {
            (Levels::Error, _) | (Levels::Mixed, 0) => Level::ERROR,
            (Levels::Mixed, 1) => Level::WARN,
            (Levels::Info, _) | (Levels::Mixed, 2 | 3) => Level::INFO,
            (Levels::Mixed, _) => Level::DEBUG,
            (Levels::Trace, _) => Level::TRACE,
        }
    }
}

fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        manner: Manner,
    }

    #[test]
    fn arguments_say_what_was_drawn() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..100 {
            let manner = Manner::drawn(&mut rng);
            let said = std::iter::once("driver".to_owned()).chain(manner.arguments());
            assert_eq!(Arguments::parse_from(said).manner, manner);
        }
    }
}
