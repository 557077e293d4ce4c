//! The Kibana Query Language (KQL): parses a query, and matches it against a document.
//!
//! The grammar is Kibana's (`grammar.peggy` of `@kbn/es-query`). A value is compared as
//! Elasticsearch compares it with a keyword, number, boolean, ip or date field. Places that differ
//! from Kibana have a comment; the README lists them.
//!
//! The crate does no I/O and reads no clock: the time that date math such as `now-1d` counts from
//! is an argument. Matching does not allocate.
//!
//! ```
//! use jiff::Timestamp;
//! use kql::Query;
//!
//! let query = Query::parse("event.action: (CreateGroup or *GroupPolicy) and not user.name: bob")?;
//! let document = serde_json::json!({
//!     "event": { "action": "PutGroupPolicy" },
//!     "user.name": "alice",
//! });
//! assert!(query.matches(&document, Timestamp::UNIX_EPOCH));
//!
//! let error = Query::parse("event.action: (CreateGroup").unwrap_err();
//! assert_eq!(error.message(), "expected `and`, `or` or `)`, found the end of the query");
//! # Ok::<(), kql::ParseError>(())
//! ```
//!
//! | task | items |
//! |---|---|
//! | parse and match | [`Query`], [`ParseError`] |
//! | match documents of another type than JSON | [`Document`], [`Value`], [`any_json_at`] |
//! | inspect a query, or explain why it matches | [`Expr`], [`ExprKind`], [`Leaf`] |
//! | write a query | [`quote`], and the `Display` of [`Expr`] |

mod ast;
mod escape;
mod lexer;
mod parser;
mod print;
mod query;

pub use ast::{Expr, ExprKind, Field, Leaf, Test};
pub use print::quote;
pub use query::Query;
pub use query_core::{
    Case, Comparison, Document, Literal, MAX_BYTES, MAX_DEPTH, ParseError, Span, Value, Wildcard,
    any_json_at, any_json_scalar,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
