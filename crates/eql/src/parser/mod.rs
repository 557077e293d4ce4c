//! Tokens to a syntax tree, by recursive descent of limited depth: no query can overflow the stack.

mod call;
mod compare;
mod operator;
mod pattern;
mod primary;
mod sequence;
mod statement;
mod tokens;

pub(super) use sequence::UNITS;
pub(super) use statement::{parse_event, parse_statement};

use std::sync::Arc;

use operator::{Level, Operator};
use query_core::{Case, MAX_BYTES, MAX_DEPTH, ParseError, Span, shorten};

use super::ast::{Expr, ExprKind, Leaf, Term, Test};
use super::constant::Constant;
use super::function::{Function, Kind};
use super::lexer::{Lexer, Token, TokenKind};

/// Values and errors are small: the parser has many of them on its stack.
type ParseResult<T = Parsed> = Result<T, Box<ParseError>>;

/// What was parsed: parentheses can be around a condition and around a value.
enum Parsed {
    Condition(Expr),
    Value(Operand),
}

/// A value, with its position in the text.
struct Operand {
    term: Term,
    span: Span,
}

struct Parser<'q> {
    query: &'q str,
    source: Arc<str>,
    lexer: Lexer<'q>,
    token: Token,
    /// The end of the token before `token`.
    end: usize,
    depth: usize,
}

impl<'q> Parser<'q> {
    fn new(query: &'q str) -> ParseResult<Self> {
        if query.len() > MAX_BYTES {
            let message = format!("expected at most {MAX_BYTES} bytes, found {}", query.len());
            return Err(Box::new(ParseError::new(query, Span { start: 0, end: 0 }, message)));
        }
        let mut lexer = Lexer::new(query);
        let token = lexer.next()?;
        Ok(Parser { query, source: query.into(), lexer, token, end: 0, depth: 0 })
    }

    /// An expression of operators that bind at least this tightly. One function for all of them
    /// takes less of the stack than one for each.
    fn expression(&mut self, least: Level) -> ParseResult {
        let start = self.token.span.start;
        let mut left = self.prefix(least)?;
        // Each arithmetic operator is a level of the tree.
        let depth = self.depth;
        while let Some(operator) = self.operator().filter(|operator| operator.level() >= least) {
            left = match operator {
                Operator::And | Operator::Or => self.chain(start, left, operator)?,
                Operator::Arithmetic(function) => {
                    let left = self.number(left)?;
                    self.deepen()?;
                    self.advance()?;
                    let right = self.expression(operator.level().above())?;
                    let right = self.number(right)?;
                    self.arithmetic_call(function, left, right)
                }
                _ => self.comparison(left, operator)?,
            };
        }
        self.depth = depth;
        Ok(left)
    }

    /// A flat chain of `and` or `or`.
    fn chain(&mut self, start: usize, first: Parsed, operator: Operator) -> ParseResult {
        let mut exprs = vec![self.condition(first)?];
        while self.operator() == Some(operator) {
            self.advance()?;
            let next = self.expression(operator.level().above())?;
            exprs.push(self.condition(next)?);
        }
        let is_and = operator == Operator::And;
        let kind = if is_and { ExprKind::And(exprs) } else { ExprKind::Or(exprs) };
        Ok(Parsed::Condition(self.expr(start, kind)))
    }

    fn comparison(&mut self, left: Parsed, operator: Operator) -> ParseResult {
        let operator_span = self.token.span;
        self.advance()?;
        let right = self.expression(Level::Comparison.above())?;
        if self.operator().is_some_and(|next| next.level() == Level::Comparison) {
            let found = self.token.describe(self.query);
            let message = format!(
                "expected `and`, `or` or the end of the query, found {found}; comparisons cannot \
                 be chained"
            );
            return Err(self.error(self.token.span, message));
        }
        self.compare(left, operator, operator_span, right).map(Parsed::Condition)
    }

    /// `not`, a sign, or a value and its predicate.
    fn prefix(&mut self, least: Level) -> ParseResult {
        let start = self.token.span.start;
        match self.token.kind {
            TokenKind::Keyword("not") if least <= Level::Not => {
                let inner = self.nest(Level::Not)?;
                let inner = self.condition(inner)?;
                Ok(Parsed::Condition(self.expr(start, ExprKind::Not(Box::new(inner)))))
            }
            TokenKind::Symbol("+") => {
                let inner = self.nest(Level::Sign)?;
                self.number(inner).map(Parsed::Value)
            }
            TokenKind::Symbol("-") => {
                let inner = self.nest(Level::Sign)?;
                let value = self.number(inner)?;
                let zero = Term::Constant(Constant::number(0.0, true));
                let zero = Operand { term: zero, span: Span { start, end: start } };
                Ok(self.arithmetic_call(Function::Subtract, zero, value))
            }
            _ => self.predicate(),
        }
    }

