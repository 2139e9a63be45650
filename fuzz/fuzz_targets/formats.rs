//! [`formats`](tracing_spool_tests::properties::formats) for inputs that reach new code.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracing_spool_tests::properties::formats(bytes));
