//! Tokens to a syntax tree, by recursive descent of limited depth: no query can overflow the stack.

use std::sync::Arc;

use query_core::{Literal, MAX_BYTES, MAX_DEPTH, ParseError, Span};

use super::ast::{Expr, ExprKind, Field, Leaf, Test};
use super::lexer::{Lexer, LiteralToken, Token, TokenKind};

type ParseResult<T = Expr> = Result<T, ParseError>;

pub(super) fn parse(query: &str) -> ParseResult {
    if query.len() > MAX_BYTES {
        let message = format!("expected at most {MAX_BYTES} bytes, found {}", query.len());
        return Err(ParseError::new(query, Span { start: 0, end: 0 }, message));
    }
    let mut lexer = Lexer::new(query);
    let token = lexer.next()?;
    if token.kind == TokenKind::End {
        return Ok(Expr { kind: ExprKind::All, span: token.span });
    }
    let mut parser = Parser { query, lexer, token, end: 0, depth: 0 };
    let expr = parser.or(Scope::Query)?;
    parser.close(TokenKind::End, "the end of the query")?;
    Ok(expr)
}

/// What the operands of `and`, `or` and `not` are.
#[derive(Clone, Copy)]
enum Scope<'f> {
    /// Expressions.
    Query,
    /// Values of this field, inside of `field: ( … )`.
    Values(&'f Arc<Field>),
}

