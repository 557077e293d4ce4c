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

/// Why a piece was not passed to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The outermost bracket was closed and passed.
    Closed,
    /// A line break follows, in line-delimited text.
    LineBreak,
}

/// The positions of the bytes that matter among 64. Bit 0 is the first.
struct Marks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
    line_breaks: u64,
}

impl Nesting {
    /// Passes the bytes of a value that begins with a bracket. Returns their number, and why there
    /// are no more. `lines`: a line break ends the value.
    pub(super) fn pass(&mut self, text: &[u8], lines: bool) -> (usize, Option<Stop>) {
        dispatch!(Level::new(), simd => self.pass_blocks(simd, text, lines))
    }

    pub(super) fn in_string(&self) -> bool {
        self.in_string
    }

    #[inline(always)]
    fn pass_blocks<S: Simd>(&mut self, simd: S, text: &[u8], lines: bool) -> (usize, Option<Stop>) {
        let mut at = 0;
        while let Some(block) = text.get(at..at + 64) {
            let marks = Marks::new(simd, block);
            let needs_bytes =
                marks.backslashes != 0 || self.escaped || (lines && marks.line_breaks != 0);
            let (count, stop) =
                if needs_bytes { self.pass_bytes(block, lines) } else { self.pass_block(&marks) };
            at += count;
            if stop.is_some() {
                return (at, stop);
            }
        }
        let (count, stop) = self.pass_bytes(&text[at..], lines);
        (at + count, stop)
    }

    /// Passes 64 bytes without a backslash.
    #[inline(always)]
    fn pass_block(&mut self, marks: &Marks) -> (usize, Option<Stop>) {
        let strings = between_quotes(marks.quotes) ^ if self.in_string { u64::MAX } else { 0 };
        let opening = marks.opening & !strings;
        let closing = marks.closing & !strings;
        let may_end = closing.count_ones() as usize >= self.depth;
        if may_end && let Some(end) = self.find_end(opening, closing) {
            self.depth = 0;
            return (end + 1, Some(Stop::Closed));
        }
        self.depth = self.depth + opening.count_ones() as usize - closing.count_ones() as usize;
        self.in_string = strings >> 63 != 0;
        (64, None)
    }

    /// The position of the bracket that closes the outermost one.
    #[inline(always)]
    fn find_end(&self, opening: u64, mut closing: u64) -> Option<usize> {
        let mut closed = 0;
        while closing != 0 {
            let end = closing.trailing_zeros();
            closed += 1;
            if self.depth + (opening & ((1 << end) - 1)).count_ones() as usize == closed {
                return Some(end as usize);
            }
            closing &= closing - 1;
        }
        None
    }

    /// As [`Nesting::pass_blocks`], byte by byte.
    fn pass_bytes(&mut self, text: &[u8], lines: bool) -> (usize, Option<Stop>) {
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\n' if lines => return (at, Some(Stop::LineBreak)),
                b'"' => self.in_string = !self.in_string,
                b'\\' => self.escaped = self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            if self.depth == 0 {
                return (at + 1, Some(Stop::Closed));
            }
        }
        (text.len(), None)
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
            line_breaks: block.simd_eq(b'\n').to_bitmask(),
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
    use super::*;
    use proptest::prelude::*;

    fn passed(text: &[u8], lines: bool, blocks: bool) -> (usize, Option<Stop>, bool) {
        let mut nesting = Nesting::default();
        let (count, stop) =
            if blocks { nesting.pass(text, lines) } else { nesting.pass_bytes(text, lines) };
        (count, stop, nesting.in_string())
    }

    proptest! {
        #[test]
        fn blocks_and_bytes_agree(inside in "[a\"{}\\[\\]\\\\\n ]{0,300}", filler in 0usize..200, lines in any::<bool>()) {
            let text = format!("{{\"{}\":[{}{inside}", "x".repeat(filler), "[".repeat(20));
            let (fast, slow) = (passed(text.as_bytes(), lines, true), passed(text.as_bytes(), lines, false));
            prop_assert_eq!(fast, slow, "{}", text);
        }
    }

    #[test]
    fn a_value_ends_where_its_bracket_closes() {
        for filler in 0..150 {
            let value =
                format!(r#"{{"s":"{}","t":"}}","u":[{{}},[]],"v":"\\"}}"#, "x".repeat(filler));
            let text = format!("{value},{{}}{}", " ".repeat(100));
            let (count, stop, ..) = passed(text.as_bytes(), false, true);
            assert_eq!((count, stop), (value.len(), Some(Stop::Closed)), "{text}");
        }
    }
}
