//! Front matter, read leniently.
