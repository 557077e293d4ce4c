//! What is said about a rule file.

use std::fmt;
use std::ops::Range;

/// A place in a file. Ordered as one reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in that line, in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of a byte of a text; the end of the text where it is beyond.
    pub(in crate::rule) fn of(text: &str, byte: usize) -> Position {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Something wrong or odd in a file. Shown as `path:line:column: message`, then the line at fault
/// with a caret where that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named to us, or the embedded rule's name.
    pub path: String,
    /// Where in the file; absent where the file as a whole is meant.
    pub position: Option<Position>,
    /// What is wrong, and what was expected.
    pub message: String,
    /// The line at fault with a caret under the fault, several lines of text.
    pub excerpt: Option<String>,
}

impl Problem {
    /// About a file as a whole.
    pub(in crate::rule) fn of_file(path: String, message: String) -> Problem {
        Problem { path, position: None, message, excerpt: None }
    }

    /// About a place in a file's text, given in bytes.
    pub(in crate::rule) fn at(
        path: &str,
        text: &str,
        place: Range<usize>,
        message: String,
    ) -> Problem {
        let position = Some(Position::of(text, place.start));
        Problem { path: path.to_owned(), position, message, excerpt: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.excerpt {
            Some(excerpt) => write!(f, "\n{excerpt}"),
            None => Ok(()),
        }
    }
}

/// A file that holds a rule which cannot run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedRule {
    /// The file as it was named to us, or the embedded rule's name.
    pub path: String,
    /// The rule's name, or its id where it has no name.
    pub rule: Option<String>,
    /// Why it cannot run.
    pub reason: String,
}

impl fmt::Display for UnsupportedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => {
                write!(f, "{}: rule \"{rule}\" cannot run here: {}", self.path, self.reason)
            }
            None => write!(f, "{}: cannot run here: {}", self.path, self.reason),
        }
    }
}
