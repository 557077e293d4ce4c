//! The ECS view of a CloudTrail record: its fields by the names that Elastic's AWS integration
//! gives them, with the values that its ingest pipeline makes, so that a rule written for it means
//! the same here.
//!
//! [`View`] answers for one field at a time, straight from the record; [`document`] is all of it as
//! JSON. Fields that need data from outside a record, such as `source.geo.*`, are absent.
//!
//! The pipeline:
//! <https://github.com/elastic/integrations/tree/main/packages/aws/data_stream/cloudtrail>

mod category;
mod clean;
mod document;
mod field;
mod flattened;
mod flattened_field;
mod identity;
mod java;
mod nearest;
mod object;
mod unknown;
mod view;

#[cfg(test)]
mod tests;

pub use document::document;
pub use field::{ValueKind, did_you_mean, is_known, known_fields, shape};
pub(crate) use nearest::nearest;
pub use unknown::{UnknownField, unknown_fields};
pub use view::View;

/// What is given each value until it answers true.
type Seen<'s> = &'s mut dyn FnMut(kql::Value<'_>) -> bool;
