//! Text for people, shells and terminals.

pub mod clean;
pub mod command;
pub mod error;
pub mod shell;
pub mod time;
pub mod wrap;
