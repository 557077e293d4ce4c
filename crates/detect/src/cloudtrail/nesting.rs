//! Passes a JSON object or array at the speed of memory: counts the brackets outside of strings, 64
//! bytes at a time. Does not check that the content is JSON.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

/// The depth in brackets, and whether the position is in a string. Carried from one piece of a text
/// to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// The positions of the bytes that matter among 64. Bit 0 is the first.
struct Marks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

impl Nesting {
    /// Passes the bytes of a value that begins with a bracket. Returns how many there are up to its
    /// closing bracket, or `None` if it does not end within `text`.
    pub(super) fn find_end(&mut self, text: &[u8]) -> Option<usize> {
        dispatch!(Level::new(), simd => self.find_end_in_blocks(simd, text))
    }

    pub(super) fn in_string(&self) -> bool {
        self.in_string
    }

    #[inline(always)]
    fn find_end_in_blocks<S: Simd>(&mut self, simd: S, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(block) = text.get(at..at + 64) {
            let marks = Marks::new(simd, block);
            let end = if marks.backslashes != 0 || self.escaped {
                self.find_end_bytewise(block)
            } else {
                self.find_end_in_block(&marks)
            };
            if let Some(end) = end {
                return Some(at + end);
            }
            at += 64;
        }
        self.find_end_bytewise(&text[at..]).map(|end| at + end)
    }

    /// For 64 bytes without a backslash.
    #[inline(always)]
    fn find_end_in_block(&mut self, marks: &Marks) -> Option<usize> {
        let strings = between_quotes(marks.quotes) ^ if self.in_string { u64::MAX } else { 0 };
        let opening = marks.opening & !strings;
        let mut closing = marks.closing & !strings;
        let depth = self.depth + opening.count_ones() as usize;
        if closing.count_ones() as usize >= self.depth {
            let mut closed = 0;
            while closing != 0 {
                let end = closing.trailing_zeros();
                closed += 1;
                if self.depth + (opening & ((1 << end) - 1)).count_ones() as usize == closed {
                    return Some(end as usize + 1);
                }
                closing &= closing - 1;
            }
        }
        self.depth = depth - (marks.closing & !strings).count_ones() as usize;
        self.in_string = strings >> 63 != 0;
        None
    }

    fn find_end_bytewise(&mut self, text: &[u8]) -> Option<usize> {
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'"' => self.in_string = !self.in_string,
                b'\\' => self.escaped = self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            if self.depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }
}

impl Marks {
    #[inline(always)]
    fn new<S: Simd>(simd: S, block: &[u8]) -> Marks {
        let block = u8x64::from_slice(simd, block);
        // This bit is all that differs between `[` and `{`, and between `]` and `}`.
        let folded = block | 0x20;
        Marks {
            quotes: block.simd_eq(b'"').to_bitmask(),
            backslashes: block.simd_eq(b'\\').to_bitmask(),
            opening: folded.simd_eq(b'{').to_bitmask(),
            closing: folded.simd_eq(b'}').to_bitmask(),
        }
    }
}

/// Sets every bit from an opening quote up to, but not including, the closing one.
#[inline(always)]
fn between_quotes(quotes: u64) -> u64 {
    // Not a loop over the shifts: optimized for size it would stay a loop, at a third of the speed.
    let bits = quotes ^ (quotes << 1);
    let bits = bits ^ (bits << 2);
    let bits = bits ^ (bits << 4);
    let bits = bits ^ (bits << 8);
    let bits = bits ^ (bits << 16);
    bits ^ (bits << 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The end of the value, and whether the text ends in a string.
    fn find_end(
        text: &str,
        search: fn(&mut Nesting, &[u8]) -> Option<usize>,
    ) -> (Option<usize>, bool) {
        let mut nesting = Nesting::default();
        let end = search(&mut nesting, text.as_bytes());
        (end, end.is_none() && nesting.in_string())
    }

    proptest! {
        #[test]
        fn blocks_and_bytes_agree(
            inside in "[a\"{}\\[\\]\\\\\n ]{0,300}",
            filler in 0usize..200,
        ) {
            let text = format!("{{\"{}\":[{}{inside}", "x".repeat(filler), "[".repeat(20));
            let blocks = find_end(&text, Nesting::find_end);
            prop_assert_eq!(blocks, find_end(&text, Nesting::find_end_bytewise), "{}", text);
        }
    }

    #[test]
    fn a_value_ends_at_its_closing_bracket() {
        for filler in 0..150 {
            let value =
                format!(r#"{{"s":"{}","t":"}}","u":[{{}},[]],"v":"\\"}}"#, "x".repeat(filler));
            let text = format!("{value},{{}}{}", " ".repeat(100));
            assert_eq!(find_end(&text, Nesting::find_end).0, Some(value.len()), "{text}");
        }
    }
}
