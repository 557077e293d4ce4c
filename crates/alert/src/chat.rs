//! The form for chat channels: a custom notification of Amazon Q Developer in chat applications,
//! which shows it in Slack and Teams.
//!
//! Both read Markdown, each its own, and Slack's cannot be escaped. So everything that a caller of
//! AWS may have written is in a code span, and what could end the span, or means something where
//! code spans are not known, is escaped as other text escapes control characters.
//!
//! Source: <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>

use detect::finding::{Fields, FindingId};
use detect::text::clean;
use serde_json::{Map, Value, json};

use crate::subject::split_marks;

const MAX_TITLE_CHARS: usize = 128;
const MAX_DESCRIPTION_CHARS: usize = 1_500;
const MAX_STEP_CHARS: usize = 600;
const MAX_CHECKS: usize = 4;
const MAX_UNDOS: usize = 3;
/// IAM's limit for names.
const MAX_NAME_CHARS: usize = 128;

/// The notification about an alert with this document.
pub(crate) fn notification(document: &Value) -> Value {
    let parts = ChatParts { fields: Fields(document) };
    let title = parts.title();
    json!({
        "version": "1.0",
        "source": "custom",
        "id": parts.text("trailbell.id"),
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": parts.description(),
            "nextSteps": parts.next_steps(document),
            "keywords": parts.keywords(),
        },
        "metadata": {
            "threadId": parts.thread_id(),
            "summary": title,
            "eventType": format!("trailbell-{}", parts.text("trailbell.kind")),
            "relatedResources": parts.related_resources(),
            "additionalContext": parts.additional_context(),
        },
    })
}

/// Adds a line with the place of the alert's page, if it is a link that means the same everywhere.
pub(crate) fn add_page(notification: &mut Value, place: &str) {
    let is_link = place.starts_with("https://") && is_safe_link(place);
    let description = &mut notification["content"]["description"];
    if let Some(text) = description.as_str().filter(|_| is_link) {
        *description = format!("{text}\nPage: {place}").into();
    }
}

#[derive(Clone, Copy)]
struct ChatParts<'a> {
    fields: Fields<'a>,
}

impl<'a> ChatParts<'a> {
    fn text(self, name: &str) -> &'a str {
        self.fields.text(name).unwrap_or_default()
    }

    fn title(self) -> String {
        let (marks, what) = split_marks(self.text("trailbell.subject"));
        format!("{} {}", marks.join(" "), code_span(what, MAX_TITLE_CHARS))
    }

    fn description(self) -> String {
        let (_, sentence) = split_marks(self.text("message"));
        let mut lines = vec![code_span(sentence, MAX_DESCRIPTION_CHARS)];
        if let Some(reason) = self.fields.text("trailbell.severity.reason") {
            let own = self.text("trailbell.rule.severity");
            let severity = self.text("trailbell.severity.severity");
            let reason = inline(reason);
            lines.push(format!("Severity {severity}; the rule's own is {own}, since {reason}."));
        }
        lines.push(format!("Rule: {}", inline(self.text("rule.name"))));
        lines.join("\n")
    }

    fn next_steps(self, document: &Value) -> Vec<String> {
        let texts = |steps: Vec<&Value>, prefix: &str, max| {
            let texts = steps.into_iter().filter_map(|step| step_text(prefix, step));
            texts.take(max).collect::<Vec<String>>()
        };
        let mut undo = distinct_steps(document, "undo");
        undo.retain(|step| step.get("command").is_some());
        [texts(distinct_steps(document, "check"), "", MAX_CHECKS), texts(undo, "Undo: ", MAX_UNDOS)]
            .concat()
    }

    /// Words to search a channel for.
    fn keywords(self) -> Vec<&'a str> {
        let single = ["trailbell.severity.severity", "trailbell.account", "event.action"];
        let words = single.into_iter().filter_map(|name| self.fields.text(name));
        let words = words.chain(self.fields.texts("threat.technique.id"));
        words.filter(|word| is_plain(word)).collect()
    }

    /// One story is one thread: that of the group, or else of the principal or the rule. Names of
    /// groups differ by more than case.
    fn thread_id(self) -> String {
        let account = self.fields.text("trailbell.account").unwrap_or("unknown");
        let topics = ["group.name", "user.id", "user.name", "rule.id"];
        let topic = topics.into_iter().find_map(|name| self.fields.text(name)).unwrap_or_default();
        let topic = topic.to_lowercase();
        if is_plain(account) && is_plain(&topic) {
            format!("{account}/{topic}")
        } else {
            FindingId::hash_parts([account, &topic]).to_string()
        }
    }

    fn related_resources(self) -> Vec<String> {
        let resources = [
            ("group", self.text("group.name")),
            ("user", self.text("user.target.name")),
            ("principal", self.text("user.name")),
        ];
        let plain = resources.into_iter().filter(|(_, name)| is_plain(name));
        plain.map(|(kind, name)| format!("{kind}/{name}")).collect()
    }

    /// What custom actions of the channel can use in their commands: only values that mean nothing
    /// to a command line.
    fn additional_context(self) -> Map<String, Value> {
        let names = [
            ("id", "trailbell.id"),
            ("severity", "trailbell.severity.severity"),
            ("ruleId", "rule.id"),
            ("account", "trailbell.account"),
            ("region", "cloud.region"),
            ("action", "event.action"),
            ("eventId", "event.id"),
            ("group", "group.name"),
        ];
        let values = names.into_iter().map(|(key, name)| (key, self.text(name)));
        let plain = values.filter(|(_, value)| is_plain(value));
        plain.map(|(key, value)| (key.to_owned(), value.into())).collect()
    }
}

