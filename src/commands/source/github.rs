//! GitHub, through octocrab's low-level requests.
