//! The four parts of a record whose shape each service chooses for itself.

/// A part of free shape: kept once as text, and once as an object where the text is not too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blob {
    RequestParameters,
    ResponseElements,
    AdditionalEventData,
    ServiceEventDetails,
}

const FLATTENED: &str = "aws.cloudtrail.flattened.";

impl Blob {
    pub(super) const ALL: [Blob; 4] = [
        Blob::RequestParameters,
        Blob::ResponseElements,
        Blob::AdditionalEventData,
        Blob::ServiceEventDetails,
    ];

    /// Its name in the record.
    pub(super) fn key(self) -> &'static str {
        match self {
            Blob::RequestParameters => "requestParameters",
            Blob::ResponseElements => "responseElements",
            Blob::AdditionalEventData => "additionalEventData",
            Blob::ServiceEventDetails => "serviceEventDetails",
        }
    }

    /// The ECS field under which its object stands.
    pub(super) fn flattened(self) -> &'static str {
        match self {
            Blob::RequestParameters => "aws.cloudtrail.flattened.request_parameters",
            Blob::ResponseElements => "aws.cloudtrail.flattened.response_elements",
            Blob::AdditionalEventData => "aws.cloudtrail.flattened.additional_eventdata",
            Blob::ServiceEventDetails => "aws.cloudtrail.flattened.service_event_details",
        }
    }

    /// Takes an ECS field apart that lies in one of the objects: which, and the dotted path within
    /// (none for the object itself).
    pub(super) fn within(field: &str) -> Option<(Blob, Option<&str>)> {
        if !field.starts_with(FLATTENED) {
            return None;
        }
        Blob::ALL.into_iter().find_map(|blob| match field.strip_prefix(blob.flattened())? {
            "" => Some((blob, None)),
            rest => Some((blob, Some(rest.strip_prefix('.')?))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flattened_field_is_an_object_and_a_path_within() {
        let cases = [
            (
                "aws.cloudtrail.flattened.request_parameters.policyArn",
                Some((Blob::RequestParameters, Some("policyArn"))),
            ),
            (
                "aws.cloudtrail.flattened.response_elements.user.arn",
                Some((Blob::ResponseElements, Some("user.arn"))),
            ),
            (
                "aws.cloudtrail.flattened.additional_eventdata",
                Some((Blob::AdditionalEventData, None)),
            ),
            ("aws.cloudtrail.flattened.request_parametersX", None),
            ("aws.cloudtrail.flattened", None),
            ("aws.cloudtrail.request_parameters.policyArn", None),
        ];
        for (field, expected) in cases {
            assert_eq!(Blob::within(field), expected, "{field}");
        }
    }
}
