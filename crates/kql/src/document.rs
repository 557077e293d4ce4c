//! What a query is held against.

use std::net::IpAddr;

use jiff::Timestamp;

/// One leaf of a document, typed as the field's mapping in Elasticsearch would type it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A keyword: compared exactly and case-sensitively.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// An ip: single addresses and CIDR blocks match.
    Ip(IpAddr),
    /// A date: compared as an instant.
    Date(Timestamp),
}

/// What a query is held against: leaves, reached by dotted field names.
pub trait Document {
    /// Gives every leaf value of exactly this field to `seen` until it answers true; says whether
    /// it did. A field that is absent, null or an object has no leaf.
    fn any_value(&self, field: &str, seen: &mut dyn FnMut(Value<'_>) -> bool) -> bool;

    /// Gives every leaf of the document, with its dotted name, to `seen` until it answers true;
    /// says whether it did. For field wildcards and free text.
    fn any_leaf(&self, seen: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool;

    /// Gives each object of an array of objects (or the one object) at `path` to `seen`, as a
    /// document whose names are relative to it, until it answers true; says whether it did. For
    /// `path: { … }`, and for `path: *` where the path is an object.
    fn any_object(&self, path: &str, seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool;
}
