//! One record by the names of ECS. Nothing is built beforehand: a field is looked up when a rule
//! asks for it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use kql::Document;
use serde_json::Value;

use super::clean::{any_keyword, is_meaningful};
use super::field::{self, FIELDS, Source};
use super::flattened::{Flattened, any_object_in};
use super::flattened_field::FlattenedField;
use super::object::{Resource, Under};
use super::{Seen, category, java};
use crate::cloudtrail::{Record, instant};

/// Elasticsearch takes no longer keyword: beyond this many UTF-16 units there is text only, no
/// object.
const FLATTENED_LIMIT: usize = 32_766;

/// The field of which each value is an object.
pub(super) const RESOURCES: &str = "aws.cloudtrail.resources";

/// A record by the names of ECS. Make one per record and hold every rule against it: what is costly
/// to derive is derived once.
#[derive(Debug)]
pub struct View<'a> {
    record: &'a Record,
    rendered: [OnceCell<Option<String>>; FlattenedField::ALL.len()],
}

impl<'a> View<'a> {
    /// The view of a record.
    pub fn new(record: &'a Record) -> View<'a> {
        View { record, rendered: Default::default() }
    }

    /// `event.provider`: the service that was called, e.g. `iam.amazonaws.com`.
    pub fn provider(&self) -> Option<&'a str> {
        self.text(&["eventSource"])
    }

