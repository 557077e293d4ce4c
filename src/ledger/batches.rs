//! How many entries are read or written at once: fewer if they are large.

use super::stored::CONCURRENCY;

/// What the entries of a batch may have in bytes, if they are as large as those before. In memory
/// they take several times as much, most of it in the buffers of their connections.
const MAX_BYTES: usize = 512 * 1024;

/// The size of an entry, in bytes, that is expected before one was read. Most are a tenth of it.
const EXPECTED: usize = 128 * 1024;

/// Hands out items, a batch at a time.
pub(super) struct Batches<'i, T> {
    rest: &'i [T],
    /// The largest entry of the last batch, in bytes.
    largest: usize,
}

impl<'i, T> Batches<'i, T> {
    pub(super) fn new(items: &'i [T]) -> Batches<'i, T> {
        Batches { rest: items, largest: EXPECTED }
    }

    /// Returns the next batch, which is not empty, or `None` at the end.
    pub(super) fn next_batch(&mut self) -> Option<&'i [T]> {
        let size = (MAX_BYTES / self.largest.max(1)).clamp(1, CONCURRENCY);
        let (batch, rest) = self.rest.split_at(size.min(self.rest.len()));
        self.rest = rest;
        self.largest = 0;
        (!batch.is_empty()).then_some(batch)
    }

    /// Notes how many bytes an entry of the last batch has.
    pub(super) fn note_size(&mut self, bytes: usize) {
        self.largest = self.largest.max(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_small_while_entries_are_large() {
        let items: Vec<usize> = (0..60).collect();
        let mut batches = Batches::new(&items);
        let mut sizes = Vec::new();
        let mut seen: Vec<usize> = Vec::new();
        for largest in [90_000, 90_000, 600_000, 6_000, 6_000, 33_000, 0, 0] {
            let batch = batches.next_batch().unwrap_or_default();
            sizes.push(batch.len());
            seen.extend(batch);
            batches.note_size(1);
            batches.note_size(largest);
            batches.note_size(2);
        }
        assert_eq!(sizes, [4, 5, 5, 1, 16, 16, 13, 0]);
        assert_eq!(seen, items);
    }
}
