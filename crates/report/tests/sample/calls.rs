//! Records of sample calls.

use serde_json::{Value, json};

pub const PRODUCTION: &str = "111122223333";
pub const STAGING: &str = "444455556666";

/// Texts that a caller of AWS, or anyone who can write to a bucket, may choose.
pub const HOSTILE: &[&str] = &[
    "<script>fetch('http://127.0.0.1:8999/script')</script>",
    "\"><img src=http://127.0.0.1:8999/img onerror=alert(1)>",
    "' onmouseover='location=`http://127.0.0.1:8999/mouse`",
    "</style><style>@import 'http://127.0.0.1:8999/style';</style>",
    "</script><script>document.title='pwned'</script>",
    "</title><svg onload=document.title='pwned'>",
    "<iframe src=javascript:document.title='pwned'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:8999/meta'>",
    "<base href=http://127.0.0.1:8999/><form action=/form><button>x",
    "<!-- --!> <![CDATA[ ]]> &lt;b&gt; {{ 7*7 }} ${7*7}",
    "javascript:document.title='pwned'",
    "\u{202e}nimdA\u{2066}\u{200b}\u{feff}",
    "nul\0byte \u{1b}[2J\u{7}\r\nline",
    "=HYPERLINK(\"http://127.0.0.1:8999/cell\",\"x\")",
];

struct Caller {
    account: &'static str,
    identity: Value,
    source: &'static str,
}

fn user(account: &'static str, name: &'static str, source: &'static str) -> Caller {
    let identity = json!({
        "type": "IAMUser",
        "userName": name,
        "accountId": account,
        "principalId": format!("AIDAEXAMPLE{}", name.to_uppercase()),
        "arn": format!("arn:aws:iam::{account}:user/{name}"),
    });
    Caller { account, identity, source }
}

fn role(account: &'static str, role: &str, session: &str, source: &'static str) -> Caller {
    let identity = json!({
        "type": "AssumedRole",
        "accountId": account,
        "principalId": format!("AROAEXAMPLE:{session}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
        "sessionContext": {"sessionIssuer": {
            "type": "Role",
            "userName": role,
            "arn": format!("arn:aws:iam::{account}:role/{role}"),
        }},
    });
    Caller { account, identity, source }
}

fn call(caller: &Caller, time: &str, action: &str, parameters: Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventTime": time,
        "awsRegion": "us-east-1",
        "eventID": format!("{time}-{action}-{parameters}"),
        "recipientAccountId": caller.account,
        "requestParameters": parameters,
        "userIdentity": caller.identity,
        "sourceIPAddress": caller.source,
        "userAgent": "aws-cli/2.31.0",
    })
}

fn denied(caller: &Caller, time: &str, action: &str, group: &str) -> Value {
    let mut record = call(caller, time, action, Value::Null);
    let arn = caller.identity["arn"].as_str().unwrap();
    record["errorCode"] = "AccessDenied".into();
    record["errorMessage"] = format!(
        "User: {arn} is not authorized to perform: iam:{action} on resource: group {group} because \
         no identity-based policy allows the iam:{action} action"
    )
    .into();
    record
}

const POLICY: &str = "arn:aws:iam::aws:policy/";

