//! The tldr dialect.

use super::{Parsed, SourceFile};

/// Reads a tldr file.
pub fn read(_file: &SourceFile<'_>) -> Parsed {
    Parsed::default()
}
