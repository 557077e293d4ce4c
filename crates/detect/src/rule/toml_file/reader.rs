//! Typed values out of TOML tables. What is missing or wrong is collected with its place.

use std::ops::{Range, RangeInclusive};
use std::slice;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::plain_words::plain_words;
use super::problem::{Position, Problem, hint};
use crate::rule::load::UnsupportedRule;
use query_core::nearest_name;

/// After the first few syntax errors, the others follow from them.
const MAX_SYNTAX_ERRORS: usize = 5;

/// A file that is being read, with the problems found so far.
pub(crate) struct TomlReader<'f> {
    pub(crate) path: &'f str,
    pub(crate) text: &'f str,
    /// The table being read, as written in the file: `[rule]`.
    table_name: &'static str,
    /// Where that table is: the place of keys that are missing in it.
    table_span: Range<usize>,
    /// Makes a problem of what is otherwise a warning.
    pub(crate) strict: bool,
    /// Why the rule cannot run here, although it may be valid.
    pub(crate) unsupported: Option<UnsupportedRule>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl<'f> TomlReader<'f> {
    /// Parses a file's text. The table is `None` if the text is not TOML.
    pub(crate) fn parse(path: &'f str, text: &'f str) -> (TomlReader<'f>, Option<DeTable<'f>>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut reader = TomlReader {
            path,
            text,
            table_name: "",
            table_span: 0..0,
            strict: false,
            unsupported: None,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
            let span = error.span().unwrap_or_default();
            reader.add_problem(span, format!("not TOML: {}", error.message()));
        }
        let root = errors.is_empty().then(|| root.into_inner());
        (reader, root)
    }

    /// Continues with another table, called `name` and written at `span`.
    pub(crate) fn enter_table(&mut self, name: &'static str, span: Range<usize>) {
        self.table_name = name;
        self.table_span = span;
    }

    pub(crate) fn position(&self, span: Range<usize>) -> Position {
        Position::at_byte(self.text, span.start)
    }

    fn problem_at(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem::in_file(self.path, message).at(self.position(span))
    }

    pub(crate) fn add_problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(self.problem_at(span, message));
    }

    pub(crate) fn add_warning(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.warnings.push(self.problem_at(span, message));
    }

    /// Reports something suspicious, such as an unknown key, which may be a typing error.
    pub(crate) fn add_lint(&mut self, span: Range<usize>, message: impl Into<String>) {
        if self.strict { self.add_problem(span, message) } else { self.add_warning(span, message) }
    }

    /// Notes why the rule cannot run here, although it may be valid. The first reason counts.
    /// `hint` is added where the place is shown.
    pub(crate) fn add_unsupported(&mut self, span: Range<usize>, reason: String, hint: &str) {
        let problem = self.problem_at(span, format!("{reason}{hint}"));
        self.unsupported.get_or_insert(UnsupportedRule { reason, problem });
    }

    pub(crate) fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        self.add_problem(value.span(), format!("`{key}` must be {expected}, found {found}"));
    }

    pub(crate) fn missing_key(&mut self, key: &str) {
        let message = format!("`{key}` is missing in {}", self.table_name);
        self.add_problem(self.table_span.clone(), message);
    }

    /// Reports every key that is not in `known`, a space-separated list. `name` is the table's name
    /// in messages.
    pub(crate) fn check_keys(&mut self, table: &DeTable<'_>, name: &str, known: &str) {
        for key in table.keys() {
            let word = key.get_ref().as_ref();
            if !known.split(' ').any(|known| known == word) {
                let hint = hint(nearest_name(word, known.split(' ')));
                self.add_lint(key.span(), format!("unknown key `{word}` in {name}{hint}"));
            }
        }
    }

    pub(crate) fn table<'t, 'v>(
        &mut self,
        table: &'t DeTable<'v>,
        key: &str,
    ) -> Option<&'t DeTable<'v>> {
        let value = table.get(key)?;
        if !value.get_ref().is_table() {
            self.wrong_type(key, value, "a table");
        }
        value.get_ref().as_table()
    }

    /// The value of a key; `None` if it is absent or has another type.
    pub(crate) fn optional<T: DeserializeOwned>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
    ) -> Option<T> {
        let value = table.get(key)?;
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(typed) => Some(typed),
            Err(error) => {
                let span = error.span().unwrap_or(value.span());
                self.add_problem(span, format!("in `{key}`: {}", plain_words(error.message())));
                None
            }
        }
    }

    /// The value of a key that must be present.
    pub(crate) fn required<T: DeserializeOwned>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
    ) -> Option<T> {
        if !table.contains_key(key) {
            self.missing_key(key);
        }
        self.optional(table, key)
    }

    /// A string that must be present and not blank.
    pub(crate) fn required_text(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        let text: String = self.required(table, key)?;
        if text.trim().is_empty() {
            self.add_problem(table[key].span(), format!("`{key}` must not be empty"));
            return None;
        }
        Some(text)
    }

    /// The elements of a list that must be present; a single value counts as a list of one.
    pub(crate) fn required_list<'t, 'v>(
        &mut self,
        table: &'t DeTable<'v>,
        key: &str,
    ) -> &'t [Spanned<DeValue<'v>>] {
        let value = table.get(key);
        if value.is_none() {
            self.missing_key(key);
        }
        value.map(elements).unwrap_or_default()
    }

    pub(crate) fn integer(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        bounds: RangeInclusive<u32>,
    ) -> Option<u32> {
        let integer = table.get(key)?.get_ref().as_integer();
        let number = integer
            .and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = bounds.into_inner();
            let message = format!("`{key}` must be a whole number from {least} to {most}");
            self.add_problem(table[key].span(), message);
        }
        number
    }

    /// A string or date that `parse` accepts; `expected` describes it.
    pub(crate) fn parsed<T>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let text = match table.get(key)?.get_ref() {
            DeValue::Datetime(time) => time.to_string(),
            _ => self.optional(table, key)?,
        };
        let value = parse(&text);
        if value.is_none() {
            let message = format!("`{key}` must be {expected}, found `{}`", text.escape_debug());
            self.add_problem(table[key].span(), message);
        }
        value
    }
}

/// The elements of a list; a single value counts as a list of one.
pub(crate) fn elements<'t, 'v>(value: &'t Spanned<DeValue<'v>>) -> &'t [Spanned<DeValue<'v>>] {
    value.get_ref().as_array().map_or(slice::from_ref(value), |items| items)
}
