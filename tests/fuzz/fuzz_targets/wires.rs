//! Changed streams of the five wires: no panic, an end, and the same wherever they are cut.
#![no_main]

#[path = "../wires.rs"]
mod wires;

use std::sync::LazyLock;

use factotum::providers::entry::Wire;
use libfuzzer_sys::fuzz_target;

use self::wires::Wires;

/// One server for all cases; cases come one after another.
static WIRES: LazyLock<Wires> = LazyLock::new(Wires::new);

fuzz_target!(|data: &[u8]| {
    let [wire, high, low, edits @ ..] = data else { return };
    let cut = usize::from(u16::from_be_bytes([*high, *low]));
    WIRES.check(Wire::ALL[usize::from(*wire) % 5], edits, cut);
});
