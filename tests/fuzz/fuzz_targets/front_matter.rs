//! Front matter: the body is always a tail of the text, whatever stands before it.
#![no_main]

use factotum::commands::dialect::front_matter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let front = front_matter::split(text);
    assert!(text.ends_with(front.body));
});
