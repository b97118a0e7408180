//! The definitions inside the program.

use include_dir::{Dir, include_dir};

static COMMANDS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/commands");

/// Path and bytes of every bundled file.
pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    COMMANDS.files().filter_map(|f| Some((f.path().to_str()?, f.contents())))
}

/// A number that is another one whenever a bundled file is (FNV-1a over names and bytes).
pub fn version() -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (path, bytes) in files() {
        for byte in path.bytes().chain(bytes.iter().copied()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{}-{hash:016x}", env!("CARGO_PKG_VERSION"))
}
