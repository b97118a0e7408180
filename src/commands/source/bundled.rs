//! The definitions inside the program.

use include_dir::{Dir, include_dir};

static COMMANDS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/commands");

/// Path and bytes of every bundled file.
pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    COMMANDS.files().filter_map(|f| Some((f.path().to_str()?, f.contents())))
}

/// A number that is another one whenever a bundled file is: FNV-1a over names and bytes, eight bytes a step, because
/// every run asks for it.
pub fn version() -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |word: u64| hash = (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    for (path, bytes) in files() {
        for part in [path.as_bytes(), bytes] {
            mix(part.len() as u64);
            for chunk in part.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                mix(u64::from_le_bytes(word));
            }
        }
    }
    format!("{}-{hash:016x}", env!("CARGO_PKG_VERSION"))
}
