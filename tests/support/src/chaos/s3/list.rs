//! `ListObjectsV2`.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use super::bucket::{Bucket, Version};
use super::error::S3Error;
use super::{S3, S3Result, check_query};
use crate::chaos::http::{Request, Response, encode_form};
use crate::chaos::xml::{element, parent};

/// The most keys and common prefixes of one page.
const MAX_KEYS: usize = 1000;

const PARAMETERS: [&str; 8] = [
    "list-type",
    "prefix",
    "delimiter",
    "start-after",
    "continuation-token",
    "max-keys",
    "encoding-type",
    "fetch-owner",
];

/// A request for a page.
struct Query {
    prefix: String,
    delimiter: String,
    /// Only keys and common prefixes after this one are listed.
    after: String,
    max_keys: usize,
    is_encoded: bool,
}

/// A page: keys and common prefixes, in one order.
#[derive(Default)]
struct Page {
    items: Vec<Item>,
    is_truncated: bool,
}

enum Item {
    Object { key: String, version: Version },
    CommonPrefix(String),
}

impl S3 {
    pub(super) fn list(&self, request: &Request, bucket: &str) -> S3Result {
        check_query(request, &PARAMETERS)?;
        let query = Query::parse(request)?;
        let buckets = self.buckets();
        let page = query.page(buckets.get(bucket).ok_or_else(S3Error::no_such_bucket)?);
        let inner = [
            element("Name", bucket),
            query.echo(request),
            page.next_token(),
            page.items.iter().map(|item| item.xml(&query)).collect(),
        ];
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}\
             <KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated></ListBucketResult>",
            inner.concat(),
            page.items.len(),
            page.is_truncated
        );
        Ok(Response::with_body(200, "application/xml", body))
    }
}

impl Query {
    fn parse(request: &Request) -> Result<Query, S3Error> {
        let text = |name| request.query(name).unwrap_or_default().to_owned();
        let max_keys = match request.query("max-keys") {
            None => MAX_KEYS,
            Some(number) => number
                .parse::<usize>()
                .map_err(|_| S3Error::breach(400, "InvalidArgument", "max-keys"))?,
        };
        let after = match request.query("continuation-token") {
            // It stands for all that was listed: `start-after` does not count any more.
            Some(token) => decode_token(token).ok_or_else(|| {
                S3Error::breach(400, "InvalidArgument", "The continuation token is incorrect")
            })?,
            None => text("start-after"),
        };
        let is_encoded = match request.query("encoding-type") {
            None => false,
            Some("url") => true,
            Some(_) => return Err(S3Error::breach(400, "InvalidArgument", "encoding-type")),
        };
        Ok(Query {
            prefix: text("prefix"),
            delimiter: text("delimiter"),
            after,
            max_keys: max_keys.min(MAX_KEYS),
            is_encoded,
        })
    }

    fn page(&self, bucket: &Bucket) -> Page {
        let mut page = Page::default();
        let mut last_prefix: Option<String> = None;
        for (key, version) in bucket.current_from(self.prefix.as_str().max(&self.after)) {
            let Some(rest) = key.strip_prefix(&self.prefix) else { break };
            let item = match self.common_prefix(key, rest) {
                Some(prefix) if last_prefix.as_deref() == Some(&prefix) => continue,
                Some(prefix) => {
                    last_prefix = Some(prefix.clone());
                    Item::CommonPrefix(prefix)
                }
                None => Item::Object { key: key.clone(), version: version.clone() },
            };
            if item.name() <= self.after.as_str() {
                continue;
            }
            if page.items.len() == self.max_keys {
                // A page of no keys is not followed by others.
                page.is_truncated = self.max_keys > 0;
                break;
            }
            page.items.push(item);
        }
        page
    }

    fn common_prefix(&self, key: &str, rest: &str) -> Option<String> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = rest.find(&self.delimiter)?;
        Some(key[..self.prefix.len() + at + self.delimiter.len()].to_owned())
    }

    /// What the answer repeats of the request.
    fn echo(&self, request: &Request) -> String {
        let encoding = if self.is_encoded { element("EncodingType", "url") } else { String::new() };
        let names =
            [("prefix", "Prefix"), ("delimiter", "Delimiter"), ("start-after", "StartAfter")];
        let echoed: String = names
            .iter()
            .filter_map(|(name, tag)| Some(element(tag, self.encode(request.query(name)?))))
            .collect();
        let token = request.query("continuation-token");
        let token = token.map(|token| element("ContinuationToken", token)).unwrap_or_default();
        echoed + &token + &element("MaxKeys", self.max_keys) + &encoding
    }

    fn encode(&self, text: &str) -> String {
        match self.is_encoded {
            true => encode_form(text),
            false => text.to_owned(),
        }
    }
}

impl Page {
    fn next_token(&self) -> String {
        match self.items.last() {
            Some(last) if self.is_truncated => {
                element("NextContinuationToken", encode_token(last.name()))
            }
            _ => String::new(),
        }
    }
}

impl Item {
    fn name(&self) -> &str {
        match self {
            Item::Object { key, .. } => key,
            Item::CommonPrefix(prefix) => prefix,
        }
    }

    fn xml(&self, query: &Query) -> String {
        match self {
            Item::CommonPrefix(prefix) => {
                parent("CommonPrefixes", element("Prefix", query.encode(prefix)))
            }
            Item::Object { key, version } => {
                let fields = [
                    element("Key", query.encode(key)),
                    element("LastModified", version.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
                    element("ETag", &version.etag),
                    element("Size", version.body.len()),
                    element("StorageClass", "STANDARD"),
                ];
                parent("Contents", fields.concat())
            }
        }
    }
}

/// A token says what was listed last, in a form that nobody can take for a key.
fn encode_token(last: &str) -> String {
    let digits: String = last.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("token-{digits}")
}

fn decode_token(token: &str) -> Option<String> {
    let digits = token.strip_prefix("token-")?;
    let bytes = digits.as_bytes().chunks(2).map(|two| {
        let two = std::str::from_utf8(two).ok()?;
        u8::from_str_radix(two, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}
