//! What Java prints for a parsed JSON value. Elastic's pipeline stores `requestParameters` and its
//! like as `Map.toString()`, and rules search that text, so the order of the keys and the format of
//! the numbers matter.

use serde_json::{Map, Number, Value};

use super::clean::is_meaningful;

/// The text of `value.toString()` in Java after cleaning: `{key=value, list=[a, b]}`, keys in the
/// order of a `java.util.HashMap`. The exception is nine or more keys in one bucket, of which Java
/// makes a tree.
pub(super) fn to_java_string(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(format_boolean(*flag)),
        Value::Number(number) => out.push_str(&format_number(number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => write_list(items, out),
        Value::Object(fields) => write_map(fields, out),
    }
}

fn write_list(items: &[Value], out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().filter(|item| is_meaningful(item)).enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write_value(item, out);
    }
    out.push(']');
}

fn write_map(fields: &Map<String, Value>, out: &mut String) {
    let entries = in_hash_order(fields).into_iter().filter(|(_, value)| is_meaningful(value));
    out.push('{');
    for (index, (key, value)) in entries.enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        out.push_str(key);
        out.push('=');
        write_value(value, out);
    }
    out.push('}');
}

/// Sorts by bucket; within a bucket the order of insertion stays, as it does when Java's table
/// grows. Keys that cleaning drops count: a table does not shrink when entries are removed.
fn in_hash_order(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mask = table_size(fields.len()) - 1;
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_by_cached_key(|(key, _)| spread_hash(hash_code(key)) & mask);
    entries
}

/// The table starts with 16 buckets and doubles when it is more than three quarters full.
fn table_size(entries: usize) -> u32 {
    let mut size = 16;
    while entries > size as usize / 4 * 3 {
        size *= 2;
    }
    size
}