/// The steps of a list. Of several commands for one purpose, the first will do.
fn distinct_steps<'a>(document: &'a Value, list: &str) -> Vec<&'a Value> {
    let steps = document["trailbell"][list].as_array();
    let mut steps: Vec<&Value> = steps.into_iter().flatten().collect();
    steps.dedup_by(|step, previous| step["purpose"] == previous["purpose"]);
    steps
}

/// A step with its command or link. A command that cannot be shown as it is, is left to the mail.
fn step_text(prefix: &str, step: &Value) -> Option<String> {
    let fields = Fields(step);
    let purpose = format!("{prefix}{}", inline(fields.text("purpose")?));
    if fields.text("unavailable").is_some() {
        return None;
    }
    if let Some(link) = fields.text("link") {
        return is_safe_link(link).then(|| format!("{purpose} {link}"));
    }
    let Some(command) = fields.text("command") else { return Some(purpose) };
    let is_shown = command.len() <= MAX_STEP_CHARS && escape(command) == command;
    is_shown.then(|| format!("{purpose} `{command}`"))
}

/// Returns true if a link is shown as it is.
fn is_safe_link(link: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b":/#?=&%-._~$".contains(&byte);
    link.len() <= MAX_STEP_CHARS && link.bytes().all(is_safe)
}

/// A text of which nothing can mean anything in Markdown as it is, any other as a code span.
fn inline(text: &str) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b" ,?'()/-".contains(&byte);
    // At the end of a word only: elsewhere they make links and emoji.
    let is_stop = |(at, byte): (usize, u8)| {
        b".:;".contains(&byte) && matches!(text.as_bytes().get(at + 1), None | Some(b' '))
    };
    let is_harmless =
        text.bytes().enumerate().all(|(at, byte)| is_word(byte) || is_stop((at, byte)));
    if is_harmless { text.to_owned() } else { code_span(text, MAX_STEP_CHARS) }
}

fn code_span(text: &str, max: usize) -> String {
    format!("`{}`", escape(&clean::text(text, max)))
}

/// Escapes what ends a code span or is more than text in one (Slack's `<!here>`), and what makes
/// links, mentions and emphasis where there are no code spans.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut previous = ' ';
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let next = rest.clone().next().unwrap_or(' ');
        let is_at_edge = !previous.is_alphanumeric() || !next.is_alphanumeric();
        let is_markup = match character {
            '`' | '<' | '>' | '&' | '[' | ']' | '*' | '~' => true,
            '@' => !previous.is_alphanumeric(),
            '_' => is_at_edge,
            ':' => next == '/' && rest.as_str().starts_with("//") && !escaped.ends_with("s3"),
            _ => false,
        };
        if is_markup {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
        previous = character;
    }
    escaped
}

/// Returns true for a name that IAM accepts and Markdown, chats and shells take for a word.
fn is_plain(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte);
    let is_start = |byte: &u8| byte.is_ascii_alphanumeric();
    name.len() <= MAX_NAME_CHARS
        && name.bytes().all(is_word)
        && name.as_bytes().first().is_some_and(is_start)
}
