//! Signatures and info strings: read without a panic, and no dangerous name gets through as harmless.
#![no_main]

use factotum::commands::dialect::native;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = native::parse_info(text);
    let signature = native::parse_signature(text);
    let fatal = signature.problems.iter().any(|p| p.2);
    let refused = signature.params.iter().any(|p| native::refused_name(&p.var).is_some());
    assert!(fatal || !refused);
});
