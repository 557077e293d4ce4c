//! The short cut past records that no rule can match: names of calls and services, looked for in
//! the text itself.
//!
//! Why nothing is missed. A record that a rule matches has, under its key `eventName` or
//! `eventSource`, a string that is one of the needles: that is what makes it a needle. JSON can
//! write key and string plainly; then the text holds `"eventName"`, white space, a colon, white
//! space and the quoted needle, and the search sees it. Or it writes a letter of one of them as an
//! escape. The keys and the needles are made of ASCII letters, digits, `.`, `-` and `_`
//! ([`PlainName`]), and the only escapes that give one of those are `\u00` and two hexadecimal
//! digits; the search takes every such escape for a needle. Other escapes, such as `\u003c` or
//! `\"`, cannot hide one.

use std::collections::HashSet;

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

/// The names at least one of which stands in any record that any rule can match.
#[derive(Debug, Clone)]
pub struct Prefilter {
    actions: Names,
    providers: Names,
    level: Level,
}

/// A name that the search finds for sure: ASCII letters, digits, `.`, `-` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainName<'a>(&'a str);

impl<'a> PlainName<'a> {
    /// None for a name with other characters, or without any.
    pub fn new(name: &'a str) -> Option<PlainName<'a>> {
        (!name.is_empty() && name.bytes().all(is_of_names)).then_some(PlainName(name))
    }
}

/// How many places are gathered before a closer look is taken at them.
const BATCH: usize = 64;

impl Prefilter {
    /// Looks for these values of `eventName` and of `eventSource`.
    pub fn new<'a>(
        actions: impl IntoIterator<Item = PlainName<'a>>,
        providers: impl IntoIterator<Item = PlainName<'a>>,
    ) -> Prefilter {
        Prefilter {
            actions: Names::new(actions),
            providers: Names::new(providers),
            level: Level::new(),
        }
    }

    /// How many names are looked for.
    pub fn count(&self) -> usize {
        self.actions.all.len() + self.providers.all.len()
    }

    /// Whether a needle stands in the text, or may be hidden in it. `text` is any number of whole
    /// records.
    pub fn may_stand_in(&self, text: &[u8]) -> bool {
        if self.providers.all.is_empty() {
            dispatch!(self.level, simd => self.search::<_, false>(simd, text))
        } else {
            dispatch!(self.level, simd => self.search::<_, true>(simd, text))
        }
    }

    /// Nearly every record has a place that needs a closer look, where the processor cannot foresee
    /// it, and to guess wrong costs it as much as the search: so places are gathered without
    /// branching, and looked at in batches.
    #[inline(always)]
    fn search<S: Simd, const SERVICES: bool>(&self, simd: S, text: &[u8]) -> bool {
        let (mut places, mut count) = ([0; BATCH + 64], 0);
        let mut at = 0;
        while let Some(block) = text.get(at..at + 65) {
            let mut marks = marks::<S, SERVICES>(simd, block);
            places[count] = at + marks.trailing_zeros() as usize;
            count += usize::from(marks != 0);
            marks &= marks.wrapping_sub(1);
            while marks != 0 {
                places[count] = at + marks.trailing_zeros() as usize;
                count += 1;
                marks &= marks - 1;
            }
            if count >= BATCH {
                if self.stands_at_any(text, &places[..count]) {
                    return true;
                }
                count = 0;
            }
            at += 64;
        }
        self.stands_at_any(text, &places[..count])
            || (at..text.len()).any(|at| self.stands_at(text, at))
    }

    #[inline(never)]
    fn stands_at_any(&self, text: &[u8], places: &[usize]) -> bool {
        places.iter().any(|at| !self.is_other_call(text, *at) && self.stands_at(text, *at))
    }

    /// Whether a call that is not looked for is written at `at` as CloudTrail writes it: what
    /// nearly every place is.
    #[inline(always)]
    fn is_other_call(&self, text: &[u8], at: usize) -> bool {
        const BEFORE: &[u8; 13] = b"\"eventName\":\"";
        let around = at
            .checked_sub(b"\"even".len())
            .and_then(|start| text.get(start..)?.first_chunk::<21>());
        let Some((before, first)) = around.and_then(|around| around.split_first_chunk()) else {
            return false;
        };
        before == BEFORE && first.first_chunk().is_some_and(|first| !self.actions.may_begin(*first))
    }

