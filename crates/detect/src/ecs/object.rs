//! Objects within the view, as documents of their own: what `path: { … }` in a query is held
//! against.

use kql::Document;
use serde_json::Value;

use super::clean::{any_keyword, is_meaningful};
use super::field::FIELDS;
use super::{Seen, View};

/// One element of `resources`: the name in ECS, and the two names under which records have it.
pub(super) struct Resource<'a>(pub(super) &'a Value);

impl Resource<'_> {
    pub(super) const FIELDS: [(&'static str, [&'static str; 2]); 3] = [
        ("account_id", ["accountId", "account_id"]),
        ("arn", ["ARN", "arn"]),
        ("type", ["type", "type"]),
    ];

    fn any_of(&self, keys: [&str; 2], seen: Seen<'_>) -> bool {
        let value =
            keys.into_iter().find_map(|key| self.0.get(key).filter(|value| is_meaningful(value)));
        value.is_some_and(|value| any_keyword(value, seen))
    }
}

impl Document for Resource<'_> {
    fn any_value(&self, field: &str, seen: Seen<'_>) -> bool {
        Resource::FIELDS.iter().any(|(name, keys)| *name == field && self.any_of(*keys, seen))
    }

    fn any_leaf(&self, seen: &mut dyn FnMut(&str, kql::Value<'_>) -> bool) -> bool {
        Resource::FIELDS.iter().any(|(name, keys)| self.any_of(*keys, &mut |leaf| seen(name, leaf)))
    }

    fn any_object(&self, _path: &str, _seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        false
    }
}

/// The fields of a view that lie under a path, by the rest of their names.
pub(super) struct Under<'a> {
    view: &'a View<'a>,
    path: &'a str,
}

impl<'a> Under<'a> {
    /// Nothing where no field of the view has a value under the path.
    pub(super) fn of(view: &'a View<'a>, path: &'a str) -> Option<Under<'a>> {
        let under = Under { view, path };
        under.any_leaf(&mut |_, _| true).then_some(under)
    }

    fn full(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn rest<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(self.path)?.strip_prefix('.')
    }
}

impl Document for Under<'_> {
    fn any_value(&self, field: &str, seen: Seen<'_>) -> bool {
        self.view.any_value(&self.full(field), seen)
    }

    fn any_leaf(&self, seen: &mut dyn FnMut(&str, kql::Value<'_>) -> bool) -> bool {
        let inside = FIELDS.iter().filter_map(|(name, source)| Some((self.rest(name)?, *source)));
        let mut named =
            inside.map(|(rest, source)| self.view.any_of(source, &mut |leaf| seen(rest, leaf)));
        if named.any(|stop| stop) {
            return true;
        }
        self.view
            .any_flattened(&mut |name, leaf| self.rest(name).is_some_and(|rest| seen(rest, leaf)))
    }

    fn any_object(&self, path: &str, seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        self.view.any_object(&self.full(path), seen)
    }
}
