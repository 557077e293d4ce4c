//! What a notification configuration holds that the client's model lacks: a write would delete it.

use aws_smithy_xml::decode::{Document, ScopedDecoder};

/// The elements that may be in each element, as the client reads and writes them.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html>
const MODEL: [(&str, &[&str]); 7] = [
    (
        "NotificationConfiguration",
        &[
            "TopicConfiguration",
            "QueueConfiguration",
            "CloudFunctionConfiguration",
            "EventBridgeConfiguration",
        ],
    ),
    ("TopicConfiguration", &["Id", "Topic", "Event", "Filter"]),
    ("QueueConfiguration", &["Id", "Queue", "Event", "Filter"]),
    ("CloudFunctionConfiguration", &["Id", "CloudFunction", "Event", "Filter"]),
    ("Filter", &["S3Key"]),
    ("S3Key", &["FilterRule"]),
    ("FilterRule", &["Name", "Value"]),
];

/// The paths of the outermost elements that are not in the model. An empty text has none.
///
/// # Errors
/// It is not XML.
pub(super) fn elements(xml: &str) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    if xml.trim().is_empty() {
        return Ok(unknown);
    }
    let mut document = Document::new(xml);
    let mut root = document.root_element().map_err(|error| error.to_string())?;
    let name = root.start_el().local().to_owned();
    walk(&mut root, &name, &name, &mut unknown);
    Ok(unknown)
}

fn walk(element: &mut ScopedDecoder<'_, '_>, name: &str, path: &str, unknown: &mut Vec<String>) {
    let modelled = MODEL.iter().find(|(parent, _)| *parent == name);
    let modelled = modelled.map_or(&[][..], |(_, children)| children);
    while let Some(mut child) = element.next_tag() {
        let name = child.start_el().local().to_owned();
        let path = format!("{path}/{name}");
        if modelled.contains(&name.as_str()) {
            walk(&mut child, &name, &path, unknown);
        } else {
            unknown.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_would_drop_is_listed() {
        let all = |inside: &str| {
            let root = "NotificationConfiguration";
            elements(&format!("<?xml version=\"1.0\"?><{root} xmlns=\"x\">{inside}</{root}>"))
                .unwrap()
        };
        let filter = "<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>a/</Value>\
                      </FilterRule></S3Key></Filter>";
        let queue = |inside: &str| {
            format!(
                "<QueueConfiguration><Id>a</Id><Queue>q</Queue><Event>e</Event>{inside}\
                 </QueueConfiguration>"
            )
        };
        let place = "NotificationConfiguration/QueueConfiguration";
        for (inside, expected) in [
            (String::new(), vec![]),
            (queue(filter), vec![]),
            ("<EventBridgeConfiguration/>".to_owned(), vec![]),
            (queue("<Retries>3</Retries>"), vec![format!("{place}/Retries")]),
            (
                queue("<Filter><S3Size><Min>1</Min></S3Size></Filter>"),
                vec![format!("{place}/Filter/S3Size")],
            ),
            (
                "<EventBridgeConfiguration><Bus>b</Bus></EventBridgeConfiguration>".to_owned(),
                vec!["NotificationConfiguration/EventBridgeConfiguration/Bus".to_owned()],
            ),
            (
                "<StreamConfiguration/>".to_owned(),
                vec!["NotificationConfiguration/StreamConfiguration".to_owned()],
            ),
        ] {
            assert_eq!(all(&inside), expected, "{inside}");
        }
        assert_eq!(elements("").unwrap(), Vec::<String>::new());
        assert!(elements("not xml").is_err());
    }
}
