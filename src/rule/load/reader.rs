//! Typed values out of a TOML table. What is missing or wrong goes on a list with its place, so that one reading
//! finds all of it.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::Problem;
use crate::ecs::nearest;

/// A file that is being read: its text, and what was found wrong or odd so far.
pub(super) struct Reader<'f> {
    pub(super) path: &'f str,
    pub(super) text: &'f str,
    /// Where `[rule]` stands: the place of what is missing in it.
    pub(super) head: Range<usize>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(path: &'f str, text: &'f str) -> Reader<'f> {
        Reader { path, text, head: 0..0, problems: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn problem(&mut self, place: Range<usize>, message: String) {
        self.problems.push(Problem::at(self.path, self.text, place, message));
    }

    pub(super) fn warn(&mut self, place: Range<usize>, message: String) {
        self.warnings.push(Problem::at(self.path, self.text, place, message));
    }

    fn wrong(&mut self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        self.problem(value.span(), format!("`{key}` must be {expected}, not this {found}"));
    }

    /// Warns of every key that is not among the known ones.
    pub(super) fn check_keys(&mut self, table: &DeTable<'_>, name: &str, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let word = key.get_ref().as_ref();
            let hint = nearest(word, known.iter().copied()).map(|meant| format!("; did you mean `{meant}`?"));
            self.warn(key.span(), format!("unknown key `{word}` in {name}{}", hint.unwrap_or_default()));
        }
    }

    /// A table under a key.
    pub(super) fn table<'t>(&mut self, table: &'t DeTable<'f>, key: &str) -> Option<&'t DeTable<'f>> {
        let value = table.get(key)?;
        if !value.get_ref().is_table() {
            self.wrong(key, value, "a table");
        }
        value.get_ref().as_table()
    }

    /// A string, where there is one.
    pub(super) fn string<'t>(&mut self, table: &'t DeTable<'f>, key: &str) -> Option<&'t str> {
        let value = table.get(key)?;
        if !value.get_ref().is_str() {
            self.wrong(key, value, "a string");
        }
        value.get_ref().as_str()
    }

    /// A string that must be there and must say something.
    pub(super) fn required<'t>(&mut self, table: &'t DeTable<'f>, key: &str) -> Option<&'t str> {
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

    pub(super) fn missing(&mut self, key: &str) {
        self.problem(self.head.clone(), format!("`{key}` is missing in [rule]"));
    }

    /// A list of strings; empty where there is none.
    pub(super) fn strings(&mut self, table: &DeTable<'f>, key: &str) -> Vec<String> {
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
    pub(super) fn integer(&mut self, table: &DeTable<'f>, key: &str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let value = table.get(key)?;
        let number = value.get_ref().as_integer().and_then(|integer| {
            u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| bounds.contains(number))
        });
        if number.is_none() {
            let (least, most) = bounds.into_inner();
            self.problem(value.span(), format!("`{key}` must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A text that `read` understands, where there is one.
    pub(super) fn read<T>(
        &mut self,
        table: &DeTable<'f>,
        key: &str,
        read: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let text = self.string(table, key)?;
        let value = read(text);
        if let (None, Some(place)) = (&value, table.get(key)) {
            self.problem(place.span(), format!("`{key}` must be {expected}, not `{}`", text.escape_debug()));
        }
        value
    }
}
