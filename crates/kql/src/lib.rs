//! The Kibana Query Language: text to [`Query`], and a query held against a [`Document`].
//!
//! Pure: no clock, no I/O, nothing of CloudTrail. Time, which date math needs, is an argument.
//!
//! The language is that of Kibana's grammar (`grammar.peggy` of `@kbn/es-query`) with the meaning
//! that Elasticsearch gives it over keyword, number, boolean, ip and date fields. Where the
//! evaluator that Elastic tests its public rules with differs, the comment at that place says which
//! was chosen.
//!
//! ```
//! use jiff::Timestamp;
//! use kql::Query;
//!
//! let query = Query::parse("event.action: (CreateGroup or *GroupPolicy) and not user.name: deploy")?;
//! let document = serde_json::json!({ "event": { "action": "PutGroupPolicy" }, "user.name": "alice" });
//! assert!(query.matches(&document, Timestamp::UNIX_EPOCH));
//!
//! let error = Query::parse("event.action: (CreateGroup").unwrap_err();
//! assert_eq!(error.message(), "expected `and`, `or` or `)`, found the end of the query");
//! # Ok::<(), kql::ParseError>(())
//! ```

mod ast;
mod date;
mod document;
mod error;
mod escape;
mod json;
mod lexer;
mod literal;
mod matcher;
mod parser;
mod print;
mod query;
mod quote;
mod span;
mod token;
mod visible;
mod wildcard;

pub use ast::{Comparison, Expr, ExprKind, Field, Leaf, Test};
pub use document::{Document, Value};
pub use error::ParseError;
pub use literal::Literal;
pub use parser::{MAX_BYTES, MAX_DEPTH};
pub use query::Query;
pub use quote::quote;
pub use span::Span;
pub use wildcard::Wildcard;
