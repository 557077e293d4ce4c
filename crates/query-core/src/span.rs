//! A place in a query.

/// A range of bytes of the query text, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// The part of `query` in the range. Empty if `query` is too short.
    pub fn text(self, query: &str) -> &str {
        query.get(self.start..self.end).unwrap_or_default()
    }
}
