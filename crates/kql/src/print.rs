//! Writes a syntax tree as a query on one line, safe on a terminal, that parses to the same tree.

use std::fmt::{self, Display, Write};

use query_core::{Wildcard, is_hidden};

use super::ast::{Expr, ExprKind, Field, Leaf, Test};
use super::escape::{is_keyword, is_special};

/// Quotes a value for a query. The result is printable ASCII without spaces: other characters
/// become `\uXXXX`.
pub fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_ascii_graphic() => quoted.push(character),
            _ => quoted.push_str(&escape_unicode(character)),
        }
    }
    quoted + "\""
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::All => f.write_char('*'),
            ExprKind::Leaf(leaf) => leaf.fmt(f),
            ExprKind::Nested { path, expr } => write!(f, "{}: {{ {expr} }}", PlainText(path)),
            ExprKind::Not(expr) => {
                f.write_str("not ")?;
                self.write_operand(expr, f)
            }
            ExprKind::And(exprs) => self.write_chain(exprs, " and ", f),
            ExprKind::Or(exprs) => self.write_chain(exprs, " or ", f),
        }
    }
}

impl Expr {
    fn write_chain(
        &self,
        exprs: &[Expr],
        separator: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let field = common_field(exprs);
        if let Some(field) = field {
            write!(f, "{field}: (")?;
        }
        for (index, expr) in exprs.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { separator })?;
            match &expr.kind {
                ExprKind::Leaf(leaf) if field.is_some() => leaf.test.fmt(f)?,
                _ => self.write_operand(expr, f)?,
            }
        }
        f.write_str(if field.is_some() { ")" } else { "" })
    }

    /// A chain inside a chain needs parentheses to stay one, unless it has those of its field.
    fn write_operand(&self, inner: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs_parentheses = match (&self.kind, &inner.kind) {
            (ExprKind::Or(_), ExprKind::And(_)) => false,
            (_, ExprKind::And(exprs) | ExprKind::Or(exprs)) => common_field(exprs).is_none(),
            _ => false,
        };
        if needs_parentheses { write!(f, "({inner})") } else { inner.fmt(f) }
    }
}

/// The field of a chain that can be written `field: (a or b)`.
fn common_field(exprs: &[Expr]) -> Option<&Field> {
    let mut fields = exprs.iter().map(|expr| match &expr.kind {
        ExprKind::Leaf(Leaf { test: Test::Range(..), .. }) => None,
        ExprKind::Leaf(Leaf { field, .. }) if **field != Field::Any => Some(&**field),
        _ => None,
    });
    let first = fields.next()??;
    fields.all(|field| field == Some(first)).then_some(first)
}

impl Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.field, &self.test) {
            (field, Test::Range(..)) => write!(f, "{field} {}", self.test),
            (Field::Any, test) => test.fmt(f),
            (field, test) => write!(f, "{field}: {test}"),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_char('*'),
            Self::Named(name) => PlainText(name).fmt(f),
            Self::Like(wildcard) => Pattern(wildcard).fmt(f),
        }
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_char('*'),
            Self::Equals(literal) => PlainText(literal.text()).fmt(f),
            Self::Like(wildcard) => Pattern(wildcard).fmt(f),
            Self::Range(comparison, literal) => {
                write!(f, "{comparison} {}", PlainText(literal.text()))
            }
        }
    }
}

/// A wildcard. KQL has no question marks, so each piece has one part.
struct Pattern<'w>(&'w Wildcard);

impl Display for Pattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.pieces().flatten().enumerate() {
            f.write_str(if index == 0 { "" } else { "*" })?;
            write_piece(part, f)?;
        }
        Ok(())
    }
}

/// Text without wildcards: bare if it cannot be misread, else in quotes.
struct PlainText<'t>(&'t str);

impl Display for PlainText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-./@+=,".contains(c);
        if !self.0.is_empty() && self.0.chars().all(is_bare) && !is_keyword(self.0) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\\' | '"' => write!(f, "\\{c}")?,
                _ => write_visible(c, f)?,
            }
        }
        f.write_char('"')
    }
}

/// A piece of an unquoted pattern. Spaces are escaped unless they are between two words, where they
/// are not trimmed.
fn write_piece(piece: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut before = "";
    for (index, word) in piece.split(' ').enumerate() {
        if index > 0 {
            f.write_str(if before.is_empty() || word.is_empty() { "\\u0020" } else { " " })?;
        }
        write_word(word, f)?;
        before = word;
    }
    Ok(())
}

fn write_word(word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, c) in word.chars().enumerate() {
        match c {
            _ if index == 0 && is_keyword(word) => f.write_str(&escape_unicode(c))?,
            // `\n` before "ot" would be an escaped `not`.
            '\n' => f.write_str(&escape_unicode(c))?,
            _ if is_special(c) => write!(f, "\\{c}")?,
            _ => write_visible(c, f)?,
        }
    }
    Ok(())
}

fn write_visible(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        '\t' => f.write_str("\\t"),
        '\r' => f.write_str("\\r"),
        '\n' => f.write_str("\\n"),
        _ if c == '\u{a0}' || is_hidden(c) => f.write_str(&escape_unicode(c)),
        _ => f.write_char(c),
    }
}

/// `\uXXXX`, twice for a character beyond U+FFFF.
fn escape_unicode(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Query;

    #[test]
    fn values_are_written_in_printable_ascii() {
        assert_eq!(quote("a \"b\"\\c\u{202e}𝄞"), r#""a\u0020\"b\"\\c\u202e\ud834\udd1e""#);
    }

    proptest! {
        #[test]
        fn a_quoted_value_matches_itself(value in any::<String>()) {
            let quoted = quote(&value);
            prop_assert!(quoted.bytes().all(|byte| byte.is_ascii_graphic()));
            let query = Query::parse(&format!("f: {quoted}")).unwrap();
            let document = json!({"f": value});
            prop_assert!(query.matches(&document, Timestamp::UNIX_EPOCH) || value.is_empty());
        }
    }
}
