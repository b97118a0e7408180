//! `fac serve`: what lasts longer than a request, through the built binary.

mod figures;
mod hooks;
mod life;
pub mod served;
mod socket;
mod streams;
