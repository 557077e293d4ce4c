//! Calls of functions, and arithmetic.

use query_core::{Case, Span};

use super::pattern::{like_pattern, lucene_pattern};
use super::{Operand, ParseResult, Parsed, Parser};
use crate::ast::{Call, Term};
use crate::constant::{Constant, ConstantKind};
use crate::function::{Function, Kind, Signature};
use crate::scalar::Scalar;

impl Parser<'_> {
    /// A call, from the parenthesis on. The name may end with a `~`.
    pub(super) fn call(&mut self, name: &str, name_span: Span) -> ParseResult {
        let plain = name.strip_suffix('~').unwrap_or(name);
        let case = if plain.len() < name.len() { Case::Any } else { Case::Exact };
        let Some(function) = Function::find(plain) else {
            let hint = Function::nearest(plain)
                .map(|meant| format!("; did you mean `{meant}`?"))
                .unwrap_or_default();
            let found = query_core::shorten(name, 32);
            let message = format!("expected a function, found `{found}`{hint}");
            return Err(self.error(name_span, message));
        };
        let signature = function.signature();
        if case == Case::Any && !signature.has_any_case {
            let message = format!("expected `{0}` without a `~`, found `{0}~`", signature.name);
            return Err(self.error(name_span, message));
        }
        let operands = self.list(true)?;
        self.close(&format!("an operator, `,` or `)` after an argument of `{}`", function.name()))?;
        let span = Span { start: name_span.start, end: self.end };
        self.check_arguments(function, &signature, &operands, span)?;
        let arguments = operands.into_iter().map(|operand| operand.term).collect();
        Ok(Parsed::Value(Operand { term: fold(build_call(function, case, arguments)), span }))
    }

    fn check_arguments(
        &self,
        function: Function,
        signature: &Signature,
        operands: &[Operand],
        span: Span,
    ) -> ParseResult<()> {
        let name = signature.name;
        for (index, operand) in operands.iter().enumerate() {
            let Some(kind) = signature.parameter(index) else { break };
            let role = format!("as argument {} of `{name}`", index + 1);
            self.check_kind(operand, kind, &role)?;
            let must_be_constant = match function {
                Function::CidrMatch | Function::Wildcard => index > 0,
                Function::Number => index == 1,
                _ => false,
            };
            if must_be_constant && !operand.term.is_constant() {
                let message = format!("expected a constant {role}, found a field");
                return Err(self.error(operand.span, message));
            }
            if function == Function::CidrMatch && index > 0 && !is_block(&operand.term) {
                let found = query_core::shorten(operand.span.text(self.query), 48);
                let message = format!("expected a block of addresses {role}, found `{found}`");
                return Err(self.error(operand.span, message));
            }
        }
        let found = operands.len();
        if found < signature.required || (found > 0 && signature.parameter(found - 1).is_none()) {
            let expected = signature.argument_count();
            let message = format!("expected {expected} of `{name}`, found {found}");
            return Err(self.error(span, message));
        }
        Ok(())
    }

    pub(super) fn arithmetic_call(
        &self,
        function: Function,
        left: Operand,
        right: Operand,
    ) -> Parsed {
        let span = Span { start: left.span.start, end: self.end };
        let call = build_call(function, Case::Exact, vec![left.term, right.term]);
        Parsed::Value(Operand { term: fold(call), span })
    }
}

/// An address is a block of one address. `null` is in no block.
fn is_block(term: &Term) -> bool {
    match term {
        Term::Constant(constant) => constant.literal().is_cidr() || constant.literal().is_ip(),
        _ => true,
    }
}

fn build_call(function: Function, case: Case, arguments: Vec<Term>) -> Call {
    let text = |term: &Term| match term {
        Term::Constant(constant) if constant.kind() == ConstantKind::Text => {
            Some(constant.literal().text().to_owned())
        }
        _ => None,
    };
    let texts = arguments.iter().skip(1).filter_map(text);
    let is_field = matches!(arguments.first(), Some(Term::Field { .. }));
    let patterns = match function {
        Function::Wildcard => texts.map(|text| like_pattern(&text)).collect(),
        // Elasticsearch searches a field for a pattern, in which it does not escape the text.
        // Public rules rely on that.
        Function::StringContains if is_field => {
            texts.map(|text| lucene_pattern(&text, true, true)).collect()
        }
        Function::EndsWith if is_field => {
            texts.map(|text| lucene_pattern(&text, true, false)).collect()
        }
        _ => Vec::new(),
    };
    Call { function, case, arguments, patterns }
}

/// The result of a call without fields.
fn fold(call: Call) -> Term {
    if !call.arguments.iter().all(Term::is_constant) {
        return Term::Call(Box::new(call));
    }
    let term = Term::Call(Box::new(call));
    match term.evaluate(None) {
        None => Term::Null,
        Some(Scalar::Boolean(value)) => Term::Constant(Constant::boolean(value)),
        Some(Scalar::Number { value, is_integer }) => {
            Term::Constant(Constant::number(value, is_integer))
        }
        Some(other) => match other.into_text() {
            Some(text) => Term::Constant(Constant::text(text.as_str().to_owned())),
            None => Term::Null,
        },
    }
}

impl From<ConstantKind> for Kind {
    fn from(kind: ConstantKind) -> Self {
        match kind {
            ConstantKind::Text => Kind::Text,
            ConstantKind::Number { .. } => Kind::Number,
            ConstantKind::Boolean(_) => Kind::Boolean,
        }
    }
}
