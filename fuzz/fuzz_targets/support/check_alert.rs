//! Rules that every alert keeps, whatever the record holds.

use alert::Alert;

/// The limit of SNS in bytes, including attributes.
const MAX_MESSAGE: usize = 256 * 1024;

/// Asserts that SNS accepts the alert, and that it holds no control characters.
pub fn check(alert: &Alert) {
    let subject = &alert.subject;
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    assert!((1..=99).contains(&subject.len()) && subject.bytes().all(is_printable), "{subject:?}");
    let is_control = |character: char| character.is_control() && character != '\n';
    assert!(!alert.text.contains(is_control), "{:?}", alert.text);
    let mut bytes = alert.message().len();
    for attribute in &alert.attributes {
        let value = &attribute.value;
        assert!(!value.trim().is_empty() && !value.contains(char::is_control), "{attribute:?}");
        bytes += attribute.name.len() + value.len();
    }
    assert!(bytes <= MAX_MESSAGE, "{bytes} bytes");
}
