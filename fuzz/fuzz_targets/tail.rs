//! [`tail`](tracing_spool_tests::properties::tail) for inputs that reach new code.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracing_spool_tests::properties::tail(bytes));
