//! Lua plugins: small programs of other people that see what passes and may change it, in a sandbox each.
//!
//! This room sees the ones below; none of them knows it. It prints nothing.
