//! What every alert keeps to, whatever the record says.

use alert::Alert;

/// What SNS takes, attributes included.
const LARGEST_MESSAGE: usize = 256 * 1024;

/// SNS takes it, and nothing in it can break a line of a mail or be obeyed by a terminal.
pub fn check(alert: &Alert) {
    let subject = &alert.subject;
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    assert!((1..=99).contains(&subject.len()) && subject.bytes().all(is_printable), "{subject:?}");
    let is_obeyed = |character: char| character.is_control() && character != '\n';
    assert!(!alert.text.contains(is_obeyed), "{:?}", alert.text);
    let mut bytes = alert.message().len();
    for attribute in &alert.attributes {
        let value = &attribute.value;
        assert!(!value.trim().is_empty() && !value.contains(char::is_control), "{attribute:?}");
        bytes += attribute.name.len() + value.len();
    }
    assert!(bytes <= LARGEST_MESSAGE, "{bytes} bytes");
}
