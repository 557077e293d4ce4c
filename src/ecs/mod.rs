//! The ECS view of a CloudTrail record: its fields by the names that Elastic's AWS integration gives them.

use serde_json::Value;

use crate::cloudtrail::Record;

/// The whole view of a record as one nested ECS document.
pub fn document(_record: &Record) -> Value {
    Value::Null
}
