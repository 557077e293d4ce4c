//! What the query languages KQL and EQL share: the documents that they match, how values are
//! compared, and errors with a place in the query.
//!
//! Values are compared as Elasticsearch compares them with keyword, number, boolean, ip and date
//! fields. Nothing allocates when it matches, and nothing reads a clock.
//!
//! | task | items |
//! |---|---|
//! | describe what is matched | [`Document`], [`Value`], [`any_json_at`], [`any_json_scalar`] |
//! | test a value | [`Literal`], [`Comparison`], [`Wildcard`], [`Case`], [`ShortText`] |
//! | report an error | [`ParseError`], [`Span`], [`shorten`], [`is_hidden`], [`nearest_name`] |

mod date;
mod document;
mod error;
mod literal;
mod nearest;
mod short_text;
mod span;
mod wildcard;

pub use document::{Document, Value, any_json_at, any_json_scalar};
pub use error::{ParseError, is_hidden, shorten};
pub use literal::{Comparison, Literal};
pub use nearest::nearest_name;
pub use short_text::ShortText;
pub use span::Span;
pub use wildcard::{Case, Wildcard};

/// The longest query, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// The deepest nesting of `not` and brackets.
pub const MAX_DEPTH: usize = 100;
