//! What the machine says.
