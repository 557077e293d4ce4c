//! Tokens to a tree, by recursive descent; how deep is limited, so that no query can overflow the
//! stack.

use std::sync::Arc;

use super::ast::{Comparison, Expr, ExprKind, Field, Leaf, Test};
use super::error::ParseError;
use super::lexer::Lexer;
use super::literal::Literal;
use super::span::Span;
use super::token::{Token, TokenKind, Written};

/// The longest query that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// How deep `not`, parentheses and braces can stand in each other.
pub const MAX_DEPTH: usize = 100;

/// Reads the whole of `query`.
pub(super) fn parse(query: &str) -> Result<Expr, ParseError> {
    if query.len() > MAX_BYTES {
        let message = format!("expected at most {MAX_BYTES} bytes, found {}", query.len());
        return Err(ParseError::new(query, Span { start: 0, end: 0 }, message));
    }
    let mut parser = Parser::new(query)?;
    if parser.token.kind == TokenKind::End {
        return Ok(Expr { kind: ExprKind::All, span: parser.token.span });
    }
    let expr = parser.or(Scope::Query)?;
    parser.close(TokenKind::End, "the end of the query")?;
    Ok(expr)
}

/// What an operand of `and`, `or` and `not` is.
#[derive(Clone, Copy)]
enum Scope<'f> {
    /// A whole expression.
    Query,
    /// A value of this field: the inside of `field: ( … )`.
    Values(&'f Arc<Field>),
}

struct Parser<'q> {
    query: &'q str,
    lexer: Lexer<'q>,
    token: Token,
    /// Where the token before `token` ended.
    end: usize,
    depth: usize,
}

impl<'q> Parser<'q> {
    fn new(query: &'q str) -> Result<Self, ParseError> {
        let mut lexer = Lexer::new(query);
        let token = lexer.next()?;
        Ok(Self { query, lexer, token, end: 0, depth: 0 })
    }

    fn or(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        self.chain(&TokenKind::Or, ExprKind::Or, |parser| parser.and(scope))
    }

    fn and(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        self.chain(&TokenKind::And, ExprKind::And, |parser| parser.not(scope))
    }

    fn chain(
        &mut self,
        keyword: &TokenKind,
        join: fn(Vec<Expr>) -> ExprKind,
        operand: impl Fn(&mut Self) -> Result<Expr, ParseError>,
    ) -> Result<Expr, ParseError> {
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
        Ok(self.spanned(start, join(exprs)))
    }

    /// Kibana takes one `not`, and none right after the colon; the parser of Elastic's rules takes
    /// both, as here.
    fn not(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        if self.token.kind != TokenKind::Not {
            return self.operand(scope);
        }
        let start = self.token.span.start;
        let inner = self.deeper(|parser| parser.not(scope))?;
        Ok(self.spanned(start, ExprKind::Not(Box::new(inner))))
    }

    fn operand(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        match scope {
            _ if self.token.kind == TokenKind::Open => self.group(scope),
            Scope::Query => self.expression(),
            Scope::Values(field) => self.value(field),
        }
    }

    fn group(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        let inner = self.deeper(|parser| parser.or(scope))?;
        self.close(TokenKind::Close, "`)`")?;
        Ok(inner)
    }

    /// `field: …`, `field < value`, or a bare value.
    fn expression(&mut self) -> Result<Expr, ParseError> {
        let (first, span) = self.literal("a field, a value, `not` or `(`")?;
        match self.token.kind {
            TokenKind::Colon => self.after_colon(first, span),
            TokenKind::Compare(comparison) => self.range(first, span, comparison),
            _ => Ok(self.leaf(span.start, Arc::new(Field::Any), test(first))),
        }
    }

    fn after_colon(&mut self, name: Written, span: Span) -> Result<Expr, ParseError> {
        self.advance()?;
        match self.token.kind {
            TokenKind::OpenBrace => self.nested(name, span),
            TokenKind::Open | TokenKind::Not | TokenKind::Literal(_) => {
                let mut expr = self.not(Scope::Values(&Arc::new(field(name))))?;
                expr.span = Span { start: span.start, end: self.end };
                Ok(expr)
            }
            _ => Err(self.expected("a value, `not`, `(` or `{`")),
        }
    }

