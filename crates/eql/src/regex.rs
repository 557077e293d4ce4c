//! Regular expressions in Lucene's syntax.
//!
//! Source: "Regular expression syntax" in Elasticsearch's documentation. A value must match as a
//! whole, and there are no anchors: `^` and `$` are ordinary characters. The engine takes time
//! linear in the text.

use std::iter::Peekable;
use std::str::Chars;

use query_core::Case;
use regex_lite::RegexBuilder;

/// The most memory of a regular expression, in bytes.
const MAX_SIZE: usize = 1 << 18;

/// Characters with a meaning to the engine. Others must not be escaped: `\<` is a boundary of a
/// word.
const ENGINE_OPERATORS: &str = r"\.+*?()|[]{}^$#&-~";

/// The deepest nesting of parentheses.
const MAX_NESTING: usize = 50;

/// What is wrong with a regular expression.
#[derive(Debug)]
pub(super) struct InvalidRegex {
    /// What was found, or what it has that cannot be run here.
    pub(super) reason: String,
    /// It is valid in Lucene, but cannot be run here.
    pub(super) is_unsupported: bool,
}

impl<T: Into<String>> From<T> for InvalidRegex {
    fn from(reason: T) -> Self {
        Self { reason: reason.into(), is_unsupported: false }
    }
}

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Regex {
    source: String,
    exact: regex_lite::Regex,
    any_case: regex_lite::Regex,
}

impl Regex {
    /// Fails with what is wrong.
    pub(super) fn new(source: &str) -> Result<Self, InvalidRegex> {
        Ok(Self {
            source: source.to_owned(),
            exact: compile(source, Case::Exact)?,
            any_case: compile(source, Case::Any)?,
        })
    }

    /// The expression, as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns true if the whole of `text` matches.
    pub fn matches(&self, text: &str, case: Case) -> bool {
        match case {
            Case::Exact => self.exact.is_match(text),
            Case::Any => self.any_case.is_match(text),
        }
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        // The other fields follow from the source.
        self.source == other.source
    }
}

fn compile(source: &str, case: Case) -> Result<regex_lite::Regex, InvalidRegex> {
    let mut translator = Translator { chars: source.chars().peekable(), case, out: String::new() };
    translator.alternatives(0)?;
    if translator.chars.peek().is_some() {
        return Err("found `)` without a `(` before it".into());
    }
    let pattern = format!(r"(?s)\A(?:{})\z", translator.out);
    let builder = RegexBuilder::new(&pattern).size_limit(MAX_SIZE).build();
    builder.map_err(|error| match error.to_string() {
        reason if reason.contains("size limit") => "it is too large".into(),
        reason => reason.into(),
    })
}

/// Writes the same expression in the syntax of the engine.
struct Translator<'s> {
    chars: Peekable<Chars<'s>>,
    case: Case,
    out: String,
}

