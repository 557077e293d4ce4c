//! The ECS fields of a finding's own alert: those of the record.

use serde_json::{Map, Value, json};

use super::set;
use crate::call::AlertCall;

/// The fields of the record, and what is known of them from elsewhere.
pub(crate) fn record_fields(call: AlertCall<'_>) -> Map<String, Value> {
    let mut fields = call.finding.ecs.as_object().cloned().unwrap_or_default();
    // It names the stream of the records. Some shippers route by it, and the alert would be
    // matched as a record.
    fields.shift_remove("data_stream");
    let account = call.fields.text("cloud.account.id");
    if let Some(name) = account.and_then(|id| call.accounts.name(id)) {
        set(&mut fields, "cloud.account.name", name.into());
    }
    // Of a denied call, only the error message names the group.
    if let (Some(group), None) = (call.group(), call.fields.text("group.name")) {
        set(&mut fields, "group.name", group.into());
    }
    if let Some(address) = call.fields.text("source.ip") {
        set(&mut fields, "related.ip", json!([address]));
    }
    fields
}
