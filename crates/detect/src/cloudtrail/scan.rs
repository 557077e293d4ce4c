//! Passing JSON without understanding it: where a value, a string, a key ends. Follows brackets and
//! quotes only, by loops and not by recursion, so that no nesting is too deep.

use super::nesting::{Nesting, Stop};
use super::window::Window;
use super::{ReadError, ReadProblem};

/// Passes over the values of a text.
pub(super) struct Scanner {
    pub(super) window: Window,
    /// Whether a line break ends every value.
    pub(super) lines: bool,
    /// Whether a line break was passed inside a value since this was last cleared.
    pub(super) broken_line: bool,
}

/// The keys of a top-level object that mean something to a reader of CloudTrail.
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
    /// Passes white space between top-level values; says whether a line break was among it.
    pub(super) fn space_outside(&mut self) -> Result<bool, ReadError> {
        let mut broke = false;
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.window.peek()? {
            broke |= byte == b'\n';
            self.window.advance(1);
        }
        Ok(broke)
    }

    /// Passes white space inside a value. In line-delimited text a line break there is damage.
    pub(super) fn space(&mut self) -> Result<(), ReadError> {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.window.peek()? {
            if byte == b'\n' && self.lines {
                return Err(self.window.unexpected("the rest of a value on its line"));
            }
            self.broken_line |= byte == b'\n';
            self.window.advance(1);
        }
        Ok(())
    }

    /// Passes `byte`, which must come next.
    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ReadError> {
        if self.window.peek()? != Some(byte) {
            return Err(self.window.unexpected(expected));
        }
        self.window.advance(1);
        Ok(())
    }

    /// Passes a key and its colon, up to its value; none, and past the bracket, at the object's
    /// end.
    pub(super) fn key(&mut self) -> Result<Option<Key>, ReadError> {
        self.space()?;
        match self.window.peek()? {
            Some(b'}') => {
                self.window.advance(1);
                return Ok(None);
            }
            Some(b'"') => {}
            _ => return Err(self.window.unexpected("a key or `}`")),
        }
        let key = self.key_text()?;
        self.space()?;
        self.expect(b':', "`:` after a key")?;
        self.space()?;
        Ok(Some(key))
    }

    /// Keys that matter are short; more than the start of a long one is not looked at.
    fn key_text(&mut self) -> Result<Key, ReadError> {
        let mut text = Vec::with_capacity(32);
        self.string(&mut |piece| {
            let room = text.capacity() - text.len();
            text.extend_from_slice(&piece[..piece.len().min(room)]);
        })?;
        Ok(match text.as_slice() {
            b"Records\"" => Key::Records,
            b"eventName\"" | b"eventSource\"" | b"eventVersion\"" => Key::OfRecord,
            _ => Key::Other,
        })
    }

    /// Passes the comma after a value of an object, or stays at the bracket that ends it.
    pub(super) fn comma(&mut self) -> Result<(), ReadError> {
        self.space()?;
        match self.window.peek()? {
            Some(b',') => self.window.advance(1),
            Some(b'}') => {}
            _ => return Err(self.window.unexpected("`,` or `}` after a value")),
        }
        Ok(())
    }

    /// Passes one value of any kind.
    pub(super) fn value(&mut self) -> Result<(), ReadError> {
        match self.window.peek()? {
            Some(b'"') => self.string(&mut |_| ()),
            Some(b'{' | b'[') => self.brackets(),
            Some(b'}' | b']' | b',' | b':') | None => Err(self.window.unexpected("a value")),
            Some(_) => self.scalar(),
        }
    }

    /// Passes an object or an array.
    fn brackets(&mut self) -> Result<(), ReadError> {
        let mut nesting = Nesting::default();
        let end = loop {
            let ahead = self.window.ahead()?;
            let nothing = ahead.is_empty();
            let (count, stop) = nesting.pass(ahead, self.lines);
            self.window.advance(count);
            if stop.is_some() || nothing {
                break stop;
            }
        };
        self.broken_line |= nesting.broken_line;
        match end {
            Some(Stop::Closed) => Ok(()),
            _ if nesting.in_string() => Err(self.window.unexpected("the end of a string")),
            Some(Stop::LineBreak) => Err(self.window.unexpected("the rest of a value on its line")),
            None => Err(self.window.unexpected("a value")),
        }
    }

    /// Passes a number or a word, up to what may follow one. What it is made of is for the parser
    /// to judge.
    fn scalar(&mut self) -> Result<(), ReadError> {
        loop {
            let ahead = self.window.ahead()?;
            let end = ahead.iter().position(|byte| b",:{}[]\" \t\r\n".contains(byte));
            let (count, ends) = (end.unwrap_or(ahead.len()), end.is_some() || ahead.is_empty());
            self.window.advance(count);
            if ends {
                return Ok(());
            }
        }
    }

    /// Passes a string, and shows its pieces: all after the first quote, the last quote included.
    fn string(&mut self, seen: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        self.window.advance(1);
        let mut escaped = false;
        loop {
            let lines = self.lines;
            let ahead = self.window.ahead()?;
            let (count, end) = string_piece(ahead, &mut escaped, lines);
            let nothing = ahead.is_empty();
            seen(&ahead[..count]);
            self.window.advance(count);
            match end {
                Some(b'"') => return Ok(()),
                None if !nothing => {}
                _ => return Err(self.window.unexpected("the end of a string")),
            }
        }
    }

    /// Passes everything up to a line break, or the end.
    pub(super) fn rest_of_line(&mut self) -> Result<(), ReadError> {
        loop {
            let ahead = self.window.ahead()?;
            let end = memchr::memchr(b'\n', ahead);
            let (count, ends) = (end.unwrap_or(ahead.len()), end.is_some() || ahead.is_empty());
            self.window.advance(count);
            if ends {
                return Ok(());
            }
        }
    }

    /// An error at the place where reading stands.
    pub(super) fn error(&self, problem: ReadProblem) -> ReadError {
        self.window.error(problem)
    }
}

/// How much of `ahead` belongs to the string, and the byte that ended it there: a quote (counted),
/// or, in line-delimited text, a line break (not counted). `escaped` carries a backslash over to
/// the next piece.
fn string_piece(ahead: &[u8], escaped: &mut bool, lines: bool) -> (usize, Option<u8>) {
    let mut at = 0;
    if !ahead.is_empty() && std::mem::take(escaped) {
        at = 1;
    }
    let end_of_line = if lines { b'\n' } else { b'"' };
    while let Some(found) = memchr::memchr3(b'"', b'\\', end_of_line, &ahead[at..]) {
        at += found;
        match ahead[at] {
            b'\\' if at + 1 == ahead.len() => {
                *escaped = true;
                return (ahead.len(), None);
            }
            b'\\' => at += 2,
            b'"' => return (at + 1, Some(b'"')),
            other => return (at, Some(other)),
        }
    }
    (ahead.len(), None)
}
