//! The tab, by values and by what can be seen.
