//! Running programs: process groups, pseudo-terminals, limits, captured output.
