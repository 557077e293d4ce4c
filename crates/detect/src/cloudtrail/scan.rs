//! Passes over JSON without parsing it. Follows brackets and quotes in loops, not by recursion, so
//! that no nesting is too deep.

use super::buffer::SlidingBuffer;
use super::error::ReadError;
use super::nesting::Nesting;

/// The keys of a top-level object that have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Records,
    LogEvents,
    /// One that every record has.
    OfRecord,
    Other,
}

impl SlidingBuffer {
    pub(super) fn skip_space(&mut self) -> Result<(), ReadError> {
        self.skip_until(|byte| !b" \t\r\n".contains(&byte))
    }

    /// Passes everything up to the first byte that satisfies `is_end`, or to the end of the text.
    pub(super) fn skip_until(&mut self, is_end: impl Fn(u8) -> bool) -> Result<(), ReadError> {
        loop {
            let available = self.available()?;
            let end = available.iter().position(|byte| is_end(*byte));
            let count = end.unwrap_or(available.len());
            let is_done = end.is_some() || available.is_empty();
            self.advance(count);
            if is_done {
                return Ok(());
            }
        }
    }

    /// Passes `byte`, or fails if another one follows.
    pub(super) fn skip_byte(&mut self, byte: u8, expected: &'static str) -> Result<(), ReadError> {
        if self.peek()? != Some(byte) {
            return Err(self.unexpected(expected));
        }
        self.advance(1);
        Ok(())
    }

    /// Passes a key and its colon, up to the value. Returns `None` after passing the bracket that
    /// ends the object.
    pub(super) fn skip_key(&mut self) -> Result<Option<Key>, ReadError> {
        self.skip_space()?;
        match self.peek()? {
            Some(b'}') => {
                self.advance(1);
                return Ok(None);
            }
            Some(b'"') => {}
            _ => return Err(self.unexpected("a key or `}`")),
        }
        // Longer than the keys that have a meaning: the rest of a key need not be compared.
        let mut start = Vec::with_capacity(32);
        self.skip_string(&mut |piece| {
            let room = start.capacity() - start.len();
            start.extend_from_slice(&piece[..piece.len().min(room)]);
        })?;
        self.skip_space()?;
        self.skip_byte(b':', "`:` after a key")?;
        self.skip_space()?;
        Ok(Some(match start.as_slice() {
            b"Records\"" => Key::Records,
            b"logEvents\"" => Key::LogEvents,
            b"eventName\"" | b"eventSource\"" | b"eventVersion\"" => Key::OfRecord,
            _ => Key::Other,
        }))
    }

    /// Passes the comma after a value of an object, or stops at the bracket that ends the object.
    pub(super) fn skip_comma(&mut self) -> Result<(), ReadError> {
        self.skip_space()?;
        match self.peek()? {
            Some(b',') => self.advance(1),
            Some(b'}') => {}
            _ => return Err(self.unexpected("`,` or `}` after a value")),
        }
        Ok(())
    }

    /// Passes one value of any kind.
    pub(super) fn skip_value(&mut self) -> Result<(), ReadError> {
        match self.peek()? {
            Some(b'"') => self.skip_string(&mut |_| ()),
            Some(b'{' | b'[') => self.skip_brackets(),
            Some(b'}' | b']' | b',' | b':') | None => Err(self.unexpected("a value")),
            // A number or a word. The parser checks what it is.
            Some(_) => self.skip_until(|byte| b",:{}[]\" \t\r\n".contains(&byte)),
        }
    }

    fn skip_brackets(&mut self) -> Result<(), ReadError> {
        let mut nesting = Nesting::default();
        loop {
            let available = self.available()?;
            if available.is_empty() {
                let in_string = nesting.in_string();
                let expected = if in_string { "the end of a string" } else { "a value" };
                return Err(self.unexpected(expected));
            }
            let end = nesting.find_end(available);
            let count = end.unwrap_or(available.len());
            self.advance(count);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Passes a string. Calls `on_piece` with all of it after the first quote, including the last
    /// quote.
    fn skip_string(&mut self, on_piece: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        self.advance(1);
        let mut escaped = false;
        loop {
            let available = self.available()?;
            if available.is_empty() {
                return Err(self.unexpected("the end of a string"));
            }
            let end = find_string_end(available, &mut escaped);
            let count = end.unwrap_or(available.len());
            on_piece(&available[..count]);
            self.advance(count);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// Returns how many bytes there are up to the closing quote, or `None` if the string does not end
/// within `text`. `escaped` carries a backslash over to the next piece.
fn find_string_end(text: &[u8], escaped: &mut bool) -> Option<usize> {
    let mut at = usize::from(std::mem::take(escaped));
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        at += found;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        if at + 1 == text.len() {
            *escaped = true;
            return None;
        }
        at += 2;
    }
    None
}
