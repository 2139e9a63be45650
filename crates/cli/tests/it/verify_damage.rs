//! Damages real sets in every way that the torture's checker knows, and in those that only files know, and sees each named.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tracing_spool::Compression;

use crate::set_of::{Set, Shape, TORTURE, is_packed, pack, verify};

const FORMS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];
type Files = Vec<Vec<String>>;
type Damage = fn(&mut Files);

/// Applies a damage to the lines of a set. A file that is removed loses its name, too.
fn damaged(set: &Set, damage: Damage) -> Set {
    let (names, mut lines): (Vec<_>, Files) = set.files.iter().cloned().unzip();
    damage(&mut lines);
    Set { files: names.into_iter().zip(lines).collect() }
}

/// Expects each damage to be named, with the file and line where it is.
fn expect(set: &Set, options: &[&str], damages: &[(&str, Damage)]) {
    for (number, (wanted, damage)) in damages.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let path = damaged(set, *damage).put(dir.path());
        let (code, said) = verify(&path, options);
        let is_named = said.lines().any(|line| line.contains(wanted));
        assert!(is_named && code == 1, "damage {number}: {wanted} isn't in\n{said}({code})");
    }
}

fn glue(files: &mut Files) {
    let next = files[1].remove(6);
    files[1][5] = files[1][5].trim_end().to_owned() + &next;
}

fn glue_a_part(files: &mut Files) {
    let part = files[1][5][..46].to_owned();
    files[1][6] = part + &files[1][6];
    files[1].remove(5);
}

fn split(files: &mut Files) {
    let rest = files[1][5].split_off(50);
    files[1][5].push('\n');
    files[1].insert(6, rest);
}

fn tear(files: &mut Files) {
    files[1][5].truncate(47);
    files[1][5].push('\n');
}

fn repeat_the_end(files: &mut Files) {
    let end = files[1][10..].to_vec();
    files[2].splice(0..0, end);
}

fn put_nul(files: &mut Files) {
    files[1][5].insert(40, '\0');
}

#[test]
fn a_clean_set_has_no_findings() {
    for form in FORMS {
        for shape in [Shape::Torture, Shape::Text, Shape::Json] {
            let set = Set::written(form, shape);
            let packed = set.files.iter().filter(|(name, _)| is_packed(name)).count();
            assert_eq!(packed, if form == Compression::None { 0 } else { 3 });
            let dir = tempfile::tempdir().unwrap();
            let path = set.put(dir.path());
            let numbers = match shape {
                Shape::Torture => TORTURE,
                Shape::Text => r"(?<key>T\d) N(?<number>\d+)",
                Shape::Json => "\"thread\":(?<key>\\d+),\"number\":(?<number>\\d+)",
            };
            for options in [&["--numbers", numbers][..], &[]] {
                let (code, said) = verify(&path, options);
                assert_eq!(code, 0, "{said}");
                assert!(said.starts_with("5 files, 100 lines, ") && said.ends_with(": whole\n"), "{said}");
            }
        }
    }
}

#[test]
fn every_damage_that_the_torture_knows_is_named() {
    for form in FORMS {
        let set = Set::written(form, Shape::Torture);
        expect(
            &set,
            &["--numbers", TORTURE],
            &[
                (":6: missing: ", |files| drop(files[1].remove(4))),
                (": missing: ", |files| files[1].clear()),
                ("app.log.1:1: repeated: ", |files| {
                    let line = files[0][3].clone();
                    files[3].insert(0, line);
                }),
                (":5: repeated: ", |files| {
                    let line = files[0][3].clone();
                    files[0].insert(4, line);
                }),
                (":5: out of order: ", |files| files[1].swap(2, 4)),
                (": out of order: ", |files| files.swap(0, 1)),
                (":6: torn: ", |files| files[1][5].replace_range(60..61, "")),
                (":6: torn: ", tear),
                (":6: warning: no number: ", |files| {
                    files[1][5].truncate(20);
                    files[1][5].push('\n');
                }),
                (":6: glued: ", glue),
                (":6: glued: ", glue_a_part),
                (":6: split: ", split),
                (":6: warning: no number: ", |files| files[1][5].replace_range(10..11, "x")),
                (": repeated: ", repeat_the_end),
                (":6: NUL bytes: ", put_nul),
            ],
        );
    }
}

#[test]
fn text_without_numbers_tells_what_is_certain() {
    for form in FORMS {
        let set = Set::written(form, Shape::Text);
        expect(
            &set,
            &[],
            &[
                (":6: glued: ", glue),
                (":6: glued: ", glue_a_part),
                (":1: repeated: ", repeat_the_end),
                (":1: repeated: ", |files| files[2] = files[1].clone()),
                (":1: repeated: ", |files| {
                    let copy = files[1].clone();
                    files[2].splice(0..0, copy);
                }),
                (":6: NUL bytes: ", put_nul),
                (":20: torn: ", |files| files[1][19].truncate(50)),
                ("app.log:20: unfinished: ", |files| files[4][19].truncate(50)),
            ],
        );
        for (wanted, damage) in [
            ("warning: clock went back: ", (|files: &mut Files| files.swap(0, 1)) as Damage),
            ("warning: same line twice: ", |files| {
                let line = files[0][3].clone();
                files[0].insert(3, line);
            }),
            (":1: warning: begins in the middle: ", |files| drop(files[1][0].drain(..40))),
            (":6: warning: control characters: ", |files| files[1][5].insert_str(40, "\u{1b}[1m")),
            (":6: warning: line in a line: ", |files| {
                let quoted = files[1][4].clone();
                files[1][5].insert_str(40, &format!("he said: {}", quoted.trim_end()));
            }),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = damaged(&set, damage).put(dir.path());
            let (code, said) = verify(&path, &[]);
            assert!(said.contains(wanted) && code == 0, "{wanted} isn't in\n{said}({code})");
        }
    }
}

