//! Inflating a whole log object at once, into a buffer that is used again: more than twice as fast
//! as piece by piece. What it cannot take, it leaves to the streaming way ([`super::inflate`]),
//! which also knows what is wrong with it.

use std::cell::RefCell;

use libdeflater::Decompressor;
use memchr::memmem;

use super::inflate::GZIP_MAGIC;

/// Objects that inflate to more than this are streamed. The buffer stays with its thread, and the
/// function reads four objects at once: together they must fit into the smallest memory that Lambda
/// gives.
const MOST: usize = 16 * 1024 * 1024;

/// Deflate cannot shrink a text more than so many times. Source: <https://zlib.net/zlib_tech.html>
const MOST_SHRUNK: usize = 1032;

/// The fixed part of a gzip header, and the trailer: checksum and size. Source: RFC 1952, section
/// 2.3.
const HEADER: usize = 10;
const SIZE: usize = 4;
const TRAILER: usize = 8;

/// What is kept between objects.
#[derive(Default)]
pub(super) struct Scratch {
    decompressor: Decompressor,
    /// Never shrunk, so that room is not cleared again and again.
    pub(super) buffer: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `work` with this thread's scratch, or with a new one where that is in use.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => work(&mut scratch),
        Err(_) => work(&mut Scratch::default()),
    })
}

impl Scratch {
    /// Inflates a gzip file of one member, checksum and size verified, to the front of the buffer;
    /// says how much. None where it is anything else, is damaged, or is larger than `limit` or
    /// [`MOST`].
    pub(super) fn inflate(&mut self, stored: &[u8], limit: u64) -> Option<usize> {
        let size = told_size(stored)?;
        if size > MOST || size as u64 > limit || size / MOST_SHRUNK > stored.len() {
            return None;
        }
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        let inflated = self.decompressor.gzip_decompress(stored, &mut self.buffer[..size]).ok()?;
        (inflated == size && ends_with_its_size(stored)).then_some(size)
    }
}

/// The size in the last four bytes: a hint. It may be a lie, or that of the last of several
/// members.
fn told_size(stored: &[u8]) -> Option<usize> {
    let (_, size) = stored.split_last_chunk::<SIZE>()?;
    let long_enough = stored.len() >= HEADER + TRAILER && stored.starts_with(&GZIP_MAGIC);
    long_enough.then_some(u32::from_le_bytes(*size) as usize)
}

/// The inflater does not say where the member ended, and anything could follow. But it found the
/// member's size there, four bytes after a checksum: if these four bytes stand nowhere but at the
/// end of the file, they were found there.
fn ends_with_its_size(stored: &[u8]) -> bool {
    let (before, size) = stored.split_at(stored.len() - SIZE);
    // An earlier place may share all but the last byte with the end.
    memmem::find(&stored[HEADER..before.len() + SIZE - 1], size).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inflated(stored: &[u8], limit: u64) -> Option<Vec<u8>> {
        let mut scratch = Scratch::default();
        scratch.inflate(stored, limit).map(|size| scratch.buffer[..size].to_vec())
    }

    #[test]
    fn only_one_whole_member_and_nothing_else_is_taken() {
        let one = gzip(b"some text, some text");
        assert_eq!(inflated(&one, 20).as_deref(), Some(&b"some text, some text"[..]));
        let mut lying = one.clone();
        let end = lying.len();
        lying[end - 4] ^= 1;
        let mut checksum = one.clone();
        checksum[end - 8] ^= 1;
        let (body, trailer) = one.split_at(end - 8);
        let cases: [(&str, Vec<u8>); 9] = [
            ("twice the same member", [&one[..], &one[..]].concat()),
            (
                "another member of the same size",
                [&one[..], &gzip(b"other text of the sa")[..]].concat(),
            ),
            ("garbage", [&one[..], b"garbage"].concat()),
            ("garbage before the trailer", [body, b"x", trailer].concat()),
            (
                "garbage before the trailer, and the trailer before it",
                [&one[..], b"x", trailer].concat(),
            ),
            ("a lying size", lying),
            ("a wrong checksum", checksum),
            ("cut off", one[..end - 1].to_vec()),
            ("nothing but the magic number", GZIP_MAGIC.to_vec()),
        ];
        for (what, stored) in cases {
            assert_eq!(inflated(&stored, 1000), None, "{what}");
        }
        assert_eq!(inflated(&one, 19), None, "over the limit");
    }

    #[test]
    fn a_lie_of_32_mb_costs_no_memory() {
        let mut stored = gzip(b"x");
        let end = stored.len();
        stored[end - 4..].copy_from_slice(&(MOST as u32).to_le_bytes());
        let mut scratch = Scratch::default();
        assert_eq!(scratch.inflate(&stored, u64::MAX), None);
        assert_eq!(scratch.buffer.capacity(), 0);
    }
}
