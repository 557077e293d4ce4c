//! One record by the names of ECS. Nothing is built in advance: a field is looked up when a rule
//! asks for it.

use std::cell::OnceCell;

use kql::Document;
use serde_json::Value;

use super::clean::{CleanRecord, is_meaningful};
use super::field::{FIELDS, FieldSource, find_source};
use super::flattened::{Flattened, FlattenedField, OnNamedValue, OnValue, any_keyword};
use super::java::to_java_string;
use super::own::OwnResources;
use crate::cloudtrail::{Record, parse_time};

/// Elasticsearch's limit for a keyword, in UTF-16 units. The object of a longer text is not
/// indexed.
const FLATTENED_LIMIT: usize = 32_766;

/// The field of which each value is an object.
pub(super) const RESOURCES: &str = "aws.cloudtrail.resources";

/// A record by the names of ECS. Use one view for all rules: it caches what is costly to derive.
#[derive(Debug)]
pub struct View<'a> {
    pub(super) record: CleanRecord<'a>,
    rendered: [OnceCell<Option<String>>; FlattenedField::ALL.len()],
    own: Option<&'a OwnResources>,
}

impl<'a> View<'a> {
    /// The view of a record.
    pub fn new(record: &'a Record) -> View<'a> {
        View { record: CleanRecord(record), rendered: Default::default(), own: None }
    }

    /// The same, with the field `trailbell.own`.
    pub fn with_own(self, own: &'a OwnResources) -> View<'a> {
        View { own: Some(own), ..self }
    }

    /// `event.provider`: the service that was called, e.g. `iam.amazonaws.com`.
    pub fn provider(&self) -> Option<&'a str> {
        self.record.text(&["eventSource"])
    }

    /// `event.action`: the name of the call, e.g. `CreateGroup`.
    pub fn action(&self) -> Option<&'a str> {
        self.record.action()
    }

    fn rendered(&self, field: FlattenedField) -> Option<&str> {
        let render = || self.record.get(&[field.key()]).map(to_java_string);
        self.rendered[field as usize].get_or_init(render).as_deref()
    }

    /// The object of a part of the record. Returns `None` if its text is too long.
    pub(super) fn object(&self, field: FlattenedField) -> Option<&'a Value> {
        let object = self.record.get(&[field.key()]).filter(|value| value.is_object())?;
        let text = self.rendered(field)?;
        let fits = text.len() < FLATTENED_LIMIT || text.encode_utf16().count() < FLATTENED_LIMIT;
        fits.then_some(object)
    }

    /// Calls `on_value` with every value of a source, until it returns true.
    pub(super) fn any_of(&self, source: FieldSource, on_value: OnValue<'_>) -> bool {
        let record = self.record;
        match source {
            FieldSource::Constant(text) => on_value(kql::Value::Text(text)),
            FieldSource::Keyword(path) => {
                record.get(path).is_some_and(|value| any_keyword(value, on_value))
            }
            FieldSource::Name(path) => record.get(path).is_some_and(|value| {
                any_keyword(value, &mut |value| {
                    on_value(match value {
                        kql::Value::Text(name) => kql::Value::Name(name),
                        other => other,
                    })
                })
            }),
            FieldSource::Boolean(path) => {
                let flag = record.get(path).and_then(parse_boolean);
                flag.map(kql::Value::Bool).is_some_and(on_value)
            }
            FieldSource::Date(path) => {
                let time = record.text(path).and_then(parse_time);
                time.map(kql::Value::Date).is_some_and(on_value)
            }
            FieldSource::Ip(path) => {
                let address = record.text(path).and_then(|text| text.parse().ok());
                address.map(kql::Value::Ip).is_some_and(on_value)
            }
            FieldSource::Text(derive) => derive(record).map(kql::Value::Text).is_some_and(on_value),
            FieldSource::Outcome => on_value(kql::Value::Text(&record.outcome())),
            FieldSource::Flag(derive) => derive(record).map(kql::Value::Bool).is_some_and(on_value),
            FieldSource::Many(derive) => derive(record, on_value),
            FieldSource::Rendered(field) => {
                self.rendered(field).map(kql::Value::Text).is_some_and(on_value)
            }
            FieldSource::Own => self.own.is_some_and(|own| {
                let mut arns = own.named_by(record.0).into_iter();
                arns.any(|arn| on_value(kql::Value::Text(arn)))
            }),
            FieldSource::Resource(name) => {
                record.resources().any(|resource| Resource(resource).any_value(name, on_value))
            }
        }
    }

    /// Every leaf of the flattened objects, with its full name.
    fn any_flattened(&self, on_leaf: OnNamedValue<'_>) -> bool {
        FlattenedField::ALL.into_iter().any(|field| {
            let Some(object) = self.object(field) else { return false };
            Flattened(object)
                .any_leaf(&mut |path, leaf| on_leaf(&format!("{}.{path}", field.name()), leaf))
        })
    }
}

