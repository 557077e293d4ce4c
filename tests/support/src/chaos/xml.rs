//! XML as AWS writes it.

/// An element with a text.
pub(super) fn element(name: &str, text: impl ToString) -> String {
    format!("<{name}>{}</{name}>", escape(&text.to_string()))
}

/// An element with elements in it.
pub(super) fn parent(name: &str, inner: impl AsRef<str>) -> String {
    format!("<{name}>{}</{name}>", inner.as_ref())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // No XML 1.0 parser takes most of these, escaped or not. S3 writes them all the same.
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push_str(&format!("&#x{:x};", letter as u32));
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}