    /// Whether an escape that can hide a needle begins at `at`, or a needle's key has its `t`
    /// there.
    #[cold]
    fn stands_at(&self, text: &[u8], at: usize) -> bool {
        let (before, rest) = text.split_at(at);
        match rest.first() {
            Some(b'\\') => hides(rest),
            Some(b't') if before.ends_with(b"\"even") => self.has_value(&rest[1..]),
            _ => false,
        }
    }

    /// `rest`: a key from its `Name` or `Source` on, and its value.
    fn has_value(&self, rest: &[u8]) -> bool {
        if let Some(rest) = rest.strip_prefix(b"Name\"") {
            return string(rest).is_some_and(|string| self.actions.begin(string));
        }
        let string = rest.strip_prefix(b"Source\"").and_then(string);
        string.is_some_and(|string| self.providers.begin(string))
    }
}

fn is_of_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

/// Whether the text begins with an escape that decodes to a byte of a name.
fn hides(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"\\u00").and_then(|rest| rest.get(..2));
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).is_some_and(is_of_names)
}

/// What follows the opening quote of a string after a colon.
fn string(text: &[u8]) -> Option<&[u8]> {
    after_space(after_space(text).strip_prefix(b":")?).strip_prefix(b"\"")
}

fn after_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    text
}

/// In which of the first 64 bytes of `block` `\u` begins, or stands the `t` of `"eventName"` (or of
/// `"eventSource"`, where services are looked for). The 65th is only looked at for what follows the
/// 64th.
#[inline(always)]
fn marks<S: Simd, const SERVICES: bool>(simd: S, block: &[u8]) -> u64 {
    let (here, next) =
        (u8x64::from_slice(simd, &block[..64]), u8x64::from_slice(simd, &block[1..65]));
    let capital =
        if SERVICES { next.simd_eq(b'N') | next.simd_eq(b'S') } else { next.simd_eq(b'N') };
    let (escape, key) = (here.simd_eq(b'\\') & next.simd_eq(b'u'), here.simd_eq(b't') & capital);
    (escape | key).to_bitmask()
}

/// A set of names that says no fast: nearly every record has a name that is not in it.
#[derive(Debug, Clone)]
struct Names {
    all: HashSet<Box<[u8]>>,
    /// Of the first eight bytes of a name and its closing quote, those that every name has.
    common: u64,
    /// By [`Names::mark`], whether a name begins so.
    begins: [bool; MARKS],
}

const MARKS: usize = 4096;

impl Names {
    fn new<'a>(names: impl IntoIterator<Item = PlainName<'a>>) -> Names {
        let all: HashSet<Box<[u8]>> =
            names.into_iter().map(|name| name.0.as_bytes().into()).collect();
        let shortest = all.iter().map(|name| name.len() + 1).min().unwrap_or(0);
        let common = if shortest < 8 { (1 << (8 * shortest)) - 1 } else { u64::MAX };
        let mut names = Names { all, common, begins: [false; MARKS] };
        for name in &names.all {
            let mut first = [b'"'; 8];
            first.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
            names.begins[mark(first, common)] = true;
        }
        names
    }

    /// Whether a name, its closing quote and what may follow begin so.
    #[inline(always)]
    fn may_begin(&self, first: [u8; 8]) -> bool {
        self.begins[mark(first, self.common)]
    }

    /// Whether `text` begins with a name and a quote.
    fn begin(&self, text: &[u8]) -> bool {
        text.first_chunk().is_none_or(|first| self.may_begin(*first))
            && memchr::memchr(b'"', text).is_some_and(|end| self.all.contains(&text[..end]))
    }
}