/// `String.hashCode`: a polynomial in 31 over the UTF-16 units, modulo 2^32.
fn hash_code(text: &str) -> u32 {
    text.encode_utf16()
        .fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// `HashMap` mixes the upper half into the lower, which selects the bucket.
fn spread_hash(hash: u32) -> u32 {
    hash ^ (hash >> 16)
}

pub(super) fn format_boolean(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// Integers as they are, others as `Double.toString` does. `serde_json` reads integers beyond 64
/// bits as floating point numbers.
pub(super) fn format_number(number: &Number) -> String {
    match number.as_f64() {
        Some(double) if number.is_f64() => format_double(double),
        _ => number.to_string(),
    }
}

/// Plain from 1E-3 up to 1E7, else with an exponent; with the fewest digits that identify the
/// number, and at least one after the point.
/// Source:
/// <https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Double.html#toString(double)>
fn format_double(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    // If two numbers with the fewest digits are equally near, Java takes the even one. Rust does so
    // only if the number of digits is given.
    let shortest = format!("{value:e}");
    let (digits, _) = shortest.split_once('e').unwrap_or((&shortest, ""));
    let fraction = digits.trim_start_matches('-').len().saturating_sub("1.".len());
    format!("{value:.*e}", fraction.max(1)).replace('e', "E")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_prints_as_java_prints_it() {
        let cases = [
            (json!({"groupName": "Team"}), "{groupName=Team}"),
            (json!({"a": [1, "x", {"b": true}]}), "{a=[1, x, {b=true}]}"),
            (json!({"gone": null, "kept": 0, "empty": {"deep": ["", "-", "none"]}}), "{kept=0}"),
            (json!(["", "a", null, "b"]), "[a, b]"),
            (json!("text"), "text"),
            // Not the order of writing, not the alphabet's: the hash's.
            (
                json!({"createDate": 1, "path": 2, "arn": 3, "groupName": 4, "groupId": 5}),
                "{path=2, groupName=4, groupId=5, arn=3, createDate=1}",
            ),
            (
                json!({"groupName": "Team", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
                "{policyArn=arn:aws:iam::aws:policy/ReadOnlyAccess, groupName=Team}",
            ),
            // "Aa" and "BB" have the same hash: the order of writing decides.
            (json!({"BB": 1, "Aa": 2}), "{BB=1, Aa=2}"),
            (json!({"Aa": 1, "BB": 2}), "{Aa=1, BB=2}"),
        ];
        for (value, expected) in cases {
            assert_eq!(to_java_string(&value), expected, "{value}");
        }
    }

    /// The order in which Elastic's own test of a CreateDBInstance record shows its keys; five more
    /// were empty.
    #[test]
    fn a_large_map_has_the_order_that_elastic_shows() {
        let order = "allocatedStorage backupTarget cACertificateIdentifier dbInstancePort \
            dBParameterGroups dbiResourceId preferredBackupWindow deletionProtection \
            dBInstanceArn dBInstanceIdentifier engine publiclyAccessible \
            iAMDatabaseAuthenticationEnabled networkType engineVersion \
            performanceInsightsEnabled masterUsername certificateDetails multiAZ \
            dBInstanceClass storageEncrypted dBSubnetGroup storageThroughput \
            httpEndpointEnabled vpcSecurityGroups customerOwnedIpEnabled licenseModel \
            pendingModifiedValues monitoringInterval preferredMaintenanceWindow \
            dBInstanceStatus backupRetentionPeriod engineLifecycleSupport storageType \
            optionGroupMemberships dedicatedLogVolume autoMinorVersionUpgrade \
            copyTagsToSnapshot";
        let kept: Vec<&str> = order.split_whitespace().collect();
        let empty = ["associatedRoles", "dBSecurityGroups", "domainMemberships", "tagList"];
        let mut keys: Vec<&str> =
            kept.iter().copied().chain(empty).chain(["readReplicaDBInstanceIdentifiers"]).collect();
        keys.sort_unstable();
        let fields: Map<String, Value> = keys
            .iter()
            .map(|key| (key.to_string(), if kept.contains(key) { json!(1) } else { json!([]) }))
            .collect();
        let printed: Vec<String> = kept.iter().map(|key| format!("{key}=1")).collect();
        assert_eq!(to_java_string(&Value::Object(fields)), format!("{{{}}}", printed.join(", ")));
    }

    #[test]
    fn the_table_doubles_past_three_quarters() {
        for (entries, size) in
            [(0, 16), (12, 16), (13, 32), (24, 32), (25, 64), (48, 64), (49, 128)]
        {
            assert_eq!(table_size(entries), size, "{entries} entries");
        }
        // 'p' is 112: in bucket 0 of 16, in bucket 16 of 32.
        let filled = |last: Value| {
            let keys = "pabcdefghijk".chars().map(|key| (key.to_string(), json!(1)));
            to_java_string(&Value::Object(keys.chain([("l".to_owned(), last)]).collect()))
        };
        assert!(filled(json!(1)).starts_with("{a=1, b=1"));
        assert!(
            filled(json!(null)).starts_with("{a=1, b=1"),
            "a table does not shrink when a key is dropped"
        );
    }

    #[test]
    fn hashes_are_those_of_java() {
        let cases = [
            ("", 0),
            ("a", 97),
            ("hello", 99_162_322),
            ("groupName", 2_811_792_810),
            ("é", 233),
            ("😀", 1_772_899),
        ];
        for (text, hash) in cases {
            assert_eq!(hash_code(text), hash, "{text:?}");
        }
        assert_eq!(hash_code("polygenelubricants"), 1 << 31, "wraps to the smallest int");
    }

    #[test]
    fn numbers_are_those_of_java() {
        let cases = [
            ("0", "0"),
            ("-7", "-7"),
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.0", "1.0"),
            ("100.0", "100.0"),
            ("0.1", "0.1"),
            ("1e3", "1000.0"),
            ("9999999.5", "9999999.5"),
            ("1e7", "1.0E7"),
            ("12345678.9", "1.23456789E7"),
            ("1e10", "1.0E10"),
            ("0.001", "0.001"),
            ("0.00001", "1.0E-5"),
            ("-1.5e-7", "-1.5E-7"),
            ("-0.0", "-0.0"),
            ("601230492332779.25", "6.012304923327792E14"),
            ("1.7976931348623157e308", "1.7976931348623157E308"),
            ("4.9e-324", "4.9E-324"),
        ];
        for (json, expected) in cases {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(to_java_string(&value), expected, "{json}");
        }
    }
}
