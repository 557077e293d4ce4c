//! Errors as S3 writes them.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use crate::chaos::http::Response;
use crate::chaos::xml::{element, parent};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Error {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// A correct client never sends such a request.
    pub(super) is_breach: bool,
}

impl S3Error {
    /// An answer that a correct client can get.
    pub(super) fn new(status: u16, code: &str, message: &str) -> S3Error {
        S3Error { status, code: code.to_owned(), message: message.to_owned(), is_breach: false }
    }

    /// An answer that only a wrong request gets.
    pub(super) fn breach(status: u16, code: &str, message: &str) -> S3Error {
        S3Error { is_breach: true, ..S3Error::new(status, code, message) }
    }

    pub(super) fn not_modelled(what: &str) -> S3Error {
        S3Error::breach(400, "InvalidArgument", &format!("{what} is not modelled"))
    }

    pub(super) fn no_such_bucket() -> S3Error {
        S3Error::new(404, "NoSuchBucket", "The specified bucket does not exist")
    }

    pub(super) fn no_such_key() -> S3Error {
        S3Error::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub(super) fn precondition_failed() -> S3Error {
        let message = "At least one of the pre-conditions you specified did not hold";
        S3Error::new(412, "PreconditionFailed", message)
    }

    pub(super) fn response(&self, resource: &str) -> Response {
        let fields = [
            element("Code", &self.code),
            element("Message", &self.message),
            element("Resource", resource),
            element("RequestId", "0000000000000000"),
            element("HostId", "host"),
        ];
        let xml = parent("Error", fields.concat());
        let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}");
        Response::with_body(self.status, "application/xml", document)
    }
}
