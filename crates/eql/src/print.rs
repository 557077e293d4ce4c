//! Writes a syntax tree as a query on one line, safe on a terminal, that parses to the same tree.

use std::fmt::{self, Display, Write};

use query_core::{Case, Wildcard};

use super::ast::{Call, Expr, ExprKind, Leaf, Term, Test};
use super::constant::{Constant, ConstantKind};
use super::escape::Quoted;
use super::function::{Function, Kind};
use super::lexer::is_plain_name;
use super::parser::UNITS;
use super::query::Query;
use super::sequence::{JoinKey, Sequence, Statement, Step};

impl Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.category {
            None => f.write_str("any")?,
            Some(category) if is_plain_name(category) => f.write_str(category)?,
            Some(category) => Quoted(category).fmt(f)?,
        }
        write!(f, " where {}", self.expr)
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Event(query) => query.fmt(f),
            Statement::Sequence(sequence) => sequence.fmt(f),
        }
    }
}

impl Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sequence")?;
        let shared = self.steps.first().and_then(|step| step.keys.get(..self.shared_keys));
        write_keys(shared.unwrap_or_default(), f)?;
        if let Some(maxspan) = self.maxspan {
            let count = maxspan.as_millis();
            let unit = UNITS.iter().find(|(_, factor)| count % u128::from(*factor) == 0);
            let (unit, factor) = unit.unwrap_or(&("ms", 1));
            write!(f, " with maxspan={}{unit}", count / u128::from(*factor))?;
        }
        for step in &self.steps {
            self.write_step(step, f)?;
        }
        if let Some(until) = &self.until {
            f.write_str(" until")?;
            self.write_step(until, f)?;
        }
        Ok(())
    }
}

impl Sequence {
    fn write_step(&self, step: &Step, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " [{}]", step.query)?;
        write_keys(step.keys.get(self.shared_keys..).unwrap_or_default(), f)?;
        if step.runs == 1 { Ok(()) } else { write!(f, " with runs={}", step.runs) }
    }
}

fn write_keys(keys: &[JoinKey], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, JoinKey { field, is_optional, .. }) in keys.iter().enumerate() {
        f.write_str(if index == 0 { " by " } else { ", " })?;
        f.write_str(if *is_optional { "?" } else { "" })?;
        write_name(field, f)?;
    }
    Ok(())
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Constant(value) => value.fmt(f),
            ExprKind::Leaf(leaf) => leaf.write(false, f),
            ExprKind::Not(expr) => match &expr.kind {
                ExprKind::Leaf(leaf) if leaf.has_negation() => leaf.write(true, f),
                _ => {
                    f.write_str("not ")?;
                    self.write_operand(expr, f)
                }
            },
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
        for (index, expr) in exprs.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { separator })?;
            self.write_operand(expr, f)?;
        }
        Ok(())
    }

    /// A chain inside a chain needs parentheses to stay one.
    fn write_operand(&self, inner: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs_parentheses = match (&self.kind, &inner.kind) {
            (ExprKind::Or(_), ExprKind::And(_)) => false,
            (_, ExprKind::And(_) | ExprKind::Or(_)) => true,
            _ => false,
        };
        if needs_parentheses { write!(f, "({inner})") } else { inner.fmt(f) }
    }
}

impl Leaf {
    /// Returns true if its negation has an operator: `!=`, `not in`.
    fn has_negation(&self) -> bool {
        match (&self.term, &self.test) {
            (_, Test::IsNull) => true,
            (Term::Field { .. }, Test::In(constants, case)) => {
                constants.len() != 1 || *case == Case::Exact
            }
            (_, Test::In(constants, _)) => constants.len() != 1,
            _ => false,
        }
    }

