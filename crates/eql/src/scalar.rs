//! Values while a query is matched.

use std::net::IpAddr;

use jiff::Timestamp;
use query_core::{ShortText, Value};

/// A value of a field, or a result of a function.
#[derive(Debug, Clone)]
pub(super) enum Scalar<'a> {
    Text {
        text: TextValue<'a>,
        /// It is matched in any case.
        is_name: bool,
    },
    Number {
        value: f64,
        is_integer: bool,
    },
    Boolean(bool),
    Ip(IpAddr),
    Date(Timestamp),
}

/// A text of the document or the query, or one that a function made.
#[derive(Debug, Clone)]
pub(super) enum TextValue<'a> {
    Borrowed(&'a str),
    Short(ShortText),
    /// Only `concat` can make a text this long.
    Long(String),
}

impl<'a> Scalar<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Scalar::Text { text: TextValue::Borrowed(text), is_name: false }
    }

    pub(super) fn integer(value: usize) -> Self {
        Scalar::Number { value: value as f64, is_integer: true }
    }

    pub(super) fn made(text: TextValue<'a>) -> Self {
        Scalar::Text { text, is_name: false }
    }

    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Scalar::Text { text, is_name: false } => Value::Text(text.as_str()),
            Scalar::Text { text, is_name: true } => Value::Name(text.as_str()),
            Scalar::Number { value, .. } => Value::Number(*value),
            Scalar::Boolean(value) => Value::Bool(*value),
            Scalar::Ip(address) => Value::Ip(*address),
            Scalar::Date(instant) => Value::Date(*instant),
        }
    }

    /// The value as `concat` and `string` write it.
    pub(super) fn into_text(self) -> Option<TextValue<'a>> {
        let short = match self {
            Scalar::Text { text, .. } => return Some(text),
            Scalar::Number { value, is_integer: true } => ShortText::new(value),
            Scalar::Number { value, is_integer: false } => {
                ShortText::new(format_args!("{value:?}"))
            }
            Scalar::Boolean(value) => ShortText::new(value),
            Scalar::Ip(address) => ShortText::new(address),
            Scalar::Date(instant) => ShortText::new(instant),
        };
        short.map(TextValue::Short)
    }
}

impl<'a> From<Value<'a>> for Scalar<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Text(text) => Scalar::text(text),
            Value::Name(name) => Scalar::Text { text: TextValue::Borrowed(name), is_name: true },
            Value::Number(value) => Scalar::Number { value, is_integer: value.fract() == 0.0 },
            Value::Bool(value) => Scalar::Boolean(value),
            Value::Ip(address) => Scalar::Ip(address),
            Value::Date(instant) => Scalar::Date(instant),
        }
    }
}

impl<'a> TextValue<'a> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            TextValue::Borrowed(text) => text,
            TextValue::Short(text) => text.as_str(),
            TextValue::Long(text) => text,
        }
    }

    /// The part from one byte to another, both of which are on character boundaries.
    pub(super) fn slice(&self, start: usize, end: usize) -> TextValue<'a> {
        match self {
            TextValue::Borrowed(text) => {
                TextValue::Borrowed(text.get(start..end).unwrap_or_default())
            }
            made => TextValue::make(&[made.as_str().get(start..end).unwrap_or_default()]),
        }
    }

    /// The texts one after another.
    pub(super) fn make(parts: &[&str]) -> TextValue<'a> {
        match ShortText::new(Joined(parts)) {
            Some(text) => TextValue::Short(text),
            None => TextValue::Long(parts.concat()),
        }
    }
}

struct Joined<'p>(&'p [&'p str]);

impl std::fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| f.write_str(part))
    }
}
