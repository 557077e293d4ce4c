//! Passes over text that no rule can match, without parsing it: searches for the names of calls and
//! services that the rules need, and for what user agents must contain.
//!
//! Why no match is missed: a record that a rule matches has, under its key `eventName` or
//! `eventSource`, a string that is one of these names, or under `userAgent` one that contains one
//! of the texts, or a value that is no string. JSON can write key and string plainly; then
//! the text holds `"eventName"`, white space, a colon, white space and the quoted name, which the
//! search finds. Or it writes a letter as an escape. Keys and names consist of ASCII letters,
//! digits, `.`, `-` and `_` ([`PlainName`]), and the only escapes for these are `\u00` and two
//! hexadecimal digits. The search takes every such escape for a match. Other escapes, such as
//! `\u003c` or `\"`, cannot hide a name.

use std::collections::HashSet;

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

use super::agents::{AgentSearch, SeenAgents};

pub use super::agents::AgentText;

/// A set of names and texts, at least one of which is in any record that a rule can match.
#[derive(Debug, Clone)]
pub struct Prefilter {
    actions: NameSet,
    providers: NameSet,
    agents: AgentSearch,
    level: Level,
}

/// A name that the search cannot miss: ASCII letters, digits, `.`, `-` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainName<'a>(&'a str);

impl<'a> PlainName<'a> {
    /// Returns `None` if the name is empty or has other characters.
    pub fn new(name: &'a str) -> Option<PlainName<'a>> {
        (!name.is_empty() && name.bytes().all(is_name_byte)).then_some(PlainName(name))
    }
}

/// How many candidates are collected before they are checked.
const BATCH: usize = 64;

impl Prefilter {
    /// Searches for these values of `eventName` and of `eventSource`.
    pub fn new<'a>(
        actions: impl IntoIterator<Item = PlainName<'a>>,
        providers: impl IntoIterator<Item = PlainName<'a>>,
    ) -> Prefilter {
        Prefilter {
            actions: NameSet::new(actions),
            providers: NameSet::new(providers),
            agents: AgentSearch::default(),
            level: Level::new(),
        }
    }

    /// Searches for these texts in values of `userAgent`, too.
    pub fn with_agents(self, agents: impl IntoIterator<Item = AgentText>) -> Prefilter {
        Prefilter { agents: AgentSearch::new(agents), ..self }
    }

    /// The number of distinct names.
    pub fn name_count(&self) -> usize {
        self.actions.names.len() + self.providers.names.len()
    }

    /// The number of texts that user agents are searched for.
    pub fn agent_count(&self) -> usize {
        self.agents.text_count()
    }

    /// Returns false if no rule can match a record in `text`, which is any number of whole records.
    pub fn may_match(&self, text: &[u8]) -> bool {
        match (self.providers.names.is_empty(), self.agents.text_count() == 0) {
            (true, true) => {
                dispatch!(self.level, simd => self.search::<_, false, false>(simd, text))
            }
            (false, true) => {
                dispatch!(self.level, simd => self.search::<_, true, false>(simd, text))
            }
            (true, false) => {
                dispatch!(self.level, simd => self.search::<_, false, true>(simd, text))
            }
            (false, false) => {
                dispatch!(self.level, simd => self.search::<_, true, true>(simd, text))
            }
        }
    }

    /// Nearly every record has one candidate, at a place that the processor cannot predict, and a
    /// misprediction costs as much as the search of the record. Candidates are therefore collected
    /// without branches, and checked in batches.
    #[inline(always)]
    fn search<S: Simd, const PROVIDERS: bool, const AGENTS: bool>(
        &self,
        simd: S,
        text: &[u8],
    ) -> bool {
        let mut seen = SeenAgents::default();
        let mut candidates = [0; BATCH + 64];
        let mut count = 0;
        let mut at = 0;
        while let Some(block) = text.get(at..at + 65) {
            let mut marks = mark_candidates::<S, PROVIDERS, AGENTS>(simd, block);
            candidates[count] = at + marks.trailing_zeros() as usize;
            count += usize::from(marks != 0);
            marks &= marks.wrapping_sub(1);
            while marks != 0 {
                candidates[count] = at + marks.trailing_zeros() as usize;
                count += 1;
                marks &= marks - 1;
            }
            if count >= BATCH {
                if self.any_matches(text, &candidates[..count], &mut seen) {
                    return true;
                }
                count = 0;
            }
            at += 64;
        }
        self.any_matches(text, &candidates[..count], &mut seen)
            || (at..text.len()).any(|at| self.matches_at(text, at, &mut seen))
    }

