//! Any text as a policy document: the judge ends, what it keeps is the same after writing and
//! reading it, and a document of twice the same statements is as powerful.

#![no_main]

use detect::power::{Grants, Power, judge_text, open_ways};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(judged) = judge_text(text).inspect_err(|error| drop(error.to_string())) else { return };
    judged.problems.iter().for_each(|problem| drop(problem.to_string()));
    let grants = judged.grants;
    let stored = serde_json::to_string(&grants).expect("grants are JSON");
    let read: Grants = serde_json::from_str(&stored).expect("what was written is read");
    assert_eq!(read, grants);
    let twice = Grants::union([grants.clone(), grants.clone()]);
    let power = Power::from_grants(&grants);
    assert_eq!(Power::from_grants(&twice).level(), power.level());
    assert_eq!(open_ways(&twice).len(), open_ways(&grants).len());
});
