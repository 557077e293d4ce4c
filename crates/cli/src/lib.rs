//! The command line of Trailbell.

pub mod attach;
pub mod commands;
pub mod doctor;