    /// A value, and what follows it: `in`, `:`, `like`, `regex`.
    fn predicate(&mut self) -> ParseResult {
        let left = self.primary()?;
        let is_negated = self.token.kind == TokenKind::Keyword("not");
        let start = self.token.span;
        if is_negated {
            self.advance()?;
        }
        match self.token.kind {
            TokenKind::Keyword(kind @ ("in" | "in~")) => {
                let case = if kind == "in" { Case::Exact } else { Case::Any };
                let expr = self.is_in(left, case)?;
                Ok(Parsed::Condition(if is_negated { self.negated(expr) } else { expr }))
            }
            _ if is_negated => {
                let message = "expected `not` before the whole condition, found it before its \
                               operator; only `in` can follow it";
                Err(self.error(start, message.to_owned()))
            }
            TokenKind::Symbol(":") => self.is_like(left, ":"),
            TokenKind::Keyword(kind @ ("like" | "like~")) => self.is_like(left, kind),
            TokenKind::Keyword(kind @ ("regex" | "regex~")) => self.is_regex(left, kind),
            _ => Ok(left),
        }
    }

    /// A value that is true or false as a condition.
    fn condition(&self, parsed: Parsed) -> ParseResult<Expr> {
        let Operand { term, span } = match parsed {
            Parsed::Condition(expr) => return Ok(expr),
            Parsed::Value(operand) => operand,
        };
        let is_boolean = match &term {
            Term::Field { .. } => true,
            Term::Constant(constant) => {
                if let Some(value) = boolean(constant) {
                    return Ok(Expr { kind: ExprKind::Constant(value), span });
                }
                false
            }
            Term::Null => false,
            Term::Call(call) => call.function.signature().result == Kind::Boolean,
        };
        if !is_boolean {
            let found = shorten(span.text(self.query), 32);
            let message = format!("expected a condition, found the value `{found}`");
            return Err(self.error(span, message));
        }
        let test = Test::In(vec![Constant::boolean(true)], Case::Exact);
        Ok(Expr { kind: ExprKind::Leaf(Box::new(Leaf::new(term, test))), span })
    }

    fn value(&self, parsed: Parsed) -> ParseResult<Operand> {
        match parsed {
            Parsed::Value(operand) => Ok(operand),
            Parsed::Condition(expr) => {
                let found = shorten(expr.span.text(self.query), 32);
                let message = format!("expected a value, found the condition `{found}`");
                Err(self.error(expr.span, message))
            }
        }
    }

    fn number(&self, parsed: Parsed) -> ParseResult<Operand> {
        let operand = self.value(parsed)?;
        self.check_kind(&operand, Kind::Number, "for arithmetic")?;
        Ok(operand)
    }

    /// Fails if the value is certainly of another type.
    fn check_kind(&self, operand: &Operand, expected: Kind, role: &str) -> ParseResult<()> {
        if expected.accepts(operand.term.kind()) {
            return Ok(());
        }
        let found = shorten(operand.span.text(self.query), 32);
        let message = format!("expected {} {role}, found `{found}`", expected.describe());
        Err(self.error(operand.span, message))
    }

    /// An expression from `start` up to the end of the last token.
    fn expr(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { kind, span: Span { start, end: self.end } }
    }

    fn negated(&self, expr: Expr) -> Expr {
        let span = expr.span;
        Expr { kind: ExprKind::Not(Box::new(expr)), span }
    }

    fn leaf(&self, span: Span, term: Term, test: Test) -> Expr {
        let kind = match test.accepts_constant(&term) {
            Some(value) => ExprKind::Constant(value),
            None => ExprKind::Leaf(Box::new(Leaf::new(term, test))),
        };
        Expr { kind, span }
    }

    fn deepen(&mut self) -> ParseResult<()> {
        if self.depth == MAX_DEPTH {
            let message = format!(
                "expected at most {MAX_DEPTH} levels of `not`, `(` and arithmetic, found one more"
            );
            return Err(self.error(self.token.span, message));
        }
        self.depth += 1;
        Ok(())
    }

    /// Passes the token that opens a level, and parses the level.
    fn nest(&mut self, least: Level) -> ParseResult {
        self.deepen()?;
        self.advance()?;
        let parsed = self.expression(least)?;
        self.depth -= 1;
        Ok(parsed)
    }

    /// Values with commas between them, from the parenthesis on, up to the closing one.
    fn list(&mut self, may_be_empty: bool) -> ParseResult<Vec<Operand>> {
        self.deepen()?;
        self.advance()?;
        let mut operands = Vec::new();
        if may_be_empty && self.token.kind == TokenKind::Symbol(")") {
            self.depth -= 1;
            return Ok(operands);
        }
        while operands.is_empty() || self.token.kind == TokenKind::Symbol(",") {
            if !operands.is_empty() {
                self.advance()?;
            }
            let parsed = self.expression(Level::Or)?;
            operands.push(self.value(parsed)?);
        }
        self.depth -= 1;
        Ok(operands)
    }
}

impl Term {
    /// The type, as far as it is known.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Term::Field { .. } | Term::Null => Kind::Unknown,
            Term::Constant(constant) => constant.kind().into(),
            Term::Call(call) => call.function.signature().result,
        }
    }
}

fn boolean(constant: &Constant) -> Option<bool> {
    match constant.kind() {
        super::constant::ConstantKind::Boolean(value) => Some(value),
        _ => None,
    }
}
