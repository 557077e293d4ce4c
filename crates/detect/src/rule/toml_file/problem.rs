//! What is wrong in a file, and where.

use std::fmt::{self, Display};

/// A place in a file. Ordered by line, then column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in that line, in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of a byte offset in a text; the end of the text if the offset is beyond it.
    pub(crate) fn at_byte(text: &str, byte: usize) -> Position {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Something wrong or suspicious in a file. Displayed as `path:line:column: message`, followed by
/// the excerpt if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it, or the name of an embedded rule.
    pub path: String,
    /// Where in the file; `None` if the problem concerns the whole file.
    pub position: Option<Position>,
    /// What is wrong, and what was expected.
    pub message: String,
    /// The line at fault, and below it a caret under the fault.
    pub excerpt: Option<String>,
}

impl Problem {
    /// A problem of a whole file.
    pub(crate) fn in_file(path: impl Display, message: impl Into<String>) -> Problem {
        Problem { path: path.to_string(), position: None, message: message.into(), excerpt: None }
    }

    /// The same problem at a position.
    pub(crate) fn at(self, position: Position) -> Problem {
        Problem { position: Some(position), ..self }
    }
}

impl Display for Problem {
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

/// `2 problems in rule files:` and the problems, one on each line.
pub(crate) fn problem_list(files: &str, problems: &[Problem]) -> String {
    let s = if problems.len() == 1 { "" } else { "s" };
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    format!("{} problem{s} in {files}:\n{}", problems.len(), lines.join("\n"))
}

/// `; did you mean X?` as the end of a message, or nothing.
pub(crate) fn hint(meant: Option<&str>) -> String {
    meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}
