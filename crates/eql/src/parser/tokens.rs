//! From token to token, and errors about one.

use query_core::{ParseError, Span, nearest_name};

use super::{ParseResult, Parser};
use crate::lexer::{KEYWORDS, TokenKind};

impl Parser<'_> {
    pub(super) fn close(&mut self, expected: &str) -> ParseResult<()> {
        if self.token.kind != TokenKind::Symbol(")") {
            return Err(self.unexpected(expected));
        }
        self.advance()
    }

    pub(super) fn advance(&mut self) -> ParseResult<()> {
        self.end = self.token.span.end;
        self.token = self.lexer.next()?;
        Ok(())
    }

    pub(super) fn unexpected(&self, expected: &str) -> Box<ParseError> {
        let found = self.token.describe(self.query);
        let hint = match &self.token.kind {
            TokenKind::Symbol("=") => "; equality is written `==`".to_owned(),
            TokenKind::Symbol("|") => "; did you mean `or`?".to_owned(),
            TokenKind::Name(word) => nearest_keyword(word)
                .map(|keyword| format!("; did you mean `{keyword}`?"))
                .unwrap_or_default(),
            _ => String::new(),
        };
        self.error(self.token.span, format!("expected {expected}, found {found}{hint}"))
    }

    /// The token is part of a valid query that cannot be run.
    pub(super) fn unsupported(&self, message: String) -> Box<ParseError> {
        Box::new(ParseError::unsupported(self.query, self.token.span, message))
    }

    pub(super) fn error(&self, span: Span, message: String) -> Box<ParseError> {
        Box::new(ParseError::new(self.query, span, message))
    }
}

/// The keyword that is the word in another case, or nearly the word.
fn nearest_keyword(word: &str) -> Option<&'static str> {
    let same = KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word));
    same.or_else(|| nearest_name(word, KEYWORDS).filter(|_| word.len() > 2))
}
