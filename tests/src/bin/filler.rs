//! A program that writes numbered lines into a log at a steady pace, for what reads them meanwhile: `tests/shipping`.
//! The log is as `FILLER_MAX_BYTES`, `FILLER_COMPRESSION` and the like say.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use tracing_spool::{Overflow, Spool};
use tracing_spool_tests::files::record;
use tracing_subscriber::fmt::MakeWriter as _;

const LONG: Duration = Duration::from_secs(60);
/// Lines between two looks at the clock.
const BATCH: u32 = 20;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [path, first, end, per_second] = &words[..] else { panic!("filler LOG FIRST END LINES_PER_SECOND") };
    let [first, end, per_second] = [first, end, per_second].map(|word| word.parse::<u32>().unwrap());
    let builder = Spool::builder(path).overflow(Overflow::Block);
    let (spool, guard) = builder.configure_from_env("FILLER").unwrap().open().unwrap();
    let begun = Instant::now();
    for number in first..end {
        if number % BATCH == 0 {
            let due = Duration::from_secs_f64(f64::from(number - first) / f64::from(per_second));
            thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        std::io::Write::write_all(&mut spool.make_writer(), record(0, number, 60).as_bytes()).unwrap();
    }
    assert!(guard.shutdown(LONG).is_complete(), "not all lines are in the log");
}
