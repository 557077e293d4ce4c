//! Passes over JSON values without parsing them. Follows brackets and quotes in loops, not by
//! recursion, so that no nesting is too deep.

use super::buffer::SlidingBuffer;
use super::error::ReadError;
use super::nesting::{Nesting, Stop};

/// What JSON takes for white space.
const SPACE: &[u8] = b" \t\r\n";

/// Passes over the values of a text.
pub(super) struct Scanner {
    pub(super) buffer: SlidingBuffer,
    /// The text is line-delimited: a line break ends every value.
    pub(super) lines: bool,
}

/// The keys of a top-level object that CloudTrail gives a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// `Records`
    Records,
    /// One that every record has.
    OfRecord,
    /// Any other.
    Other,
}

impl Scanner {
    /// Passes white space between top-level values.
    pub(super) fn space_between_values(&mut self) -> Result<(), ReadError> {
        self.skip_to(|byte| !SPACE.contains(&byte))
    }

    /// Passes white space inside a value.
    pub(super) fn space(&mut self) -> Result<(), ReadError> {
        let lines = self.lines;
        self.skip_to(|byte| !SPACE.contains(&byte) || (lines && byte == b'\n'))?;
        if lines && self.buffer.peek()? == Some(b'\n') {
            return Err(self.buffer.unexpected("the rest of a value on its line"));
        }
        Ok(())
    }

    /// Passes everything up to a line break, or to the end of the text.
    pub(super) fn rest_of_line(&mut self) -> Result<(), ReadError> {
        self.skip_to(|byte| byte == b'\n')
    }

    /// Passes everything up to the first byte that satisfies `is_end`, or to the end of the text.
    fn skip_to(&mut self, is_end: impl Fn(u8) -> bool) -> Result<(), ReadError> {
        loop {
            let available = self.buffer.available()?;
            let end = available.iter().position(|byte| is_end(*byte));
            let count = end.unwrap_or(available.len());
            let is_done = end.is_some() || available.is_empty();
            self.buffer.advance(count);
            if is_done {
                return Ok(());
            }
        }
    }

    /// Passes `byte`, or fails if another one follows.
    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ReadError> {
        if self.buffer.peek()? != Some(byte) {
            return Err(self.buffer.unexpected(expected));
        }
        self.buffer.advance(1);
        Ok(())
    }

    /// Passes a key and its colon, up to the value. Returns `None` after passing the bracket that
    /// ends the object.
    pub(super) fn key(&mut self) -> Result<Option<Key>, ReadError> {
        self.space()?;
        match self.buffer.peek()? {
            Some(b'}') => {
                self.buffer.advance(1);
                return Ok(None);
            }
            Some(b'"') => {}
            _ => return Err(self.buffer.unexpected("a key or `}`")),
        }
        let key = self.key_string()?;
        self.space()?;
        self.expect(b':', "`:` after a key")?;
        self.space()?;
        Ok(Some(key))
    }

    fn key_string(&mut self) -> Result<Key, ReadError> {
        // Longer than the keys that have a meaning: the rest of a key need not be compared.
        let mut start = Vec::with_capacity(32);
        self.string(&mut |piece| {
            let room = start.capacity() - start.len();
            start.extend_from_slice(&piece[..piece.len().min(room)]);
        })?;
        Ok(match start.as_slice() {
            b"Records\"" => Key::Records,
            b"eventName\"" | b"eventSource\"" | b"eventVersion\"" => Key::OfRecord,
            _ => Key::Other,
        })
    }

    /// Passes the comma after a value of an object, or stops at the bracket that ends the object.
    pub(super) fn comma(&mut self) -> Result<(), ReadError> {
        self.space()?;
        match self.buffer.peek()? {
            Some(b',') => self.buffer.advance(1),
            Some(b'}') => {}
            _ => return Err(self.buffer.unexpected("`,` or `}` after a value")),
        }
        Ok(())
    }

    /// Passes one value of any kind.
    pub(super) fn value(&mut self) -> Result<(), ReadError> {
        match self.buffer.peek()? {
            Some(b'"') => self.string(&mut |_| ()),
            Some(b'{' | b'[') => self.brackets(),
            Some(b'}' | b']' | b',' | b':') | None => Err(self.buffer.unexpected("a value")),
            // A number or a word. The parser checks what it is.
            Some(_) => self.skip_to(|byte| b",:{}[]\" \t\r\n".contains(&byte)),
        }
    }

    /// Passes an object or an array.
    fn brackets(&mut self) -> Result<(), ReadError> {
        let mut nesting = Nesting::default();
        let stop = loop {
            let available = self.buffer.available()?;
            let is_at_end = available.is_empty();
            let (count, stop) = nesting.pass(available, self.lines);
            self.buffer.advance(count);
            if stop.is_some() || is_at_end {
                break stop;
            }
        };
        match stop {
            Some(Stop::Closed) => Ok(()),
            _ if nesting.in_string() => Err(self.buffer.unexpected("the end of a string")),
            Some(Stop::LineBreak) => Err(self.buffer.unexpected("the rest of a value on its line")),
            None => Err(self.buffer.unexpected("a value")),
        }
    }

    /// Passes a string. Gives `on_piece` all of it after the first quote, including the last quote.
    fn string(&mut self, on_piece: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        self.buffer.advance(1);
        let mut escaped = false;
        loop {
            let available = self.buffer.available()?;
            let is_at_end = available.is_empty();
            let (count, end) = scan_string(available, &mut escaped, self.lines);
            on_piece(&available[..count]);
            self.buffer.advance(count);
            match end {
                Some(b'"') => return Ok(()),
                None if !is_at_end => {}
                _ => return Err(self.buffer.unexpected("the end of a string")),
            }
        }
    }
}

/// Returns how many bytes of `text` belong to the string, and the byte that ends it there: a quote,
/// which is counted, or a line break in line-delimited text, which is not. `escaped` carries a
/// backslash over to the next piece.
fn scan_string(text: &[u8], escaped: &mut bool, lines: bool) -> (usize, Option<u8>) {
    let line_break = if lines { b'\n' } else { b'"' };
    let mut at = usize::from(!text.is_empty() && std::mem::take(escaped));
    while let Some(found) = memchr::memchr3(b'"', b'\\', line_break, &text[at..]) {
        at += found;
        match text[at] {
            b'\\' if at + 1 == text.len() => {
                *escaped = true;
                return (text.len(), None);
            }
            b'\\' => at += 2,
            b'"' => return (at + 1, Some(b'"')),
            other => return (at, Some(other)),
        }
    }
    (text.len(), None)
}
