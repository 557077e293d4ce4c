//! The sweep: what was not announced is found once, whatever happens meanwhile.
mod order;
mod slow;
mod stores;
mod suspects;
mod troubles;
mod world;