impl Translator<'_> {
    fn alternatives(&mut self, depth: usize) -> Result<(), InvalidRegex> {
        if depth > MAX_NESTING {
            return Err(format!("found more than {MAX_NESTING} levels of `(`").into());
        }
        loop {
            self.sequence(depth)?;
            if self.chars.next_if_eq(&'|').is_none() {
                return Ok(());
            }
            self.out.push('|');
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<(), InvalidRegex> {
        while let Some(c) = self.chars.next_if(|c| !matches!(c, '|' | ')')) {
            let start = self.out.len();
            self.atom(c, depth)?;
            self.repetitions(start)?;
        }
        Ok(())
    }

    fn atom(&mut self, c: char, depth: usize) -> Result<(), InvalidRegex> {
        match c {
            '.' => self.out.push('.'),
            // Any string.
            '@' => self.out.push_str("(?:.*)"),
            '(' => {
                self.out.push_str("(?:");
                self.alternatives(depth + 1)?;
                self.chars.next_if_eq(&')').ok_or("found `(` without a `)` after it")?;
                self.out.push(')');
            }
            '[' => self.class()?,
            '"' => self.quoted()?,
            '\\' => {
                let escaped = self.chars.next().ok_or("found `\\` at the end")?;
                match predefined(escaped) {
                    Some((negation, members)) => {
                        self.out.extend(["[", negation, members, "]"]);
                    }
                    None => self.literal(escaped),
                }
            }
            '*' | '+' | '?' | '{' => {
                return Err(format!("found `{c}` with nothing before it to repeat").into());
            }
            '~' | '&' | '<' | '#' => return Err(unsupported(c)),
            _ => self.literal(c),
        }
        Ok(())
    }

    /// What follows an atom. Each applies to the result of the one before it, so `a+?` is `(a+)?`.
    fn repetitions(&mut self, start: usize) -> Result<(), InvalidRegex> {
        let mut is_first = true;
        while let Some(c) = self.chars.next_if(|c| matches!(c, '*' | '+' | '?' | '{')) {
            if !is_first {
                self.out.insert_str(start, "(?:");
                self.out.push(')');
            }
            is_first = false;
            match c {
                '{' => self.bounds()?,
                _ => self.out.push(c),
            }
        }
        Ok(())
    }

    /// `n}`, `n,}` or `n,m}`.
    fn bounds(&mut self) -> Result<(), InvalidRegex> {
        let mut bounds = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_ascii_digit() || *c == ',') {
            bounds.push(c);
        }
        let is_number = |text: &str| !text.is_empty() && !text.contains(',');
        let is_valid = match bounds.split_once(',') {
            Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
            None => is_number(&bounds),
        };
        if !is_valid || self.chars.next_if_eq(&'}').is_none() {
            return Err("found `{` without `n}`, `n,}` or `n,m}` after it".into());
        }
        self.out.extend(["{", &bounds, "}"]);
        Ok(())
    }

    /// `…]`. Lucene matches ranges in their own case only.
    fn class(&mut self) -> Result<(), InvalidRegex> {
        const OPEN: &str = "found `[` without a `]` after it";
        self.out.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut c = self.chars.next().ok_or(OPEN)?;
        loop {
            self.class_member(c)?;
            c = self.chars.next().ok_or(OPEN)?;
            if c == ']' {
                self.out.push(']');
                return Ok(());
            }
        }
    }

    fn class_member(&mut self, c: char) -> Result<(), InvalidRegex> {
        let mut first = c;
        if c == '\\' {
            first = self.chars.next().ok_or("found `\\` at the end")?;
            match predefined(first) {
                Some(("", members)) => {
                    self.out.push_str(members);
                    return Ok(());
                }
                Some(_) => {
                    let reason = format!("`\\{first}` inside of `[]`");
                    return Err(InvalidRegex { reason, is_unsupported: true });
                }
                None => {}
            }
        }
        let mut ahead = self.chars.clone();
        let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
        if !is_range {
            self.class_char(first);
            let other = swap_case(first).filter(|_| self.case == Case::Any);
            other.into_iter().for_each(|other| self.class_char(other));
            return Ok(());
        }
        self.chars.next();
        let mut last = self.chars.next().unwrap_or('\\');
        if last == '\\' {
            last = self.chars.next().ok_or("found `\\` at the end")?;
        }
        if first > last {
            let reason = format!("found a range from `{first}` to `{last}`, which is empty");
            return Err(reason.into());
        }
        self.class_char(first);
        self.out.push('-');
        self.class_char(last);
        Ok(())
    }

    fn class_char(&mut self, c: char) {
        if ENGINE_OPERATORS.contains(c) {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// `…"`.
    fn quoted(&mut self) -> Result<(), InvalidRegex> {
        loop {
            match self.chars.next() {
                Some('"') => return Ok(()),
                Some(c) => self.literal(c),
                None => return Err("found `\"` without another one after it".into()),
            }
        }
    }

    fn literal(&mut self, c: char) {
        match swap_case(c).filter(|_| self.case == Case::Any) {
            Some(other) => self.out.extend(['[', c, other, ']']),
            None => self.class_char(c),
        }
    }
}

fn swap_case(c: char) -> Option<char> {
    match c {
        'a'..='z' => Some(c.to_ascii_uppercase()),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        _ => None,
    }
}

/// The class of a letter after a backslash: its negation and its members.
fn predefined(letter: char) -> Option<(&'static str, &'static str)> {
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r" \t\n\r",
        _ => return None,
    };
    Some((if letter.is_ascii_uppercase() { "^" } else { "" }, members))
}

fn unsupported(c: char) -> InvalidRegex {
    let operator = match c {
        '~' => "the complement",
        '&' => "the intersection",
        '<' => "the interval",
        _ => "the empty language",
    };
    let reason = format!("{operator} (`{c}`); the character itself is `\\{c}`");
    InvalidRegex { reason, is_unsupported: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_match() {
        for (regex, text, exact, any) in [
            ("abc", "abc", true, true),
            ("abc", "ABC", false, true),
            ("abc", "xabc", false, false),
            ("abc", "abcx", false, false),
            ("ab.", "abé", true, true),
            ("a.c", "a\nc", true, true),
            ("abc?", "ab", true, true),
            ("ab+", "abbb", true, true),
            ("ab+", "a", false, false),
            ("ab*", "a", true, true),
            ("a{2}", "aa", true, true),
            ("a{2}", "aaa", false, false),
            ("a{2,4}", "aaa", true, true),
            ("a{2,}", "aaaaa", true, true),
            ("abc|xyz", "xyz", true, true),
            ("abc|xyz", "abcxyz", false, false),
            ("abc(def)?", "abcdef", true, true),
            ("abc(def)?", "abcd", false, false),
            ("()", "", true, true),
            ("", "", true, true),
            ("", "a", false, false),
            ("[abc]", "b", true, true),
            ("[abc]", "B", false, true),
            // Ranges stay in their own case.
            ("[a-c]+", "abc", true, true),
            ("[a-c]+", "ABC", false, false),
            ("[^a-c]", "d", true, true),
            ("[^a-c]", "a", false, false),
            ("[^abc]", "A", true, false),
            ("[-abc]", "-", true, true),
            (r"[abc\-]", "-", true, true),
            ("[a-z_-]", "-", true, true),
            ("[]a]", "]", true, true),
            ("[.*]", "*", true, true),
            (r"[\d.]+", "1.2", true, true),
            (r"\d\w\s", "1a ", true, true),
            (r"\D\W\S", "a-b", true, true),
            (r"\D", "1", false, false),
            (r"a\.b", "a.b", true, true),
            (r"a\.b", "axb", false, false),
            (r"\\", r"\", true, true),
            (r"\@\#\&\~\<", "@#&~<", true, true),
            (r#""john@smith.com""#, "john@smith.com", true, true),
            (r#""a.b""#, "axb", false, false),
            (r#""A""#, "a", false, true),
            ("a@b", "a and b", true, true),
            // No anchors.
            ("^a$", "a", false, false),
            ("^a$", "^a$", true, true),
            // Repetitions of repetitions: the last one applies to all before it.
            ("a+?", "", true, true),
            ("a*?b", "aab", true, true),
            ("a{2}+", "aaaa", true, true),
            ("a{2}+", "aaa", false, false),
            ("(?)", "", false, false),
            ("é", "É", false, false),
            ("a}", "a}", true, true),
            ("a]", "a]", true, true),
            ("x-y z/=,:;!%'`_", "x-y z/=,:;!%'`_", true, true),
        ] {
            let Ok(regex) = Regex::new(regex) else {
                assert!(regex == "(?)", "{regex}");
                continue;
            };
            assert_eq!(regex.matches(text, Case::Exact), exact, "{} {text}", regex.source());
            assert_eq!(regex.matches(text, Case::Any), any, "{} {text}", regex.source());
        }
    }

    #[test]
    fn what_cannot_be_matched_is_an_error() {
        for (regex, expected) in [
            ("a)", "found `)` without a `(` before it"),
            ("(a", "found `(` without a `)` after it"),
            ("[a", "found `[` without a `]` after it"),
            ("[", "found `[` without a `]` after it"),
            ("[^", "found `[` without a `]` after it"),
            ("[z-a]", "found a range from `z` to `a`, which is empty"),
            (r"[\D]", r"`\D` inside of `[]`"),
            ("\"a", "found `\"` without another one after it"),
            (r"a\", r"found `\` at the end"),
            ("*.exe", "found `*` with nothing before it to repeat"),
            ("a|+", "found `+` with nothing before it to repeat"),
            ("a{", "found `{` without `n}`, `n,}` or `n,m}` after it"),
            ("a{,3}", "found `{` without `n}`, `n,}` or `n,m}` after it"),
            ("a{1,2,3}", "found `{` without `n}`, `n,}` or `n,m}` after it"),
            ("a~bc", r"the complement (`~`); the character itself is `\~`"),
            ("a&b", r"the intersection (`&`); the character itself is `\&`"),
            ("<1-9>", r"the interval (`<`); the character itself is `\<`"),
            ("#", r"the empty language (`#`); the character itself is `\#`"),
        ] {
            let error = Regex::new(regex).unwrap_err();
            assert_eq!(error.reason, expected, "{regex}");
            assert_eq!(error.is_unsupported, !expected.starts_with("found"), "{regex}");
        }
        for large in ["((a{1000}){1000}){1000}", "a{100000}", &"(".repeat(1000)] {
            assert!(Regex::new(large).is_err(), "{large}");
        }
    }

    #[test]
    fn no_expression_takes_more_than_linear_time() {
        // Backtracking would not end.
        let regex = Regex::new(&"(a|aa)+".repeat(20)).unwrap();
        assert!(!regex.matches(&("a".repeat(2_000) + "b"), Case::Exact));
    }
}
