//! Texts that user agents are searched for. A rule about a tool often names neither a call nor a
//! service, but what its user agent contains.

use memchr::memchr2;
use memchr::memmem::Finder;

use super::prefilter::is_name_byte;

/// A text that the search cannot miss in a user agent: ASCII letters, digits, `.`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentText {
    text: String,
    in_any_case: bool,
}

/// Shorter texts are in too many user agents.
const MIN_LENGTH: usize = 3;

impl AgentText {
    /// The longest part of a text that can be searched for. Whatever contains the text contains
    /// it. Returns `None` if it is too short.
    pub fn new(text: &str, in_any_case: bool) -> Option<AgentText> {
        let parts = text.split(|character: char| !u8::try_from(character).is_ok_and(is_name_byte));
        let text = parts.max_by_key(|part| part.len()).filter(|part| part.len() >= MIN_LENGTH)?;
        Some(AgentText { text: text.to_owned(), in_any_case })
    }

    /// The length of the text.
    pub fn length(&self) -> usize {
        self.text.len()
    }
}

/// The texts, prepared for the search.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentSearch {
    exact: Vec<Finder<'static>>,
    in_any_case: Vec<String>,
}

impl AgentSearch {
    pub(super) fn new(texts: impl IntoIterator<Item = AgentText>) -> AgentSearch {
        let mut search = AgentSearch::default();
        for AgentText { text, in_any_case } in texts {
            match in_any_case {
                true => search.in_any_case.push(text),
                false => search.exact.push(Finder::new(&text).into_owned()),
            }
        }
        search
    }

    pub(super) fn text_count(&self) -> usize {
        self.exact.len() + self.in_any_case.len()
    }

    fn finds_any(&self, agent: &[u8]) -> bool {
        let is_in = |text: &String| {
            let text = text.as_bytes();
            agent.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
        };
        self.exact.iter().any(|text| text.find(agent).is_some())
            || self.in_any_case.iter().any(is_in)
    }
}

/// The slots of [`SeenAgents`], a power of two.
const SLOTS: usize = 256;

/// User agents of one text without any of the searched texts: a few agents make most of the calls.
/// Each is in one of two slots. There are none before the first agent: most texts are single
/// records, and filling the slots would cost as much as the search of one.
#[derive(Default)]
pub(super) struct SeenAgents<'t>(Option<[&'t [u8]; SLOTS]>);

impl<'t> SeenAgents<'t> {
    /// Returns true if a user agent was seen. `value`: what follows the opening quote of its
    /// string.
    #[inline(always)]
    pub(super) fn contains_start(&self, value: &[u8]) -> bool {
        let Some(slots) = &self.0 else { return false };
        let slot = slot_of(value);
        // With the closing quote.
        let is_seen = |seen: &[u8]| !seen.is_empty() && value.starts_with(seen);
        is_seen(slots[slot]) || is_seen(slots[slot ^ 1])
    }

    /// Returns true if a user agent with one of the texts can be here. `value`: what follows the
    /// opening quote of its string.
    pub(super) fn may_match(&mut self, value: &'t [u8], search: &AgentSearch) -> bool {
        if self.contains_start(value) {
            return false;
        }
        let agent = &value[..string_end(value)];
        let is_found = search.finds_any(agent);
        if !is_found {
            let slots = self.0.get_or_insert([b""; SLOTS]);
            let slot = slot_of(value);
            slots[slot ^ 1] = std::mem::replace(&mut slots[slot], agent);
        }
        is_found
    }
}

/// The bytes of a string up to its closing quote, with it if there is one.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// Names of tools differ within their first bytes, versions a few bytes later.
fn slot_of(value: &[u8]) -> usize {
    let word = |from: usize| {
        let bytes = value.get(from..).and_then(|rest| rest.first_chunk()).copied();
        u64::from_le_bytes(bytes.unwrap_or_default())
    };
    let mixed = (word(0) ^ word(12).rotate_left(17) ^ word(24).rotate_left(35))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_plain_part_is_searched_for() {
        for (text, expected) in [
            ("distrib#kali", Some("distrib")),
            ("os/linux#kali-rolling", Some("kali-rolling")),
            ("a/b", None),
            ("é", None),
            ("", None),
            ("boto3", Some("boto3")),
        ] {
            let found = AgentText::new(text, false);
            assert_eq!(found.as_ref().map(|found| &*found.text), expected, "{text}");
        }
    }

    #[test]
    fn an_agent_is_searched_once_up_to_its_end() {
        let texts = [("kali", false), ("PACU", true)];
        let search = AgentSearch::new(texts.map(|(text, any)| AgentText::new(text, any).unwrap()));
        let mut seen = SeenAgents::default();
        for (value, expected) in [
            (r#"aws-cli/2","x":"kali""#, false),
            (r#"aws-cli/2","x":"kali""#, false),
            (r#"aws-cli/2 kali","x":"#, true),
            (r#"aws-cli/2 \" kali","x":"#, true),
            (r#"aws-cli/2 \\","x":"kali"#, false),
            (r#"Kali"#, false),
            (r#"pAcU/1""#, true),
            (r#"kali"#, true),
            (r#"kal\"#, false),
            ("", false),
        ] {
            assert_eq!(seen.may_match(value.as_bytes(), &search), expected, "{value}");
        }
    }
}
