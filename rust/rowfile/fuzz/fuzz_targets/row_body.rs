#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rowfile_fuzz::run("row_body", bytes));
