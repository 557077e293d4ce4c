//! S3's own clock: the `Date` header of its answers. The client's outputs have no headers, so an
//! interceptor keeps it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use jiff::Timestamp;

/// Keeps the `Date` of the answer to one call: the last, if the client retried.
#[derive(Debug, Clone, Default)]
pub(super) struct DateHeader {
    // A std mutex: nothing awaits under it.
    header: Arc<Mutex<Option<String>>>,
}

impl DateHeader {
    /// Returns `None` if the answer had no valid date.
    pub(super) fn date(&self) -> Option<Timestamp> {
        let header = self.header.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        to_timestamp(&DateTime::from_str(&header, DateTimeFormat::HttpDate).ok()?)
    }
}

pub(super) fn to_timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), time.subsec_nanos().try_into().ok()?).ok()
}

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let header = context.response().headers().get("date").map(str::to_owned);
        *self.header.lock().unwrap_or_else(PoisonError::into_inner) = header;
        Ok(())
    }
}
