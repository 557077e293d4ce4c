//! Text for people, shells and terminals.
//!
//! | module | what it does |
//! |---|---|
//! | [`clean`] | escapes characters that hide, reorder or forge text |
//! | [`shell`] | quotes words and builds commands to paste |
//! | [`time`] | formats times, all of them in UTC |
//! | [`wrap`] | wraps text into lines of at most 100 columns |
//! | [`error`] | writes an error and its causes on one line |

pub mod clean;
pub mod error;
mod links;
pub mod shell;
pub mod time;
pub mod wrap;
