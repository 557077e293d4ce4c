//! The values of fields by which findings belong together.

use std::slice;

use kql::Document;

/// The most combinations of one record. More are one combination: all values of each field.
const MAX_COMBINATIONS: usize = 32;

/// Every combination of one value of each field. `None` if a field has no value.
pub(crate) fn combinations_of(
    document: &dyn Document,
    fields: &[String],
) -> Option<Vec<Vec<String>>> {
    combine(fields.iter().map(|field| values_of(document, field)).collect())
}

/// Every combination of one value of each list. `None` if a list is empty.
pub(crate) fn combine(values: Vec<Vec<String>>) -> Option<Vec<Vec<String>>> {
    let count = values.iter().try_fold(1_usize, |count, it| count.checked_mul(it.len()));
    match count {
        Some(0) => None,
        Some(1..=MAX_COMBINATIONS) => Some(all_combinations(&values)),
        _ => Some(vec![values.into_iter().map(|values| values.join("\n")).collect()]),
    }
}

fn all_combinations(values: &[Vec<String>]) -> Vec<Vec<String>> {
    values.iter().fold(vec![Vec::new()], |combinations, values| {
        let pairs = combinations.iter().flat_map(|start| values.iter().map(move |it| (start, it)));
        pairs.map(|(start, value)| [&start[..], slice::from_ref(value)].concat()).collect()
    })
}

/// The value of a field; several values are one, joined by line breaks.
pub(crate) fn field_value(document: &dyn Document, field: &str) -> Option<String> {
    let values = values_of(document, field);
    (!values.is_empty()).then(|| values.join("\n"))
}

/// The different values of a field as texts. Their order in the record has no meaning.
pub(crate) fn values_of(document: &dyn Document, field: &str) -> Vec<String> {
    let mut values = Vec::new();
    document.any_value(field, &mut |value| {
        values.push(match value {
            kql::Value::Text(text) | kql::Value::Name(text) => text.to_owned(),
            kql::Value::Number(number) => number.to_string(),
            kql::Value::Bool(flag) => flag.to_string(),
            kql::Value::Ip(address) => address.to_string(),
            kql::Value::Date(date) => date.to_string(),
        });
        false
    });
    values.sort_unstable();
    values.dedup();
    values
}
