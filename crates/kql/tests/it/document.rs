//! A document with typed values. The tests of other query languages use this file, too.

use std::net::IpAddr;

use jiff::Timestamp;
use query_core::{Document, Value};

#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    Text(String),
    Number(f64),
    Bool(bool),
    Ip(IpAddr),
    Date(Timestamp),
}

impl Leaf {
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::Number(*number),
            Self::Bool(boolean) => Value::Bool(*boolean),
            Self::Ip(address) => Value::Ip(*address),
            Self::Date(instant) => Value::Date(*instant),
        }
    }
}

/// Leaves by name, and objects by path. The leaves of the objects belong to the document as well.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    pub leaves: Vec<(String, Leaf)>,
    pub objects: Vec<(String, Typed)>,
}

impl Typed {
    pub fn with(mut self, name: &str, leaf: Leaf) -> Self {
        self.leaves.push((name.to_owned(), leaf));
        self
    }

    pub fn text(self, name: &str, text: &str) -> Self {
        self.with(name, Leaf::Text(text.to_owned()))
    }

    pub fn number(self, name: &str, number: f64) -> Self {
        self.with(name, Leaf::Number(number))
    }

    pub fn bool(self, name: &str, boolean: bool) -> Self {
        self.with(name, Leaf::Bool(boolean))
    }

    pub fn ip(self, name: &str, address: &str) -> Self {
        self.with(name, Leaf::Ip(address.parse().expect("an address")))
    }

    pub fn date(self, name: &str, instant: &str) -> Self {
        self.with(name, Leaf::Date(instant.parse().expect("a date")))
    }

    pub fn object(mut self, path: &str, object: Typed) -> Self {
        self.objects.push((path.to_owned(), object));
        self
    }
}

/// `path` after `prefix` and a dot.
fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix)?.strip_prefix('.')
}

impl Document for Typed {
    fn any_value(&self, field: &str, on_value: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        self.leaves.iter().any(|(name, leaf)| name == field && on_value(leaf.value()))
            || self.objects.iter().any(|(path, object)| {
                below(field, path).is_some_and(|rest| object.any_value(rest, on_value))
            })
    }

    fn any_leaf(&self, on_leaf: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
        self.leaves.iter().any(|(name, leaf)| on_leaf(name, leaf.value()))
            || self.objects.iter().any(|(path, object)| {
                object.any_leaf(&mut |name, value| on_leaf(&format!("{path}.{name}"), value))
            })
    }

    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        self.objects.iter().any(|(at, object)| {
            (at == path && on_object(object))
                || below(path, at).is_some_and(|rest| object.any_object(rest, on_object))
        })
    }
}