#[test]
fn json_tells_more() {
    for form in FORMS {
        let set = Set::written(form, Shape::Json);
        expect(
            &set,
            &[],
            &[
                (":6: glued: ", glue),
                (":6: glued: ", glue_a_part),
                (":6: split: ", split),
                (":6: torn: ", tear),
                (":6: damaged: ", |files| files[1][5].replace_range(0..1, "z")),
                (":6: damaged: ", |files| files[1][5].replace_range(12..13, "")),
                (":20: torn: ", |files| files[1][19].truncate(50)),
            ],
        );
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let mut set = Set::written(Compression::None, Shape::Torture);
    set.files.remove(2);
    let dir = tempfile::tempdir().unwrap();
    let path = set.put(dir.path());
    let (code, said) = verify(&path, &[]);
    assert!(said.contains("app.log.3: missing file: ") && said.contains("number 2"), "{said}");
    assert_eq!(code, 1, "{said}");
    let (code, said) = verify(&path, &["--numbers", TORTURE]);
    assert!(said.contains(": 10 lines of L00000 T00 before") && code == 1, "{said}");
}

#[test]
fn a_broken_archive_is_named_and_the_rest_is_read() {
    for (form, end) in [(Compression::Gzip, "gz"), (Compression::Zstd, "zst")] {
        let set = Set::written(form, Shape::Torture);
        let dir = tempfile::tempdir().unwrap();
        let path = set.put(dir.path());
        let archive = dir.path().join(format!("app.log.3.{end}"));
        let good = fs::read(&archive).unwrap();
        let expect = |bytes: &[u8], what: &str| {
            fs::write(&archive, bytes).unwrap();
            let (code, said) = verify(&path, &[]);
            let wanted = format!("app.log.3.{end}");
            let is_named = said
                .lines()
                .any(|line| line.starts_with(archive.to_str().unwrap()) && line.contains("broken archive"));
            assert!(is_named && code == 1, "{what}: {wanted} isn't in\n{said}({code})");
            assert!(said.contains("5 files, "), "{said}");
        };
        for left in [0, 1, 5, 11, good.len() / 2, good.len() - 5, good.len() - 1] {
            expect(&good[..left], &format!("cut at {left} of {}", good.len()));
        }
        for at in [0, 2, good.len() / 3, good.len() / 2, good.len() - 3] {
            let mut flipped = good.clone();
            flipped[at] ^= 0x10;
            expect(&flipped, &format!("a bit at {at}"));
        }
        expect(&[&good[..], b"garbage"].concat(), "garbage behind the end");
        expect(b"plain text, no archive\n", "something else");
        // Two whole archives in a row are one: that is how they may be joined.
        fs::write(&archive, [&good[..], &good[..]].concat()).unwrap();
        assert!(!verify(&path, &[]).1.contains("broken"));
    }
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let set = Set::written(Compression::None, Shape::Text);
    let dir = tempfile::tempdir().unwrap();
    let path = set.put(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[45] = 0xFF;
    fs::write(&path, &bytes).unwrap();
    let (code, said) = verify(&path, &[]);
    assert!(said.contains("app.log:1: warning: not UTF-8: byte 0: ") && said.contains("\\xff"), "{said}");
    assert_eq!(code, 0);
}

/// Half as much again as a line of the reader's, and a decoder's window.
const MEMORY_KIB: u64 = 160 * 1024;
const GIB: u64 = 1 << 30;

/// Neither a line of 1 GiB nor an archive that unpacks to as much needs much memory.
#[test]
fn a_gibibyte_in_one_line_is_read_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    // Sixteen members in a row unpack to 1 GiB of NUL bytes.
    let zeros = vec![0; usize::try_from(GIB / 16).unwrap()];
    for name in ["app.log.2.gz", "app.log.1.zst"] {
        let member = pack(&name.into(), &zeros);
        fs::write(dir.path().join(name), member.repeat(16)).unwrap();
    }
    fs::File::create(&path).unwrap().set_len(GIB).unwrap();
    let limited = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_tspool"), "verify", "--json"])
        .arg(&path)
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{:?}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!((&said["bytes"], &said["lines"]), (&(3 * GIB).into(), &3.into()), "{said}");
    assert_eq!((&said["counts"]["NUL bytes"], &said["counts"]["torn"]), (&3.into(), &2.into()), "{said}");
}
