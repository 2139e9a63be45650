//! What holds for any bytes in any file of a set, under any name: they're read to the end, and the report is one. Shared by
//! the property test below and the fuzz target `reading`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use clap::Parser as _;

use crate::set::{self, Log};
use crate::verify::{Options, examine};

/// The names that a file may get: those of a set, and some beside it.
const NAMES: [&str; 16] = [
    "app.log",
    "app.log.1",
    "app.log.2",
    "app.log.1.gz",
    "app.log.2.gz",
    "app.log.3.zst",
    "app.log.4.zst",
    "app.log.9",
    ".app.log.new",
    ".app.log.lock",
    "app.log.20261123T181911Z",
    "app.log.20261123T181911Z-0001.gz",
    "app.log.2026-11-24",
    "app.log.2026-11-24.zst",
    "app.log.4294967295",
    "app.log.x",
];
/// Expressions with each combination of groups, one of which matches anywhere.
const NUMBERS: [&str; 3] = [r"(\d+)", r"N(?<number>\d+)", r"^(?<key>\S*) (?<number>\d+) (?<bytes>\d*)"];
/// A report of a bounded list of findings, losses and notices isn't longer.
const REPORT_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// Makes a set of `bytes` in an empty directory, and checks it.
///
/// The first byte says how. Then come files: a byte for the name, two for the length, and the content, packed first if the
/// name says so and the length is even.
pub(crate) fn any_set(dir: &Path, bytes: &[u8]) {
    let Some((how, mut rest)) = bytes.split_first() else { return };
    while let [name, low, high, tail @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (content, behind) = tail.split_at(length);
        let name = NAMES[usize::from(*name) % NAMES.len()];
        put(&dir.join(name), content, low % 2 == 0);
        rest = behind;
    }
    let path = dir.join("app.log");
    let path = path.to_str().unwrap_or_default();
    let mut words = vec!["verify", path];
    if let Some(numbers) = NUMBERS.get(usize::from(how % 4)) {
        words.extend(["--numbers", numbers]);
    }
    if how & 4 != 0 {
        words.push("--json");
    }
    if how & 8 != 0 {
        words.extend(["--since", "2026-11-23T18:19:11Z", "--until", "2026-11-24"]);
    }
    let Ok(Line { options }) = Line::try_parse_from(words) else { return };
    let mut report = Vec::new();
    if examine(&options, &mut report).is_ok() {
        assert!(!report.is_empty() && report.len() < REPORT_BYTES_MAX, "{} bytes", report.len());
        let is_object = serde_json::from_slice::<serde_json::Value>(&report).is_ok();
        assert!(how & 4 == 0 || is_object, "{}", String::from_utf8_lossy(&report));
    }
    let log = Log { path: path.into(), archive_dir: None };
    if let Ok(snapshot) = set::open(&log) {
        for member in &snapshot.members {
            let _whole_or_not =
                member.reader().and_then(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()));
            let _head = member.head(100);
        }
    }
}

fn put(path: &Path, content: &[u8], is_packed: bool) {
    let end = path.extension().and_then(|end| end.to_str());
    let packed = match end {
        Some("gz") if is_packed => {
            let mut packed = Vec::new();
            let mut encoder = flate2::read::GzEncoder::new(content, flate2::Compression::fast());
            encoder.read_to_end(&mut packed).map(|_| packed)
        }
        Some("zst") if is_packed => zstd::stream::encode_all(content, 1),
        _ => Ok(content.to_vec()),
    };
    let is_packed_or_rare = matches!(end, Some("gz" | "zst")) || content.len() % 16 == 7;
    let written = fs::File::options().create(true).append(true).open(path).and_then(|mut file| {
        file.write_all(&packed.unwrap_or_default())?;
        // An unended last line is waited for, which costs time.
        if is_packed_or_rare { Ok(()) } else { file.write_all(b"\n") }
    });
    let _a_full_disk_is_no_finding = written;
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Lines as logs have them, and parts of them.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("2026-11-24T18:19:11.000250Z  INFO shop: N00000041 words".to_owned()),
            Just("{\"timestamp\":\"2026-11-24T18:19:11.000250Z\",\"level\":\"INFO\",\"n\":1}".to_owned()),
            Just("{\"timestamp\":\"".to_owned()),
            Just("2026-11-24T18:19:11.000250Z  WARN tracing_spool: 7 records lost: 7 INFO (queue full), between \
                  2026-11-24T18:19:11.000250Z and 2026-11-24T18:19:12.000250Z"
                .to_owned()),
            Just("2026-11-24T18:19:11.000250Z  WARN tracing_spool: the last line before the start was unfinished and was ended"
                .to_owned()),
            "T1 [0-9]{1,20} [0-9]{1,3}",
            ".{0,40}",
        ];
        let end = prop_oneof![4 => Just("\n"), 1 => Just(""), 1 => Just("\0"), 1 => Just("\r\n")];
        vec((piece, end), 0..12).prop_map(|pieces| {
            pieces
                .into_iter()
                .flat_map(|(piece, end)| [piece.into_bytes(), end.as_bytes().to_vec()].concat())
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]
        #[test]
        fn any_bytes_in_any_file_are_read(
            how in any::<u8>(),
            files in vec((any::<u8>(), prop_oneof![content(), vec(any::<u8>(), 0..300)]), 0..6),
        ) {
            let mut bytes = vec![how];
            for (name, content) in files {
                bytes.push(name);
                bytes.extend(u16::try_from(content.len()).unwrap().to_le_bytes());
                bytes.extend(content);
            }
            let dir = tempfile::tempdir().unwrap();
            any_set(dir.path(), &bytes);
        }
    }
}
