//! Matching does not allocate.

use jiff::Timestamp;
use kql::Query;

use crate::document::Typed;

#[test]
fn matching_does_not_allocate() {
    let resource = Typed::default().text("arn", "one").text("since", "2026-01-01T00:00:00Z");
    let document = Typed::default()
        .text("action", "CreateGroup")
        .text("address", "192.0.2.1")
        .text("broken", "2026-02-30T00:00:00Z")
        .number("count", 5.0)
        .bool("on", true)
        .ip("ip", "2001:db8::1")
        .date("@timestamp", "2026-03-15T10:20:30Z");
    let nested = document.clone().object("resources", resource);
    let now: Timestamp = "2026-03-18T12:34:56Z".parse().expect("a date");
    let queries = [
        "action: (CreateGroup and not x) or count >= 4 or on: false",
        "action: *ate*x and not action: C*",
        "ip: \"2001:db8::/32\" and address: 192.0.2.0/24 and ip: *db8* and ip > 192.0.2.1",
        "@timestamp > now-1M/M and @timestamp: 2026-03-15 and @timestamp < 2026-03||+1y",
        "broken > 2026-01-01 and address > now-1d and action > 2026-01",
        "resources: { arn: one and since < now-1d } and resources: *",
        "none: * or none < 5",
    ];
    // The test document allocates the names of leaves inside objects.
    let flat_queries = ["*count: 5 and *: no and 77", "*ate* and not nowhere*"];
    let all = queries
        .iter()
        .map(|query| (query, &nested))
        .chain(flat_queries.iter().map(|query| (query, &document)));
    for (source, document) in all {
        let query = Query::parse(source).expect("valid");
        let allocations = allocation_counter::measure(|| {
            query.matches(document, now);
        });
        assert_eq!(allocations.count_total, 0, "{source}");
    }
}
