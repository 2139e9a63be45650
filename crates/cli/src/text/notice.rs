//! The lines that a spool writes about itself into its own log, read back: what was lost, when, at which level, and why.

use serde_json::Value;

use super::level::Level;
use super::time::{stamp, time_of};

/// Longer lines are no notices: a spool cuts its own at 512 bytes.
const NOTICE_BYTES_MAX: usize = 1024;
/// Where the target stands in a notice as text: behind `2026-11-24T18:19:11.000250Z  WARN `.
const TARGET_AT: usize = 34;
const TARGET: &[u8] = b"tracing_spool: ";
const JSON_END: &[u8] = b"\"target\":\"tracing_spool\"}";

/// What a log says about itself in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// When it was written, in microseconds since 1970.
    pub(crate) at: Option<i64>,
    pub(crate) message: String,
    pub(crate) news: News,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Lost(Loss),
    /// Records were saved from the ring of a process that died.
    Recovered(Recovery),
    /// The line before is torn, and was ended.
    TailEnded,
    /// So many bytes of an unfinished record stand at the end of an earlier file.
    FragmentLeft(u64),
    /// Something else that an operator wants to know: a backup was removed, NUL bytes were cut off.
    Remarkable,
    Other,
}

/// Records that were lost between two moments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) records: u64,
    /// By level, in the order of `Level::ALL`.
    pub(crate) levels: [u64; 5],
    pub(crate) reasons: Vec<(String, u64)>,
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
}

/// What a spool found in the ring of a process that died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Records that were begun and never accepted.
    pub(crate) holes: u64,
    /// Records that may stand in the log twice.
    pub(crate) uncertain: u64,
    /// Records that the process had dropped and not told of.
    pub(crate) dropped: u64,
}

/// Returns the notice that a line is.
pub(crate) fn of(line: &[u8]) -> Option<Notice> {
    if line.len() > NOTICE_BYTES_MAX {
        return None;
    }
    if line.get(TARGET_AT..).is_some_and(|rest| rest.starts_with(TARGET)) {
        let at = Some(stamp(line)?);
        let message = String::from_utf8_lossy(&line[TARGET_AT + TARGET.len()..]).into_owned();
        let news = of_message(&message);
        return Some(Notice { at, message, news });
    }
    if !(line.starts_with(b"{") && line.ends_with(JSON_END)) {
        return None;
    }
    let value: Value = serde_json::from_slice(line).ok()?;
    let fields = value.get("fields")?;
    let message = fields.get("message")?.as_str()?.to_owned();
    let news = match loss_in(fields).or_else(|| recovery_in(fields)) {
        Some(news) => news,
        None => of_message(&message),
    };
    Some(Notice { at: time_of(line), message, news })
}

fn of_message(message: &str) -> News {
    let has = |words: &str| message.contains(words);
    if let Some(loss) = loss(message) {
        return News::Lost(loss);
    }
    if has(" saved from its ring") {
        let before = |words: &str| number_before(message, words).unwrap_or(0);
        return News::Recovered(Recovery {
            holes: before(" begun and not accepted"),
            uncertain: before(" may stand twice"),
            dropped: before(" it had dropped and not told of"),
        });
    }
    if has("the last line before the start was unfinished and was ended") {
        return News::TailEnded;
    }
    if let Some(bytes) =
        number_before(message, " bytes of an unfinished record stand at the end of an earlier file")
    {
        return News::FragmentLeft(bytes);
    }
    let remarkable = [
        " NUL bytes, left by a power cut",
        " was removed: ",
        "no file may become longer than ",
        " hard links: ",
    ];
    if remarkable.into_iter().any(has) { News::Remarkable } else { News::Other }
}

/// Parses `1234 records lost: 1200 DEBUG, 34 INFO (queue full), between T1 and T2`.
fn loss(message: &str) -> Option<Loss> {
    let (count, rest) = message.split_once(" record")?;
    let records = count.parse().ok()?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix(" lost")?;
    let mut loss = Loss { records, ..Loss::default() };
    let Some(rest) = rest.strip_prefix(": ") else { return rest.is_empty().then_some(loss) };
    let (levels, rest) = rest.split_once(" (")?;
    let (reasons, rest) = rest.split_once(')')?;
    for (count, name) in counts(levels) {
        add_level(&mut loss, name, count);
    }
    loss.reasons = counts(reasons).map(|(count, name)| (name.to_owned(), count)).collect();
    if loss.reasons.is_empty() {
        loss.reasons.push((reasons.to_owned(), records));
    }
    if let Some((from, until)) = rest.strip_prefix(", between ").and_then(|times| times.split_once(" and ")) {
        (loss.from, loss.until) = (stamp(from.as_bytes()), stamp(until.as_bytes()));
    }
    Some(loss)
}

