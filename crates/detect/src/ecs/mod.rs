//! The ECS view of a CloudTrail record: the fields and values that Elastic's AWS integration makes
//! of it, so that a rule for Elastic matches the same calls here.
//!
//! [`View`] looks up one field at a time in the record; [`document`] is the whole view as JSON.
//! Fields that need data from outside the record, such as `source.geo.*`, are absent.
//! [`known_fields`] lists the others, and [`unknown_fields`] and [`unknown_eql_fields`] check a
//! query against them.
//!
//! The integration:
//! <https://github.com/elastic/integrations/tree/main/packages/aws/data_stream/cloudtrail>

mod category;
mod clean;
mod derive;
mod document;
mod field;
mod flattened;
mod java;
mod own;
mod unknown;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use category::known_values;
pub use category::{Category, category_of_call};
pub use document::document;
pub(crate) use field::is_name_field;
pub use field::{ValueKind, field_shape, is_known_field, known_fields};
pub use own::OwnResources;
pub use unknown::{UnknownField, did_you_mean, unknown_eql_fields, unknown_fields};
pub use view::View;