    #[inline(never)]
    fn any_matches<'t>(
        &self,
        text: &'t [u8],
        candidates: &[usize],
        seen: &mut SeenAgents<'t>,
    ) -> bool {
        let mut candidates = candidates.iter();
        candidates.any(|at| !self.is_unneeded(text, *at, seen) && self.matches_at(text, *at, seen))
    }

    /// Returns true if a call, a service or a user agent that no rule needs is written at `at` as
    /// CloudTrail writes it. Nearly every candidate is one.
    #[inline(always)]
    fn is_unneeded<'t>(&self, text: &'t [u8], at: usize, seen: &SeenAgents<'t>) -> bool {
        let is_other = |names: &NameSet, value: Option<&[u8]>| {
            let first = value.and_then(|value| value.first_chunk());
            first.is_some_and(|first| !names.may_begin(*first))
        };
        match text.get(at + 1) {
            Some(b'N') => is_other(&self.actions, value_of(text, at, b"\"even", b"tName\":\"")),
            Some(b'S') => is_other(&self.providers, value_of(text, at, b"\"even", b"tSource\":\"")),
            Some(b'A') => value_of(text, at, b"\"use", b"rAgent\":\"")
                .is_some_and(|agent| seen.contains_start(agent)),
            _ => false,
        }
    }

    /// Returns true if `at` is the start of an escape that can hide a name, the `t` of a key with
    /// one of the names, or the `r` of one with a user agent.
    fn matches_at<'t>(&self, text: &'t [u8], at: usize, seen: &mut SeenAgents<'t>) -> bool {
        let (before, rest) = text.split_at(at);
        match rest.first() {
            Some(b'\\') => hides_name_byte(rest),
            Some(b't') if before.ends_with(b"\"even") => self.matches_value(&rest[1..]),
            Some(b'r') if before.ends_with(b"\"use") => self.matches_agent(&rest[1..], seen),
            _ => false,
        }
    }

    /// `rest`: a key from its `Agent` on, and its value.
    fn matches_agent<'t>(&self, rest: &'t [u8], seen: &mut SeenAgents<'t>) -> bool {
        let Some(rest) = rest.strip_prefix(b"Agent\"") else { return false };
        let Some(value) = skip_space(rest).strip_prefix(b":") else { return false };
        match skip_space(value) {
            [b'"', string @ ..] => seen.may_match(string, &self.agents),
            value => self.agents.text_count() > 0 && !value.starts_with(b"null"),
        }
    }

    /// `rest`: a key from its `Name` or `Source` on, and its value.
    fn matches_value(&self, rest: &[u8]) -> bool {
        if let Some(rest) = rest.strip_prefix(b"Name\"") {
            return string_value(rest).is_some_and(|string| self.actions.contains_start(string));
        }
        let string = rest.strip_prefix(b"Source\"").and_then(string_value);
        string.is_some_and(|string| self.providers.contains_start(string))
    }
}

/// What follows a key and the opening quote of its string, if its `end` is written at `at`, and
/// before it its `start`.
#[inline(always)]
fn value_of<'t, const S: usize, const E: usize>(
    text: &'t [u8],
    at: usize,
    start: &[u8; S],
    end: &[u8; E],
) -> Option<&'t [u8]> {
    let (before, rest) = text.get(at.checked_sub(S)?..)?.split_first_chunk()?;
    let (after, value) = rest.split_first_chunk()?;
    (before == start && after == end).then_some(value)
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

/// Returns true if the text begins with an escape for a byte of a name.
fn hides_name_byte(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"\\u00").and_then(|rest| rest.get(..2));
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).is_some_and(is_name_byte)
}

/// The text after a colon and the opening quote of a string.
fn string_value(text: &[u8]) -> Option<&[u8]> {
    skip_space(skip_space(text).strip_prefix(b":")?).strip_prefix(b"\"")
}

