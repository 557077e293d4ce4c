//! Short texts that are made while matching, without allocation.

use std::fmt::{self, Display, Write};

/// The most bytes of a [`ShortText`].
const CAPACITY: usize = 64;

/// A text of at most 64 bytes: an address, a number or a date, as people write it.
#[derive(Debug, Clone, Copy)]
pub struct ShortText {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl ShortText {
    /// The text of a value. Returns `None` if it is too long.
    pub fn new(value: impl Display) -> Option<Self> {
        let mut text = Self { bytes: [0; CAPACITY], length: 0 };
        write!(text, "{value}").is_ok().then_some(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for ShortText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn every_address_fits() {
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let address: Ipv6Addr = longest.parse().unwrap();
        assert_eq!(ShortText::new(address).unwrap().as_str(), longest);
        assert!(ShortText::new("é".repeat(32)).is_some());
        assert!(ShortText::new("é".repeat(33)).is_none());
    }
}