/// Parses `3 queue full, 2 disk error`.
fn counts(list: &str) -> impl Iterator<Item = (u64, &str)> {
    list.split(", ").filter_map(|part| {
        let (count, name) = part.split_once(' ')?;
        Some((count.parse().ok()?, name))
    })
}

fn add_level(loss: &mut Loss, name: &str, count: u64) {
    let place = Level::ALL.iter().position(|level| level.name() == name);
    if let Some(sum) = place.and_then(|at| loss.levels.get_mut(at)) {
        *sum = sum.saturating_add(count);
    }
}

/// Returns the number in front of `words`.
fn number_before(message: &str, words: &str) -> Option<u64> {
    let before = &message[..message.find(words)?];
    before.rsplit(' ').next()?.parse().ok()
}

fn loss_in(fields: &Value) -> Option<News> {
    let mut loss = Loss { records: fields.get("lost")?.as_u64()?, ..Loss::default() };
    let counted = |key: &str| fields.get(key).and_then(Value::as_object).into_iter().flatten();
    for (name, count) in counted("levels") {
        add_level(&mut loss, name, count.as_u64().unwrap_or(0));
    }
    loss.reasons =
        counted("reasons").map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))).collect();
    let moment = |key: &str| stamp(fields.get(key)?.as_str()?.as_bytes());
    (loss.from, loss.until) = (moment("from"), moment("until"));
    Some(News::Lost(loss))
}

fn recovery_in(fields: &Value) -> Option<News> {
    let number = |key: &str| fields.get(key).and_then(Value::as_u64);
    let _is_one = number("recovered")?;
    let count = |key: &str| number(key).unwrap_or(0);
    Some(News::Recovered(Recovery {
        holes: count("holes"),
        uncertain: count("uncertain"),
        dropped: count("dropped"),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: &str = "2026-11-24T18:19:11.000250Z";

    fn news(message: &str) -> News {
        of(format!("{AT}  WARN tracing_spool: {message}").as_bytes()).unwrap().news
    }

    #[test]
    fn a_loss_is_read_as_text_and_as_json() {
        let expected = Loss {
            records: 1234,
            levels: [0, 1200, 34, 0, 0],
            reasons: vec![("queue full".to_owned(), 1234)],
            from: stamp(AT.as_bytes()),
            until: stamp(b"2026-11-24T18:19:13.000000Z"),
        };
        let text = format!(
            "{AT}  WARN tracing_spool: 1234 records lost: 1200 DEBUG, 34 INFO (queue full), between {AT} and \
             2026-11-24T18:19:13.000000Z"
        );
        let json = format!(
            "{{\"timestamp\":\"{AT}\",\"level\":\"WARN\",\"fields\":{{\"message\":\"1234 records lost\",\"lost\":1234,\
             \"reasons\":{{\"queue full\":1234}},\"levels\":{{\"DEBUG\":1200,\"INFO\":34}},\"from\":\"{AT}\",\
             \"until\":\"2026-11-24T18:19:13.000000Z\"}},\"target\":\"tracing_spool\"}}"
        );
        for line in [text, json] {
            let notice = of(line.as_bytes()).unwrap();
            assert_eq!(notice.at, stamp(AT.as_bytes()));
            assert_eq!(notice.news, News::Lost(expected.clone()), "{line}");
        }
        let News::Lost(two) =
            news("5 records lost: 3 DEBUG, 2 ERROR (3 queue full, 2 disk error), between x and y")
        else {
            panic!()
        };
        assert_eq!(two.reasons, [("queue full".to_owned(), 3), ("disk error".to_owned(), 2)]);
        assert_eq!((two.records, two.from), (5, None));
        assert!(
            matches!(news("1 record lost: 1 ERROR (panic), between x and y"), News::Lost(loss) if loss.records == 1)
        );
    }

    #[test]
    fn other_notices_have_their_meaning() {
        assert_eq!(news("the last line before the start was unfinished and was ended"), News::TailEnded);
        assert_eq!(
            news("12 bytes of an unfinished record stand at the end of an earlier file"),
            News::FragmentLeft(12)
        );
        assert_eq!(
            news(
                "2 records (9 bytes) of process 7 saved from its ring; 3 begun and not accepted; 1 may stand twice, as \
                 their file was moved or changed; 4 it had dropped and not told of"
            ),
            News::Recovered(Recovery { holes: 3, uncertain: 1, dropped: 4 })
        );
        assert_eq!(news("app.log.3 of 5 bytes was removed: max_total_bytes is reached"), News::Remarkable);
        assert_eq!(news("the disk is full: over, began x"), News::Other);
        for line in
            ["", "2026-11-24T18:19:11.000250Z  WARN shop: 5 records lost", "{\"target\":\"tracing_spool\"}"]
        {
            assert_eq!(of(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(message in ".{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = (of_message(&message), of(&bytes), news(&message));
        }
    }
}
