//! The parameters of any call, as facts.

use detect::text::clean;
use serde_json::Value;

use crate::call::AlertCall;

const MAX_ROWS: usize = 4;
const MAX_LABEL_CHARS: usize = 24;
const MAX_VALUE_CHARS: usize = 200;

/// The parameters with their names, cleaned; those that name something first.
pub(crate) fn rows(call: AlertCall<'_>) -> Vec<(String, String)> {
    let row = |(name, value): &(&str, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (clean::ascii(name, MAX_LABEL_CHARS), clean::value(&text, MAX_VALUE_CHARS))
    };
    call.parameters().iter().take(MAX_ROWS).map(row).collect()
}
