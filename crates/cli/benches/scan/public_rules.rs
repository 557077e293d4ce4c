//! Rules with the types and fields of those that Elastic publishes for AWS and that run here, 160
//! of 194: `public-rules.tsv` counts them. Their calls and services are not in the corpus, so that
//! its objects are quiet to them.

use detect::rule::{Detections, LoadedRules};

const FIELDS: &str = include_str!("public-rules.tsv");

/// The built-in rules, and those.
pub fn detections() -> Detections {
    let mut texts = Vec::new();
    for line in FIELDS.lines() {
        let mut columns = line.split('\t');
        let mut next = || columns.next().expect("a line has three columns");
        let count: usize = next().parse().expect("the first column is a number");
        let kind = next();
        let fields: Vec<&str> = next().split(' ').collect();
        for _ in 0..count {
            texts.push(rule(texts.len(), kind, &fields));
        }
    }
    let mut loaded = LoadedRules::embedded();
    loaded.add_source(LoadedRules::from_texts(texts.iter().map(|text| ("rule.toml", &**text))));
    let rule_set = loaded.into_complete_rule_set().expect("the rules are valid");
    rule_set.prefilter().expect("the rules name calls, services or user agents");
    rule_set.into()
}

fn rule(n: usize, kind: &str, fields: &[&str]) -> String {
    let (kind, language, is_sequence) = match kind {
        "sequence" => ("eql", "eql", true),
        "eql" => ("eql", "eql", false),
        kind => (kind, "kuery", false),
    };
    let more = match kind {
        "threshold" => "[rule.threshold]\nfield = ['user.name']\nvalue = 5\n",
        "new_terms" => "new_terms_fields = ['user.name']\nhistory_window_start = 'now-7d'\n",
        _ => "",
    };
    let conditions: Vec<String> =
        fields.iter().map(|field| condition(field, n, language == "eql")).collect();
    let condition = conditions.join(" and ");
    let query = match (is_sequence, language) {
        (true, _) => format!(
            "sequence by user.name with maxspan=5m [any where {condition}] [any where {condition}]"
        ),
        (_, "eql") => format!("any where {condition}"),
        _ => condition,
    };
    format!(
        "[rule]\nname = 'Rule {n}'\nrule_id = 'public-{n}'\ndescription = 'Made up'\n\
         type = '{kind}'\nlanguage = '{language}'\nseverity = 'low'\nrisk_score = 21\n\
         query = '{query}'\n{more}"
    )
}

fn condition(field: &str, n: usize, is_eql: bool) -> String {
    let is_about_agent = is_eql && field == "user_agent.original";
    match field {
        "event.provider" if is_eql => format!(r#"{field} == "service{n}.amazonaws.com""#),
        "event.action" if is_eql => format!(r#"{field} in ("PutThing{n}", "DeleteThing{n}")"#),
        "event.provider" => format!("{field}: service{n}.amazonaws.com"),
        "event.action" => format!("{field}: (PutThing{n} or DeleteThing{n})"),
        "event.outcome" if is_eql => format!(r#"{field} == "success""#),
        "event.outcome" => format!("{field}: success"),
        _ if is_about_agent => {
            let tools = ["kali", "parrot", "pacu", "pentoo", "blackarch", "scanner-x"];
            let search = tools.map(|tool| format!(r#"stringContains({field}, "distrib#{tool}")"#));
            format!("({})", search.join(" or "))
        }
        "user_agent.original" => format!("{field}: (*Browser {n}* or *duck/{n}*)"),
        _ if is_eql => format!(r#"stringContains({field}, "value{n}=x")"#),
        _ => format!("{field}: *"),
    }
}
