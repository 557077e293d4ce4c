//! The query language, through its public face.

mod allocation;
mod document;
mod errors;
mod matching;
mod parse;
mod properties;
mod reference;