fn skip_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Marks, among the first 64 bytes of `block`, the start of each `\u` and the `t` of each
/// `"eventName"` (with `PROVIDERS` of each `"eventSource"`, with `AGENTS` the `r` of each
/// `"userAgent"`). The 65th byte is only read as the successor of the 64th.
#[inline(always)]
fn mark_candidates<S: Simd, const PROVIDERS: bool, const AGENTS: bool>(
    simd: S,
    block: &[u8],
) -> u64 {
    let here = u8x64::from_slice(simd, &block[..64]);
    let next = u8x64::from_slice(simd, &block[1..65]);
    let capital =
        if PROVIDERS { next.simd_eq(b'N') | next.simd_eq(b'S') } else { next.simd_eq(b'N') };
    let escape = here.simd_eq(b'\\') & next.simd_eq(b'u');
    let key = here.simd_eq(b't') & capital;
    if AGENTS {
        let agent = here.simd_eq(b'r') & next.simd_eq(b'A');
        return (escape | key | agent).to_bitmask();
    }
    (escape | key).to_bitmask()
}

/// A set of names with a fast rejection: nearly every record has a name that is not in it.
#[derive(Debug, Clone)]
struct NameSet {
    names: HashSet<Box<[u8]>>,
    /// Selects, of the first eight bytes of a name and its closing quote, those that every name
    /// has.
    mask: u64,
    /// Whether a name has this hash of its first bytes.
    hashes: [bool; HASHES],
}

const HASHES: usize = 4096;

impl NameSet {
    fn new<'a>(names: impl IntoIterator<Item = PlainName<'a>>) -> NameSet {
        let names: HashSet<Box<[u8]>> =
            names.into_iter().map(|name| name.0.as_bytes().into()).collect();
        let shortest = names.iter().map(|name| name.len() + 1).min().unwrap_or(0);
        let mask = if shortest < 8 { (1 << (8 * shortest)) - 1 } else { u64::MAX };
        let mut hashes = [false; HASHES];
        for name in &names {
            let mut first = [b'"'; 8];
            first.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
            hashes[hash_start(first, mask)] = true;
        }
        NameSet { names, mask, hashes }
    }

    /// Returns false if no name and its closing quote begin with these bytes.
    #[inline(always)]
    fn may_begin(&self, first: [u8; 8]) -> bool {
        self.hashes[hash_start(first, self.mask)]
    }

    /// Returns true if `text` begins with a name and a quote.
    fn contains_start(&self, text: &[u8]) -> bool {
        text.first_chunk().is_none_or(|first| self.may_begin(*first))
            && memchr::memchr(b'"', text).is_some_and(|end| self.names.contains(&text[..end]))
    }
}

