//! What people and machines read about a finding, a summary or a correlation.

mod accounts;
mod builder;
mod call;
mod canary;
mod chat;
mod commands;
mod console;
mod correlation;
mod description;
mod document;
mod exception_suggestion;
mod facts;
mod finding;
mod identifiers;
mod integrity;
mod integrity_summary;
mod investigation;
mod limits;
mod mail;
mod markdown;
mod message;
mod parameters;
mod power;
mod principal;
mod principals;
mod reasons;
mod sms;
mod story;
mod subject;
mod summary;
#[cfg(test)]
mod tests;
mod timeline;

pub use accounts::{Accounts, AccountsError};
pub use canary::render_canary;
pub use console::object_page;
pub use correlation::{correlation_subject, render_correlation, render_minimal_correlation};
pub use finding::{finding_document, finding_subject, render_finding, render_minimal_finding};
pub use markdown::markdown_to_lines;
pub use message::{Alert, Attribute, AttributeKind};
pub use summary::{describe_member, render_summary, summary_subject};
