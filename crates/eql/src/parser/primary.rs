//! Constants, fields, calls, and what is in parentheses.

use query_core::Span;

use super::operator::Level;
use super::{Operand, ParseResult, Parsed, Parser};
use crate::ast::Term;
use crate::constant::Constant;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> ParseResult {
        let span = self.token.span;
        let term = match &self.token.kind {
            TokenKind::Symbol("(") => {
                let inner = self.nest(Level::Or)?;
                self.close("an operator or `)`")?;
                return Ok(inner);
            }
            TokenKind::Keyword("true") => Term::Constant(Constant::boolean(true)),
            TokenKind::Keyword("false") => Term::Constant(Constant::boolean(false)),
            TokenKind::Keyword("null") => Term::Null,
            TokenKind::Text(text) => Term::Constant(Constant::text(text.clone())),
            TokenKind::Number { value, is_integer } => {
                Term::Constant(Constant::number(*value, *is_integer))
            }
            TokenKind::Symbol("?") => {
                self.advance()?;
                if matches!(self.token.kind, TokenKind::Text(_)) {
                    let message = "raw strings are written in three double quotes, not `?\"`";
                    return Err(
                        self.error(span, format!("expected a field, found `?\"`; {message}"))
                    );
                }
                let first = self.name_part()?;
                return self.field(first, span, true);
            }
            TokenKind::Name(name) => {
                let name = name.clone();
                self.advance()?;
                return match self.token.kind {
                    TokenKind::Symbol("(") => self.call(&name, span),
                    _ if name.ends_with('~') => {
                        Err(self.unexpected("`(` and the arguments of the function"))
                    }
                    _ => self.field(name, span, false),
                };
            }
            TokenKind::QuotedName(name) => {
                let name = name.clone();
                self.advance()?;
                return self.field(name, span, false);
            }
            _ => return Err(self.unexpected("a condition, a field or a value")),
        };
        self.advance()?;
        Ok(Parsed::Value(Operand { term, span }))
    }

    /// A part of the name of a field.
    pub(super) fn name_part(&mut self) -> ParseResult<String> {
        let part = match &self.token.kind {
            TokenKind::Name(part) if !part.ends_with('~') => part.clone(),
            TokenKind::QuotedName(part) => part.clone(),
            TokenKind::Keyword(_) => {
                let found = self.token.describe(self.query);
                let message = format!(
                    "expected a field, found {found}; a keyword in a name is written in backticks"
                );
                return Err(self.error(self.token.span, message));
            }
            _ => return Err(self.unexpected("a field")),
        };
        self.advance()?;
        Ok(part)
    }

    /// A field, from the dot after the first part of its name on.
    fn field(&mut self, first: String, start: Span, is_optional: bool) -> ParseResult {
        let mut name = first;
        while self.token.kind == TokenKind::Symbol(".") {
            self.advance()?;
            name.push('.');
            name.push_str(&self.name_part()?);
        }
        match self.token.kind {
            TokenKind::Symbol("[") => {
                let message = "expected an operator, found `[`; elements of lists cannot be chosen";
                Err(self.error(self.token.span, message.to_owned()))
            }
            TokenKind::Keyword("of") => {
                let message = "expected an operator, found `of`; relations of processes are not \
                               supported";
                Err(self.error(self.token.span, message.to_owned()))
            }
            _ => {
                let span = Span { start: start.start, end: self.end };
                Ok(Parsed::Value(Operand { term: Term::Field { name, is_optional }, span }))
            }
        }
    }
}
