//! The statement around a condition: an event category, or a sequence.

use std::sync::Arc;

use query_core::ParseError;

use super::operator::Level;
use super::{ParseResult, Parser};
use crate::lexer::TokenKind;
use crate::query::Query;
use crate::sequence::Statement;

/// A query of single events.
pub(crate) fn parse_event(source: &str) -> Result<Query, ParseError> {
    let parse = || {
        let mut parser = Parser::new(source)?;
        let query = parser.event()?;
        parser.end("`and`, `or` or the end of the query")?;
        Ok(query)
    };
    parse().map_err(|error: Box<ParseError>| *error)
}

/// A query of single events, or a sequence.
pub(crate) fn parse_statement(source: &str) -> Result<Statement, ParseError> {
    let parse = || {
        let mut parser = Parser::new(source)?;
        if parser.token.kind != TokenKind::Keyword("sequence") {
            let query = parser.event()?;
            parser.end("`and`, `or` or the end of the query")?;
            return Ok(Statement::Event(query));
        }
        let sequence = parser.sequence()?;
        parser.end("`[`, `by`, `with`, `until` or the end of the query")?;
        Ok(Statement::Sequence(sequence))
    };
    parse().map_err(|error: Box<ParseError>| *error)
}

impl Parser<'_> {
    /// A category and a condition.
    pub(super) fn event(&mut self) -> ParseResult<Query> {
        let category = self.category()?;
        let parsed = self.expression(Level::Or)?;
        let expr = self.condition(parsed)?;
        Ok(Query::new(Arc::clone(&self.source), category, expr))
    }

    /// `any where`, `iam where`, or `"a category" where`.
    fn category(&mut self) -> ParseResult<Option<String>> {
        let category = match &self.token.kind {
            TokenKind::Keyword("any") => None,
            TokenKind::Name(name) if !name.ends_with('~') => Some(name.clone()),
            TokenKind::Text(text) => Some(text.clone()),
            TokenKind::Keyword(kind @ ("sequence" | "sample" | "join")) => {
                let message = format!("expected a query of single events, found `{kind}`");
                return Err(self.unsupported(message));
            }
            _ => return Err(self.no_category("`any` or an event category")),
        };
        self.advance()?;
        if self.token.kind != TokenKind::Keyword("where") {
            return Err(self.no_category("`where` after the event category"));
        }
        self.advance()?;
        Ok(category)
    }

    /// The error at a condition that has no category.
    fn no_category(&self, expected: &str) -> Box<ParseError> {
        match self.token.kind {
            TokenKind::Symbol(_) | TokenKind::Compare(_) | TokenKind::Keyword(_) => {
                let found = self.token.describe(self.query);
                let hint = "events of any category are `any where …`";
                self.error(self.token.span, format!("expected {expected}, found {found}; {hint}"))
            }
            _ => self.unexpected(expected),
        }
    }

    pub(super) fn end(&mut self, expected: &str) -> ParseResult<()> {
        match self.token.kind {
            TokenKind::End => Ok(()),
            TokenKind::Symbol("|") if !self.query[self.token.span.end..].starts_with('|') => {
                Err(self.unsupported("expected a query without pipes, found `|`".to_owned()))
            }
            _ => Err(self.unexpected(expected)),
        }
    }
}
