//! x
mod a;
