//! `any_set` of `tspool verify` for inputs that reach new code. `tspool` is a binary, so its reading side is compiled into
//! this target.
#![no_main]
#![expect(dead_code, unused_imports, reason = "other commands use the rest")]

#[path = "../../crates/cli/src/verify/any_set.rs"]
mod any_set;
#[path = "../../crates/cli/src/say.rs"]
mod say;
#[path = "../../crates/cli/src/set/mod.rs"]
mod set;
#[path = "../../crates/cli/src/text/mod.rs"]
mod text;
#[path = "../../crates/cli/src/verify/mod.rs"]
mod verify;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(dir) = tempfile::tempdir() {
        any_set::any_set(dir.path(), bytes);
    }
});