/// A number below [`MARKS`] for the first bytes of a name: spread by the golden ratio, as in
/// Fibonacci hashing.
#[inline(always)]
fn mark(first: [u8; 8], common: u64) -> usize {
    let mixed = (u64::from_le_bytes(first) & common).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - MARKS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn looking_for(actions: &[&'static str], providers: &[&'static str]) -> Prefilter {
        let plain = |names: &[&'static str]| {
            names.iter().map(|name| PlainName::new(name).unwrap()).collect::<Vec<_>>()
        };
        Prefilter::new(plain(actions), plain(providers))
    }

    fn prefilter() -> Prefilter {
        looking_for(&["CreateGroup", "AddUserToGroup"], &["iam.amazonaws.com"])
    }

    #[test]
    fn a_needle_is_a_value_of_its_key() {
        let cases = [
            (r#"{"eventName":"CreateGroup"}"#, true),
            ("{\"eventName\" \n:\t\"CreateGroup\"}", true),
            (r#"{"a":{"eventName":"AddUserToGroup"}}"#, true),
            (r#"{"eventSource":"iam.amazonaws.com"}"#, true),
            (r#"{"eventName":"iam.amazonaws.com"}"#, false),
            (r#"{"eventSource":"CreateGroup"}"#, false),
            (r#"{"eventName":"CreateGroups"}"#, false),
            (r#"{"eventName":"createGroup"}"#, false),
            (r#"{"eventName":null,"x":"CreateGroup"}"#, false),
            (r#"{"x":"{\"eventName\":\"CreateGroup\"}"}"#, false),
            ("", false),
        ];
        for (text, expected) in cases {
            // At every place within the 64 bytes that are looked at together.
            for pad in 0..130 {
                let text = format!("{}{text}{}", " ".repeat(pad), " ".repeat(130 - pad));
                assert_eq!(prefilter().may_stand_in(text.as_bytes()), expected, "{text}");
            }
        }
    }

    #[test]
    fn escapes_count_where_they_can_hide_a_needle() {
        let hide = [
            r"\u0043", r"\u007a", r"\u007A", r"\u002e", r"\u0030", r"\u002D", r"\u005f", r"\\u0041",
        ];
        let plain = [
            r"\u003c", r"\u0026", r"\u00e9", r"\u0022", r"\n", r"\\", r"\u1041", r"\u00", r"\u004",
        ];
        for (escape, expected) in
            hide.map(|e| (e, true)).into_iter().chain(plain.map(|e| (e, false)))
        {
            for pad in 0..70 {
                let text = format!("{}{escape}", " ".repeat(pad));
                assert_eq!(prefilter().may_stand_in(text.as_bytes()), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn only_plain_names_can_be_looked_for() {
        for (name, expected) in [
            ("Create Group", false),
            ("iam/x", false),
            ("", false),
            ("Cr\u{e9}er", false),
            ("get-x_1.y", true),
        ] {
            assert_eq!(PlainName::new(name).is_some(), expected, "{name}");
        }
        assert_eq!(looking_for(&["CreateGroup", "CreateGroup", "X"], &["CreateGroup"]).count(), 3);
    }

    #[test]
    fn names_of_every_length_are_found() {
        let names = ["A", "Ab", "Scan", "Invoke", "GetItem", "Decrypt8", "CreateGroup"];
        for shortest in 0..names.len() {
            let prefilter = looking_for(&names[shortest..], &[]);
            for (at, name) in names.iter().enumerate() {
                let text = format!("{{\"eventName\":\"{name}\"}}");
                assert_eq!(
                    prefilter.may_stand_in(text.as_bytes()),
                    at >= shortest,
                    "{text} from {shortest}"
                );
            }
        }
    }

    #[test]
    fn a_needle_after_many_other_calls_is_found() {
        for others in [0, 1, 63, 64, 65, 200] {
            let text = format!(
                "{}{}",
                r#"{"eventName":"X"},"#.repeat(others),
                r#"{"eventName":"CreateGroup"}"#
            );
            assert!(prefilter().may_stand_in(text.as_bytes()), "{others}");
            assert!(!prefilter().may_stand_in(text.replace("CreateG", "G").as_bytes()), "{others}");
        }
    }

    /// One character of a string, written as JSON allows: plainly, or in one of the ways to escape
    /// it.
    fn written(character: char, way: u8) -> String {
        match way % 4 {
            0 => format!("\\u{:04x}", u32::from(character)),
            1 => format!("\\u{:04X}", u32::from(character)),
            _ => character.to_string(),
        }
    }

    fn string(text: &str, ways: &[u8]) -> String {
        let characters = text.chars().zip(ways.iter().cycle());
        format!("\"{}\"", characters.map(|(c, way)| written(c, *way)).collect::<String>())
    }

    proptest! {
        /// However JSON writes a record with a needle, the search sees it.
        #[test]
        fn no_way_of_writing_hides_a_needle(
            name in prop::sample::select(vec!["CreateGroup", "AddUserToGroup"]),
            key_ways in prop::collection::vec(any::<u8>(), 1..9),
            value_ways in prop::collection::vec(any::<u8>(), 1..9),
            space in "[ \t\r\n]{0,3}",
            before in "[a-z\"\\\\ ]{0,80}",
        ) {
            let before = serde_json::to_string(&before).unwrap();
            let (key, value) = (string("eventName", &key_ways), string(name, &value_ways));
            let text = format!("{{\"x\":{before},{key}{space}:{space}{value}}}");
            let record: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(record["eventName"].as_str(), Some(name));
            prop_assert!(prefilter().may_stand_in(text.as_bytes()), "{}", text);
        }
    }
}
