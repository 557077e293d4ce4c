//! S3's own clock: the `Date` of its answers. The client's outputs do not show headers, so one
//! listens on the way.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use jiff::Timestamp;

use super::small::incomplete;
use crate::store::StoreErrorKind;

/// Hears the `Date` of the answers to one call: the last, where the client tried again.
#[derive(Debug, Clone, Default)]
pub(super) struct DateListener {
    // A std mutex: nothing awaits under it.
    heard: Arc<Mutex<Option<String>>>,
}

impl DateListener {
    pub(super) fn date(&self) -> Result<Timestamp, StoreErrorKind> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let date = heard.and_then(|text| DateTime::from_str(&text, DateTimeFormat::HttpDate).ok());
        date.as_ref().and_then(timestamp).ok_or_else(|| incomplete("Date"))
    }
}

/// The client's time as ours.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), time.subsec_nanos().try_into().ok()?).ok()
}

impl Intercept for DateListener {
    fn name(&self) -> &'static str {
        "DateListener"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}
