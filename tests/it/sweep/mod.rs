//! The sweep: what was not announced is found once, whatever happens meanwhile.
mod lists;
mod order;
mod slow;
mod stores;
mod subscriptions;
mod suspects;
mod troubles;
mod world;
