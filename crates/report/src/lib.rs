//! What happened to IAM groups in a period, from findings and proofs that the caller has read: as
//! data, as one HTML page, and as CSV.
//!
//! | module | question it answers |
//! |---|---|
//! | [`data`] | what happened, to which groups, by whom, and what is proven? |
//! | [`page`] | how is it shown? |
//! | [`csv`] | what does a spreadsheet get? |

pub mod csv;
pub mod data;
mod escape;
pub mod page;

pub use data::{Input, Report};
