//! Why a text is not a query, and where.

use std::fmt;

use super::span::Span;

/// Characters of the query line that are displayed before the error, and from it on.
const BEFORE: usize = 60;
const AFTER: usize = 40;

/// A text that is not a query: what was expected, what was found, and where.
///
/// Displayed as the message, the line of the query, and carets under the error. Hidden characters
/// are replaced, so the display is safe on a terminal, and a long line is cut around the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    message: String,
    span: Span,
    line: usize,
    column: usize,
    excerpt: String,
    is_unsupported: bool,
}

impl ParseError {
    /// The error at a place of the query. `message` is one line that is safe on a terminal.
    pub fn new(query: &str, span: Span, message: String) -> Self {
        let before = query.get(..span.start).unwrap_or(query);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        let excerpt = excerpt(query, line_start, span, line);
        Self { message, span, line, column, excerpt, is_unsupported: false }
    }

    /// The same for a query that is valid in its language, but that cannot be run here.
    pub fn unsupported(query: &str, span: Span, message: String) -> Self {
        Self { is_unsupported: true, ..Self::new(query, span, message) }
    }

    /// Returns true if the query is valid in its language, but cannot be run here.
    pub fn is_unsupported(&self) -> bool {
        self.is_unsupported
    }

    /// What was expected and what was found, on one line that is safe on a terminal.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The unexpected part of the query. Empty at the end of the query.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The line of the query, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in that line, in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

/// A part of the line, with its number, and the carets below.
fn excerpt(query: &str, line_start: usize, span: Span, line: usize) -> String {
    let text = query[line_start..].lines().next().unwrap_or_default();
    // `lines` drops a line break, at which the error can be.
    let (before, after) = text.split_at((span.start - line_start).min(text.len()));
    let skipped = before.chars().count().saturating_sub(BEFORE);
    let ellipsis = if skipped > 0 { "…" } else { "" };
    let before: String = before.chars().skip(skipped).map(visible).collect();
    let indent = " ".repeat(ellipsis.chars().count() + before.chars().count());
    let carets = span.text(query).lines().next().unwrap_or_default().chars().count();
    let carets = "^".repeat(carets.clamp(1, AFTER));
    let gutter = " ".repeat(line.to_string().len());
    let after = shorten(after, AFTER);
    format!("{line} | {ellipsis}{before}{after}\n{gutter} | {indent}{carets}")
}

/// At most `limit` characters of `text`, with an ellipsis if there are more.
pub fn shorten(text: &str, limit: usize) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(limit).map(visible).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// Returns true if the character moves the cursor, reorders its neighbours or displays nothing:
/// controls, line separators, zero-width and bidirectional marks, tags.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The character, or one in its place that takes one column.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        _ if is_hidden(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, line, column, excerpt, .. } = self;
        write!(f, "{message} (line {line}, column {column})\n{excerpt}")
    }
}

impl std::error::Error for ParseError {}
