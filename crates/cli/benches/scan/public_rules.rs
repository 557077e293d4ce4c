//! Rules shaped like Elastic's for AWS, those that run. Their calls, services and user agents are
//! not in the corpus, so that its objects are quiet to them.

use detect::rule::{Detections, LoadedRules};
use support::public_rules::PublicRule;

/// The built-in rules, and those.
pub fn detections() -> Detections {
    let rules = PublicRule::all();
    let texts: Vec<(&str, String)> = rules.iter().map(|rule| (rule.file, rule.text())).collect();
    let texts = texts.iter().map(|(file, text)| (*file, text.as_str()));
    let mut loaded = LoadedRules::embedded();
    loaded.add_source(LoadedRules::from_texts(texts));
    let rule_set = loaded.into_rule_set().expect("the files have no errors");
    rule_set.prefilter().expect("the rules name calls, services or user agents");
    rule_set.into()
}
