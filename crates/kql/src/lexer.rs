//! Splits query text into tokens, one at a time.

use query_core::{Comparison, ParseError, Span, Wildcard, shorten};

use super::escape::{ends_word, is_space, unescape_quoted, unescape_unquoted};

/// Characters of a token that an error message repeats.
const MAX_SHOWN: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A parenthesis, a brace or a colon.
    Symbol(char),
    Compare(Comparison),
    And,
    Or,
    Not,
    Literal(LiteralToken),
    End,
}

/// A literal, unescaped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LiteralToken {
    /// Quoted, or without a star that is not escaped.
    Plain(String),
    Wildcard(Wildcard),
}

/// The rest of a query.
pub(super) struct Lexer<'q> {
    query: &'q str,
    at: usize,
}

impl<'q> Lexer<'q> {
    pub(super) fn new(query: &'q str) -> Self {
        Self { query, at: 0 }
    }

    /// The next token; at the end, [`TokenKind::End`] repeatedly.
    pub(super) fn next(&mut self) -> Result<Token, ParseError> {
        let space = self.space().len();
        if space == self.rest().len() {
            // Directly after the last word, so that an error is displayed on that line.
            return Ok(Token { kind: TokenKind::End, span: Span { start: self.at, end: self.at } });
        }
        self.at += space;
        let start = self.at;
        let kind = match self.symbol() {
            Some((kind, length)) => {
                self.at += length;
                kind
            }
            None if self.rest().starts_with('"') => self.quoted()?,
            None => self.unquoted()?,
        };
        Ok(Token { kind, span: Span { start, end: self.at } })
    }

    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    /// The white space that follows.
    fn space(&self) -> &'q str {
        let rest = self.rest();
        &rest[..rest.len() - rest.trim_start_matches(is_space).len()]
    }

    /// The punctuation or keyword that follows, and its length in bytes.
    fn symbol(&self) -> Option<(TokenKind, usize)> {
        let rest = self.rest();
        let symbol = match rest.chars().next()? {
            symbol @ ('(' | ')' | '{' | '}' | ':') => (TokenKind::Symbol(symbol), 1),
            '<' if rest.starts_with("<=") => (TokenKind::Compare(Comparison::AtMost), 2),
            '>' if rest.starts_with(">=") => (TokenKind::Compare(Comparison::AtLeast), 2),
            '<' => (TokenKind::Compare(Comparison::Below), 1),
            '>' => (TokenKind::Compare(Comparison::Above), 1),
            _ => return keyword(rest),
        };
        Some(symbol)
    }

    fn quoted(&mut self) -> Result<TokenKind, ParseError> {
        let quote = Span { start: self.at, end: self.at + 1 };
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            if c == '"' {
                self.at += 1;
                return Ok(TokenKind::Literal(LiteralToken::Plain(text)));
            }
            let (c, length) = unescape_quoted(self.rest()).unwrap_or((c, c.len_utf8()));
            text.push(c);
            self.at += length;
        }
        let message = "expected a quote that closes this one, found the end of the query";
        Err(ParseError::new(self.query, quote, message.to_owned()))
    }

    /// Words up to a keyword or punctuation are one literal, including the white space between
    /// them.
    fn unquoted(&mut self) -> Result<TokenKind, ParseError> {
        // The text before each star, and after the last one.
        let mut before = Vec::new();
        let mut piece = String::new();
        loop {
            self.word(&mut before, &mut piece)?;
            let space = self.space();
            let next = &self.rest()[space.len()..];
            let is_last = next.chars().next().is_none_or(ends_word) || keyword(next).is_some();
            if space.is_empty() || is_last {
                break;
            }
            piece.push_str(space);
            self.at += space.len();
        }
        if before.is_empty() {
            return Ok(TokenKind::Literal(LiteralToken::Plain(piece)));
        }
        let pieces = before.into_iter().chain([piece]).map(|piece| vec![piece]);
        Ok(TokenKind::Literal(LiteralToken::Wildcard(Wildcard::new(pieces))))
    }

    fn word(&mut self, before: &mut Vec<String>, piece: &mut String) -> Result<(), ParseError> {
        while let Some(c) = self.rest().chars().next().filter(|c| !ends_word(*c)) {
            let (c, length) = match c {
                '*' => {
                    before.push(std::mem::take(piece));
                    self.at += 1;
                    continue;
                }
                '\\' => unescape_unquoted(self.rest()).ok_or_else(|| self.invalid_escape())?,
                _ => (c, c.len_utf8()),
            };
            piece.push(c);
            self.at += length;
        }
        Ok(())
    }

    fn invalid_escape(&self) -> ParseError {
        let length: usize = self.rest().chars().take(2).map(char::len_utf8).sum();
        let escape = &self.rest()[..length];
        let message = format!(
            "expected an escape, such as `\\*`, `\\\\` or `\\u002a`, found `{}`",
            shorten(escape, MAX_SHOWN)
        );
        ParseError::new(self.query, Span { start: self.at, end: self.at + length }, message)
    }
}

impl Token {
    /// The token in an error message.
    pub(super) fn describe(&self, query: &str) -> String {
        match self.kind {
            TokenKind::End => "the end of the query".to_owned(),
            _ => format!("`{}`", shorten(self.span.text(query), MAX_SHOWN)),
        }
    }
}

/// The keyword that is the first word of `text`, and its length in bytes.
fn keyword(text: &str) -> Option<(TokenKind, usize)> {
    let word = text.split(ends_word).next()?;
    let keywords = [("and", TokenKind::And), ("or", TokenKind::Or), ("not", TokenKind::Not)];
    let (_, kind) = keywords.into_iter().find(|(keyword, _)| word.eq_ignore_ascii_case(keyword))?;
    Some((kind, word.len()))
}
