//! Sequences: steps in brackets, and how they belong together.

use std::time::Duration;

use query_core::{ParseError, Span, shorten};

use super::{ParseResult, Parser};
use crate::lexer::TokenKind;
use crate::sequence::{JoinKey, MAX_EVENTS, MAX_RUNS, MAX_STEPS, Sequence, Step};

/// The units of `maxspan`, in milliseconds.
pub(crate) const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Parser<'_> {
    /// `sequence by … with maxspan=… […] […] until […]`, from the keyword on.
    pub(super) fn sequence(&mut self) -> ParseResult<Sequence> {
        let start = self.token.span;
        self.advance()?;
        let shared = self.join_keys()?;
        let maxspan = self.maxspan()?;
        if maxspan.is_some() && self.is_keyword("by") {
            let message = "expected `[`, found `by`; it is written before `with maxspan`";
            return Err(self.error(self.token.span, message.to_owned()));
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut runs = 0;
        while steps.is_empty() || self.starts_step() {
            if steps.len() == MAX_STEPS {
                let message = format!("expected at most {MAX_STEPS} steps, found one more");
                return Err(self.unsupported(message));
            }
            let step = self.step(&shared, steps.first())?;
            runs += step.runs;
            steps.push(step);
        }
        if runs < 2 {
            let message = "expected at least two events in a sequence, found one".to_owned();
            return Err(self.error(start, message));
        }
        if runs > MAX_EVENTS {
            let message =
                format!("expected at most {MAX_EVENTS} events in a sequence, found {runs}");
            return Err(Box::new(ParseError::unsupported(self.query, start, message)));
        }
        let mut until = None;
        if self.is_keyword("until") {
            self.advance()?;
            until = Some(self.step(&shared, steps.first())?);
            self.end_after_until()?;
        }
        Ok(Sequence { steps, until, shared_keys: shared.len(), maxspan })
    }

    /// Fails at what is written before `until`, or once.
    fn end_after_until(&self) -> ParseResult<()> {
        let hint = if self.is_keyword("until") {
            "a sequence has only one `until`"
        } else if self.starts_step() {
            "the steps are written before `until`"
        } else {
            return Ok(());
        };
        let found = self.token.describe(self.query);
        let message = format!("expected the end of the query, found {found}; {hint}");
        Err(self.error(self.token.span, message))
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.token.kind, TokenKind::Keyword(found) if found == keyword)
    }

    fn starts_step(&self) -> bool {
        matches!(self.token.kind, TokenKind::Symbol("[" | "!["))
    }

    /// `by a, ?b`, or nothing.
    fn join_keys(&mut self) -> ParseResult<Vec<JoinKey>> {
        let mut keys = Vec::new();
        if !self.is_keyword("by") {
            return Ok(keys);
        }
        while keys.is_empty() || self.token.kind == TokenKind::Symbol(",") {
            self.advance()?;
            let start = self.token.span.start;
            let is_optional = self.token.kind == TokenKind::Symbol("?");
            if is_optional {
                self.advance()?;
            }
            let mut field = self.name_part()?;
            while self.token.kind == TokenKind::Symbol(".") {
                self.advance()?;
                field.push('.');
                field.push_str(&self.name_part()?);
            }
            keys.push(JoinKey { field, is_optional, span: Span { start, end: self.end } });
        }
        Ok(keys)
    }

    /// `with maxspan=5m`, or nothing.
    fn maxspan(&mut self) -> ParseResult<Option<Duration>> {
        if !self.is_keyword("with") {
            return Ok(None);
        }
        self.advance()?;
        if !self.is_keyword("maxspan") {
            return Err(self.unexpected("`maxspan`"));
        }
        self.advance()?;
        if self.token.kind != TokenKind::Symbol("=") {
            return Err(self.unexpected("`=` after `maxspan`"));
        }
        // `5m` is no token.
        let [number, unit] = self.lexer.number_and_unit()?;
        let end = if unit.start == unit.end { number.end } else { unit.end };
        let span = Span { start: number.start, end };
        let factor = UNITS.iter().find(|(name, _)| *name == unit.text(self.query));
        let count: Option<u64> = number.text(self.query).parse().ok();
        let maxspan = count
            .filter(|count| *count > 0)
            .zip(factor)
            .and_then(|(count, (_, factor))| count.checked_mul(*factor));
        let Some(maxspan) = maxspan else {
            let found = match span.text(self.query) {
                "" => "nothing".to_owned(),
                found => format!("`{}`", shorten(found, 32)),
            };
            let message = format!(
                "expected a whole number above 0 and one of the units `ms`, `s`, `m`, `h` and \
                 `d`, such as `5m`, found {found}"
            );
            return Err(self.error(span, message));
        };
        self.advance()?;
        Ok(Some(Duration::from_millis(maxspan)))
    }

    /// `[any where …] by c with runs=2`.
    fn step(&mut self, shared: &[JoinKey], first: Option<&Step>) -> ParseResult<Step> {
        let start = self.token.span.start;
        match self.token.kind {
            TokenKind::Symbol("[") => self.advance()?,
            TokenKind::Symbol("![") => {
                let message = "expected an event, found `![`: that an event is missing cannot be \
                               known while calls still arrive";
                return Err(self.unsupported(message.to_owned()));
            }
            _ => return Err(self.unexpected("`[`")),
        }
        let query = self.event()?;
        if self.token.kind != TokenKind::Symbol("]") {
            return Err(self.unexpected("`and`, `or` or `]`"));
        }
        self.advance()?;
        let mut keys = shared.to_vec();
        keys.extend(self.join_keys()?);
        if let Some(first) = first.filter(|first| first.keys.len() != keys.len()) {
            let expected = first.keys.len() - shared.len();
            let found = keys.len() - shared.len();
            let message = format!(
                "expected as many fields after `by` as the first step has, {expected}, found \
                 {found}"
            );
            return Err(self.error(Span { start, end: self.end }, message));
        }
        let runs = self.runs()?;
        if self.is_keyword("by") {
            let message = "expected `[`, `until` or the end of the query, found `by`; it is \
                           written before `with runs`";
            return Err(self.error(self.token.span, message.to_owned()));
        }
        Ok(Step { query, keys, runs })
    }

    /// `with runs=3`, or nothing.
    fn runs(&mut self) -> ParseResult<u32> {
        if !self.is_keyword("with") {
            return Ok(1);
        }
        self.advance()?;
        if !matches!(&self.token.kind, TokenKind::Name(name) if name == "runs") {
            return Err(self.unexpected("`runs`"));
        }
        self.advance()?;
        if self.token.kind != TokenKind::Symbol("=") {
            return Err(self.unexpected("`=` after `runs`"));
        }
        self.advance()?;
        let TokenKind::Number { value, is_integer: true } = self.token.kind else {
            return Err(self.unexpected("a whole number"));
        };
        if value < 1.0 {
            return Err(self.unexpected("a whole number above 0"));
        }
        if value > f64::from(MAX_RUNS) {
            let found = self.token.describe(self.query);
            return Err(
                self.unsupported(format!("expected at most {MAX_RUNS} runs, found {found}"))
            );
        }
        self.advance()?;
        // It is a whole number of 1 to 100.
        Ok(value as u32)
    }
}
