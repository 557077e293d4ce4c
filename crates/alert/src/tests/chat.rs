//! The forms for chat and SMS.

use std::sync::Arc;

use detect::finding::{Context, Finding};
use detect::rule::{Rating, RuleInfo, Severity};
use serde_json::{Value, json};

use super::fixture::{document, finding, rule};
use crate::{Accounts, Alert, render_finding};

fn render(finding: &Finding) -> Alert {
    render_finding(finding, &Context::default(), &Accounts::default())
}

/// A finding in which every name is this one.
fn named(action: &str, name: &str) -> Finding {
    let mut ecs = document(action);
    ecs["group"]["name"] = json!(name);
    ecs["user"] = json!({"name": name, "id": name, "target": {"name": name}});
    ecs["source"] = json!({"address": name});
    let parameters = &mut ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"];
    for (_, value) in parameters.as_object_mut().into_iter().flatten() {
        *value = json!(name);
    }
    finding(ecs)
}

fn texts(chat: &Value) -> Vec<&str> {
    let content = &chat["content"];
    let steps = content["nextSteps"].as_array().into_iter().flatten();
    let texts = [&content["title"], &content["description"], &chat["metadata"]["summary"]];
    texts.into_iter().chain(steps).filter_map(Value::as_str).collect()
}

/// What is outside of code spans. Fails if a span is not closed.
fn outside_spans(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    assert!(parts.len() % 2 == 1, "{text}");
    parts.into_iter().step_by(2).collect()
}

#[test]
fn a_chat_message_says_what_happened_and_what_to_do() {
    let mut finding = finding(document("AddUserToGroup"));
    let reason = Some("the group is privileged".to_owned());
    finding.rating = Some(Rating { severity: Severity::Critical, risk_score: 99, reason });
    let alert = render(&finding);
    insta::assert_snapshot!(format!("{:#}\n{}", alert.chat, alert.sms));
}

#[test]
fn a_story_is_one_thread() {
    let thread = |group: &str, account: &str| {
        let mut finding = named("CreateGroup", group);
        finding.account = Some(account.to_owned());
        render(&finding).chat["metadata"]["threadId"].as_str().unwrap().to_owned()
    };
    let admins = thread("Admins", "111122223333");
    assert_eq!(admins, "111122223333/admins");
    assert_eq!(thread("ADMINS", "111122223333"), admins);
    assert_ne!(thread("Admins", "444455556666"), admins);
    assert_ne!(thread("a b", "111122223333"), thread("a\u{a0}b", "111122223333"));
    let long = thread(&"x".repeat(10_000), "111122223333");
    assert!(long.len() <= 141, "{long}");
}

#[test]
fn no_name_is_more_than_text() {
    for name in [
        "`",
        "``` x",
        "a` <!channel> `b",
        "<@U012AB3CD>",
        "@here",
        "x @SRE-Team",
        "&lt;!here&gt;",
        "[click](https://evil.example)",
        "<https://evil.example|console>",
        "https://evil.example/login",
        "*bold* _it_ ~gone~ __x__",
        "# heading",
        "> quote",
        "x\n> quote\n- item",
        ":white_check_mark: resolved",
        "![x](https://evil.example/x.png)",
        "<b>x</b><script>",
        "\u{202e}snimda\u{2066}",
        "| a | b |",
    ] {
        for action in ["CreateGroup", "AddUserToGroup", "UpdateGroup", "AttachGroupPolicy", "Other"]
        {
            let mut finding = named(action, name);
            let texts_of_rule = name.to_owned();
            finding.rule = Arc::new(RuleInfo { name: texts_of_rule, ..rule() });
            let reason = Some(name.to_owned());
            finding.rating = Some(Rating { severity: Severity::High, risk_score: 73, reason });
            let alert = render(&finding);
            for text in texts(&alert.chat) {
                check_text(text);
            }
            check_plain(&alert.chat);
            assert!(alert.sms.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", alert.sms);
            assert!(alert.sms.starts_with("HIGH: ") && alert.sms.len() <= 140, "{}", alert.sms);
        }
    }
}

fn check_text(text: &str) {
    let outside = outside_spans(text);
    let is_own = |it: char| it.is_ascii_alphanumeric() || " ,.:;?'()/-\n#%$=&_~".contains(it);
    assert!(outside.chars().all(is_own), "{text}");
    // A link to the console can have a name in it.
    let words = outside.split(' ').filter(|word| !word.starts_with("https://console.aws."));
    assert!(!words.collect::<String>().contains("evil"), "{text}");
    // Where code spans are not known, nothing in them is a link, a mention or emphasis either.
    for markup in ["<", ">", "](", "[", "&", "*", "~", "://evil", " @", "\"@", "`@", "\u{202e}"] {
        let inside: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
        assert!(inside.iter().all(|span| !format!("`{span}").contains(markup)), "{markup}: {text}");
    }
    assert!(text.lines().count() <= 3, "{text}");
}

/// Keywords, resources and context have no markup at all.
fn check_plain(chat: &Value) {
    let metadata = &chat["metadata"];
    let lists = [&chat["content"]["keywords"], &metadata["relatedResources"]];
    let listed = lists.into_iter().flat_map(|list| list.as_array().into_iter().flatten());
    let context = metadata["additionalContext"].as_object().unwrap().values();
    for value in listed.chain(context).chain([&metadata["threadId"]]) {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&byte);
        let text = value.as_str().unwrap();
        assert!(text.bytes().all(is_word) && !text.starts_with(['-', '@']), "{text}");
    }
}
