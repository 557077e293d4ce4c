//! Where in the query text something stands.

/// A range of bytes of the query text, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// The stretch of `query` that it covers; empty if it is a span of another text.
    pub fn text(self, query: &str) -> &str {
        query.get(self.start..self.end).unwrap_or_default()
    }
}
