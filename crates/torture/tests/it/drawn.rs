//! Proves in real processes that a record is in its own log once, in whatever manner the lives before and behind it logged; and
//! that the reader who says so finds each damage.

use std::collections::BTreeMap;
use std::path::Path;

use tracing_spool_torture::line::Line;
use tracing_spool_torture::set::LogFile;
use tracing_spool_torture::sift::{Sifted, sift};
use tracing_spool_torture::wild::{Look, record};
use tracing_spool_torture::{kill_drawn, shim};

#[test]
fn eighty_kills_in_any_manner_lose_nothing_of_two_durable_queues() {
    let dir = tempfile::tempdir().unwrap();
    let library = shim::build(dir.path()).ok();
    let driver = Path::new(env!("CARGO_BIN_EXE_torture"));
    let ground = dir.path().join("drawn");
    let verdict = kill_drawn::kill_loop(driver, &ground, library.as_deref(), 80, 20_261_128).unwrap();
    println!("{verdict}");
    assert!(verdict.adopting > 20 && verdict.silent > 10, "too little happens: {verdict}");
    assert!(verdict.accepted > 1_000 && verdict.saved > 200, "too little happens: {verdict}");
    assert!(verdict.refused > 2 && verdict.cut > 10, "too little happens: {verdict}");
    assert!(verdict.later_looks > 10, "no life renders for another: {verdict}");
    assert!(verdict.held > 20 || library.is_none(), "nothing is held: {verdict}");
}

const RAW: Look = Look { raw_bytes: true, single_line: false, longest: 4_096 };

/// The log of lives 1, 2 and 4.
fn read(files: &[Vec<Vec<u8>>]) -> Sifted {
    let file = |lines: &Vec<Vec<u8>>| LogFile { path: "app.log".into(), bytes: lines.concat() };
    sift(&files.iter().map(file).collect::<Vec<_>>(), &BTreeMap::from([(1, RAW), (2, RAW), (4, RAW)]))
}

fn line(life: u32, number: u64) -> Vec<u8> {
    let mut line = record(&Line { life, thread: 0, number, width: 400 });
    line.push(b'\n');
    line
}

fn notice(text: &str) -> Vec<u8> {
    format!("2026-11-28T10:00:00.000000Z  INFO tracing_spool: {text}\n").into_bytes()
}

#[test]
fn the_reader_of_wild_records_names_every_damage() {
    type Damage = fn(&mut Vec<Vec<Vec<u8>>>);
    let good = || vec![vec![line(1, 0), line(1, 1)], vec![notice("well"), line(1, 2), line(2, 0)]];
    let sifted = read(&good());
    assert_eq!((sifted.faults.len(), sifted.records, sifted.run(1, 0)), (0, 4, 3), "{:?}", sifted.faults);
    let damages: [(&str, Damage); 9] = [
        ("missing before it, from 1", |files| drop(files[0].remove(1))),
        ("twice", |files| files[1].push(line(2, 0))),
        ("twice", |files| files[0].insert(1, line(1, 0))),
        ("of another log", |files| files[1].push(line(3, 0))),
        ("behind one of a later life", |files| files[1].push(line(1, 3))),
        ("torn, glued or changed", |files| files[0][1].truncate(300)),
        ("torn, glued or changed", |files| files[0][0][200] ^= 1),
        ("neither a record nor a notice", |files| files[1][1].truncate(20)),
        ("said without cause", |files| files[1].push(notice("1 record lost: 1 INFO"))),
    ];
    for (number, (name, damage)) in damages.into_iter().enumerate() {
        let mut files = good();
        damage(&mut files);
        let faults = read(&files).faults.join("\n");
        assert!(faults.contains(name), "damage {number}: {name} is not in {faults:?}");
    }
}
