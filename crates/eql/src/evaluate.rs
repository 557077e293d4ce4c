//! The value of a term.

use std::net::IpAddr;

use query_core::{Case, ShortText, Value};

use super::ast::{Call, Term};
use super::function::Function;
use super::scalar::{Scalar, TextValue};
use super::text::{between, calculate, index_of, parse_number, slice_bytes, utf16_length};

/// A value for each field of a term: the innermost one, and those around it.
#[derive(Clone, Copy)]
pub(super) struct Bindings<'b> {
    pub(super) name: &'b str,
    /// `None` if the document has no value.
    pub(super) value: Option<Value<'b>>,
    pub(super) outer: Option<&'b Bindings<'b>>,
}

impl<'b> Bindings<'b> {
    fn find(&self, name: &str) -> Option<Value<'b>> {
        let mut bindings = Some(self);
        while let Some(binding) = bindings {
            if binding.name == name {
                return binding.value;
            }
            bindings = binding.outer;
        }
        None
    }
}

impl Term {
    /// The value; `None` is `null`. Values of a wrong type give `null`.
    pub(super) fn evaluate<'a>(&'a self, bindings: Option<&Bindings<'a>>) -> Option<Scalar<'a>> {
        match self {
            Term::Field { name, .. } => bindings?.find(name).map(Scalar::from),
            Term::Null => None,
            Term::Constant(constant) => Some(constant.scalar()),
            Term::Call(call) => call.evaluate(bindings),
        }
    }
}

impl Call {
    fn evaluate<'a>(&'a self, bindings: Option<&Bindings<'a>>) -> Option<Scalar<'a>> {
        let arguments = Arguments { call: self, bindings };
        match self.function {
            Function::Length => {
                arguments.text(0).map(|text| Scalar::integer(utf16_length(text.as_str())))
            }
            Function::StartsWith | Function::EndsWith | Function::StringContains => {
                arguments.search(self).map(Scalar::Boolean)
            }
            Function::Wildcard => {
                let (text, case) = arguments.text_and_case(0)?;
                Some(Scalar::Boolean(self.is_like(text.as_str(), case)))
            }
            Function::CidrMatch => arguments.cidr_match(self).map(Scalar::Boolean),
            Function::Between => arguments.between(),
            Function::Substring => arguments.substring(),
            Function::IndexOf => arguments.index_of(),
            Function::Concat => arguments.concat(self.arguments.len()),
            Function::String => arguments.scalar(0)?.into_text().map(Scalar::made),
            Function::Number => {
                let text = arguments.text(0)?;
                let (value, is_integer) = parse_number(text.as_str(), arguments.integer(1))?;
                Some(Scalar::Number { value, is_integer })
            }
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Modulo => {
                let operator = self.function.operator()?;
                let (value, is_integer) =
                    calculate(operator, arguments.number(0)?, arguments.number(1)?)?;
                Some(Scalar::Number { value, is_integer })
            }
        }
    }

    fn is_like(&self, text: &str, case: Case) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(text, case))
    }
}

/// The values of a call's arguments.
struct Arguments<'a, 'b> {
    call: &'a Call,
    bindings: Option<&'b Bindings<'a>>,
}

impl<'a> Arguments<'a, '_> {
    fn scalar(&self, index: usize) -> Option<Scalar<'a>> {
        self.call.arguments.get(index)?.evaluate(self.bindings)
    }

    fn text(&self, index: usize) -> Option<TextValue<'a>> {
        self.text_and_case(index).map(|(text, _)| text)
    }

    /// A text, and how to search in it: in any case if the function has a `~`, or if the text is
    /// always matched so.
    fn text_and_case(&self, index: usize) -> Option<(TextValue<'a>, Case)> {
        match self.scalar(index)? {
            Scalar::Text { text, is_name } => {
                Some((text, if is_name { Case::Any } else { self.call.case }))
            }
            Scalar::Ip(address) => {
                Some((TextValue::Short(ShortText::new(address)?), self.call.case))
            }
            Scalar::Number { .. } | Scalar::Boolean(_) | Scalar::Date(_) => None,
        }
    }

    fn number(&self, index: usize) -> Option<(f64, bool)> {
        match self.scalar(index)? {
            Scalar::Number { value, is_integer } => Some((value, is_integer)),
            _ => None,
        }
    }

    fn integer(&self, index: usize) -> Option<i64> {
        self.number(index).map(|(value, _)| value as i64)
    }

    /// `startsWith`, `endsWith` and `stringContains`.
    fn search(&self, call: &Call) -> Option<bool> {
        let (text, case) = self.text_and_case(0)?;
        let text = text.as_str();
        if !call.patterns.is_empty() {
            return Some(call.is_like(text, case));
        }
        let part = self.text(1)?;
        let part = part.as_str();
        Some(match call.function {
            Function::StartsWith => case.strip_prefix(text, part).is_some(),
            Function::EndsWith => case.strip_suffix(text, part).is_some(),
            _ => !text.is_empty() && !part.is_empty() && case.find(text, part).is_some(),
        })
    }

    fn cidr_match(&self, call: &Call) -> Option<bool> {
        let address: IpAddr = match self.scalar(0)? {
            Scalar::Ip(address) => address,
            Scalar::Text { text, .. } => text.as_str().parse().ok()?,
            _ => return None,
        };
        let now = jiff::Timestamp::UNIX_EPOCH;
        let is_in = |block: &Term| {
            let Term::Constant(block) = block else { return false };
            block.literal().equals(Value::Ip(address), now)
        };
        Some(call.arguments.iter().skip(1).any(is_in))
    }

    fn between(&self) -> Option<Scalar<'a>> {
        let (text, case) = self.text_and_case(0)?;
        let left = self.text(1)?;
        let right = self.text(2)?;
        let is_greedy = matches!(self.scalar(3), Some(Scalar::Boolean(true)));
        let (start, end) = between(text.as_str(), left.as_str(), right.as_str(), is_greedy, case);
        Some(Scalar::made(text.slice(start, end)))
    }

    /// Without a start, the whole text.
    fn substring(&self) -> Option<Scalar<'a>> {
        let text = self.text(0)?;
        let Some(start) = self.integer(1) else { return Some(Scalar::made(text)) };
        let (start, end) = slice_bytes(text.as_str(), start, self.integer(2));
        Some(Scalar::made(text.slice(start, end)))
    }

    fn index_of(&self) -> Option<Scalar<'a>> {
        let (text, case) = self.text_and_case(0)?;
        let part = self.text(1)?;
        let start = self.integer(2).unwrap_or(0);
        let position = index_of(text.as_str(), part.as_str(), start, case)?;
        Some(Scalar::integer(position))
    }

    /// Appends one argument after another to what the earlier ones gave.
    fn concat(&self, count: usize) -> Option<Scalar<'a>> {
        let first = self.scalar(0)?.into_text()?;
        let mut joined = first;
        for index in 1..count {
            let next = self.scalar(index)?.into_text()?;
            joined = match joined {
                TextValue::Long(mut text) => {
                    text.push_str(next.as_str());
                    TextValue::Long(text)
                }
                short => TextValue::make(&[short.as_str(), next.as_str()]),
            };
        }
        Some(Scalar::made(joined))
    }
}