struct Parser<'q> {
    query: &'q str,
    lexer: Lexer<'q>,
    token: Token,
    /// The end of the token before `token`.
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self, scope: Scope<'_>) -> ParseResult {
        self.chain(&TokenKind::Or, ExprKind::Or, |parser| parser.and(scope))
    }

    fn and(&mut self, scope: Scope<'_>) -> ParseResult {
        self.chain(&TokenKind::And, ExprKind::And, |parser| parser.not(scope))
    }

    fn chain(
        &mut self,
        keyword: &TokenKind,
        join: fn(Vec<Expr>) -> ExprKind,
        operand: impl Fn(&mut Self) -> ParseResult,
    ) -> ParseResult {
        let start = self.token.span.start;
        let first = operand(self)?;
        if self.token.kind != *keyword {
            return Ok(first);
        }
        let mut exprs = vec![first];
        while self.token.kind == *keyword {
            self.advance()?;
            exprs.push(operand(self)?);
        }
        Ok(self.expr(start, join(exprs)))
    }

    /// Kibana accepts one `not`, and none directly after the colon. The parser of Elastic's rules
    /// accepts both, and so does this one.
    fn not(&mut self, scope: Scope<'_>) -> ParseResult {
        if self.token.kind != TokenKind::Not {
            return self.operand(scope);
        }
        let start = self.token.span.start;
        let inner = self.nest(|parser| parser.not(scope))?;
        Ok(self.expr(start, ExprKind::Not(Box::new(inner))))
    }

    fn operand(&mut self, scope: Scope<'_>) -> ParseResult {
        match scope {
            _ if self.token.kind == TokenKind::Symbol('(') => {
                let inner = self.nest(|parser| parser.or(scope))?;
                self.close(TokenKind::Symbol(')'), "`)`")?;
                Ok(inner)
            }
            Scope::Query => self.condition(),
            Scope::Values(field) => {
                let (value, span) = self.literal("a value, `not` or `(`")?;
                Ok(self.leaf(span.start, Arc::clone(field), test(value)))
            }
        }
    }

    /// `field: …`, `field < value`, or a bare value.
    fn condition(&mut self) -> ParseResult {
        let (first, span) = self.literal("a field, a value, `not` or `(`")?;
        match self.token.kind {
            TokenKind::Symbol(':') => self.after_colon(first, span),
            TokenKind::Compare(comparison) => {
                self.advance()?;
                let (value, value_span) = self.literal("a value")?;
                let value = self.plain(value, value_span, "a value without wildcards")?;
                let test = Test::Range(comparison, Literal::new(value));
                Ok(self.leaf(span.start, Arc::new(field(first)), test))
            }
            _ => Ok(self.leaf(span.start, Arc::new(Field::Any), test(first))),
        }
    }

    fn after_colon(&mut self, name: LiteralToken, span: Span) -> ParseResult {
        self.advance()?;
        match self.token.kind {
            TokenKind::Symbol('{') => self.nested(name, span),
            TokenKind::Symbol('(') | TokenKind::Not | TokenKind::Literal(_) => {
                let mut expr = self.not(Scope::Values(&Arc::new(field(name))))?;
                expr.span = Span { start: span.start, end: self.end };
                Ok(expr)
            }
            _ => Err(self.unexpected("a value, `not`, `(` or `{`")),
        }
    }

    fn nested(&mut self, name: LiteralToken, span: Span) -> ParseResult {
        let path = self.plain(name, span, "a path without wildcards before `{`")?;
        let inner = self.nest(|parser| parser.or(Scope::Query))?;
        self.close(TokenKind::Symbol('}'), "`}`")?;
        Ok(self.expr(span.start, ExprKind::Nested { path, expr: Box::new(inner) }))
    }

    fn leaf(&self, start: usize, field: Arc<Field>, test: Test) -> Expr {
        // To Kibana as well, `*: *` and a bare `*` match every document.
        let kind = match (&*field, &test) {
            (Field::Any, Test::Exists) => ExprKind::All,
            _ => ExprKind::Leaf(Leaf { field, test }),
        };
        self.expr(start, kind)
    }

    /// An expression from `start` up to the end of the last token.
    fn expr(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { kind, span: Span { start, end: self.end } }
    }

    /// Passes the token that opens a level, and parses the level.
    fn nest(&mut self, parse: impl FnOnce(&mut Self) -> ParseResult) -> ParseResult {
        if self.depth == MAX_DEPTH {
            let message = format!(
                "expected at most {MAX_DEPTH} levels of `not`, `(` and `{{`, found one more"
            );
            return Err(self.error(self.token.span, message));
        }
        self.depth += 1;
        self.advance()?;
        let expr = parse(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn close(&mut self, kind: TokenKind, name: &str) -> ParseResult<()> {
        if self.token.kind != kind {
            return Err(self.unexpected(&format!("`and`, `or` or {name}")));
        }
        self.advance()
    }

    /// Passes a literal.
    fn literal(&mut self, expected: &str) -> ParseResult<(LiteralToken, Span)> {
        let TokenKind::Literal(literal) = &self.token.kind else {
            return Err(self.unexpected(expected));
        };
        let literal = (literal.clone(), self.token.span);
        self.advance()?;
        Ok(literal)
    }

    fn plain(&self, token: LiteralToken, span: Span, expected: &str) -> ParseResult<String> {
        match token {
            LiteralToken::Plain(text) => Ok(text),
            LiteralToken::Wildcard(_) => {
                Err(self.error(span, format!("expected {expected}, found a wildcard")))
            }
        }
    }

    fn advance(&mut self) -> ParseResult<()> {
        self.end = self.token.span.end;
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn unexpected(&self, expected: &str) -> ParseError {
        let found = self.token.describe(self.query);
        // The most frequent mistake is an ARN or a time without quotes.
        let is_symbol = matches!(self.token.kind, TokenKind::Symbol(':') | TokenKind::Compare(_));
        let needs_quotes = is_symbol && self.end > 0;
        let before = self.query[..self.token.span.start].trim_end();
        let is_equals = before.ends_with('=') && !before.ends_with("<=") && !before.ends_with(">=");
        let hint = match (needs_quotes, is_equals) {
            (true, _) => "; a value that holds it must be quoted",
            (_, true) => "; KQL compares with `:`, as in `field: value`",
            _ => "",
        };
        self.error(self.token.span, format!("expected {expected}, found {found}{hint}"))
    }

    fn error(&self, span: Span, message: String) -> ParseError {
        ParseError::new(self.query, span, message)
    }
}

fn field(name: LiteralToken) -> Field {
    match name {
        LiteralToken::Plain(name) => Field::Named(name),
        LiteralToken::Wildcard(wildcard) if wildcard.is_anything() => Field::Any,
        LiteralToken::Wildcard(wildcard) => Field::Like(wildcard),
    }
}

/// To Kibana an unquoted `null` is no value, for which Elasticsearch then refuses to search. Here
/// it is text.
fn test(value: LiteralToken) -> Test {
    match value {
        LiteralToken::Plain(text) => Test::Equals(Literal::new(text)),
        LiteralToken::Wildcard(wildcard) if wildcard.is_anything() => Test::Exists,
        LiteralToken::Wildcard(wildcard) => Test::Like(wildcard),
    }
}
