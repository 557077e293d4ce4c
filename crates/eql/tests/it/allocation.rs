//! Matching does not allocate.

use eql::Query;

use crate::document::Typed;
use crate::matching::now;

#[test]
fn matching_does_not_allocate() {
    let document = Typed::default()
        .text("event.category", "iam")
        .text("action", "CreateGroup")
        .text("params", "{policyArn=arn:aws:iam::aws:policy/AdministratorAccess}")
        .text("list", "a")
        .text("list", "b")
        .number("count", 5.0)
        .bool("on", true)
        .ip("ip", "2001:db8::1")
        .date("@timestamp", "2026-03-15T10:20:30Z");
    let conditions = [
        r#"action == "CreateGroup" and not action in ("x", "y") and action != "z""#,
        r#"action in~ ("x", "creategroup") and action : "CREATE*p?" and count >= 4"#,
        r#"action like ("x*y", "*x") or action regex "x.*y" or action regex~ "[a-z]+x""#,
        r#"stringContains(params, "AdministratorAccess") and endsWith~(params, "ACCESS}")"#,
        r#"startsWith(params, "{policyArn") and wildcard(params, "*x", "*Admin*")"#,
        r#"cidrMatch(ip, "2001:db8::/32") and startsWith(ip, "2001") and on"#,
        r#"@timestamp > "now-1M" and @timestamp == "2026-03-15""#,
        r#"length(action) + count * 2 - 1 / 3 > 4 and indexOf~(action, "GROUP") == 6"#,
        r#"between(params, "policy/", "}") == "AdministratorAccess""#,
        r#"substring(action, -5) : "GROUP" and number(substring(action, 0)) == null"#,
        r#"concat(list, "-", count, "-", on) == "b-5-true" and string(ip) like "*db8*""#,
        r#"none == null or length(none) != 5 or none : "x""#,
    ];
    for condition in conditions {
        let query = Query::parse(&format!("iam where {condition}")).expect("valid");
        // A regular expression keeps the memory of its first use.
        query.matches(&document, now());
        let allocations = allocation_counter::measure(|| {
            query.matches(&document, now());
        });
        assert_eq!(allocations.count_total, 0, "{condition}");
    }
}
