//! Splits query text into tokens, one at a time.

use query_core::{Comparison, ParseError, Span, is_hidden, shorten};

use super::escape::unescape;

/// Characters of a token that an error message repeats.
const MAX_SHOWN: usize = 32;

/// Words that are no names, in this case only.
pub(super) const KEYWORDS: [&str; 23] = [
    "and", "any", "by", "false", "in", "in~", "join", "like", "like~", "maxspan", "not", "null",
    "of", "or", "regex", "regex~", "sample", "sequence", "true", "until", "where", "with", "fork",
];

const SYMBOLS: [&str; 18] =
    ["==", "!=", "![", "(", ")", "[", "]", ",", ".", ":", "?", "|", "+", "-", "*", "/", "%", "="];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Symbol(&'static str),
    Compare(Comparison),
    Keyword(&'static str),
    /// A name, or the name of a function with a `~`.
    Name(String),
    /// A name in backticks.
    QuotedName(String),
    Text(String),
    Number {
        value: f64,
        is_integer: bool,
    },
    End,
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
        let end = self.at;
        self.skip_space()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            // Directly after the last token, so that an error is displayed on that line.
            return Ok(Token { kind: TokenKind::End, span: Span { start: end, end } });
        };
        let kind = match first {
            '"' if self.rest().starts_with("\"\"\"") => self.raw_text()?,
            '"' => self.text()?,
            '`' => self.quoted_name()?,
            _ if starts_name(first) => self.word(),
            _ if self.starts_number() => self.number()?,
            _ => self.symbol()?,
        };
        Ok(Token { kind, span: Span { start, end: self.at } })
    }

    /// A number and the word after it, such as `5m`: each with its place.
    pub(super) fn number_and_unit(&mut self) -> Result<[Span; 2], ParseError> {
        self.skip_space()?;
        let number = self.skip(|c| c.is_ascii_digit() || c == '.');
        self.skip_space()?;
        Ok([number, self.skip(continues_name)])
    }

    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) -> Span {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.find(|c| !is_skipped(c)).unwrap_or(rest.len());
        Span { start, end: self.at }
    }

    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    /// Skips white space and comments.
    fn skip_space(&mut self) -> Result<(), ParseError> {
        loop {
            let rest = self.rest();
            let text = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - text.len();
            if text.starts_with("//") {
                self.at += text.find('\n').unwrap_or(text.len());
            } else if text.starts_with("/*") {
                let length = text.find("*/").ok_or_else(|| {
                    self.error(2, "expected `*/` after this comment, found the end of the query")
                })?;
                self.at += length + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn symbol(&mut self) -> Result<TokenKind, ParseError> {
        let rest = self.rest();
        let comparisons = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Below),
            (">", Comparison::Above),
        ];
        let (kind, length) = if let Some((symbol, comparison)) =
            comparisons.into_iter().find(|(symbol, _)| rest.starts_with(symbol))
        {
            (TokenKind::Compare(comparison), symbol.len())
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            (TokenKind::Symbol(symbol), symbol.len())
        } else {
            return Err(self.unknown_symbol());
        };
        self.at += length;
        Ok(kind)
    }

    fn unknown_symbol(&self) -> ParseError {
        let first = self.rest().chars().next().unwrap_or_default();
        let hint = match first {
            '\'' => "; strings are written in double quotes",
            '&' => "; did you mean `and`?",
            '!' => "; did you mean `not` or `!=`?",
            '{' | '}' => "; lists are written in parentheses",
            _ => "",
        };
        let found = shorten(first.encode_utf8(&mut [0; 4]), 1);
        self.error(
            first.len_utf8(),
            &format!("expected a name, a value or an operator, found `{found}`{hint}"),
        )
    }

    fn word(&mut self) -> TokenKind {
        let rest = self.rest();
        // The first character can be an `@`.
        let others = &rest[1..];
        let mut length = 1 + others.find(|c| !continues_name(c)).unwrap_or(others.len());
        if rest[length..].starts_with('~') {
            length += 1;
        }
        let word = &rest[..length];
        self.at += length;
        match KEYWORDS.into_iter().find(|keyword| *keyword == word) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None => TokenKind::Name(word.to_owned()),
        }
    }

    fn quoted_name(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let mut name = String::new();
        self.at += 1;
        loop {
            match self.rest().chars().next() {
                Some('`') if self.rest().starts_with("``") => {
                    name.push('`');
                    self.at += 2;
                }
                Some('`') => break,
                Some(c) if is_hidden(c) => {
                    let message = "expected a name without invisible characters, found one";
                    return Err(self.error(c.len_utf8(), message));
                }
                Some(c) => {
                    name.push(c);
                    self.at += c.len_utf8();
                }
                None => {
                    self.at = start;
                    let message = "expected a backtick after this one, found the end of the query";
                    return Err(self.error(1, message));
                }
            }
        }
        self.at += 1;
        if name.is_empty() {
            let span = Span { start, end: self.at };
            let message = "expected a name between the backticks, found nothing";
            return Err(ParseError::new(self.query, span, message.to_owned()));
        }
        Ok(TokenKind::QuotedName(name))
    }

    /// `"…"` on one line, with escapes.
    fn text(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.rest().chars().next() {
                Some('"') => break,
                Some('\\') => match unescape(self.rest()) {
                    Ok((c, length)) => {
                        text.push(c);
                        self.at += length;
                    }
                    Err((expected, length)) => {
                        let found =
                            shorten(self.rest().get(..length).unwrap_or_default(), MAX_SHOWN);
                        let message = format!("expected {expected}, found `{found}`");
                        return Err(self.error(length, &message));
                    }
                },
                Some(c) if !matches!(c, '\n' | '\r') => {
                    self.push_char(c, &mut text)?;
                }
                found => {
                    self.at = start;
                    let found = if found.is_some() { "line" } else { "query" };
                    let message = format!(
                        "expected a quote that closes this one, found the end of the {found}"
                    );
                    return Err(self.error(1, &message));
                }
            }
        }
        self.at += 1;
        Ok(TokenKind::Text(text))
    }

    /// `"""…"""` on one line, without escapes. One or two quotes before the closing ones belong to
    /// the text.
    fn raw_text(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let rest = &self.rest()[3..];
        let line = rest.lines().next().unwrap_or_default();
        let Some(close) = line.find("\"\"\"") else {
            let message = "expected three quotes that close these, found the end of the line";
            return Err(self.error(3, message));
        };
        let quotes = line[close..].len() - line[close..].trim_start_matches('"').len();
        let length = close + quotes.min(5) - 3;
        let mut text = String::new();
        self.at += 3;
        for c in line[..length].chars() {
            self.push_char(c, &mut text)?;
        }
        self.at = start + 3 + length + 3;
        Ok(TokenKind::Text(text))
    }

    fn push_char(&mut self, c: char, text: &mut String) -> Result<(), ParseError> {
        if c == '\0' {
            return Err(self.error(1, "expected a string without NUL characters, found one"));
        }
        text.push(c);
        self.at += c.len_utf8();
        Ok(())
    }

    fn starts_number(&self) -> bool {
        let digits = self.rest().strip_prefix('.').unwrap_or(self.rest());
        digits.starts_with(|c: char| c.is_ascii_digit())
    }

    /// Digits, with a fraction and an exponent.
    fn number(&mut self) -> Result<TokenKind, ParseError> {
        let rest = self.rest();
        let digits = |from: usize| {
            let rest = rest.get(from..).unwrap_or_default();
            from + (rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len())
        };
        let whole = digits(0);
        let mut end = whole;
        if rest[end..].starts_with('.') {
            end = digits(end + 1);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let signed = rest[end + 1..].starts_with(['+', '-']);
            let exponent = end + 1 + usize::from(signed);
            end = if digits(exponent) > exponent { digits(exponent) } else { end };
        }
        let value: Option<f64> = rest[..end].parse().ok();
        match value.filter(|value| value.is_finite()) {
            Some(value) if !rest[end..].starts_with(continues_name) => {
                self.at += end;
                Ok(TokenKind::Number { value, is_integer: end == whole })
            }
            _ => {
                let name = &rest[end..];
                let length = end + name.find(|c| !continues_name(c)).unwrap_or(name.len());
                let found = shorten(&rest[..length], MAX_SHOWN);
                let message = format!(
                    "expected a number, found `{found}`; a name that starts with a digit is \
                     written in backticks"
                );
                Err(self.error(length, &message))
            }
        }
    }

    /// An error about the next bytes.
    fn error(&self, length: usize, message: &str) -> ParseError {
        let span = Span { start: self.at, end: self.at + length };
        ParseError::new(self.query, span, message.to_owned())
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

/// Returns true if a name can be written without backticks.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(starts_name) && name.chars().all(continues_name) && !KEYWORDS.contains(&name)
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '@')
}

fn continues_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
