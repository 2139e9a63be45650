//! The pictures in the README are what the commands print: their words are made from a real run, and looked for in another.
//!
//! `TRACING_SPOOL_WRITE_PAGES=1 cargo test --package tspool --test it picture` draws them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_core::Level;
use tracing_spool::Spool;

use crate::{text, tspool};

const LINE: usize = 18;
const LEFT: usize = 20;
const LETTER: usize = 9;
const PLAIN: &str = "#ebdbb2";

/// The words and colours of one line.
type Spans = Vec<(&'static str, String)>;

fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures").join(name)
}

/// Splits a line into runs of one colour.
fn spans(line: &str) -> Spans {
    let mut spans = Vec::new();
    let mut colour = PLAIN;
    for (number, part) in line.split("\u{1b}[").enumerate() {
        let mut words = part;
        if number > 0 {
            let (code, rest) = part.split_once('m').unwrap();
            words = rest;
            colour = match code {
                "1" => "#fabd2f",
                "2" => "#928374",
                "31" => "#fb4934",
                "32" => "#b8bb26",
                "33" => "#fe8019",
                _ => PLAIN,
            };
        }
        if !words.is_empty() {
            spans.push((colour, words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")));
        }
    }
    spans
}

fn draw(lines: &str) -> String {
    let lines: Vec<Spans> = lines.lines().map(spans).collect();
    let letters = |line: &Spans| line.iter().map(|(_, words)| words.chars().count()).sum::<usize>();
    let width = lines.iter().map(letters).max().unwrap_or(0) * LETTER + 2 * LEFT;
    let height = (lines.len() + 2) * LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1d2021\"/>\n"
    );
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = (number + 2) * LINE;
        let _ = write!(svg, "<text x=\"{LEFT}\" y=\"{y}\" xml:space=\"preserve\">");
        for (colour, words) in line {
            let _ = write!(svg, "<tspan fill=\"{colour}\">{words}</tspan>");
        }
        svg.push_str("</text>\n");
    }
    svg + "</svg>\n"
}

/// The words of a picture or of what was printed, without what differs between two runs.
fn constant(shown: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut is_markup = false;
    for letter in shown.replace("\u{1b}[", "<").replace("</text>", " ").chars() {
        match letter {
            '<' => is_markup = true,
            '>' => is_markup = false,
            'm' if is_markup && !shown.starts_with("<svg") => is_markup = false,
            letter if !is_markup => plain.push(letter),
            _ => {}
        }
    }
    let words = plain.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphabetic()));
    // Whether a line was damaged is a matter of luck.
    let is_constant = |word: &&str| {
        word.len() > 3
            && *word != "damaged"
            && !word.contains(|c: char| c.is_numeric() || c == '/' || c == '.')
    };
    words.filter(is_constant).map(str::to_owned).collect()
}

/// Draws what was printed if that is asked for, and compares it with what was drawn.
fn is_drawn(name: &str, printed: &str) {
    if std::env::var_os("TRACING_SPOOL_WRITE_PAGES").is_some() {
        fs::write(picture(name), draw(printed)).unwrap();
    }
    let drawn = fs::read_to_string(picture(name)).unwrap();
    let (mut drawn, mut printed) = (constant(&drawn), constant(printed));
    drawn.dedup();
    printed.dedup();
    assert!(drawn.len() > 20, "{drawn:?}");
    assert_eq!(drawn, printed, "TRACING_SPOOL_WRITE_PAGES=1 draws it anew");
}

fn session(dir: &Path, commands: &[&str]) -> String {
    let mut shown = String::new();
    for command in commands {
        let words = command.split(' ').skip(1).map(|word| word.replace('\'', ""));
        let output = tspool(words).current_dir(dir).env("CLICOLOR_FORCE", "1").output().unwrap();
        let _ = writeln!(shown, "\u{1b}[1m$ {command}\u{1b}[0m");
        shown += &text(&output.stdout).replace(&format!("{}/", dir.display()), "");
        shown += &text(&output.stderr);
        shown.push('\n');
    }
    shown.trim_end().to_owned()
}

#[test]
fn the_picture_of_a_session_is_what_the_commands_print() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Spool::builder(dir.path().join("shop.log")).max_bytes(64 << 10).backup_count(4);
    let builder = builder.max_total_bytes(320 << 10).overflow(tracing_spool::Overflow::Block);
    let (spool, guard) = builder.open().unwrap();
    use std::io::Write as _;
    for number in 0..3_000 {
        let (level, word) =
            if number % 997 == 996 { (Level::ERROR, "failed") } else { (Level::INFO, "shipped") };
        let now = jiff::Timestamp::now();
        writeln!(spool.lines(level), "{now:.6} {level:>5} shop::orders: order {number} {word}").unwrap();
    }
    assert!(guard.shutdown(Duration::from_secs(10)).is_complete());
    let printed = session(
        dir.path(),
        &[
            "tspool cat shop.log --since 1h --level error",
            "tspool status shop.log",
            "tspool plan shop.log --max-total-bytes 128KiB",
            "tspool verify shop.log",
        ],
    );
    is_drawn("tspool.svg", &printed);
}

#[test]
fn the_picture_of_the_demo_is_what_it_prints() {
    let printed = session(Path::new("/"), &["tspool demo"]);
    if printed.contains("The full disk is left out") {
        return tracing_spool_tests::skip(
            "the_picture_of_the_demo_is_what_it_prints",
            "no small disk can be mounted",
        );
    }
    is_drawn("tspool-demo.svg", &printed);
}
