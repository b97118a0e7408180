//! One search over everything that is kept: a full-text index derived from the store.
//!
//! The store is the truth. The index remembers in its own commit how far it has read; a search first folds in what is
//! missing. A deleted or damaged index is made again. It knows no SQL and prints nothing.

mod apart;
mod doc;
mod excerpt;
mod facets;
mod index;
mod intact;
mod plan;
mod query;
mod row;
mod schema;
#[cfg(test)]
mod tests;
mod words;

pub use facets::Facets;
pub use index::{Found, Hit, Index, Made};
pub use query::Query;
