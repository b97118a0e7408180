//! The chain as a whole.
