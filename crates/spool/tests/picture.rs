//! The picture in the README is what the example `service` prints: its text is made from a real run, and looked for in another.
//!
//! `TRACING_SPOOL_WRITE_PAGES=1 cargo test --release -p tracing-spool --test picture --examples` draws it anew.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test looks at the disk itself, says why it does nothing, and fails by panicking"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const LINE: usize = 18;
const LEFT: usize = 20;
const WIDTH: usize = 760;
/// What is shown: from the first of these words to the last, without what has no room in a picture.
const SECTIONS: [&str; 6] =
    ["tracing-spool: a service", "The files", "The ledger", "The requests", "Meanwhile", "Every record"];

fn picture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures/service.svg")
}

/// What the example prints; none where it has not been built along with this test.
fn output() -> Option<String> {
    let this = std::env::current_exe().unwrap();
    let example = this.parent()?.parent()?.join("examples/service");
    if !example.exists() {
        println!("skipped: {} is not built", example.display());
        return None;
    }
    let output = Command::new(example).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The sections that are shown, a blank line between two.
fn shown(output: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let sections = output.split("\n\n").map(|section| section.trim_matches('\n'));
    let mut is_first = true;
    for section in sections {
        let head = section.lines().next().unwrap_or_default().trim();
        // What stands below the head of the whole is a section without one.
        if SECTIONS.iter().any(|wanted| head.starts_with(wanted)) || head.starts_with("log  ") {
            if !std::mem::take(&mut is_first) {
                lines.push(String::new());
            }
            lines.extend(section.lines().map(|line| line.trim_end().to_owned()));
        }
    }
    lines
}

/// A line without what differs between two runs.
fn constant(line: &str) -> String {
    let words = line.split_whitespace().filter(|word| !word.starts_with('▇') && !word.contains('/'));
    let plain = words.map(|word| word.chars().filter(|letter| letter.is_alphabetic()).collect::<String>());
    plain.filter(|word| !word.is_empty() && word != "KiB" && word != "MiB").collect::<Vec<_>>().join(" ")
}

fn draw(lines: &[String]) -> String {
    let height = (lines.len() + 2) * LINE + LEFT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1d2021\"/>\n"
    );
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = (number + 2) * LINE;
        let is_head = SECTIONS.iter().any(|head| line.trim().starts_with(head));
        let colour = if is_head { "#fabd2f" } else { "#ebdbb2" };
        let text = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{y}\" fill=\"{colour}\" xml:space=\"preserve\">{text}</text>"
        );
    }
    svg + "</svg>\n"
}

/// The lines of a picture.
fn drawn(svg: &str) -> Vec<String> {
    let texts = svg.split("xml:space=\"preserve\">").skip(1);
    let line = |text: &str| text.split("</text>").next().unwrap_or_default().to_owned();
    texts.map(|text| line(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).collect()
}

#[test]
fn the_picture_in_the_readme_is_what_the_example_prints() {
    let Some(output) = output() else { return };
    let lines = shown(&output);
    if std::env::var_os("TRACING_SPOOL_WRITE_PAGES").is_some() {
        std::fs::write(picture(), draw(&lines)).unwrap();
    }
    let drawn = drawn(&std::fs::read_to_string(picture()).unwrap());
    assert!(drawn.len() > 20, "{drawn:?}");
    let printed: Vec<String> =
        lines.iter().map(|line| constant(line)).filter(|line| !line.is_empty()).collect();
    let pictured: Vec<String> =
        drawn.iter().map(|line| constant(line)).filter(|line| !line.is_empty()).collect();
    assert_eq!(pictured, printed, "TRACING_SPOOL_WRITE_PAGES=1 draws it anew");
}
