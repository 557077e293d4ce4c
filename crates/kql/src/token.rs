//! The words of KQL.

use super::ast::Comparison;
use super::span::Span;
use super::visible::shorten;
use super::wildcard::Wildcard;

/// Characters of the query that an error message repeats.
const SHOWN: usize = 32;

/// One word of the query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Colon,
    Compare(Comparison),
    And,
    Or,
    Not,
    Literal(Written),
    End,
}

/// A literal, unescaped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    /// Quoted, or without a star that is not escaped.
    Plain(String),
    Stars(Wildcard),
}

impl Token {
    /// How an error message names it.
    pub(super) fn found(&self, query: &str) -> String {
        match self.kind {
            TokenKind::End => "the end of the query".to_owned(),
            _ => format!("`{}`", shorten(self.span.text(query), SHOWN)),
        }
    }
}
