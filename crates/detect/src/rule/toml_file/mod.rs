//! Reading TOML files of rules and exceptions: every problem is reported with its place, and one
//! reading reports all of them.

pub(crate) mod folder;
mod plain_words;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod reader;
