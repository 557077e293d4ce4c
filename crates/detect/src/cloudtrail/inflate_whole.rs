//! Inflates a log object in one call, into a buffer that is reused: more than twice as fast as
//! piece by piece. Objects that it refuses are left to [`super::inflate`], which also reports what
//! is wrong with them.

use std::cell::RefCell;

use libdeflater::Decompressor;
use memchr::memmem;

use super::inflate::GZIP_MAGIC;

/// The largest text, in bytes. The buffer stays with its thread, and the function reads four
/// objects at once: together they fit into the smallest memory that Lambda gives.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// The largest buffer, in bytes, that is kept after records were parsed: their findings are to be
/// delivered, which needs memory too.
const MAX_KEPT: usize = 4 * 1024 * 1024;

/// The highest ratio of compression. Source: <https://zlib.net/zlib_tech.html>
const MAX_RATIO: usize = 1032;

/// The fixed part of a gzip header, and the trailer of checksum and size, in bytes.
/// Source: RFC 1952, section 2.3.
const HEADER: usize = 10;
const SIZE: usize = 4;
const TRAILER: usize = 8;

/// Kept between objects.
#[derive(Default)]
pub(super) struct Scratch {
    decompressor: Decompressor,
    /// Never shrunk, so that it is not cleared for each object.
    pub(super) buffer: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `work` with the scratch of this thread, or with a new one if that is in use.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => work(&mut scratch),
        Err(_) => work(&mut Scratch::default()),
    })
}

impl Scratch {
    /// Takes back a buffer whose records were parsed, or drops it if it is large.
    pub(super) fn take_back(&mut self, buffer: Vec<u8>) {
        if buffer.len() <= MAX_KEPT {
            self.buffer = buffer;
        }
    }

    /// Inflates a gzip file of one member to the front of the buffer, and verifies its checksum and
    /// size. Returns the size of the text; `None` if the file is anything else, is damaged, or is
    /// larger than `limit` or [`MAX_TEXT`].
    pub(super) fn inflate(&mut self, stored: &[u8], limit: u64) -> Option<usize> {
        let size = recorded_size(stored)?;
        if size > MAX_TEXT || size as u64 > limit || size / MAX_RATIO > stored.len() {
            return None;
        }
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        let inflated = self.decompressor.gzip_decompress(stored, &mut self.buffer[..size]).ok()?;
        (inflated == size && is_one_member(stored)).then_some(size)
    }
}

/// The size in the last four bytes. It may be wrong, or that of the last of several members.
fn recorded_size(stored: &[u8]) -> Option<usize> {
    let (_, size) = stored.split_last_chunk::<SIZE>()?;
    let is_gzip = stored.len() >= HEADER + TRAILER && stored.starts_with(&GZIP_MAGIC);
    is_gzip.then_some(u32::from_le_bytes(*size) as usize)
}

/// Returns true if the member that was inflated ends with the file.
///
/// The decompressor does not say where the member ended, but it verified the size that is recorded
/// there. If these four bytes occur only at the end of the file, it verified them there.
fn is_one_member(stored: &[u8]) -> bool {
    let (before, size) = stored.split_at(stored.len() - SIZE);
    // An earlier occurrence may overlap the last one by up to three bytes.
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
    fn only_a_single_undamaged_member_is_inflated() {
        let one = gzip(b"some text, some text");
        assert_eq!(inflated(&one, 20).as_deref(), Some(&b"some text, some text"[..]));
        let mut false_size = one.clone();
        let end = false_size.len();
        false_size[end - 4] ^= 1;
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
            ("a false size", false_size),
            ("a wrong checksum", checksum),
            ("cut off", one[..end - 1].to_vec()),
            ("only the magic number", GZIP_MAGIC.to_vec()),
        ];
        for (case, stored) in cases {
            assert_eq!(inflated(&stored, 1000), None, "{case}");
        }
        assert_eq!(inflated(&one, 19), None, "over the limit");
    }

    #[test]
    fn a_false_size_allocates_no_memory() {
        let mut stored = gzip(b"x");
        let end = stored.len();
        stored[end - 4..].copy_from_slice(&(MAX_TEXT as u32).to_le_bytes());
        let mut scratch = Scratch::default();
        assert_eq!(scratch.inflate(&stored, u64::MAX), None);
        assert_eq!(scratch.buffer.capacity(), 0);
    }

    #[test]
    fn a_large_buffer_is_not_kept_after_its_records_were_parsed() {
        for (size, kept) in [(MAX_KEPT, MAX_KEPT), (MAX_KEPT + 1, 0)] {
            let mut scratch = Scratch::default();
            scratch.take_back(vec![0; size]);
            assert_eq!(scratch.buffer.capacity(), kept);
        }
    }
}
