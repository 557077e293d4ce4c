//! Records with the same `eventID` that are of different calls. CloudTrail gives each call an
//! `eventID` of its own, so one of them is forged: as a finding of the same id, a forged record
//! that is read first would silence the real one.

use super::{Call, Finding, FindingId};

impl Finding {
    /// Returns true if another finding of the same id is of the same call: same principal, action,
    /// outcome, group and target.
    pub fn is_same_call(&self, other: &Finding) -> bool {
        self.conflict_id() == other.conflict_id()
    }

    /// The id of this finding where its own is that of another call. The same for every reading of
    /// the record.
    pub fn conflict_id(&self) -> FindingId {
        let call = Call::new(self);
        let outcome = if call.failed() { "failed" } else { "succeeded" };
        let facts = [
            Some(self.principal.identity_type.as_str()),
            Some(self.principal.key.as_str()),
            call.fields.text("event.provider"),
            call.action(),
            Some(outcome),
            self.group.as_deref(),
            self.target_user.as_deref(),
            call.object(),
            call.parameter("policyDocument"),
        ];
        let facts = facts.iter().map(|fact| fact.unwrap_or_default());
        FindingId::hash_parts(["conflict", self.id.as_str()].into_iter().chain(facts))
    }

    /// The finding as one of its own, in conflict with the one that has its id. An exception does
    /// not suppress it: that one of two records is forged must be alerted.
    pub fn into_conflict(self) -> Finding {
        let id = self.conflict_id();
        Finding { conflict: Some(self.id), id, exception: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cloudtrail::Record;
    use crate::finding::Origin;
    use crate::rule::LoadedRules;

    fn finding(change: impl Fn(&mut Value)) -> Finding {
        let mut record = json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": "AttachGroupPolicy",
            "eventID": "e-1",
            "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"},
            "requestParameters": {"groupName": "ops", "policyArn": "arn:aws:iam::aws:policy/A"},
        });
        change(&mut record);
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        let rule = &LoadedRules::embedded().rules[0].info;
        Finding::new(rule, &Record::from_value(record).unwrap(), origin)
    }

    #[test]
    fn another_principal_action_outcome_group_or_target_is_another_call() {
        let real = finding(|_| ());
        for (pointer, value) in [
            ("/userIdentity/arn", json!("arn:aws:iam::111122223333:user/mallory")),
            ("/userIdentity/type", json!("Root")),
            ("/eventName", json!("DetachGroupPolicy")),
            ("/requestParameters/groupName", json!("dev")),
            ("/requestParameters/policyArn", json!("arn:aws:iam::aws:policy/B")),
        ] {
            let forged = finding(|record| *record.pointer_mut(pointer).unwrap() = value.clone());
            assert_eq!(forged.id, real.id, "{pointer}");
            assert!(!forged.is_same_call(&real), "{pointer}");
        }
        for (field, value) in [("errorCode", "AccessDenied"), ("eventSource", "other")] {
            let forged = finding(|record| record[field] = json!(value));
            assert!(!forged.is_same_call(&real), "{field}");
        }
    }

    #[test]
    fn a_record_that_is_read_again_is_the_same_call() {
        let logged = finding(|record| record["eventVersion"] = json!("1.11"));
        assert!(logged.is_same_call(&finding(|_| ())));
    }

    #[test]
    fn a_conflict_has_an_id_of_its_own_and_no_exception() {
        let suppressed = Finding { exception: Some("x".to_owned()), ..finding(|_| ()) };
        let conflict = suppressed.clone().into_conflict();
        assert_eq!(conflict.conflict.as_ref(), Some(&suppressed.id));
        assert_eq!(conflict.id, finding(|_| ()).into_conflict().id);
        assert!(conflict.id != suppressed.id && conflict.exception.is_none());
    }
}
