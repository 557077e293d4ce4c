//! Why a text is not a query, shown at the place.

use std::fmt;

use super::span::Span;
use super::visible::shorten;

/// Characters of the query line shown before the fault.
const BEFORE: usize = 60;
/// Characters of the query line shown from the fault on.
const FROM: usize = 40;

/// A text that is not a query: what was expected, what was found, and where.
///
/// Displayed as the message, then the line of the query with a caret under the fault. Nothing of
/// the query reaches the display unless it is safe on a terminal, and a long line is cut around the
/// fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    message: String,
    span: Span,
    line: usize,
    column: usize,
    excerpt: Excerpt,
}

/// The part of a line that is shown, and what of it is underlined, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    text: String,
    indent: usize,
    width: usize,
}

impl ParseError {
    pub(super) fn new(query: &str, span: Span, message: String) -> Self {
        let before = query.get(..span.start).unwrap_or(query);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Self { message, span, line, column, excerpt: Excerpt::new(query, line_start, span) }
    }

    /// What was expected and what was found; one line, safe on a terminal.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes of the query that are at fault; empty at the end of the query.
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

impl Excerpt {
    fn new(query: &str, line_start: usize, span: Span) -> Self {
        let line = query[line_start..].lines().next().unwrap_or_default();
        // The fault can be the line break itself, past what `lines` gives.
        let (before, after) = line.split_at((span.start - line_start).min(line.len()));
        let skipped = before.chars().count().saturating_sub(BEFORE);
        let lead: String = before.chars().skip(skipped).collect();
        let mark = if skipped > 0 { "…" } else { "" };
        let text = format!("{mark}{}{}", shorten(&lead, BEFORE), shorten(after, FROM));
        let indent = mark.chars().count() + lead.chars().count();
        let width = span.text(query).lines().next().unwrap_or_default().chars().count();
        Self { text, indent, width: width.clamp(1, FROM) }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, line, column, excerpt, .. } = self;
        let gutter = line.to_string();
        writeln!(f, "{message} (line {line}, column {column})")?;
        writeln!(f, "{gutter} | {}", excerpt.text)?;
        let (edge, indent, carets) =
            (" ".repeat(gutter.len()), " ".repeat(excerpt.indent), "^".repeat(excerpt.width));
        write!(f, "{edge} | {indent}{carets}")
    }
}

impl std::error::Error for ParseError {}
