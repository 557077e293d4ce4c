//! Detection in CloudTrail logs: records, their ECS view, rules, findings and correlations. Does no
//! network I/O and reads no clock.
//!
//! | module | question it answers |
//! |---|---|
//! | [`text`] | how is text made safe for people, shells and terminals? |
//! | [`cloudtrail`] | which records does a log object hold? |
//! | [`ecs`] | what is the value of an ECS field in a record? |
//! | [`rule`] | which rules are there, and which of them match a record? |
//! | [`finding`] | what was found, and who did it? |
//! | [`model`] | what has the trail said of a group and its policies? |
//! | [`power`] | what does a policy let its holders do? |
//! | [`correlation`] | what do several findings mean together? |
//! | [`new_terms`] | has a rule matched these values before? |
//! | [`subscriptions`] | how many receive the alerts? |

pub mod cloudtrail;
pub mod correlation;
pub mod ecs;
pub mod finding;
pub mod model;
pub mod new_terms;
pub mod power;
pub mod rule;
pub mod subscriptions;
pub mod text;
