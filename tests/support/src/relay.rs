//! AWS with one thing broken: some requests are answered here, and all others by moto.

use super::moto;
use super::proxy::{self, Proxy, Request};

/// An answer: status, headers (each `name: value`), body.
pub type Answer = (u16, Vec<String>, String);

/// When the answers are given.
const DATE: &str = "date: Thu, 12 Mar 2026 12:00:00 GMT";

/// What S3 answers where it refuses.
pub fn refused(status: u16, code: &str, message: &str) -> Option<Answer> {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Some((status, vec![], body))
}

/// Starts one, and gives its URL. What `answer` leaves to it goes to moto. It ends with the
/// process.
pub fn before_moto(answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> String {
    let relayed = |(status, headers, body): Answer| {
        let headers = headers.iter().map(String::as_str).chain([DATE]);
        proxy::Answer::new(status, headers, body)
    };
    Proxy::answering(moto::url(), move |request| answer(request).map(relayed)).url
}
