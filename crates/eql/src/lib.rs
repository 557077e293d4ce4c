//! The Event Query Language (EQL): parses a query of single events and matches it against a
//! document, and parses sequences, whose steps are such queries.
//!
//! The grammar and the functions are Elasticsearch's. A value is compared as Elasticsearch compares
//! it with a keyword, number, boolean, ip or date field. Places that differ have a comment; the
//! README lists them. Samples and pipes are refused by name.
//!
//! The crate does no I/O and reads no clock: the time that date math such as `now-1d` counts from
//! is an argument. Matching does not allocate, unless `concat` makes a text of more than 64 bytes.
//!
//! ```
//! use eql::Query;
//! use jiff::Timestamp;
//!
//! let query = Query::parse(
//!     r#"iam where event.action : "*GroupPolicy" and not stringContains(user.name, "admin")"#,
//! )?;
//! let document = serde_json::json!({
//!     "event": { "category": "iam", "action": "PutGroupPolicy" },
//!     "user.name": "alice",
//! });
//! assert!(query.matches(&document, Timestamp::UNIX_EPOCH));
//!
//! let error = Query::parse("any where stringContain(user.name, \"a\")").unwrap_err();
//! assert_eq!(
//!     error.message(),
//!     "expected a function, found `stringContain`; did you mean `stringContains`?"
//! );
//! # Ok::<(), eql::ParseError>(())
//! ```
//!
//! | task | items |
//! |---|---|
//! | parse and match | [`Query`], [`ParseError`] |
//! | parse a sequence | [`Statement`], [`Sequence`], [`Step`] |
//! | match documents of another type than JSON | [`Document`], [`Value`] |
//! | inspect a query, or explain why it matches | [`Expr`], [`ExprKind`], [`Leaf`], [`Term`] |

mod ast;
mod constant;
mod escape;
mod evaluate;
mod function;
mod lexer;
mod parser;
mod print;
mod query;
mod regex;
mod scalar;
mod sequence;
mod text;

pub use ast::{Call, Expr, ExprKind, Leaf, Term, Test};
pub use constant::{Constant, ConstantKind};
pub use function::Function;
pub use query::{MAX_COMBINATIONS, Query};
pub use query_core::{
    Case, Comparison, Document, Literal, MAX_BYTES, MAX_DEPTH, ParseError, Span, Value, Wildcard,
};
pub use regex::Regex;
pub use sequence::{JoinKey, MAX_EVENTS, MAX_RUNS, MAX_STEPS, Sequence, Statement, Step};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
