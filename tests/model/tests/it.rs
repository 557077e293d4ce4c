//! The protocol holds in every interleaving, and the check notices when a condition is taken out.

use stateright::{Checker, HasDiscoveries, Model};
use trailbell_model::{Protocol, Variant};

fn check(variant: Variant) -> impl Checker<Protocol> {
    let protocol = Protocol { variant, max_deaths: 2, max_lost: 2 };
    protocol.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join()
}

#[test]
fn the_protocol_loses_nothing_and_has_one_owner() {
    let checker = check(Variant::Sound);
    checker.assert_properties();
    println!("{} states, {} unique", checker.state_count(), checker.unique_state_count());
}

#[test]
fn a_condition_that_is_taken_out_is_noticed() {
    let not_marked = "an entry that is not final has a marker";
    let two_owners = "no second owner";
    for (variant, property) in [
        (Variant::MarkerAfterEntry, not_marked),
        (Variant::SharedMarker, not_marked),
        (Variant::MarkerDeletedFirst, not_marked),
        (Variant::YoungMarkerDeleted, not_marked),
        (Variant::UnconditionalClaim, two_owners),
        (Variant::LeaseIgnored, two_owners),
        (Variant::TokenIgnored, two_owners),
        (Variant::FoldedFirst, "what is acknowledged is sent or open"),
    ] {
        let counterexample = check(variant).discovery(property);
        let events = counterexample.map(|path| path.into_actions());
        println!("{variant:?} breaks \"{property}\": {events:?}");
        assert!(events.is_some(), "{variant:?}");
    }
}