    fn write(&self, is_negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { term, test, .. } = self;
        let not = if is_negated { "not " } else { "" };
        let equal = if is_negated { "!=" } else { "==" };
        match test {
            Test::IsNull => write!(f, "{term} {equal} null"),
            Test::In(constants, Case::Exact) => match constants.as_slice() {
                [constant] if self.is_boolean_call() => match constant.kind() {
                    ConstantKind::Boolean(true) => term.fmt(f),
                    _ => write!(f, "{term} in {}", List(constants)),
                },
                [constant] => write!(f, "{term} {equal} {constant}"),
                _ => write!(f, "{term} {not}in {}", List(constants)),
            },
            Test::In(constants, Case::Any) => match constants.as_slice() {
                [constant] if !has_wildcard(constant) => write!(f, "{term} : {constant}"),
                _ => write!(f, "{term} {not}in~ {}", List(constants)),
            },
            Test::Differs(constant) => write!(f, "{term} != {constant}"),
            Test::Compare(comparison, constant) => write!(f, "{term} {comparison} {constant}"),
            Test::Like(wildcards, case) => {
                let operator = if *case == Case::Exact { "like" } else { ":" };
                let patterns: Vec<Pattern> = wildcards.iter().map(Pattern).collect();
                write!(f, "{term} {operator} {}", OneOrList(&patterns))
            }
            Test::Regex(regexes, case) => {
                let operator = if *case == Case::Exact { "regex" } else { "regex~" };
                let sources: Vec<Quoted> =
                    regexes.iter().map(|regex| Quoted(regex.source())).collect();
                write!(f, "{term} {operator} {}", OneOrList(&sources))
            }
        }
    }

    /// Returns true if it is a condition without a comparison.
    fn is_boolean_call(&self) -> bool {
        matches!(self.term, Term::Call(_)) && self.term.kind() == Kind::Boolean
    }
}

fn has_wildcard(constant: &Constant) -> bool {
    constant.literal().text().contains(['*', '?'])
}

impl Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Field { name, is_optional } => {
                f.write_str(if *is_optional { "?" } else { "" })?;
                write_name(name, f)
            }
            Term::Null => f.write_str("null"),
            Term::Constant(constant) => constant.fmt(f),
            Term::Call(call) => call.fmt(f),
        }
    }
}

/// The parts between the dots, in backticks where they need them.
fn write_name(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_plain = name.split('.').all(is_plain_name);
    if is_plain { f.write_str(name) } else { write!(f, "`{}`", name.replace('`', "``")) }
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(operator), [left, right]) =
            (self.function.operator(), self.arguments.as_slice())
        {
            let precedence = precedence(self.function);
            write_side(left, precedence, f)?;
            write!(f, " {operator} ")?;
            return write_side(right, precedence + 1, f);
        }
        self.write_call(f)
    }
}

impl Call {
    fn write_call(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        f.write_str(if self.case == Case::Any { "~" } else { "" })?;
        List(&self.arguments).fmt(f)
    }
}

/// How tightly an operator binds.
fn precedence(function: Function) -> u8 {
    match function.operator() {
        Some('+' | '-') => 1,
        Some(_) => 2,
        None => 3,
    }
}

/// A side of an operator. One that would need parentheses is written as the call of a function:
/// parentheses would be one more level.
fn write_side(term: &Term, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match term {
        Term::Call(call) if precedence(call.function) < least => call.write_call(f),
        _ => term.fmt(f),
    }
}

impl Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.literal().text();
        match self.kind() {
            ConstantKind::Text => Quoted(text).fmt(f),
            ConstantKind::Number { .. } | ConstantKind::Boolean(_) => f.write_str(text),
        }
    }
}

/// Values in parentheses.
struct List<'t, T>(&'t [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        for (index, item) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            item.fmt(f)?;
        }
        f.write_char(')')
    }
}

struct OneOrList<'t, T>(&'t [T]);

impl<T: Display> Display for OneOrList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => one.fmt(f),
            items => List(items).fmt(f),
        }
    }
}

/// A pattern in quotes.
struct Pattern<'w>(&'w Wildcard);

impl Display for Pattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<String> = self.0.pieces().map(|parts| parts.join("?")).collect();
        Quoted(&pieces.join("*")).fmt(f)
    }
}
