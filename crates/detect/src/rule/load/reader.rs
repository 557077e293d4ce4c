//! Typed values out of a TOML table. What is missing or wrong goes on a list with its place, so
//! that one reading finds all of it.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Position, Problem};
use crate::ecs::nearest_name;

/// Places that are told of text that is not TOML.
const SYNTAX_ERRORS: usize = 5;

/// A file that is being read: its text, and what was found wrong or odd so far.
pub(in crate::rule) struct Reader<'f> {
    pub(in crate::rule) path: &'f str,
    pub(in crate::rule) text: &'f str,
    /// The table that is read, as it is written: `[rule]`.
    name: &'static str,
    /// Where that table stands: the place of what is missing in it.
    pub(in crate::rule) head: Range<usize>,
    /// Whether what is odd makes the file unusable.
    strict: bool,
    pub(in crate::rule) problems: Vec<Problem>,
    pub(in crate::rule) warnings: Vec<Problem>,
}

impl<'f> Reader<'f> {
    /// Reads a table called `name`, and warns of what is odd.
    pub(in crate::rule) fn new(path: &'f str, text: &'f str, name: &'static str) -> Reader<'f> {
        Reader {
            path,
            text,
            name,
            head: 0..0,
            strict: false,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The same, but what is odd is wrong.
    pub(in crate::rule) fn strict(path: &'f str, text: &'f str, name: &'static str) -> Reader<'f> {
        Reader { strict: true, ..Reader::new(path, text, name) }
    }

    /// Goes on in another table, called `name` and written at `head`.
    pub(in crate::rule) fn enter(&mut self, name: &'static str, head: Range<usize>) {
        (self.name, self.head) = (name, head);
    }

    pub(in crate::rule) fn position(&self, place: Range<usize>) -> Position {
        Position::of(self.text, place.start)
    }

    pub(in crate::rule) fn problem(&mut self, place: Range<usize>, message: String) {
        self.problems.push(Problem::at(self.path, self.text, place, message));
    }

    /// What is wrong with text that is not TOML. After the first few places the others follow from
    /// them.
    pub(in crate::rule) fn not_toml(&mut self, errors: &[toml::de::Error]) {
        for error in errors.iter().take(SYNTAX_ERRORS) {
            self.problem(
                error.span().unwrap_or_default(),
                format!("not TOML: {}", error.message()),
            );
        }
    }

    pub(in crate::rule) fn warn(&mut self, place: Range<usize>, message: String) {
        self.warnings.push(Problem::at(self.path, self.text, place, message));
    }

    /// What is odd, e.g. a name that means nothing here: it may be a typing error.
    pub(in crate::rule) fn odd(&mut self, place: Range<usize>, message: String) {
        if self.strict { self.problem(place, message) } else { self.warn(place, message) }
    }

    pub(in crate::rule) fn wrong(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &str,
    ) {
        let found = value.get_ref().type_str();
        self.problem(value.span(), format!("`{key}` must be {expected}, not this {found}"));
    }

    /// Tells of every key that is not among the known ones.
    pub(in crate::rule) fn check_keys(&mut self, table: &DeTable<'_>, name: &str, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let word = key.get_ref().as_ref();
            let hint = nearest_name(word, known.iter().copied())
                .map(|meant| format!("; did you mean `{meant}`?"));
            self.odd(
                key.span(),
                format!("unknown key `{word}` in {name}{}", hint.unwrap_or_default()),
            );
        }
    }

    /// A table under a key.
    pub(in crate::rule) fn table<'t>(
        &mut self,
        table: &'t DeTable<'f>,
        key: &str,
    ) -> Option<&'t DeTable<'f>> {
        let value = table.get(key)?;
        if !value.get_ref().is_table() {
            self.wrong(key, value, "a table");
        }
        value.get_ref().as_table()
    }

    /// A string, where there is one.
    pub(in crate::rule) fn string<'t>(
        &mut self,
        table: &'t DeTable<'f>,
        key: &str,
    ) -> Option<&'t str> {
        let value = table.get(key)?;
        if !value.get_ref().is_str() {
            self.wrong(key, value, "a string");
        }
        value.get_ref().as_str()
    }

    /// A string that must be there and must say something.
    pub(in crate::rule) fn required<'t>(
        &mut self,
        table: &'t DeTable<'f>,
        key: &str,
    ) -> Option<&'t str> {
        let Some(value) = table.get(key) else {
            self.missing(key);
            return None;
        };
        let text = self.string(table, key)?;
        if text.trim().is_empty() {
            self.problem(value.span(), format!("`{key}` must not be empty"));
            return None;
        }
        Some(text)
    }

    pub(in crate::rule) fn missing(&mut self, key: &str) {
        self.problem(self.head.clone(), format!("`{key}` is missing in {}", self.name));
    }

    /// A list of strings; empty where there is none.
    pub(in crate::rule) fn strings(&mut self, table: &DeTable<'f>, key: &str) -> Vec<String> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of strings");
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => strings.push(text.to_owned()),
                None => self.wrong(key, item, "a list of strings"),
            }
        }
        strings
    }

    /// A whole number within bounds, where there is one.
    pub(in crate::rule) fn integer(
        &mut self,
        table: &DeTable<'f>,
        key: &str,
        bounds: RangeInclusive<u32>,
    ) -> Option<u32> {
        let value = table.get(key)?;
        let number = value.get_ref().as_integer().and_then(|integer| {
            u32::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .filter(|number| bounds.contains(number))
        });
        if number.is_none() {
            let (least, most) = bounds.into_inner();
            self.problem(
                value.span(),
                format!("`{key}` must be a whole number from {least} to {most}"),
            );
        }
        number
    }

    /// A text that `read` understands, where there is one.
    pub(in crate::rule) fn read<T>(
        &mut self,
        table: &DeTable<'f>,
        key: &str,
        read: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let text = self.string(table, key)?;
        let value = read(text);
        if let (None, Some(place)) = (&value, table.get(key)) {
            self.problem(
                place.span(),
                format!("`{key}` must be {expected}, not `{}`", text.escape_debug()),
            );
        }
        value
    }
}
