//! Passing a JSON object or array at the speed of memory: brackets are counted outside of strings,
//! 64 bytes at a time. Whether it is JSON inside is for the parser to say.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

/// How deep in brackets reading is, and whether it is in a string. Carried from one piece of a text
/// to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether a line break was passed outside of strings.
    pub(super) broken_line: bool,
}

/// Why a piece was not passed to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The outermost bracket is closed, and passed.
    Closed,
    /// A line break comes next, where it may not.
    LineBreak,
}

/// Where the bytes that matter are among 64: bit 0 is the first.
struct Marks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
    line_breaks: u64,
}

impl Nesting {
    /// Passes what belongs to a value that begins with a bracket; says how many bytes, and why no
    /// more. `lines`: whether it must end on its line.
    pub(super) fn pass(&mut self, text: &[u8], lines: bool) -> (usize, Option<Stop>) {
        dispatch!(Level::new(), simd => self.blocks(simd, text, lines))
    }

    pub(super) fn in_string(&self) -> bool {
        self.in_string
    }

    #[inline(always)]
    fn blocks<S: Simd>(&mut self, simd: S, text: &[u8], lines: bool) -> (usize, Option<Stop>) {
        let mut at = 0;
        while let Some(block) = text.get(at..at + 64) {
            let marks = Marks::of(simd, block);
            let (count, stop) =
                if marks.backslashes != 0 || self.escaped || (lines && marks.line_breaks != 0) {
                    self.bytes(block, lines)
                } else {
                    self.block(&marks)
                };
            at += count;
            if stop.is_some() {
                return (at, stop);
            }
        }
        let (count, stop) = self.bytes(&text[at..], lines);
        (at + count, stop)
    }

    /// 64 bytes without a backslash.
    #[inline(always)]
    fn block(&mut self, marks: &Marks) -> (usize, Option<Stop>) {
        let strings = between_quotes(marks.quotes) ^ if self.in_string { u64::MAX } else { 0 };
        let (opening, closing) = (marks.opening & !strings, marks.closing & !strings);
        let may_end = closing.count_ones() as usize >= self.depth;
        if may_end && let Some(end) = self.end(opening, closing) {
            let passed = u64::MAX >> (63 - end);
            self.broken_line |= marks.line_breaks & !strings & passed != 0;
            return (end + 1, Some(Stop::Closed));
        }
        self.depth = self.depth + opening.count_ones() as usize - closing.count_ones() as usize;
        self.in_string = strings >> 63 != 0;
        self.broken_line |= marks.line_breaks & !strings != 0;
        (64, None)
    }

    /// Which of the closing brackets closes the outermost, if any.
    #[inline(always)]
    fn end(&mut self, opening: u64, mut closing: u64) -> Option<usize> {
        let mut closed = 0;
        while closing != 0 {
            let end = closing.trailing_zeros();
            closed += 1;
            if self.depth + (opening & ((1 << end) - 1)).count_ones() as usize == closed {
                self.depth = 0;
                return Some(end as usize);
            }
            closing &= closing - 1;
        }
        None
    }

    /// The same byte by byte: what the blocks must agree with.
    fn bytes(&mut self, text: &[u8], lines: bool) -> (usize, Option<Stop>) {
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\n' if lines => return (at, Some(Stop::LineBreak)),
                b'"' => self.in_string = !self.in_string,
                b'\\' => self.escaped = self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                b'\n' => self.broken_line = true,
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
    fn of<S: Simd>(simd: S, block: &[u8]) -> Marks {
        let block = u8x64::from_slice(simd, block);
        // One bit apart from each other: `[` and `{`, `]` and `}`.
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

/// Every bit from an opening quote up to, and without, the closing one.
#[inline(always)]
fn between_quotes(quotes: u64) -> u64 {
    // Written out: where the compiler minds the size, a loop over the shifts stays a loop, at a
    // third of the speed.
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

    fn passed(text: &[u8], lines: bool, blocks: bool) -> (usize, Option<Stop>, bool, bool) {
        let mut nesting = Nesting::default();
        let (count, stop) =
            if blocks { nesting.pass(text, lines) } else { nesting.bytes(text, lines) };
        (count, stop, nesting.in_string(), nesting.broken_line)
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