    fn nested(&mut self, name: Written, span: Span) -> Result<Expr, ParseError> {
        let Written::Plain(path) = name else {
            return Err(self.fault(
                span,
                "expected a path without wildcards before `{`, found a wildcard".to_owned(),
            ));
        };
        let inner = self.deeper(|parser| parser.or(Scope::Query))?;
        self.close(TokenKind::CloseBrace, "`}`")?;
        Ok(self.spanned(span.start, ExprKind::Nested { path, expr: Box::new(inner) }))
    }

    fn range(
        &mut self,
        name: Written,
        start: Span,
        comparison: Comparison,
    ) -> Result<Expr, ParseError> {
        self.advance()?;
        let (value, span) = self.literal("a value")?;
        let Written::Plain(text) = value else {
            return Err(
                self.fault(span, "expected a value without wildcards, found a wildcard".to_owned())
            );
        };
        let test = Test::Range(comparison, Literal::new(text));
        Ok(self.leaf(start.start, Arc::new(field(name)), test))
    }

    fn value(&mut self, field: &Arc<Field>) -> Result<Expr, ParseError> {
        let (value, span) = self.literal("a value, `not` or `(`")?;
        Ok(self.leaf(span.start, Arc::clone(field), test(value)))
    }

    fn leaf(&self, start: usize, field: Arc<Field>, test: Test) -> Expr {
        // Kibana, too, makes `*: *` and a bare `*` the query for everything.
        let kind = match (&*field, &test) {
            (Field::Any, Test::Exists) => ExprKind::All,
            _ => ExprKind::Leaf(Leaf { field, test }),
        };
        self.spanned(start, kind)
    }

    fn spanned(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { kind, span: Span { start, end: self.end } }
    }

    /// Steps over the token that opens a level, and reads the level.
    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Expr, ParseError>,
    ) -> Result<Expr, ParseError> {
        if self.depth == MAX_DEPTH {
            let message = format!(
                "expected at most {MAX_DEPTH} levels of `not`, `(` and `{{`, found one more"
            );
            return Err(self.fault(self.token.span, message));
        }
        self.depth += 1;
        self.advance()?;
        let expr = read(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn close(&mut self, kind: TokenKind, name: &str) -> Result<(), ParseError> {
        if self.token.kind != kind {
            return Err(self.expected(&format!("`and`, `or` or {name}")));
        }
        self.advance()
    }

    /// Steps over a literal, and gives it.
    fn literal(&mut self, expected: &str) -> Result<(Written, Span), ParseError> {
        let TokenKind::Literal(written) = &self.token.kind else {
            return Err(self.expected(expected));
        };
        let literal = (written.clone(), self.token.span);
        self.advance()?;
        Ok(literal)
    }

    fn advance(&mut self) -> Result<(), ParseError> {
        self.end = self.token.span.end;
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn expected(&self, what: &str) -> ParseError {
        let found = self.token.found(self.query);
        let hint = match self.token.kind {
            // The commonest slip: an ARN or a time written without quotes.
            TokenKind::Colon | TokenKind::Compare(_) if self.end > 0 => {
                "; a value that holds it must be quoted"
            }
            _ => "",
        };
        self.fault(self.token.span, format!("expected {what}, found {found}{hint}"))
    }

    fn fault(&self, span: Span, message: String) -> ParseError {
        ParseError::new(self.query, span, message)
    }
}

fn field(written: Written) -> Field {
    match written {
        Written::Plain(name) => Field::Named(name),
        Written::Stars(wildcard) if wildcard.is_anything() => Field::Any,
        Written::Stars(wildcard) => Field::Like(wildcard),
    }
}

/// Kibana reads an unquoted `null` as no value at all, which Elasticsearch then refuses to search
/// for; here it is the text, as everywhere else.
fn test(written: Written) -> Test {
    match written {
        Written::Plain(text) => Test::Equals(Literal::new(text)),
        Written::Stars(wildcard) if wildcard.is_anything() => Test::Exists,
        Written::Stars(wildcard) => Test::Like(wildcard),
    }
}
