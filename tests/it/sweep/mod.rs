//! The sweep: what nobody told us of is found, once, whatever comes in between.
mod order;
mod slow;
mod stores;
mod troubles;
mod world;