impl Document for View<'_> {
    fn any_value(&self, field: &str, on_value: OnValue<'_>) -> bool {
        if let Some(source) = find_source(field) {
            return self.any_of(source, on_value);
        }
        let Some((field, path)) = FlattenedField::split(field) else { return false };
        let Some(object) = self.object(field) else { return false };
        match path {
            Some(path) => Flattened(object).any_value(path, on_value),
            // Elasticsearch searches all leaves of a flattened object by the object's own name.
            None => Flattened(object).any_leaf(&mut |_, leaf| on_value(leaf)),
        }
    }

    fn any_leaf(&self, on_leaf: OnNamedValue<'_>) -> bool {
        FIELDS.iter().any(|(name, source)| self.any_of(*source, &mut |leaf| on_leaf(name, leaf)))
            || self.any_flattened(on_leaf)
    }

    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        if path == RESOURCES {
            return self.record.resources().any(|resource| on_object(&Resource(resource)));
        }
        let Some((field, path_within)) = FlattenedField::split(path) else {
            let subtree = Subtree { view: self, path };
            return subtree.any_leaf(&mut |_, _| true) && on_object(&subtree);
        };
        let Some(object) = self.object(field) else { return false };
        match path_within {
            Some(path) => Flattened(object).any_object(path, on_object),
            None => on_object(&Flattened(object)),
        }
    }
}

/// One element of `resources`.
pub(super) struct Resource<'a>(pub(super) &'a Value);

impl Resource<'_> {
    /// The name in ECS, and the two names in records.
    pub(super) const FIELDS: [(&'static str, [&'static str; 2]); 3] = [
        ("account_id", ["accountId", "account_id"]),
        ("arn", ["ARN", "arn"]),
        ("type", ["type", "type"]),
    ];

    fn any_of(&self, keys: [&str; 2], on_value: OnValue<'_>) -> bool {
        let mut values = keys.into_iter().filter_map(|key| self.0.get(key));
        let value = values.find(|value| is_meaningful(value));
        value.is_some_and(|value| any_keyword(value, on_value))
    }
}

impl Document for Resource<'_> {
    fn any_value(&self, field: &str, on_value: OnValue<'_>) -> bool {
        Resource::FIELDS.iter().any(|(name, keys)| *name == field && self.any_of(*keys, on_value))
    }

    fn any_leaf(&self, on_leaf: OnNamedValue<'_>) -> bool {
        Resource::FIELDS
            .iter()
            .any(|(name, keys)| self.any_of(*keys, &mut |leaf| on_leaf(name, leaf)))
    }

    fn any_object(&self, _path: &str, _on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        false
    }
}

/// The fields of a view under a path, by the rest of their names.
struct Subtree<'a> {
    view: &'a View<'a>,
    path: &'a str,
}

impl Subtree<'_> {
    fn full_name(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn relative_name<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(self.path)?.strip_prefix('.')
    }
}

impl Document for Subtree<'_> {
    fn any_value(&self, field: &str, on_value: OnValue<'_>) -> bool {
        self.view.any_value(&self.full_name(field), on_value)
    }

    fn any_leaf(&self, on_leaf: OnNamedValue<'_>) -> bool {
        let is_any_field = FIELDS.iter().any(|(name, source)| {
            self.relative_name(name)
                .is_some_and(|name| self.view.any_of(*source, &mut |leaf| on_leaf(name, leaf)))
        });
        is_any_field
            || self.view.any_flattened(&mut |name, leaf| {
                self.relative_name(name).is_some_and(|name| on_leaf(name, leaf))
            })
    }

    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        self.view.any_object(&self.full_name(path), on_object)
    }
}

fn parse_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
