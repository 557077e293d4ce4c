//! Functions, one line for each case.

use crate::document::Typed;
use crate::matching::check;

fn typed() -> Typed {
    Typed::default()
        .text("name", "regsvr32.exe")
        .text("path", r"C:\Windows\System32\cmd.exe")
        .text("params", "{policyArn=arn:aws:iam::aws:policy/AdministratorAccess, a=[b, c]}")
        .text("principal", "{principal=*, functionName=f}")
        .text("number", "principal=111122223333")
        .text("domain", "subdomain.example.com")
        .text("emoji", "a😀b")
        .text("empty", "")
        .text("list", "aa")
        .text("list", "bbb")
        .text("hex", "0x1F")
        .text("text_number", " 42.5 ")
        .text("word", "word")
        .text("address", "192.0.2.10")
        .number("four", 4.0)
        .number("half", 0.5)
        .bool("on", true)
        .ip("ip", "192.168.152.12")
        .ip("six", "2001:db8::1")
        .date("@timestamp", "2026-03-15T10:20:30Z")
}

#[test]
fn functions_that_search() {
    check(
        &typed(),
        &[
            (r#"startsWith(name, "regsvr32")"#, true),
            (r#"startsWith(name, "Regsvr32")"#, false),
            (r#"startsWith~(name, "Regsvr32")"#, true),
            (r#"startsWith(name, "explorer")"#, false),
            (r#"startsWith(name, "")"#, true),
            (r#"startsWith(name, "reg*")"#, false),
            (r#"startsWith("regsvr32.exe", name)"#, true),
            (r#"STARTSWITH(name, "reg")"#, true),
            (r#"endsWith(name, ".exe")"#, true),
            (r#"endsWith(name, ".EXE")"#, false),
            (r#"endsWith~(name, ".EXE")"#, true),
            (r#"endsWith(empty, "")"#, true),
            (r#"endsWith("regsvr32.exe", name)"#, true),
            (r#"endsWith("ntdll.dll", name)"#, false),
            (r#"stringContains(params, "AdministratorAccess")"#, true),
            (r#"stringContains(params, "administratoraccess")"#, false),
            (r#"stringContains~(params, "administratoraccess")"#, true),
            (r#"stringContains(params, "a=[b, c]")"#, true),
            (r#"stringContains("start regsvr32.exe", name)"#, true),
            (r#"stringContains("x", "")"#, false),
            (r#"stringContains(list, "bb")"#, true),
            // On a field, the text is a pattern to Elasticsearch.
            (r#"stringContains(principal, "principal=\\*")"#, true),
            (r#"stringContains(number, "principal=\\*")"#, false),
            (r#"stringContains(number, "principal=*333")"#, true),
            (r#"stringContains(number, "principal=1?1")"#, true),
            (r#"endsWith(number, "=*2?3")"#, false),
            (r#"endsWith(number, "=*2333?")"#, true),
            (r#"wildcard(name, "*svr*")"#, true),
            (r#"wildcard(name, "*SVR*")"#, false),
            (r#"wildcard~(name, "*SVR*")"#, true),
            (r#"wildcard(name, "x", "regsvr??.exe")"#, true),
            (r#"wildcard(name, "svr")"#, false),
            (r#"wildcard("", "*")"#, true),
            (r#"wildcard("", "?")"#, false),
            (r#"stringContains(name, "svr") == true"#, true),
            (r#"stringContains(name, "svr") == false"#, false),
            (r#"stringContains(name, "svr") != true"#, false),
            (r#"true == stringContains(name, "svr")"#, true),
            (r#"not stringContains(name, "svr")"#, false),
            (r#"startsWith(ip, "192.")"#, true),
            (r#"startsWith(four, "4")"#, false),
        ],
    );
}

#[test]
fn functions_of_addresses() {
    check(
        &typed(),
        &[
            (r#"cidrMatch(ip, "192.168.0.0/16")"#, true),
            (r#"cidrMatch(ip, "10.0.0.0/8", "192.168.0.0/16")"#, true),
            (r#"cidrMatch(ip, "10.0.0.0/8", "10.128.0.0/9")"#, false),
            (r#"cidrMatch(ip, "192.168.152.12")"#, true),
            (r#"cidrMatch(ip, null)"#, false),
            (r#"cidrMatch(six, "2001:db8::/32")"#, true),
            (r#"cidrMatch(address, "192.0.2.0/24")"#, true),
            (r#"cidrMatch(name, "0.0.0.0/0")"#, false),
            (r#"cidrMatch(ip, "10.0.0.0/8") == false"#, true),
        ],
    );
}

#[test]
fn functions_that_make_texts() {
    check(
        &typed(),
        &[
            (r#"between(path, "System32\\", ".exe") == "cmd""#, true),
            (r#"between(path, "system32\\", ".exe") == """#, true),
            (r#"between~(path, "system32\\", ".EXE") == "cmd""#, true),
            (r#"between(path, "workspace\\", ".exe") == """#, true),
            (r#"between(path, "\\", "\\", false) == "Windows""#, true),
            (r#"between(path, "\\", "\\", true) == "Windows\\System32""#, true),
            (r#"between("welcome to the planet", "welcome", "e", true) == " to the plan""#, true),
            (r#"between("welcome to the planet", "welcome", "e") == " to th""#, true),
            (r#"between("welcome", "welcome", "e", true) == """#, true),
            (r#"between("abc", "", "c") == "abc""#, true),
            (r#"between(params, "policy/", ",") == "AdministratorAccess""#, true),
            (r#"concat(name, " ", four) == "regsvr32.exe 4""#, true),
            (r#"concat(name, " ", half) == "regsvr32.exe 0.5""#, true),
            (r#"concat(name, on) == "regsvr32.exetrue""#, true),
            (r#"concat("process is ", name) : "PROCESS is REG*""#, true),
            (r#"concat(name) == "regsvr32.exe""#, true),
            (r#"concat(name, null) == null"#, true),
            (r#"concat(path, path, path, path) like "C:*cmd.exe""#, true),
            (r#"length(concat(path, path, path, path)) == 108"#, true),
            (r#"substring("start regsvr32.exe", 6) == "regsvr32.exe""#, true),
            (r#"substring("start regsvr32.exe", 0, 5) == "start""#, true),
            (r#"substring("start regsvr32.exe", 6, 14) == "regsvr32""#, true),
            (r#"substring("start regsvr32.exe", -4) == ".exe""#, true),
            (r#"substring("start regsvr32.exe", -4, -1) == ".ex""#, true),
            (r#"substring("hello world", -60, 5) == "hello""#, true),
            (r#"substring("hello world", 9, 3) == """#, true),
            (r#"substring("hello world", 0, 500) == "hello world""#, true),
            (r#"substring(name, null) == "regsvr32.exe""#, true),
            (r#"substring(emoji, 3) == "b""#, true),
            (r#"substring(emoji, 0, 3) == "a😀""#, true),
            (r#"substring(name, -4) in (".dll", ".exe")"#, true),
            (r#"string(four) == "4""#, true),
            (r#"string(4.0) == "4.0""#, true),
            (r#"string(half) == "0.5""#, true),
            (r#"string(on) == "true""#, true),
            (r#"string(ip) == "192.168.152.12""#, true),
            (r#"string(cidrMatch(ip, "192.168.0.0/16")) : "TRUE""#, true),
            (r#"string(@timestamp) like "2026-03-15T*""#, true),
            (r#"string(null) == null"#, true),
        ],
    );
}

#[test]
fn functions_that_make_numbers() {
    check(
        &typed(),
        &[
            ("length(name) == 12", true),
            ("length(name) != 12", false),
            ("length(name) > 11", true),
            ("12 >= length(name)", true),
            ("length(empty) == 0", true),
            ("length(emoji) == 4", true),
            ("length(list) in (3, 4)", true),
            // Another value of the list is different.
            ("length(list) != 3", true),
            ("length(list) == 2 and length(list) == 3", true),
            ("length(list) > 2 and not length(list) > 3", true),
            (r#"indexOf(domain, ".") == 9"#, true),
            (r#"indexOf(domain, "D") == null"#, true),
            (r#"indexOf~(domain, "D") == 3"#, true),
            (r#"indexOf(domain, ".", 9) == 9"#, true),
            (r#"indexOf(domain, ".", 10) == 17"#, true),
            (r#"indexOf(domain, ".", -6) == 9"#, true),
            (r#"indexOf(domain, "", 10) == 10"#, true),
            (r#"indexOf(domain, "") == 0"#, true),
            (r#"indexOf(domain, ".", 30) == null"#, true),
            (r#"indexOf(domain, "z") == null"#, true),
            (r#"indexOf(emoji, "b") == 3"#, true),
            (r#"number("1337") == 1337"#, true),
            (r#"number("42.5") == 42.5"#, true),
            (r#"number("deadbeef", 16) == 3735928559"#, true),
            (r#"number("0xdeadbeef") == 3735928559"#, true),
            (r#"number("0xdeadbeef", null) == 3735928559"#, true),
            (r#"number("052403", 8) == 21763"#, true),
            (r#"number("-1337") == -1337"#, true),
            (r#"number("  1337  ") == 1337"#, true),
            (r#"number(text_number) == 42.5"#, true),
            (r#"number(hex) == 31"#, true),
            (r#"number(word) == null"#, true),
            ("add(four, 5) == 9", true),
            ("add(four, 0.5) == 4.5", true),
            ("subtract(10.5, half) == 10", true),
            ("multiply(half, four) == 2", true),
            ("divide(four, 3) == 1", true),
            ("divide(four, 3.0) > 1.33", true),
            ("divide(-4, 3) == -1", true),
            ("divide(four, 0) == null", true),
            ("modulo(10, 6) == 4", true),
            ("modulo(10, -6) == 4", true),
            ("modulo(-10, -6) == -4", true),
            ("four + 5 == 9", true),
            ("four - 5 == -1", true),
            ("2 * four + 1 == 9", true),
            ("2 * (four + 1) == 10", true),
            ("four / 3 == 1", true),
            ("four / 3.0 == 1", false),
            ("10 - four - 3 == 3", true),
            ("10 - (four - 3) == 9", true),
            ("10 % four == 2", true),
            ("-four == -4", true),
            ("-four + 100 == 96", true),
            ("+four == 4", true),
            ("four + four == 8", true),
            ("four + name == null", true),
        ],
    );
}

/// Elasticsearch negates the query that the whole condition became.
#[test]
fn a_function_of_a_missing_field_is_null() {
    check(
        &typed(),
        &[
            (r#"stringContains(none, "x")"#, false),
            (r#"not stringContains(none, "x")"#, true),
            (r#"stringContains(none, "x") == false"#, true),
            (r#"stringContains(none, "x") != true"#, true),
            (r#"startsWith(none, "")"#, false),
            (r#"not endsWith(none, "x")"#, true),
            (r#"startsWith("x", none)"#, false),
            (r#"cidrMatch(none, "0.0.0.0/0")"#, false),
            (r#"not cidrMatch(none, "0.0.0.0/0")"#, true),
            ("length(none) == 0", false),
            ("length(none) != 0", false),
            ("length(none) < 5", false),
            ("not length(none) == 0", true),
            ("length(none) not in (0)", true),
            ("length(none) == null", true),
            ("length(none) != null", false),
            ("length(name) != null", true),
            (r#"concat(name, none) == null"#, true),
            (r#"substring(none, 1) : "*""#, false),
            (r#"substring(none, 1) regex ".*""#, false),
            ("none + 1 == 1", false),
            ("none + 1 == null", true),
        ],
    );
}

#[test]
fn every_combination_of_values_is_tried() {
    let document = Typed::default()
        .text("a", "1")
        .text("a", "2")
        .text("b", "x")
        .text("b", "y")
        .number("n", 1.0)
        .number("n", 20.0);
    check(
        &document,
        &[
            (r#"concat(a, b) == "1x""#, true),
            (r#"concat(a, b) == "2y""#, true),
            (r#"concat(a, b) == "3x""#, false),
            // The same field has the same value in one condition.
            (r#"concat(a, a) == "12""#, false),
            (r#"concat(a, a) == "22""#, true),
            ("n + n == 21", false),
            ("n * n == 400", true),
        ],
    );
}
