//! Findings that wait to be processed, packed: one object can hold tens of thousands.

use std::io::{self, BufWriter, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use detect::finding::Finding;
use detect::model::Change;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::Value;

/// What a finding takes without its document, roughly: its texts and their allocations.
const OUTLINE_BYTES: usize = 1_024;

/// What a statement of a policy takes, roughly.
const GRANT_BYTES: usize = 512;

/// A finding whose document is kept as compressed JSON: a twentieth of what its parsed form takes.
#[derive(Debug)]
pub(crate) struct PackedFinding {
    /// Without its document. Boxed, since lists of tens of thousands are sorted and split.
    finding: Box<Finding>,
    document: PackedDocument,
    /// Bytes of the document as JSON.
    text_bytes: usize,
}

#[derive(Debug)]
enum PackedDocument {
    Compressed(Vec<u8>),
    /// It could not be compressed.
    Plain(Value),
}

/// Packs findings, one after the other, in the same memory.
#[derive(Default)]
pub(crate) struct Packer {
    /// Made for the first finding: most objects have none.
    encoder: Option<DeflateEncoder<Vec<u8>>>,
}

impl Packer {
    pub(crate) fn pack(&mut self, mut finding: Finding) -> PackedFinding {
        let document = finding.ecs.take();
        let finding = Box::new(finding);
        match self.compress(&document) {
            Ok((bytes, text_bytes)) => {
                PackedFinding { finding, document: PackedDocument::Compressed(bytes), text_bytes }
            }
            Err(_) => {
                self.encoder = None;
                let text_bytes = document.to_string().len();
                PackedFinding { finding, document: PackedDocument::Plain(document), text_bytes }
            }
        }
    }

    /// Returns the compressed JSON of a document, and how many bytes it has as JSON.
    fn compress(&mut self, document: &Value) -> io::Result<(Vec<u8>, usize)> {
        let new = || DeflateEncoder::new(Vec::new(), Compression::fast());
        let encoder = self.encoder.get_or_insert_with(new);
        let mut writer = BufWriter::new(&mut *encoder);
        serde_json::to_writer(&mut writer, document)?;
        writer.into_inner()?;
        let text_bytes = usize::try_from(encoder.total_in()).unwrap_or(usize::MAX);
        let mut bytes = encoder.reset(Vec::new())?;
        bytes.shrink_to_fit();
        Ok((bytes, text_bytes))
    }
}

impl PackedFinding {
    pub(crate) fn unpack(self) -> Finding {
        let ecs = match self.document {
            // What was compressed from JSON can be read again.
            PackedDocument::Compressed(bytes) => {
                decompress(&bytes, self.text_bytes).unwrap_or_default()
            }
            PackedDocument::Plain(document) => document,
        };
        Finding { ecs, ..*self.finding }
    }

    /// The finding without its document.
    pub(crate) fn outline(&self) -> &Finding {
        &self.finding
    }

    pub(crate) fn outline_mut(&mut self) -> &mut Finding {
        &mut self.finding
    }

    /// Bytes of its document as JSON.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Bytes that it takes, roughly.
    fn size(&self) -> usize {
        let document = match &self.document {
            PackedDocument::Compressed(bytes) => bytes.len(),
            PackedDocument::Plain(_) => 0,
        };
        OUTLINE_BYTES + document
    }
}

fn decompress(bytes: &[u8], text_bytes: usize) -> io::Result<Value> {
    let mut text = Vec::with_capacity(text_bytes);
    DeflateDecoder::new(bytes).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// The bytes of all findings that wait in one invocation.
#[derive(Debug, Default, Clone)]
pub(crate) struct WaitingBytes(Arc<AtomicUsize>);

impl WaitingBytes {
    pub(crate) fn total(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Findings that wait together. Their bytes are counted until they are processed.
#[derive(Debug)]
pub(crate) struct Batch {
    findings: Vec<PackedFinding>,
    changes: Vec<Change>,
    bytes: usize,
    waiting: WaitingBytes,
}

impl Batch {
    pub(crate) fn new(waiting: &WaitingBytes) -> Batch {
        let waiting = waiting.clone();
        Batch { findings: Vec::new(), changes: Vec::new(), bytes: 0, waiting }
    }

    pub(crate) fn push(&mut self, finding: PackedFinding) {
        self.count(finding.size());
        self.findings.push(finding);
    }

    pub(crate) fn push_change(&mut self, change: Change) {
        self.count(OUTLINE_BYTES + change.event.grants_len() * GRANT_BYTES);
        self.changes.push(change);
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.waiting.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.findings.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.changes.is_empty()
    }

    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(crate) fn take_findings(&mut self) -> Vec<PackedFinding> {
        std::mem::take(&mut self.findings)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.waiting.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use detect::cloudtrail::Record;
    use detect::finding::Origin;
    use detect::rule::LoadedRules;
    use serde_json::json;

    use super::*;

    fn finding() -> Finding {
        let record = json!({"eventName": "CreateGroup", "eventID": "e", "requestParameters":
            {"groupName": "é\u{7}", "n": 0.1, "big": u64::MAX, "b": [true, {}]}});
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        let rule = &LoadedRules::embedded().rules[0].info;
        Finding::new(rule, &Record::from_value(record).unwrap(), origin)
    }

    #[test]
    fn a_finding_is_the_same_after_packing() {
        let mut packer = Packer::default();
        for _ in 0..2 {
            let packed = packer.pack(finding());
            assert!(packed.outline().ecs.is_null() && packed.outline().id == finding().id);
            assert_eq!(packed.text_bytes(), finding().ecs.to_string().len());
            assert_eq!(packed.unpack(), finding());
        }
    }

    #[test]
    fn the_bytes_of_batches_are_counted_until_they_are_dropped() {
        let waiting = WaitingBytes::default();
        let mut batches = [Batch::new(&waiting), Batch::new(&waiting)];
        for batch in &mut batches {
            batch.push(Packer::default().pack(finding()));
            batch.push(Packer::default().pack(finding()));
        }
        assert_eq!(waiting.total(), 2 * batches[0].bytes());
        assert!(batches[0].bytes() > 2 * OUTLINE_BYTES);
        assert_eq!(batches[0].take_findings().len(), 2);
        drop(batches);
        assert_eq!(waiting.total(), 0);
    }
}
