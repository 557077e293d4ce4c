//! Tokens to a syntax tree, by recursive descent of limited depth: no query can overflow the stack.

mod call;
mod compare;
mod pattern;
mod sequence;

pub(super) use sequence::UNITS;

use std::sync::Arc;

use query_core::{Case, Comparison, MAX_BYTES, MAX_DEPTH, ParseError, Span, nearest_name, shorten};

use super::ast::{Expr, ExprKind, Leaf, Term, Test};
use super::constant::Constant;
use super::function::{Function, Kind};
use super::lexer::{KEYWORDS, Lexer, Token, TokenKind};
use super::query::Query;
use super::sequence::Statement;

/// Values and errors are small: the parser has many of them on its stack.
type ParseResult<T = Parsed> = Result<T, Box<ParseError>>;

/// A query of single events.
pub(super) fn parse_event(source: &str) -> Result<Query, ParseError> {
    let parse = || {
        let mut parser = Parser::new(source)?;
        let query = parser.event()?;
        parser.end("`and`, `or` or the end of the query")?;
        Ok(query)
    };
    parse().map_err(|error: Box<ParseError>| *error)
}

/// A query of single events, or a sequence.
pub(super) fn parse_statement(source: &str) -> Result<Statement, ParseError> {
    let parse = || {
        let mut parser = Parser::new(source)?;
        if parser.token.kind != TokenKind::Keyword("sequence") {
            let query = parser.event()?;
            parser.end("`and`, `or` or the end of the query")?;
            return Ok(Statement::Event(query));
        }
        let sequence = parser.sequence()?;
        parser.end("`[`, `by`, `with`, `until` or the end of the query")?;
        Ok(Statement::Sequence(sequence))
    };
    parse().map_err(|error: Box<ParseError>| *error)
}

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

    /// A category and a condition.
    fn event(&mut self) -> ParseResult<Query> {
        let category = self.category()?;
        let parsed = self.expression(Level::Or)?;
        let expr = self.condition(parsed)?;
        Ok(Query::new(Arc::clone(&self.source), category, expr))
    }

    /// `any where`, `iam where`, or `"a category" where`.
    fn category(&mut self) -> ParseResult<Option<String>> {
        let category = match &self.token.kind {
            TokenKind::Keyword("any") => None,
            TokenKind::Name(name) if !name.ends_with('~') => Some(name.clone()),
            TokenKind::Text(text) => Some(text.clone()),
            TokenKind::Keyword(kind @ ("sequence" | "sample" | "join")) => {
                let message = format!("expected a query of single events, found `{kind}`");
                return Err(self.unsupported(message));
            }
            _ => return Err(self.no_category("`any` or an event category")),
        };
        self.advance()?;
        if self.token.kind != TokenKind::Keyword("where") {
            return Err(self.no_category("`where` after the event category"));
        }
        self.advance()?;
        Ok(category)
    }

    /// The error at a condition that has no category.
    fn no_category(&self, expected: &str) -> Box<ParseError> {
        match self.token.kind {
            TokenKind::Symbol(_) | TokenKind::Compare(_) | TokenKind::Keyword(_) => {
                let found = self.token.describe(self.query);
                let hint = "events of any category are `any where …`";
                self.error(self.token.span, format!("expected {expected}, found {found}; {hint}"))
            }
            _ => self.unexpected(expected),
        }
    }

    fn end(&mut self, expected: &str) -> ParseResult<()> {
        match self.token.kind {
            TokenKind::End => Ok(()),
            TokenKind::Symbol("|") if !self.query[self.token.span.end..].starts_with('|') => {
                Err(self.unsupported("expected a query without pipes, found `|`".to_owned()))
            }
            _ => Err(self.unexpected(expected)),
        }
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

    /// The operator between two operands that the token is.
    fn operator(&self) -> Option<Operator> {
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

    fn primary(&mut self) -> ParseResult {
        let span = self.token.span;
        let term = match &self.token.kind {
            TokenKind::Symbol("(") => {
                let inner = self.nest(Level::Or)?;
                self.close("an operator or `)`")?;
                return Ok(inner);
            }
            TokenKind::Keyword("true") => Term::Constant(Constant::boolean(true)),
            TokenKind::Keyword("false") => Term::Constant(Constant::boolean(false)),
            TokenKind::Keyword("null") => Term::Null,
            TokenKind::Text(text) => Term::Constant(Constant::text(text.clone())),
            TokenKind::Number { value, is_integer } => {
                Term::Constant(Constant::number(*value, *is_integer))
            }
            TokenKind::Symbol("?") => {
                self.advance()?;
                if matches!(self.token.kind, TokenKind::Text(_)) {
                    let message = "raw strings are written in three double quotes, not `?\"`";
                    return Err(
                        self.error(span, format!("expected a field, found `?\"`; {message}"))
                    );
                }
                let first = self.name_part()?;
                return self.field(first, span, true);
            }
            TokenKind::Name(name) => {
                let name = name.clone();
                self.advance()?;
                return match self.token.kind {
                    TokenKind::Symbol("(") => self.call(&name, span),
                    _ if name.ends_with('~') => {
                        Err(self.unexpected("`(` and the arguments of the function"))
                    }
                    _ => self.field(name, span, false),
                };
            }
            TokenKind::QuotedName(name) => {
                let name = name.clone();
                self.advance()?;
                return self.field(name, span, false);
            }
            _ => return Err(self.unexpected("a condition, a field or a value")),
        };
        self.advance()?;
        Ok(Parsed::Value(Operand { term, span }))
    }

    /// A part of the name of a field.
    fn name_part(&mut self) -> ParseResult<String> {
        let part = match &self.token.kind {
            TokenKind::Name(part) if !part.ends_with('~') => part.clone(),
            TokenKind::QuotedName(part) => part.clone(),
            TokenKind::Keyword(_) => {
                let found = self.token.describe(self.query);
                let message = format!(
                    "expected a field, found {found}; a keyword in a name is written in backticks"
                );
                return Err(self.error(self.token.span, message));
            }
            _ => return Err(self.unexpected("a field")),
        };
        self.advance()?;
        Ok(part)
    }

    /// A field, from the dot after the first part of its name on.
    fn field(&mut self, first: String, start: Span, is_optional: bool) -> ParseResult {
        let mut name = first;
        while self.token.kind == TokenKind::Symbol(".") {
            self.advance()?;
            name.push('.');
            name.push_str(&self.name_part()?);
        }
        match self.token.kind {
            TokenKind::Symbol("[") => {
                let message = "expected an operator, found `[`; elements of lists cannot be chosen";
                Err(self.error(self.token.span, message.to_owned()))
            }
            TokenKind::Keyword("of") => {
                let message = "expected an operator, found `of`; relations of processes are not \
                               supported";
                Err(self.error(self.token.span, message.to_owned()))
            }
            _ => {
                let span = Span { start: start.start, end: self.end };
                Ok(Parsed::Value(Operand { term: Term::Field { name, is_optional }, span }))
            }
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

    fn close(&mut self, expected: &str) -> ParseResult<()> {
        if self.token.kind != TokenKind::Symbol(")") {
            return Err(self.unexpected(expected));
        }
        self.advance()
    }

    fn advance(&mut self) -> ParseResult<()> {
        self.end = self.token.span.end;
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn unexpected(&self, expected: &str) -> Box<ParseError> {
        let found = self.token.describe(self.query);
        let hint = match &self.token.kind {
            TokenKind::Symbol("=") => "; equality is written `==`".to_owned(),
            TokenKind::Symbol("|") => "; did you mean `or`?".to_owned(),
            TokenKind::Name(word) => nearest_keyword(word)
                .map(|keyword| format!("; did you mean `{keyword}`?"))
                .unwrap_or_default(),
            _ => String::new(),
        };
        self.error(self.token.span, format!("expected {expected}, found {found}{hint}"))
    }

    /// The token is part of a valid query that cannot be run.
    fn unsupported(&self, message: String) -> Box<ParseError> {
        Box::new(ParseError::unsupported(self.query, self.token.span, message))
    }

    fn error(&self, span: Span, message: String) -> Box<ParseError> {
        Box::new(ParseError::new(self.query, span, message))
    }
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Or,
    And,
    Equal,
    Different,
    Order(Comparison),
    Arithmetic(Function),
}

/// How tightly an operator binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Sign,
}

impl Operator {
    fn level(self) -> Level {
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
    fn above(self) -> Level {
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

/// The keyword that is the word in another case, or nearly the word.
fn nearest_keyword(word: &str) -> Option<&'static str> {
    let same = KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word));
    same.or_else(|| nearest_name(word, KEYWORDS).filter(|_| word.len() > 2))
}
