//! Findings that wait to be processed, packed: one object can hold tens of thousands.

use detect::finding::Finding;
use serde_json::Value;

/// A finding whose document is kept as JSON text: a tenth of what its parsed form takes.
#[derive(Debug)]
pub(crate) struct PackedFinding {
    /// Without its document.
    finding: Finding,
    document: Vec<u8>,
}

impl PackedFinding {
    pub(crate) fn pack(mut finding: Finding) -> PackedFinding {
        let document = finding.ecs.take().to_string().into_bytes();
        PackedFinding { finding, document }
    }

    pub(crate) fn unpack(self) -> Finding {
        // What was written as JSON can be read again.
        let ecs = serde_json::from_slice(&self.document).unwrap_or(Value::Null);
        Finding { ecs, ..self.finding }
    }

    /// The finding without its document.
    pub(crate) fn outline(&self) -> &Finding {
        &self.finding
    }

    /// Bytes that it takes, roughly.
    pub(crate) fn size(&self) -> usize {
        size_of::<PackedFinding>() + 1_024 + self.document.len()
    }
}

#[cfg(test)]
mod tests {
    use detect::cloudtrail::Record;
    use detect::finding::Origin;
    use detect::rule::LoadedRules;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_is_the_same_after_packing() {
        let record = json!({"eventName": "CreateGroup", "eventID": "e", "requestParameters":
            {"groupName": "é\u{7}", "n": 0.1, "big": 18_446_744_073_709_551_615_u64, "b": [true, {}]}});
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        let rule = &LoadedRules::embedded().rules[0].info;
        let finding = Finding::new(rule, &Record::from_value(record).unwrap(), origin);
        let packed = PackedFinding::pack(finding.clone());
        assert!(packed.outline().ecs.is_null() && packed.outline().id == finding.id);
        assert_eq!(packed.unpack(), finding);
    }
}