/// Fibonacci hashing of the first bytes of a name, to a number below [`HASHES`].
#[inline(always)]
fn hash_start(first: [u8; 8], mask: u64) -> usize {
    let mixed = (u64::from_le_bytes(first) & mask).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - HASHES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefilter_for(actions: &[&'static str], providers: &[&'static str]) -> Prefilter {
        let plain = |names: &[&'static str]| {
            names.iter().map(|name| PlainName::new(name).unwrap()).collect::<Vec<_>>()
        };
        Prefilter::new(plain(actions), plain(providers))
    }

    fn prefilter() -> Prefilter {
        prefilter_for(&["CreateGroup", "AddUserToGroup"], &["iam.amazonaws.com"])
    }

    #[test]
    fn a_name_is_found_as_the_value_of_its_key() {
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
            // At every position within the 64 bytes of a block.
            for pad in 0..130 {
                let text = format!("{}{text}{}", " ".repeat(pad), " ".repeat(130 - pad));
                assert_eq!(prefilter().may_match(text.as_bytes()), expected, "{text}");
            }
        }
    }

    #[test]
    fn escapes_that_can_hide_a_name_are_matches() {
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
                assert_eq!(prefilter().may_match(text.as_bytes()), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn only_plain_names_are_accepted() {
        for (name, expected) in [
            ("Create Group", false),
            ("iam/x", false),
            ("", false),
            ("Cr\u{e9}er", false),
            ("get-x_1.y", true),
        ] {
            assert_eq!(PlainName::new(name).is_some(), expected, "{name}");
        }
        assert_eq!(
            prefilter_for(&["CreateGroup", "CreateGroup", "X"], &["CreateGroup"]).name_count(),
            3
        );
    }

    #[test]
    fn names_of_every_length_are_found() {
        let names = ["A", "Ab", "Scan", "Invoke", "GetItem", "Decrypt8", "CreateGroup"];
        for shortest in 0..names.len() {
            let prefilter = prefilter_for(&names[shortest..], &[]);
            for (at, name) in names.iter().enumerate() {
                let text = format!("{{\"eventName\":\"{name}\"}}");
                assert_eq!(
                    prefilter.may_match(text.as_bytes()),
                    at >= shortest,
                    "{text} from {shortest}"
                );
            }
        }
    }

    #[test]
    fn what_a_rule_needs_is_found_after_much_else() {
        let prefilter = prefilter().with_agents(AgentText::new("kali-linux", false));
        for (key, other, needed) in [
            ("eventName", "X", "CreateGroup"),
            ("eventSource", "s3.amazonaws.com", "iam.amazonaws.com"),
            ("userAgent", "aws-cli/2.17", "aws-cli/2.17 os/kali-linux"),
            ("userAgent", "", "aws-cli/2.17 os/kali-linux"),
        ] {
            let record = |value: &str| format!(r#"{{"{key}":"{value}"}},"#);
            for others in [0, 1, 63, 64, 65, 200] {
                let quiet = record(other).repeat(others);
                let text = format!("{quiet}{}{quiet}", record(needed));
                assert!(prefilter.may_match(text.as_bytes()), "{others} of {other}");
                assert!(!prefilter.may_match(quiet.as_bytes()), "{others} of {other}");
            }
        }
    }

    /// One character of a JSON string, plain or escaped.
    fn write_character(character: char, way: u8) -> String {
        match way % 4 {
            0 => format!("\\u{:04x}", u32::from(character)),
            1 => format!("\\u{:04X}", u32::from(character)),
            _ => character.to_string(),
        }
    }

    fn json_string(text: &str, ways: &[u8]) -> String {
        let characters = text.chars().zip(ways.iter().cycle());
        format!("\"{}\"", characters.map(|(c, way)| write_character(c, *way)).collect::<String>())
    }

    proptest! {
        /// The search finds a name in every notation that JSON has for it.
        #[test]
        fn no_json_notation_hides_a_name(
            name in prop::sample::select(vec!["CreateGroup", "AddUserToGroup"]),
            key_ways in prop::collection::vec(any::<u8>(), 1..9),
            value_ways in prop::collection::vec(any::<u8>(), 1..9),
            space in "[ \t\r\n]{0,3}",
            before in "[a-z\"\\\\ ]{0,80}",
        ) {
            let before = serde_json::to_string(&before).unwrap();
            let key = json_string("eventName", &key_ways);
            let value = json_string(name, &value_ways);
            let text = format!("{{\"x\":{before},{key}{space}:{space}{value}}}");
            let record: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(record["eventName"].as_str(), Some(name));
            prop_assert!(prefilter().may_match(text.as_bytes()), "{}", text);
        }

        /// And so it does a text in a user agent, wherever and after whatever agents it is.
        #[test]
        fn no_json_notation_hides_a_user_agent(
            key_ways in prop::collection::vec(any::<u8>(), 1..9),
            value_ways in prop::collection::vec(any::<u8>(), 1..40),
            around in "[a-z\"\\\\/ é]{0,30}",
            before in prop::collection::vec("[a-z\"\\\\/ ]{0,40}", 0..70),
        ) {
            let prefilter = prefilter().with_agents(AgentText::new("kali-linux", false));
            let record = |key: &str, value: &str| format!("{{{key}:{value}}}");
            let quiet: Vec<String> = before
                .iter()
                .map(|agent| record("\"userAgent\"", &serde_json::to_string(agent).unwrap()))
                .collect();
            prop_assert!(!prefilter.may_match(quiet.join(",").as_bytes()), "{:?}", quiet);
            let agent = format!("{around}kali-linux{around}");
            let key = json_string("userAgent", &key_ways);
            let ways: Vec<u8> = value_ways.iter().map(|way| way % 8).collect();
            let value = json_string(&agent.replace(['"', '\\'], "_"), &ways);
            let text = format!("{},{}", quiet.join(","), record(&key, &value));
            prop_assert!(prefilter.may_match(text.as_bytes()), "{}", text);
            let value = serde_json::to_string(&agent).unwrap();
            let text = format!("{},{}", quiet.join(","), record("\"userAgent\"", &value));
            prop_assert!(prefilter.may_match(text.as_bytes()), "{}", text);
        }
    }
}
