//! Findings that wait to be processed, packed: one object can hold tens of thousands.

use std::io::{self, Read, Write};
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
    /// Without its document.
    finding: Finding,
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

impl PackedFinding {
    pub(crate) fn pack(mut finding: Finding) -> PackedFinding {
        let document = finding.ecs.take();
        let text = document.to_string();
        let document = compress(text.as_bytes())
            .map_or(PackedDocument::Plain(document), PackedDocument::Compressed);
        PackedFinding { finding, document, text_bytes: text.len() }
    }

    pub(crate) fn unpack(self) -> Finding {
        let ecs = match self.document {
            // What was compressed from JSON can be read again.
            PackedDocument::Compressed(bytes) => decompress(&bytes).unwrap_or_default(),
            PackedDocument::Plain(document) => document,
        };
        Finding { ecs, ..self.finding }
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

fn compress(text: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).ok()?;
    let mut bytes = encoder.finish().ok()?;
    bytes.shrink_to_fit();
    Some(bytes)
}

fn decompress(bytes: &[u8]) -> io::Result<Value> {
    let mut text = Vec::new();
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

    pub(crate) fn push(&mut self, finding: Finding) {
        let finding = PackedFinding::pack(finding);
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
        let packed = PackedFinding::pack(finding());
        assert!(packed.outline().ecs.is_null() && packed.outline().id == finding().id);
        assert_eq!(packed.unpack(), finding());
    }

    #[test]
    fn the_bytes_of_batches_are_counted_until_they_are_dropped() {
        let waiting = WaitingBytes::default();
        let mut batches = [Batch::new(&waiting), Batch::new(&waiting)];
        for batch in &mut batches {
            batch.push(finding());
            batch.push(finding());
        }
        assert_eq!(waiting.total(), 2 * batches[0].bytes());
        assert!(batches[0].bytes() > 2 * OUTLINE_BYTES);
        assert_eq!(batches[0].take_findings().len(), 2);
        drop(batches);
        assert_eq!(waiting.total(), 0);
    }
}
