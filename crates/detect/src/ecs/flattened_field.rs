//! The four parts of a record whose shape each service chooses for itself.

/// A part of free shape: kept once as text, and once as an object where the text is not too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlattenedField {
    RequestParameters,
    ResponseElements,
    AdditionalEventData,
    ServiceEventDetails,
}

const FLATTENED: &str = "aws.cloudtrail.flattened.";

impl FlattenedField {
    pub(super) const ALL: [FlattenedField; 4] = [
        FlattenedField::RequestParameters,
        FlattenedField::ResponseElements,
        FlattenedField::AdditionalEventData,
        FlattenedField::ServiceEventDetails,
    ];

    /// Its name in the record.
    pub(super) fn key(self) -> &'static str {
        match self {
            FlattenedField::RequestParameters => "requestParameters",
            FlattenedField::ResponseElements => "responseElements",
            FlattenedField::AdditionalEventData => "additionalEventData",
            FlattenedField::ServiceEventDetails => "serviceEventDetails",
        }
    }

    /// The ECS field under which its object stands.
    pub(super) fn flattened(self) -> &'static str {
        match self {
            FlattenedField::RequestParameters => "aws.cloudtrail.flattened.request_parameters",
            FlattenedField::ResponseElements => "aws.cloudtrail.flattened.response_elements",
            FlattenedField::AdditionalEventData => "aws.cloudtrail.flattened.additional_eventdata",
            FlattenedField::ServiceEventDetails => "aws.cloudtrail.flattened.service_event_details",
        }
    }

    /// Takes an ECS field apart that lies in one of the objects: which, and the dotted path within
    /// (none for the object itself).
    pub(super) fn within(field: &str) -> Option<(FlattenedField, Option<&str>)> {
        if !field.starts_with(FLATTENED) {
            return None;
        }
        FlattenedField::ALL.into_iter().find_map(|flattened_field| {
            match field.strip_prefix(flattened_field.flattened())? {
                "" => Some((flattened_field, None)),
                rest => Some((flattened_field, Some(rest.strip_prefix('.')?))),
            }
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
                Some((FlattenedField::RequestParameters, Some("policyArn"))),
            ),
            (
                "aws.cloudtrail.flattened.response_elements.user.arn",
                Some((FlattenedField::ResponseElements, Some("user.arn"))),
            ),
            (
                "aws.cloudtrail.flattened.additional_eventdata",
                Some((FlattenedField::AdditionalEventData, None)),
            ),
            ("aws.cloudtrail.flattened.request_parametersX", None),
            ("aws.cloudtrail.flattened", None),
            ("aws.cloudtrail.request_parameters.policyArn", None),
        ];
        for (field, expected) in cases {
            assert_eq!(FlattenedField::within(field), expected, "{field}");
        }
    }
}