/// A month of work, an intrusion in one night, and a trail that is stopped.
pub fn month_calls() -> Vec<Value> {
    let alice = user(PRODUCTION, "alice", "198.51.100.17");
    let bob = user(STAGING, "bob", "198.51.100.23");
    let sso =
        role(PRODUCTION, "AWSReservedSSO_Platform_1a2b", "carol@example.com", "198.51.100.40");
    let pipeline = role(PRODUCTION, "TeamPipeline", "run-4711", "203.0.113.9");
    let thief = user(PRODUCTION, "backup-operator", "192.0.2.66");
    let root = Caller {
        account: STAGING,
        identity: json!({
            "type": "Root",
            "accountId": STAGING,
            "principalId": STAGING,
            "arn": format!("arn:aws:iam::{STAGING}:root"),
        }),
        source: "198.51.100.2",
    };
    let group = |name: &str| json!({ "groupName": name });
    let member = |name: &str, user: &str| json!({"groupName": name, "userName": user});
    let policy = |name: &str, policy: &str| json!({"groupName": name, "policyArn": format!("{POLICY}{policy}")});
    let escalating = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
        "Resource": "*",
    }]});
    let mut calls = vec![
        call(&alice, "2026-11-02T09:12:44Z", "CreateGroup", group("analysts")),
        call(
            &alice,
            "2026-11-02T09:13:10Z",
            "AttachGroupPolicy",
            policy("analysts", "AmazonAthenaFullAccess"),
        ),
        call(&alice, "2026-11-02T09:15:31Z", "AddUserToGroup", member("analysts", "dana")),
        call(&alice, "2026-11-02T09:15:58Z", "AddUserToGroup", member("analysts", "erin")),
        call(&sso, "2026-11-04T13:40:02Z", "AddUserToGroup", member("developers", "frank")),
        call(&sso, "2026-11-04T13:41:15Z", "AddUserToGroup", member("developers", "grace")),
        call(&sso, "2026-11-05T08:03:52Z", "RemoveUserFromGroup", member("developers", "heidi")),
        call(&bob, "2026-11-09T10:20:00Z", "CreateGroup", group("load-testers")),
        call(
            &bob,
            "2026-11-09T10:22:18Z",
            "PutGroupPolicy",
            json!({
                "groupName": "load-testers",
                "policyName": "run-load-tests",
                "policyDocument": escalating.to_string(),
            }),
        ),
        call(&bob, "2026-11-09T10:24:41Z", "AddUserToGroup", member("load-testers", "ivan")),
        call(
            &sso,
            "2026-11-11T15:30:09Z",
            "UpdateGroup",
            json!({
                "groupName": "contractors", "newGroupName": "partners",
            }),
        ),
        denied(&alice, "2026-11-12T11:05:37Z", "AttachGroupPolicy", "developers"),
        call(&root, "2026-11-13T19:48:20Z", "AddUserToGroup", member("breakglass", "bob")),
        denied(&thief, "2026-11-17T02:11:09Z", "AddUserToGroup", "administrators"),
        denied(&thief, "2026-11-17T02:11:41Z", "AttachGroupPolicy", "developers"),
        denied(&thief, "2026-11-17T02:13:03Z", "PutGroupPolicy", "backup-operators"),
        call(&thief, "2026-11-17T02:16:27Z", "CreateGroup", group("support-tools")),
        call(
            &thief,
            "2026-11-17T02:17:05Z",
            "AttachGroupPolicy",
            policy("support-tools", "AdministratorAccess"),
        ),
        call(
            &thief,
            "2026-11-17T02:17:48Z",
            "AddUserToGroup",
            member("support-tools", "backup-operator"),
        ),
        call(
            &alice,
            "2026-11-17T08:31:55Z",
            "DetachGroupPolicy",
            policy("support-tools", "AdministratorAccess"),
        ),
        call(
            &alice,
            "2026-11-17T08:32:14Z",
            "RemoveUserFromGroup",
            member("support-tools", "backup-operator"),
        ),
        call(&alice, "2026-11-17T08:32:30Z", "DeleteGroup", group("support-tools")),
        call(&sso, "2026-11-19T10:10:10Z", "AddUserToGroup", member("partners", "judy")),
        call(
            &sso,
            "2026-11-24T09:01:00Z",
            "AttachGroupPolicy",
            policy("developers", "PowerUserAccess"),
        ),
        call(&alice, "2026-11-26T14:22:47Z", "AddUserToGroup", member("analysts", "karl")),
        call(&alice, "2026-11-26T14:25:03Z", "RemoveUserFromGroup", member("analysts", "erin")),
    ];
    for (day, team) in
        [(3, "payments"), (6, "search"), (10, "mobile"), (18, "billing"), (25, "data")]
    {
        let name = format!("team-{team}");
        let time = |minute: u32| format!("2026-11-{day:02}T07:{minute:02}:00Z");
        calls.push(call(&pipeline, &time(0), "CreateGroup", group(&name)));
        calls.push(call(&pipeline, &time(1), "AttachGroupPolicy", policy(&name, "ReadOnlyAccess")));
        for minute in 2..5 {
            let user = format!("{team}-{minute}");
            calls.push(call(&pipeline, &time(minute), "AddUserToGroup", member(&name, &user)));
        }
    }
    let mut stop = call(
        &thief,
        "2026-11-17T02:20:11Z",
        "StopLogging",
        json!({
            "name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/organization",
        }),
    );
    stop["eventSource"] = "cloudtrail.amazonaws.com".into();
    calls.push(stop);
    calls
}

/// Calls whose every name is hostile, and names of 10 KB.
pub fn hostile_calls() -> Vec<Value> {
    let long = "A<b>".repeat(2_560);
    let texts = HOSTILE.iter().copied().chain([long.as_str()]);
    let mut calls = Vec::new();
    for (index, text) in texts.enumerate() {
        let caller = Caller {
            account: PRODUCTION,
            identity: json!({
                "type": "IAMUser", "userName": text, "arn": text, "principalId": text,
            }),
            source: "192.0.2.1",
        };
        let time = |second: usize| format!("2026-11-17T02:{index:02}:{second:02}Z");
        let names = json!({
            "groupName": text,
            "userName": text,
            "policyArn": text,
            "policyName": text,
            "newGroupName": format!("{text}2"),
            "policyDocument": text,
        });
        let actions =
            ["CreateGroup", "AttachGroupPolicy", "PutGroupPolicy", "AddUserToGroup", "UpdateGroup"];
        for (second, action) in actions.iter().enumerate() {
            let mut record = call(&caller, &time(second), action, names.clone());
            record["eventID"] = format!("{index}-{second}").into();
            record["sourceIPAddress"] = text.into();
            record["userAgent"] = text.into();
            record["awsRegion"] = text.into();
            calls.push(record);
        }
        let mut record = call(&caller, &time(9), "AddUserToGroup", names.clone());
        record["eventID"] = format!("{index}-denied").into();
        record["errorCode"] = "AccessDenied".into();
        record["errorMessage"] = text.into();
        calls.push(record);
    }
    calls
}

/// So many calls, spread over the month.
pub fn many_calls(count: usize) -> Vec<Value> {
    let start: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let step = 30 * 24 * 3600 / count.max(1) as i64;
    let name = |index: usize| format!("engineer-{:03}", index % 311);
    (0..count)
        .map(|index| {
            let session = format!("{}@example.com", name(index * 7));
            let caller =
                role(PRODUCTION, "AWSReservedSSO_Platform_1a2b", &session, "198.51.100.40");
            let time = start + jiff::SignedDuration::from_secs(step * index as i64);
            let action = if index % 3 == 0 { "RemoveUserFromGroup" } else { "AddUserToGroup" };
            let parameters = json!({
                "groupName": format!("team-application-platform-{}", index % 97),
                "userName": name(index),
            });
            let mut record = call(&caller, &time.to_string(), action, parameters);
            record["eventID"] = format!("many-{index}").into();
            record
        })
        .collect()
}
