//! Values that are written in a query.

use query_core::Literal;

use super::scalar::Scalar;

/// A text, a number or a boolean.
#[derive(Debug, Clone)]
pub struct Constant {
    kind: ConstantKind,
    /// The text, parsed for every type of field that it can be compared with. It is large, and
    /// the parser has many terms on its stack.
    literal: Box<Literal>,
}

/// The type of a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConstantKind {
    /// `"text"`
    Text,
    /// `5` or `5.2`
    Number {
        /// The number.
        value: f64,
        /// It was written without a fraction. A quotient of integers is an integer.
        is_integer: bool,
    },
    /// `true` or `false`
    Boolean(bool),
}

impl Constant {
    pub(super) fn text(text: String) -> Self {
        Self { kind: ConstantKind::Text, literal: Box::new(Literal::new(text)) }
    }

    pub(super) fn number(value: f64, is_integer: bool) -> Self {
        // Zero has no sign in a query: `-0` is `0 - 0`.
        let value = value + 0.0;
        let text = if is_integer { value.to_string() } else { format!("{value:?}") };
        Self {
            kind: ConstantKind::Number { value, is_integer },
            literal: Box::new(Literal::new(text)),
        }
    }

    pub(super) fn boolean(value: bool) -> Self {
        Self {
            kind: ConstantKind::Boolean(value),
            literal: Box::new(Literal::new(value.to_string())),
        }
    }

    /// The type.
    pub fn kind(&self) -> ConstantKind {
        self.kind
    }

    /// The text, unescaped; or the number or boolean as it is written.
    pub fn literal(&self) -> &Literal {
        &self.literal
    }

    pub(super) fn scalar(&self) -> Scalar<'_> {
        match self.kind {
            ConstantKind::Text => Scalar::text(self.literal.text()),
            ConstantKind::Number { value, is_integer } => Scalar::Number { value, is_integer },
            ConstantKind::Boolean(value) => Scalar::Boolean(value),
        }
    }
}

impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        // The number follows from the text.
        let same_type = std::mem::discriminant(&self.kind) == std::mem::discriminant(&other.kind);
        same_type && self.literal == other.literal
    }
}
