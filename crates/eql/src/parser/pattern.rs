//! What follows a value: lists, wildcards and regular expressions.

use query_core::{Case, ParseError, Span, Wildcard, shorten};

use super::compare::quotes_hint;
use super::{Operand, ParseResult, Parsed, Parser};
use crate::ast::{Expr, ExprKind, Term, Test};
use crate::constant::Constant;
use crate::function::Kind;
use crate::lexer::TokenKind;
use crate::regex::{InvalidRegex, Regex};

impl Parser<'_> {
    /// `in (…)`, from the keyword on.
    pub(super) fn is_in(&mut self, left: Parsed, case: Case) -> ParseResult<Expr> {
        let left = self.value(left)?;
        if case == Case::Any {
            self.check_kind(&left, Kind::Text, "before `in~`")?;
        }
        self.advance()?;
        if self.token.kind != TokenKind::Symbol("(") {
            return Err(self.unexpected("`(` and a list of values"));
        }
        let mut constants = Vec::new();
        for operand in self.list(false)? {
            let kind = if case == Case::Any { Kind::Text } else { left.term.kind() };
            self.check_kind(&operand, kind, "in the list")?;
            constants.extend(self.constant(operand)?);
        }
        self.close("an operator, `,` or `)`")?;
        let span = Span { start: left.span.start, end: self.end };
        if constants.is_empty() {
            return Ok(Expr { kind: ExprKind::Constant(false), span });
        }
        Ok(self.leaf(span, left.term, Test::In(constants, case)))
    }

    /// A value without fields; `None` for `null`.
    fn constant(&self, operand: Operand) -> ParseResult<Option<Constant>> {
        match operand.term {
            Term::Constant(constant) => Ok(Some(constant)),
            Term::Null => Ok(None),
            Term::Field { .. } | Term::Call(_) => {
                let message = format!(
                    "expected a constant, found a field; fields cannot be compared with each \
                     other{}",
                    quotes_hint(&operand.term)
                );
                Err(self.error(operand.span, message))
            }
        }
    }

    /// `like`, `like~` or `:`, from the operator on.
    pub(super) fn is_like(&mut self, left: Parsed, operator: &str) -> ParseResult {
        let left = self.value(left)?;
        let case = if operator == "like" { Case::Exact } else { Case::Any };
        let texts = self.texts(&left, operator)?;
        let wildcards: Vec<Wildcard> = texts.iter().map(|(text, _)| like_pattern(text)).collect();
        let literals: Option<Vec<&str>> = wildcards.iter().map(Wildcard::literal).collect();
        let test = match literals {
            // Without wildcards it is equality.
            Some(literals) => {
                let constant = |text: &str| Constant::text(text.to_owned());
                Test::In(literals.into_iter().map(constant).collect(), case)
            }
            None => Test::Like(wildcards, case),
        };
        let span = Span { start: left.span.start, end: self.end };
        Ok(Parsed::Condition(self.leaf(span, left.term, test)))
    }

    /// `regex` or `regex~`, from the keyword on.
    pub(super) fn is_regex(&mut self, left: Parsed, operator: &str) -> ParseResult {
        let left = self.value(left)?;
        let case = if operator == "regex" { Case::Exact } else { Case::Any };
        let mut regexes = Vec::new();
        for (text, span) in self.texts(&left, operator)? {
            let regex = Regex::new(&text).map_err(|error| self.invalid_regex(span, &error))?;
            regexes.push(regex);
        }
        let span = Span { start: left.span.start, end: self.end };
        Ok(Parsed::Condition(self.leaf(span, left.term, Test::Regex(regexes, case))))
    }

    fn invalid_regex(&self, span: Span, error: &InvalidRegex) -> Box<ParseError> {
        let reason = one_line(&error.reason);
        if error.is_unsupported {
            let message = format!("expected a regular expression without {reason}");
            return Box::new(ParseError::unsupported(self.query, span, message));
        }
        self.error(span, format!("expected a regular expression: {reason}"))
    }

    /// A string, or a list of strings.
    fn texts(&mut self, left: &Operand, operator: &str) -> ParseResult<Vec<(String, Span)>> {
        self.check_kind(left, Kind::Text, &format!("before `{operator}`"))?;
        self.advance()?;
        if self.token.kind != TokenKind::Symbol("(") {
            return Ok(vec![self.text("a string or a list of strings")?]);
        }
        self.advance()?;
        let mut texts = vec![self.text("a string")?];
        while self.token.kind == TokenKind::Symbol(",") {
            self.advance()?;
            texts.push(self.text("a string")?);
        }
        self.close("`,` or `)`")?;
        Ok(texts)
    }

    fn text(&mut self, expected: &str) -> ParseResult<(String, Span)> {
        let text = match &self.token.kind {
            TokenKind::Text(text) => text,
            TokenKind::Name(name) => {
                let found = shorten(name, 32);
                let message =
                    format!("expected {expected}, found `{found}`; it is in quotes: `\"{found}\"`");
                return Err(self.error(self.token.span, message));
            }
            _ => return Err(self.unexpected(expected)),
        };
        let text = (text.clone(), self.token.span);
        self.advance()?;
        Ok(text)
    }
}

/// A pattern in which `*` and `?` are wildcards, and a backslash is an ordinary character.
pub(super) fn like_pattern(text: &str) -> Wildcard {
    Wildcard::new(text.split('*').map(|piece| piece.split('?').map(str::to_owned).collect()))
}

/// A pattern in Lucene's syntax, in which a backslash makes an ordinary character of the next one.
/// It matches text that `is_open_at_start`, and at its end, has anything around it.
pub(super) fn lucene_pattern(text: &str, is_open_at_start: bool, is_open_at_end: bool) -> Wildcard {
    let mut pieces = vec![vec![String::new()]];
    if is_open_at_start {
        pieces.push(vec![String::new()]);
    }
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let Some(piece) = pieces.last_mut() else { break };
        let c = match c {
            '*' => {
                pieces.push(vec![String::new()]);
                continue;
            }
            '?' => {
                piece.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            _ => c,
        };
        if let Some(part) = piece.last_mut() {
            part.push(c);
        }
    }
    if is_open_at_end {
        pieces.push(vec![String::new()]);
    }
    Wildcard::new(pieces)
}

/// A message of the engine on one line, without what cannot be displayed.
fn one_line(message: &str) -> String {
    query_core::shorten(&message.split_whitespace().collect::<Vec<_>>().join(" "), 200)
}
