//! Query text to tokens, one at a time.

use super::ast::Comparison;
use super::error::ParseError;
use super::escape;
use super::span::Span;
use super::token::{Token, TokenKind, Written};
use super::wildcard::Wildcard;

/// The rest of a query.
pub(super) struct Lexer<'q> {
    query: &'q str,
    at: usize,
}

impl<'q> Lexer<'q> {
    pub(super) fn new(query: &'q str) -> Self {
        Self { query, at: 0 }
    }

    /// The next token; at the end, [`TokenKind::End`] again and again.
    pub(super) fn next(&mut self) -> Result<Token, ParseError> {
        let space = self.space().len();
        if space == self.rest().len() {
            // Right after the last word, so that an error shows that line and not an empty one
            // below.
            return Ok(Token { kind: TokenKind::End, span: Span { start: self.at, end: self.at } });
        }
        self.at += space;
        let start = self.at;
        let kind = match self.symbol() {
            Some((kind, bytes)) => self.step(kind, bytes),
            None if self.rest().starts_with('"') => self.quoted()?,
            None => self.unquoted()?,
        };
        Ok(Token { kind, span: Span { start, end: self.at } })
    }

    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    /// The whitespace that comes next.
    fn space(&self) -> &'q str {
        let rest = self.rest();
        &rest[..rest.len() - rest.trim_start_matches(escape::is_space).len()]
    }

    fn step(&mut self, kind: TokenKind, bytes: usize) -> TokenKind {
        self.at += bytes;
        kind
    }

    /// The punctuation or the keyword that comes next, and its length in bytes.
    fn symbol(&self) -> Option<(TokenKind, usize)> {
        let rest = self.rest();
        let symbol = match rest.chars().next()? {
            '(' => (TokenKind::Open, 1),
            ')' => (TokenKind::Close, 1),
            '{' => (TokenKind::OpenBrace, 1),
            '}' => (TokenKind::CloseBrace, 1),
            ':' => (TokenKind::Colon, 1),
            '<' if rest.starts_with("<=") => (TokenKind::Compare(Comparison::AtMost), 2),
            '>' if rest.starts_with(">=") => (TokenKind::Compare(Comparison::AtLeast), 2),
            '<' => (TokenKind::Compare(Comparison::Below), 1),
            '>' => (TokenKind::Compare(Comparison::Above), 1),
            _ => return keyword(rest),
        };
        Some(symbol)
    }

    fn quoted(&mut self) -> Result<TokenKind, ParseError> {
        let open = Span { start: self.at, end: self.at + 1 };
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            if c == '"' {
                return Ok(self.step(TokenKind::Literal(Written::Plain(text)), 1));
            }
            let (c, bytes) = escape::quoted(self.rest()).unwrap_or((c, c.len_utf8()));
            text.push(c);
            self.at += bytes;
        }
        let message = "expected a quote that closes this one, found the end of the query";
        Err(ParseError::new(self.query, open, message.to_owned()))
    }

    /// Words up to a keyword or punctuation are one literal, with the whitespace between them as it
    /// stands.
    fn unquoted(&mut self) -> Result<TokenKind, ParseError> {
        let mut done = Vec::new();
        let mut piece = String::new();
        loop {
            self.word(&mut done, &mut piece)?;
            let space = self.space();
            let next = &self.rest()[space.len()..];
            if space.is_empty()
                || next.chars().next().is_none_or(escape::ends_word)
                || keyword(next).is_some()
            {
                return Ok(TokenKind::Literal(written(done, piece)));
            }
            piece.push_str(space);
            self.at += space.len();
        }
    }

    fn word(&mut self, done: &mut Vec<String>, piece: &mut String) -> Result<(), ParseError> {
        while let Some(c) = self.rest().chars().next().filter(|c| !escape::ends_word(*c)) {
            let (c, bytes) = match c {
                '\\' => escape::unquoted(self.rest()).ok_or_else(|| self.bad_escape())?,
                _ => (c, c.len_utf8()),
            };
            if self.rest().starts_with('*') {
                done.push(std::mem::take(piece));
            } else {
                piece.push(c);
            }
            self.at += bytes;
        }
        Ok(())
    }

    fn bad_escape(&self) -> ParseError {
        let length: usize = self.rest().chars().take(2).map(char::len_utf8).sum();
        let token =
            Token { kind: TokenKind::Not, span: Span { start: self.at, end: self.at + length } };
        let message = format!(
            "expected an escape, such as `\\*`, `\\\\` or `\\u002a`, found {}",
            token.found(self.query)
        );
        ParseError::new(self.query, token.span, message)
    }
}

/// A literal of the text before each star, and the text after the last.
fn written(before: Vec<String>, last: String) -> Written {
    let mut before = before.into_iter();
    match before.next() {
        None => Written::Plain(last),
        Some(first) => Written::Stars(Wildcard::new(first, before, last)),
    }
}

/// The keyword that is the first word of `text`, and its length in bytes.
fn keyword(text: &str) -> Option<(TokenKind, usize)> {
    let word = text.split(escape::ends_word).next()?;
    let kind = match word {
        _ if word.eq_ignore_ascii_case("and") => TokenKind::And,
        _ if word.eq_ignore_ascii_case("or") => TokenKind::Or,
        _ if word.eq_ignore_ascii_case("not") => TokenKind::Not,
        _ => return None,
    };
    Some((kind, word.len()))
}
