//! The ledger's protocol for one finding as a model: workers that were delivered the same finding,
//! a sweep that recovers what they left, and a store whose answers get lost. stateright visits
//! every interleaving of their requests. docs/ledger.md describes the protocol; `src/ledger`
//! implements it.
//!
//! Time is modelled by what it guarantees: a lease outlives its holder, so it ends only after the
//! holder's death; and a marker without an entry is old only when nobody who could still write the
//! entry is alive.

mod checks;
mod protocol;
mod world;

pub use checks::Event;
pub use protocol::{Protocol, Variant};
pub use world::{Entry, EntryState, Step, WORKERS, World};
