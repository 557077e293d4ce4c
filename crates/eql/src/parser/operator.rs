//! Operators between operands, and how tightly they bind.

use query_core::Comparison;

use super::Parser;
use crate::function::Function;
use crate::lexer::TokenKind;

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Different,
    Order(Comparison),
    Arithmetic(Function),
}

/// How tightly an operator binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Sign,
}

impl Operator {
    pub(super) fn level(self) -> Level {
        match self {
            Operator::Or => Level::Or,
            Operator::And => Level::And,
            Operator::Equal | Operator::Different | Operator::Order(_) => Level::Comparison,
            Operator::Arithmetic(Function::Add | Function::Subtract) => Level::Sum,
            Operator::Arithmetic(_) => Level::Product,
        }
    }
}

impl Level {
    /// The level of what binds more tightly.
    pub(super) fn above(self) -> Level {
        match self {
            Level::Or => Level::And,
            Level::And => Level::Not,
            Level::Not => Level::Comparison,
            Level::Comparison => Level::Sum,
            Level::Sum => Level::Product,
            Level::Product | Level::Sign => Level::Sign,
        }
    }
}

impl Parser<'_> {
    /// The operator between two operands that the token is.
    pub(super) fn operator(&self) -> Option<Operator> {
        Some(match self.token.kind {
            TokenKind::Keyword("or") => Operator::Or,
            TokenKind::Keyword("and") => Operator::And,
            TokenKind::Symbol("==") => Operator::Equal,
            TokenKind::Symbol("!=") => Operator::Different,
            TokenKind::Compare(comparison) => Operator::Order(comparison),
            TokenKind::Symbol("+") => Operator::Arithmetic(Function::Add),
            TokenKind::Symbol("-") => Operator::Arithmetic(Function::Subtract),
            TokenKind::Symbol("*") => Operator::Arithmetic(Function::Multiply),
            TokenKind::Symbol("/") => Operator::Arithmetic(Function::Divide),
            TokenKind::Symbol("%") => Operator::Arithmetic(Function::Modulo),
            _ => return None,
        })
    }
}
