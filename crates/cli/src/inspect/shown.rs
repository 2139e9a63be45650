//! How sizes, times and names are shown to people. Names and texts of others are shown without control characters.

use std::time::Duration;

use jiff::Timestamp;
use tracing_spool_fileset::{Clock as _, SystemClock, Wall};

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Shows a size: `512 B`, `1.5 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit]),
        rest => format!("{}.{rest} {}", tenths / 10, UNITS[unit]),
    }
}

/// Shows a length of time by its two greatest units: `3d 4h`, `12s`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let shown: Vec<String> = parts
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

/// Returns how long ago a moment was; nothing if it is to come.
pub(super) fn since(moment: Wall) -> Duration {
    now_micros().checked_sub(moment.unix_micros()).map_or(Duration::ZERO, micros)
}

/// Returns how long it is until a moment; nothing if it has passed.
pub(super) fn until(moment: Wall) -> Duration {
    moment.unix_micros().checked_sub(now_micros()).map_or(Duration::ZERO, micros)
}

/// Shows a moment in UTC, to the second.
pub(super) fn moment(moment: Wall) -> String {
    let time = Timestamp::from_second(moment.unix_micros().div_euclid(1_000_000));
    time.map_or_else(|_| moment.to_string(), |time| time.to_string())
}

/// Shows a text that others wrote.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// Shows an error without the number of a system's error, which its words say already.
pub(super) fn error(error: &impl std::fmt::Display) -> String {
    clean(error.to_string().split(" (os error").next().unwrap_or_default())
}

/// Returns `one` or `many` with its number.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn now_micros() -> i64 {
    SystemClock::new().now().wall.unix_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [0, 1_023, 1_024, 1_536, 10 << 20, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "10 MiB", "15.9 EiB"]);
        let times =
            [0, 59, 60, 3_601, 90_000, 86_400 * 400].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(times, ["0s", "59s", "1min", "1h", "1d 1h", "400d"]);
        assert_eq!(clean("a\u{1b}[31m\nb"), "a?[31m?b");
        assert_eq!(moment(Wall::from_unix_micros(1_795_544_351_000_250)), "2026-11-24T18:19:11Z");
    }
}
