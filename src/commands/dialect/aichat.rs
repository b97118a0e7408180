//! The aichat dialect.

use super::{Parsed, SourceFile};

/// Reads a aichat file.
pub fn read(_file: &SourceFile<'_>) -> Parsed {
    Parsed::default()
}
