//! Fields of a finding's ECS document by dotted name. What is absent or of another type is absent:
//! never an error.

use serde_json::Value;

/// The ECS document of a finding, read by dotted names.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Value);

impl<'a> Fields<'a> {
    /// The string at a dotted name such as `source.ip`; absent where it is empty.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The boolean at a dotted name: CloudTrail writes some as JSON booleans, some as `"true"` and
    /// `"false"`.
    pub fn flag(self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn value(self, name: &str) -> Option<&'a Value> {
        name.split('.').try_fold(self.0, |value, key| value.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn other_types_are_absent() {
        let document =
            json!({"a": {"b": "x", "n": 1, "e": "", "t": "true", "f": false}, "l": ["x"]});
        let fields = Fields(&document);
        assert_eq!(fields.text("a.b"), Some("x"));
        for name in ["a", "a.n", "a.e", "a.b.c", "l", "l.0", "none", ""] {
            assert_eq!(fields.text(name), None, "{name}");
        }
        assert_eq!(
            (fields.flag("a.t"), fields.flag("a.f"), fields.flag("a.b")),
            (Some(true), Some(false), None)
        );
    }
}
