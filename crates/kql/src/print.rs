//! A tree as text that parses back to the same tree, on one line and safe on a terminal.

use std::fmt::{self, Display, Write};

use super::ast::{Comparison, Expr, ExprKind, Field, Leaf, Test};
use super::literal::Literal;
use super::wildcard::Wildcard;
use super::{escape, visible};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::All => f.write_char('*'),
            ExprKind::Leaf(leaf) => leaf.fmt(f),
            ExprKind::Nested { path, expr } => write!(f, "{}: {{ {expr} }}", Plain(path)),
            ExprKind::Not(expr) => {
                f.write_str("not ")?;
                self.operand(expr, f)
            }
            ExprKind::And(exprs) => self.chain(exprs, " and ", f),
            ExprKind::Or(exprs) => self.chain(exprs, " or ", f),
        }
    }
}

impl Expr {
    fn chain(&self, exprs: &[Expr], joint: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = field_of_all(exprs);
        if let Some(field) = field {
            write!(f, "{field}: (")?;
        }
        for (index, expr) in exprs.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { joint })?;
            match &expr.kind {
                ExprKind::Leaf(leaf) if field.is_some() => leaf.test.fmt(f)?,
                _ => self.operand(expr, f)?,
            }
        }
        f.write_str(if field.is_some() { ")" } else { "" })
    }

    /// Parentheses keep a chain inside a chain what it is: without them the two would flow
    /// together.
    fn operand(&self, inner: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parentheses = match (&self.kind, &inner.kind) {
            (_, ExprKind::And(exprs) | ExprKind::Or(exprs)) if field_of_all(exprs).is_some() => {
                false
            }
            (ExprKind::Or(_), ExprKind::And(_)) => false,
            (_, ExprKind::And(_) | ExprKind::Or(_)) => true,
            _ => false,
        };
        if parentheses { write!(f, "({inner})") } else { inner.fmt(f) }
    }
}

/// The field of a chain that can be written `field: (a or b)`, which is how people write it.
fn field_of_all(exprs: &[Expr]) -> Option<&Field> {
    let mut fields = exprs.iter().map(listed_field);
    let first = fields.next()??;
    fields.all(|field| field == Some(first)).then_some(first)
}

fn listed_field(expr: &Expr) -> Option<&Field> {
    match &expr.kind {
        ExprKind::Leaf(Leaf { field, test }) => match (&**field, test) {
            (Field::Any, _) | (_, Test::Range(..)) => None,
            (field, _) => Some(field),
        },
        _ => None,
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.field, &self.test) {
            (field, Test::Range(..)) => write!(f, "{field} {}", self.test),
            (Field::Any, test) => test.fmt(f),
            (field, test) => write!(f, "{field}: {test}"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_char('*'),
            Self::Named(name) => Plain(name).fmt(f),
            Self::Like(wildcard) => wildcard.fmt(f),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_char('*'),
            Self::Equals(literal) => literal.fmt(f),
            Self::Like(wildcard) => wildcard.fmt(f),
            Self::Range(comparison, literal) => write!(f, "{comparison} {literal}"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(self.text()).fmt(f)
    }
}

impl fmt::Display for Wildcard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, piece) in self.pieces().enumerate() {
            f.write_str(if index == 0 { "" } else { "*" })?;
            write_piece(piece, f)?;
        }
        Ok(())
    }
}

/// Text without wildcards: bare where nothing in it could be misread, else quoted.
struct Plain<'t>(&'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |c: char| c.is_ascii_alphanumeric() || "_-./@+=,".contains(c);
        if !self.0.is_empty() && self.0.chars().all(bare) && !escape::is_keyword(self.0) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\\' | '"' => write!(f, "\\{c}")?,
                _ => write_plainly(c, f)?,
            }
        }
        f.write_char('"')
    }
}

/// A piece of an unquoted pattern. A space is written as it is only between two words, where it
/// cannot be trimmed.
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
            _ if index == 0 && escape::is_keyword(word) => write_units(c, f)?,
            // `\n` before "ot" would be read as an escaped `not`.
            '\n' => write_units(c, f)?,
            _ if escape::is_special(c) => write!(f, "\\{c}")?,
            _ => write_plainly(c, f)?,
        }
    }
    Ok(())
}

fn write_plainly(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        '\t' => f.write_str("\\t"),
        '\r' => f.write_str("\\r"),
        '\n' => f.write_str("\\n"),
        '\u{a0}' => write_units(c, f),
        _ if visible::is_hidden(c) => write_units(c, f),
        _ => f.write_char(c),
    }
}

fn write_units(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
}
