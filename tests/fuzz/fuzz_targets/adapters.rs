//! Any bytes, under any name, through every adapter: no panic, and every line number lies in the file.
#![no_main]

use factotum::commands::dialect::{self, SourceFile};
use factotum::commands::model::Dialect;
use factotum::commands::scan::{self, Place};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 12] = [
    "a.md", "maskfile.md", "README.md", "docs/run.md", "pages/common/x.md", "x.cheat", "data/patterns/p/system.md",
    ".claude/commands/x.md", "skills/s/SKILL.md", "x.prompt.md", "roles/r.md", "commands/commands.md",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let path = NAMES[usize::from(*choice) % NAMES.len()];
    let scanned = scan::file(path, bytes, &Place::default(), &());
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 2;
    for command in &scanned.commands {
        assert!(command.origin.lines.1 <= lines, "{:?} of {lines}", command.origin.lines);
    }
    let text = String::from_utf8_lossy(bytes);
    for dialect in Dialect::ALL {
        let _ = dialect::read(dialect, &SourceFile { path, text: &text });
    }
});
