//! The parsers of single lines of `tspool`, for inputs that reach new code: time, level, notices.
#![no_main]
#![expect(dead_code, reason = "the commands use the rest")]

#[path = "../../crates/cli/src/text/mod.rs"]
mod text;

libfuzzer_sys::fuzz_target!(|line: &[u8]| {
    let _any = (text::time::time_of(line), text::level::level_of(line), text::notice::of(line));
    if let Ok(words) = std::str::from_utf8(line) {
        let _moment = text::moment::parse(words);
    }
});
