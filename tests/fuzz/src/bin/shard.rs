//! Any bytes as a shard.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| trainer::fuzzing::shard(bytes));
