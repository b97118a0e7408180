//! Chats: what a turn is, which tools may act, what fits into a model's context, and what is kept of it all.
//!
//! The turn itself is a pure machine ([`turn`]); [`driver`] does what it says with the store, the models and the
//! tools. The room knows no terminal and no command format: questions go through [`Asker`], tools come as [`Tool`]s.

pub mod archive;
pub mod attach;
pub mod context;
pub mod copy;
pub mod driver;
pub mod export;
pub mod filter;
pub mod import;
pub mod input;
pub mod mcp;
pub mod offers;
pub mod policy;
pub mod record;
pub mod saying;
pub mod schema;
pub mod slash;
pub mod tool;
pub mod turn;

pub use driver::{Ask, Chat, Ended, Listener, Outcome};
pub use filter::Filter;
pub use policy::{Asker, Policy, Question, Verdict};
pub use record::Totals;
pub use tool::{Effects, Tool};