    /// `event.action`: the name of the call, e.g. `CreateGroup`.
    pub fn action(&self) -> Option<&'a str> {
        self.text(&["eventName"])
    }

    /// The value at a path, unless cleaning drops it.
    pub(super) fn at(&self, path: &[&str]) -> Option<&'a Value> {
        self.record.get(path).filter(|value| is_meaningful(value))
    }

    /// The string at a path, unless cleaning drops it.
    pub(super) fn text(&self, path: &[&str]) -> Option<&'a str> {
        self.at(path)?.as_str()
    }

    pub(super) fn account(&self) -> Option<&'a str> {
        self.text(&["userIdentity", "accountId"]).or_else(|| self.text(&["recipientAccountId"]))
    }

    /// A console login says itself how it went; every other call failed if it has an error.
    pub(super) fn outcome(&self) -> Cow<'a, str> {
        if let Some(said) =
            self.console_login().and_then(|()| self.text(&["responseElements", "ConsoleLogin"]))
        {
            return match said {
                "Success" => Cow::Borrowed("success"),
                "Failure" => Cow::Borrowed("failure"),
                other => Cow::Owned(other.to_lowercase()),
            };
        }
        let failed = self.at(&["errorCode"]).or_else(|| self.at(&["errorMessage"])).is_some();
        Cow::Borrowed(if failed { "failure" } else { "success" })
    }

    fn console_login(&self) -> Option<()> {
        (self.action() == Some("ConsoleLogin")).then_some(())
    }

    pub(super) fn login_to(&self) -> Option<&'a str> {
        self.console_login()?;
        self.text(&["additionalEventData", "LoginTo"])
    }

    /// Elastic's pipeline takes everything but `No` for a yes.
    pub(super) fn login_flag(&self, key: &str) -> Option<bool> {
        self.console_login()?;
        self.at(&["additionalEventData", key]).map(|said| said.as_str() != Some("No"))
    }

    /// AWS writes `sharedEventID`; Elastic's pipeline reads `sharedEventId`.
    pub(super) fn shared_event_id(&self) -> Option<&'a str> {
        self.text(&["sharedEventID"]).or_else(|| self.text(&["sharedEventId"]))
    }

    /// The product before the first slash: `aws-cli` of `aws-cli/2.15.0 …`. CloudTrail puts some
    /// agents in brackets. A text without a product is called `Other`, as Elastic calls it.
    pub(super) fn user_agent_name(&self) -> Option<&'a str> {
        let agent = self.text(&["userAgent"])?;
        let product =
            agent.split_once('/').map(|(product, _)| product.trim_start_matches('[').trim());
        Some(product.filter(|product| !product.is_empty()).unwrap_or("Other"))
    }

    pub(super) fn any_category(&self, seen: Seen<'_>) -> bool {
        category::of(self.action())
            .category
            .is_some_and(|category| seen(kql::Value::Text(category)))
    }

    pub(super) fn any_type(&self, seen: Seen<'_>) -> bool {
        category::of(self.action()).types.iter().any(|kind| seen(kql::Value::Text(kind)))
    }

    pub(super) fn any_related_user(&self, seen: Seen<'_>) -> bool {
        self.related_users().any(|user| seen(kql::Value::Text(user)))
    }

    /// The elements of `resources` that are objects.
    pub(super) fn resources(&self) -> impl Iterator<Item = &'a Value> {
        let list = self
            .record
            .get(&["resources"])
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter().filter(|resource| resource.is_object() && is_meaningful(resource))
    }

    fn rendered(&self, flattened_field: FlattenedField) -> Option<&str> {
        let render = || self.at(&[flattened_field.key()]).map(java::to_string);
        self.rendered[flattened_field as usize].get_or_init(render).as_deref()
    }

    /// The object of a part of free shape, where its text is short enough for Elasticsearch.
    pub(super) fn object(&self, flattened_field: FlattenedField) -> Option<&'a Value> {
        let object = self.at(&[flattened_field.key()]).filter(|value| value.is_object())?;
        let text = self.rendered(flattened_field)?;
        let fits = text.len() < FLATTENED_LIMIT || text.encode_utf16().count() < FLATTENED_LIMIT;
        fits.then_some(object)
    }

    /// Every value of a source.
    pub(super) fn any_of(&self, source: Source, seen: Seen<'_>) -> bool {
        match source {
            Source::Constant(text) => seen(kql::Value::Text(text)),
            Source::Keyword(path) => self.at(path).is_some_and(|value| any_keyword(value, seen)),
            Source::Boolean(path) => {
                self.at(path).and_then(boolean).is_some_and(|flag| seen(kql::Value::Bool(flag)))
            }
            Source::Date(path) => {
                self.text(path).and_then(instant).is_some_and(|time| seen(kql::Value::Date(time)))
            }
            Source::Ip(path) => {
                self.text(path).and_then(address).is_some_and(|ip| seen(kql::Value::Ip(ip)))
            }
            Source::Text(derive) => derive(self).is_some_and(|text| seen(kql::Value::Text(text))),
            Source::Outcome => seen(kql::Value::Text(&self.outcome())),
            Source::Flag(derive) => derive(self).is_some_and(|flag| seen(kql::Value::Bool(flag))),
            Source::Many(derive) => derive(self, seen),
            Source::Rendered(flattened_field) => {
                self.rendered(flattened_field).is_some_and(|text| seen(kql::Value::Text(text)))
            }
            Source::Resource(name) => {
                self.resources().any(|resource| Resource(resource).any_value(name, seen))
            }
        }
    }

    /// Every leaf of the objects of free shape, with its full name.
    pub(super) fn any_flattened(&self, seen: &mut dyn FnMut(&str, kql::Value<'_>) -> bool) -> bool {
        FlattenedField::ALL
            .into_iter()
            .filter_map(|flattened_field| Some((flattened_field, self.object(flattened_field)?)))
            .any(|(flattened_field, object)| {
                Flattened(object).any_leaf(&mut |path, leaf| {
                    seen(&format!("{}.{path}", flattened_field.flattened()), leaf)
                })
            })
    }

    fn any_in_object(&self, field: &str, seen: Seen<'_>) -> bool {
        let Some((flattened_field, path)) = FlattenedField::within(field) else { return false };
        let Some(object) = self.object(flattened_field) else { return false };
        match path {
            Some(path) => Flattened(object).any_value(path, seen),
            // Elasticsearch searches all leaves of a flattened object by the object's own name.
            None => Flattened(object).any_leaf(&mut |_, leaf| seen(leaf)),
        }
    }
}

impl Document for View<'_> {
    fn any_value(&self, field: &str, seen: Seen<'_>) -> bool {
        match field::find(field) {
            Some(source) => self.any_of(source, seen),
            None => self.any_in_object(field, seen),
        }
    }

    fn any_leaf(&self, seen: &mut dyn FnMut(&str, kql::Value<'_>) -> bool) -> bool {
        FIELDS.iter().any(|(name, source)| self.any_of(*source, &mut |leaf| seen(name, leaf)))
            || self.any_flattened(seen)
    }

    fn any_object(&self, path: &str, seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        if path == RESOURCES {
            return self.resources().any(|resource| seen(&Resource(resource)));
        }
        if let Some((flattened_field, within)) = FlattenedField::within(path) {
            let Some(object) = self.object(flattened_field) else { return false };
            return match within {
                Some(within) => Flattened(object).any_object(within, seen),
                None => any_object_in(object, seen),
            };
        }
        Under::of(self, path).is_some_and(|under| seen(&under))
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}
